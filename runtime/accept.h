/* accept.h - which formats of elements a kernel takes, and which it is handed. */
#ifndef TFM_RUNTIME_ACCEPT_H
#define TFM_RUNTIME_ACCEPT_H

#include "base/buffer.h"
#include "base/dtype.h"
#include "runtime/registry.h"
#include "tfm/plugin.h"

#include <stdbool.h>
#include <stdint.h>

/* Does it take input, or weight, number i of its op in this format? */
bool accept_input(const tfm_kernel_desc *kernel, uint32_t i, enum dtype dtype);
bool accept_weight(const tfm_kernel_desc *kernel, uint32_t i, enum dtype dtype);
/* Why it cannot serve the node by its formats; NULL = it can. */
const char *accept_judge(const tfm_kernel_desc *kernel, const tfm_node *node);
/* "F32, F16, BF16": what it takes as weight number i. */
void accept_print(const tfm_kernel_desc *kernel, uint32_t i, struct buffer *out);

/* A weight that is stored as `stored` and is number i of the op: the format that the first
 * of its kernels, in the order of registry_rank but for match, takes: as it is stored, as
 * dtype_wide says, or F32.  dtype_wide where none takes any of these. */
enum dtype accept_choose(const struct registry *registry, const struct registry_policy *policy,
                         const char *op, uint32_t version, uint32_t i, enum dtype stored);

#endif
