/* naming.h - what the graph's values are called: each has one canonical name, and
 * those by which the file calls it. */
#ifndef TFM_COMPILER_NAMING_H
#define TFM_COMPILER_NAMING_H

#include "compiler/compiler.h"

void naming_open(struct compiler *c);
void naming_close(struct compiler *c);
/* A canonical name: base, or base#2, ... */
const char *naming_take(struct compiler *c, const char *base);
bool naming_is_free(const struct compiler *c, const char *name);
/* "h.0.q" from the frame's scope and a local name. */
const char *naming_in_scope(struct compiler *c, const char *local);
/* The value is also called so, until another is. */
void naming_alias(struct compiler *c, const char *name, int32_t value);
/* Hand the aliases out; then names are found. */
void naming_finish(struct compiler *c);
int32_t naming_find(const struct compiler *c, const char *name);
/* The nearest name of a value, for messages. */
const char *naming_nearest(struct compiler *c, const char *name);

#endif
