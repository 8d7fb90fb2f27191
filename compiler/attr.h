/* attr.h - attributes as the graph keeps them. */
#ifndef TFM_COMPILER_ATTR_H
#define TFM_COMPILER_ATTR_H

#include "compiler/op_call.h"

/* As an attribute; false when a value of this kind cannot be one. */
bool attr_from_value(struct compiler *c, const char *name, const struct value *value,
                     tfm_attr *out);
/* Those of a call that have a value; NULL when memory is out. */
const tfm_attr *const *attr_list(struct compiler *c, const struct op_call *call, uint32_t *count);

#endif
