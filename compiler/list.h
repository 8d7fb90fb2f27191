/* list.h - lists of constants: those of config.json, and those that a file puts together. */
#ifndef TFM_COMPILER_LIST_H
#define TFM_COMPILER_LIST_H

#include "compiler/compiler.h"

bool list_is(const struct value *value);
int64_t list_count(const struct value *list);
/* The element at a place that there is. */
struct value list_item(const struct value *list, int64_t at);
/* Of count items, which are taken over; deeper than LIMIT_LIST_DEPTH is reported. */
struct value list_make(struct compiler *c, const struct value *item, uint32_t count,
                       struct span span);
/* One after the other. */
struct value list_join(struct compiler *c, const struct value *a, const struct value *b,
                       struct span span);

/* Element by element; values of two kinds differ.  A step for each that is looked at. */
bool list_same(struct compiler *c, const struct value *a, const struct value *b, struct span span);
bool list_has(struct compiler *c, const struct value *list, const struct value *value,
              struct span span);

/* object[at], of a list, an object or none: none and missing when it is not there. */
struct value list_element(struct compiler *c, const struct value *object, const struct value *at,
                          struct span span);

#endif
