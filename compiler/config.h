/* config.h - values of the checkpoint's JSON files.
 *
 * A key that config.json lacks is none, and remembers that it is missing: `??`
 * goes on to the next, anything else that needs a value says which key. */
#ifndef TFM_COMPILER_CONFIG_H
#define TFM_COMPILER_CONFIG_H

#include "compiler/compiler.h"

/* "config", "generation" or "modules" itself. */
struct value config_root(struct compiler *c, const char *name);
/* A piece of one of them, which is from there. */
struct value config_value(const json_t *json, const struct origin *origin);
/* object.name, written at span. */
struct value config_member(struct compiler *c, const struct value *object, const char *name,
                           struct span span);
/* Report that config.json, or a list, lacks what value is missing for. */
void config_report_missing(struct compiler *c, const struct ast_expr *expr,
                           const struct value *value);

#endif
