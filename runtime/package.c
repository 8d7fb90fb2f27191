/* package.c - the plugins that come with tfm: which directories are theirs.
 *
 * Their ops have bare names, and no other file may take their place.  They are where this
 * code is installed (TFM_PLUGINDIR), or beside the object that this code is in:
 *
 *     LIBDIR/libtfm.so            LIBDIR/tfm/plugins      moved after it was installed
 *     BUILD/.libs/libtfm.so       BUILD/plugins/.libs     not installed at all
 *     BUILD/tests/unit/test_x     BUILD/plugins/.libs     a program that holds it */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include "base/file.h"
#include "runtime/registry_private.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const char *const beside[] = {"tfm/plugins", "../plugins/.libs", "../../plugins/.libs",
                                     "../../../plugins/.libs"};

/* The directory of the object that holds this function; NULL = unknown. */
static char *own_directory(void) {
  Dl_info info;
  bool (*self)(const char *) = registry_is_package;
  void *address;
  memcpy(&address, &self, sizeof address);
  if (dladdr(address, &info) == 0 || !info.dli_fname)
    return NULL;
  /* A program's own name is what it was called by. */
  char *real = realpath(strstr(info.dli_fname, ".so") ? info.dli_fname : "/proc/self/exe", NULL);
  char *directory = real ? file_dirname(real) : NULL;
  free(real);
  return directory;
}

static bool is_same(const char *directory, const char *real) {
  char *other = realpath(directory, NULL);
  bool same = other && strcmp(other, real) == 0;
  free(other);
  return same;
}

bool registry_is_package(const char *real) {
  bool found = is_same(TFM_PLUGINDIR, real);
  char *own = found ? NULL : own_directory();
  for (size_t i = 0; own && !found && i < sizeof beside / sizeof *beside; i++) {
    char *directory = file_join(own, beside[i]);
    found = directory && is_same(directory, real);
    free(directory);
  }
  free(own);
  return found;
}
