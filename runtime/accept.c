/* accept.c - lists of formats in kernels' descriptors.
 *
 * A list has a mask of bits for each input or weight, and ends in 0: what is not in it has
 * the default. */
#include "runtime/accept.h"

#include "runtime/registry_private.h"

_Static_assert(DTYPE_COUNT <= 64, "a mask has a bit for each format");

static const uint64_t usual_weights = TFM_FLOAT_WEIGHTS;

/* Of inputs: whatever the schema lets through, but of floats F32 alone, which is all that a
 * kernel that says nothing of formats can mean. */
static bool usual_input(enum dtype dtype) {
  return dtype == DTYPE_F32 || !dtype_is_float(dtype);
}

/* The mask of number i, 0 = the default. */
static uint64_t mask_of(const uint64_t *list, uint32_t i) {
  for (uint32_t j = 0; list && list[j] != 0; j++)
    if (j == i)
      return list[j];
  return 0;
}

bool accept_input(const tfm_kernel_desc *kernel, uint32_t i, enum dtype dtype) {
  uint64_t mask = mask_of(kernel->input_dtypes, i);
  return mask ? mask >> dtype & 1 : usual_input(dtype);
}

bool accept_weight(const tfm_kernel_desc *kernel, uint32_t i, enum dtype dtype) {
  uint64_t mask = mask_of(kernel->weight_dtypes, i);
  return (mask ? mask : usual_weights) >> dtype & 1;
}

#define FORMAT(name, spelling, stored, gguf, block, bytes, class, wide, function)                  \
  [DTYPE_##                                                                                        \
      name] = {"it does not take inputs of " spelling, "it does not take weights of " spelling},
static const char *const no[DTYPE_COUNT][2] = {
#include "base/format.def"
};
#undef FORMAT

const char *accept_judge(const tfm_kernel_desc *kernel, const tfm_node *node) {
  for (uint32_t i = 0; i < node->input_count; i++)
    if (node->input[i] && !accept_input(kernel, i, (enum dtype)node->input[i]->dtype))
      return no[node->input[i]->dtype][0];
  for (uint32_t i = 0; i < node->weight_count; i++)
    if (node->weight[i] && !accept_weight(kernel, i, (enum dtype)node->weight[i]->dtype))
      return no[node->weight[i]->dtype][1];
  return NULL;
}

void accept_print(const tfm_kernel_desc *kernel, uint32_t i, struct buffer *out) {
  const char *between = "";
  for (unsigned d = DTYPE_F32; d < DTYPE_COUNT; d++)
    if (accept_weight(kernel, i, (enum dtype)d)) {
      buffer_printf(out, "%s%s", between, dtype_name((enum dtype)d));
      between = ", ";
    }
}

static enum dtype taken(const tfm_kernel_desc *kernel, uint32_t i, enum dtype stored) {
  const enum dtype chain[] = {stored, dtype_wide(stored), DTYPE_F32};
  for (size_t c = 0; c < sizeof chain / sizeof chain[0]; c++)
    if (accept_weight(kernel, i, chain[c]))
      return chain[c];
  return DTYPE_NONE;
}

enum dtype accept_choose(const struct registry *registry, const struct registry_policy *policy,
                         const char *op, uint32_t version, uint32_t i, enum dtype stored) {
  size_t count;
  const struct registry_kernel *kernel = registry_kernels(registry, op, &count);
  for (size_t k = 0; k < count; k++) {
    enum dtype dtype = registry_may_run(policy, op, version, kernel[k].desc)
                           ? taken(kernel[k].desc, i, stored)
                           : DTYPE_NONE;
    if (dtype != DTYPE_NONE)
      return dtype;
  }
  return dtype_wide(stored);
}
