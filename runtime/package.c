/* package.c - the plugins that come with tfm: which directory is theirs.
 *
 * Their ops have bare names, and no other file may take their place.  They are where this
 * code is: installed, moved after that, or in its build tree (base/place.h). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath */
#endif
#include "base/place.h"
#include "runtime/registry_private.h"

#include <stdlib.h>
#include <string.h>

int registry_package_dir(char **out, struct tfm_error *err) {
  return place_find(TFM_PLUGINDIR, "plugins/.libs", out, err);
}

static bool is_same(const char *directory, const char *real) {
  char *other = realpath(directory, NULL);
  bool same = other && strcmp(other, real) == 0;
  free(other);
  return same;
}

bool registry_is_package(const char *real) {
  struct tfm_error ignored = {0};
  char *own = NULL;
  bool found = is_same(TFM_PLUGINDIR, real);
  if (!found && registry_package_dir(&own, &ignored) == 0)
    found = is_same(own, real);
  free(own);
  return found;
}
