/* activation.h - the functions between the two layers of a feed-forward net. */
#ifndef TFM_PLUGINS_FFN_ACTIVATION_H
#define TFM_PLUGINS_FFN_ACTIVATION_H

#include "tfm/plugin.h"

/* As config.json calls them: the values of `kind` in schemas. */
#define ACTIVATION_KINDS                                                                           \
  "\"gelu\" | \"gelu_new\" | \"gelu_pytorch_tanh\" | \"gelu_fast\" | \"quick_gelu\" | \"relu\" | " \
  "\"silu\" | \"swish\" | \"tanh\""

enum activation {
  ACTIVATION_GELU,
  ACTIVATION_GELU_TANH,
  ACTIVATION_QUICK_GELU,
  ACTIVATION_RELU,
  ACTIVATION_SILU,
  ACTIVATION_TANH,
  ACTIVATION_COUNT
};

/* out[i] = f(x[i]); out may be x.  An element's bits do not depend on where in
 * the stretch it lies. */
typedef void activation_fn(const float *x, float *out, int64_t count);

/* The meaning, in double; and activations.h, once for each instruction set. */
extern activation_fn *const activation_table_reference[ACTIVATION_COUNT];

/* The function of that kind, or a message that lists the known ones. */
tfm_status activation_find(const tfm_host *host, const tfm_node *node, activation_fn *const *table,
                           activation_fn **out);

/* The op `activation`; its instance, and that of the fast ffn and gated_ffn,
 * is one of these. */
struct activation_instance {
  activation_fn *apply;
};
tfm_status activation_prepare(const tfm_host *host, const tfm_node *node,
                              activation_fn *const *table, void **instance);
void activation_destroy(const tfm_host *host, void *instance);
tfm_status activation_run(const tfm_host *host, const void *instance, const tfm_run *run);

#endif
