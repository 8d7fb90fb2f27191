/* place.h - where this copy of tfm is, and what lies beside it: as it was installed, moved
 * after that, or in the tree that it was built in.
 *
 *     PREFIX/bin/tfmrun           PREFIX/lib/tfm/plugins   wherever PREFIX is now
 *     PREFIX/lib/libtfm.so        PREFIX/lib/tfm/plugins
 *     BUILD/tools/tfmrun          BUILD/plugins/.libs      BUILD has a config.status */
#ifndef TFM_BASE_PLACE_H
#define TFM_BASE_PLACE_H

#include "base/error.h"

/* The directory that stands for `installed`, an absolute name that was compiled in, on the
 * heap: `built` under the build tree that this code is in, be it there or not, else what is as far
 * from this code as `installed` is from bindir (from libdir, in a library), else `installed`, be it
 * there or not.  A program with raised rights takes `installed`: who started it may have
 * chosen the place of its file. */
int place_find(const char *installed, const char *built, char **out, struct tfm_error *err);

/* The root of the build tree that this code is in, on the heap; NULL = none. */
char *place_build_tree(void);

#endif
