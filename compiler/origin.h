/* origin.h - notes that tell where in config.json a wrong number is from:
 *
 *     = note: -1 is H, from config.json:16 `n_head`
 *
 * A value that is not from there has no note. */
#ifndef TFM_COMPILER_ORIGIN_H
#define TFM_COMPILER_ORIGIN_H

#include "compiler/report.h"

/* what: what the value is called besides, "`heads`"; or NULL. */
void origin_note(struct compiler *c, struct report *r, const char *what, const struct value *value);

#endif
