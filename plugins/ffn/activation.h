/* activation.h - the functions between the two layers of a feed-forward net. */
#ifndef TFM_PLUGINS_FFN_ACTIVATION_H
#define TFM_PLUGINS_FFN_ACTIVATION_H

#include "tfm/plugin.h"

/* As config.json calls them, each with its function: a row a kind. */
#define ACTIVATION_ROWS(FIRST, KIND)                                                               \
  FIRST("gelu", GELU)                                                                              \
  KIND("gelu_python", GELU)                                                                        \
  KIND("gelu_new", GELU_TANH)                                                                      \
  KIND("gelu_pytorch_tanh", GELU_TANH)                                                             \
  KIND("gelu_python_tanh", GELU_TANH)                                                              \
  KIND("gelu_fast", GELU_TANH)                                                                     \
  KIND("gelu_accurate", GELU_TANH)                                                                 \
  KIND("gelu_10", GELU_10)                                                                         \
  KIND("quick_gelu", QUICK_GELU)                                                                   \
  KIND("relu", RELU)                                                                               \
  KIND("relu2", RELU2)                                                                             \
  KIND("relu6", RELU6)                                                                             \
  KIND("leaky_relu", LEAKY_RELU)                                                                   \
  KIND("silu", SILU)                                                                               \
  KIND("swish", SILU)                                                                              \
  KIND("hardswish", HARDSWISH)                                                                     \
  KIND("mish", MISH)                                                                               \
  KIND("tanh", TANH)                                                                               \
  KIND("sigmoid", SIGMOID)                                                                         \
  KIND("linear", LINEAR)

/* The values of `kind` in schemas: "gelu" | "gelu_python" | ... */
#define ACTIVATION_FIRST(name, id) "\"" name "\""
#define ACTIVATION_NEXT(name, id)  " | \"" name "\""
#define ACTIVATION_KINDS           ACTIVATION_ROWS(ACTIVATION_FIRST, ACTIVATION_NEXT)

/* The functions: a row each of the tables, and of activations.h. */
#define ACTIVATIONS(X)                                                                             \
  X(GELU, gelu)                                                                                    \
  X(GELU_TANH, gelu_tanh)                                                                          \
  X(GELU_10, gelu_10)                                                                              \
  X(QUICK_GELU, quick_gelu)                                                                        \
  X(RELU, relu)                                                                                    \
  X(RELU2, relu2)                                                                                  \
  X(RELU6, relu6)                                                                                  \
  X(LEAKY_RELU, leaky_relu)                                                                        \
  X(SILU, silu)                                                                                    \
  X(HARDSWISH, hardswish)                                                                          \
  X(MISH, mish)                                                                                    \
  X(TANH, tangent)                                                                                 \
  X(SIGMOID, logistic)                                                                             \
  X(LINEAR, identity)

enum activation {
#define ACTIVATION(id, function) ACTIVATION_##id,
  ACTIVATIONS(ACTIVATION)
#undef ACTIVATION
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
