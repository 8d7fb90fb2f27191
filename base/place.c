/* place.c - from the file that this code was loaded from to the directories beside it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr, realpath */
#endif
#include "base/place.h"

#include "base/buffer.h"
#include "base/file.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* The directory of the object that holds this function, NULL = unknown; *library: it is
 * no program. */
static char *own_directory(bool *library) {
  Dl_info info;
  char *(*self)(void) = place_build_tree;
  void *address;
  memcpy(&address, &self, sizeof address);
  if (dladdr(address, &info) == 0 || !info.dli_fname)
    return NULL;
  /* A program's own name is what it was called by. */
  *library = strstr(info.dli_fname, ".so") != NULL;
  char *real = realpath(*library ? info.dli_fname : "/proc/self/exe", NULL);
  char *directory = real ? file_dirname(real) : NULL;
  free(real);
  return directory;
}

/* directory/name as a real path, on the heap; NULL = it is not there. */
static char *real_join(const char *directory, const char *name) {
  char *path = file_join(directory, name), *real = path ? realpath(path, NULL) : NULL;
  free(path);
  return real;
}

char *place_build_tree(void) {
  static const char *const up[] = {".", "..", "../..", "../../.."};
  bool library;
  char *own = getauxval(AT_SECURE) ? NULL : own_directory(&library), *root = NULL;
  for (size_t i = 0; own && !root && i < sizeof up / sizeof *up; i++) {
    root = real_join(own, up[i]);
    char *mark = root ? real_join(root, "config.status") : NULL;
    char *tree = root ? real_join(root, "tfm.pc") : NULL; /* of no other package */
    if (!mark || !tree) {
      free(root);
      root = NULL;
    }
    free(mark);
    free(tree);
  }
  free(own);
  return root;
}

/* "/usr/bin", "/usr/lib/tfm" -> "../lib/tfm" */
static void put_relative(struct buffer *out, const char *from, const char *to) {
  size_t i = 0, common = 0; /* whole names that both begin with */
  for (; from[i] && from[i] == to[i]; i++)
    if (from[i] == '/')
      common = i;
  if ((!from[i] || from[i] == '/') && (!to[i] || to[i] == '/'))
    common = i;
  for (const char *rest = from + common; *rest; rest++)
    if (*rest == '/' && rest[1] && rest[1] != '/')
      buffer_puts(out, "../");
  buffer_puts(out, to[common] == '/' ? to + common + 1 : to + common);
}

/* What is as far from this code as it was installed; NULL = nothing is. */
static char *find_moved(const char *installed) {
  bool library = false;
  struct buffer far;
  char *own = own_directory(&library), *found = NULL;
  buffer_init(&far);
  put_relative(&far, library ? TFM_LIBDIR : TFM_BINDIR, installed);
  if (own && !far.failed)
    found = real_join(own, buffer_text(&far));
  buffer_finish(&far);
  free(own);
  return found;
}

int place_find(const char *installed, const char *built, char **out, struct tfm_error *err) {
  char *tree = place_build_tree();
  if (tree) {
    *out = file_join(tree, built); /* be it built or not */
    free(tree);
    return *out ? 0 : error_oom(err);
  }
  *out = getauxval(AT_SECURE) ? NULL : find_moved(installed);
  if (!*out)
    *out = strdup(installed);
  return *out ? 0 : error_oom(err);
}
