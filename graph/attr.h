/* attr.h - lists of attributes: of a node, of a head, in a list or an object. */
#ifndef TFM_GRAPH_ATTR_H
#define TFM_GRAPH_ATTR_H

#include "base/arena.h"
#include "tfm/types.h"

#include <stdbool.h>

/* count of them side by side, all NONE with the name ""; *list points to each.  NULL =
 * memory is out. */
tfm_attr *attr_alloc(struct arena *arena, uint32_t count, const tfm_attr *const **list);
/* The one of that name; NULL = there is none. */
const tfm_attr *attr_find(const tfm_attr *const *list, uint32_t count, const char *name);
/* The same value, whatever it is called. */
bool attr_equal(const tfm_attr *a, const tfm_attr *b);

#endif
