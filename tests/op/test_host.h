/* test_host.h - a host for kernels under test, and a way to call them.
 *
 * It keeps the promises of tfm/plugin.h and no more: a workspace starts as
 * NaNs, pieces of a parallel_for come in random sizes and order on fake lanes,
 * a gemm's epilogue gets random stretches, memory ends where it ends (run
 * under valgrind or ASan), and every allocation must be given back. */
#ifndef TFM_TESTS_OP_TEST_HOST_H
#define TFM_TESTS_OP_TEST_HOST_H

#include "tests/op/test_tensor.h"
#include "tfm/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- plugins */

/* The plugin NAME of $TFM_PLUGIN_DIR; the test fails when it cannot be had. */
const tfm_plugin_desc *plugin_open(const char *name);
const tfm_op_desc *plugin_op(const tfm_plugin_desc *plugin, const char *op);
/* The kernel of that name; NULL when the plugin has none, or this processor
 * cannot run it. */
const tfm_kernel_desc *plugin_kernel(const tfm_plugin_desc *plugin, const char *op,
                                     const char *kernel);
/* The names of the instruction sets: "base", "avx2", "avx512", NULL. */
extern const char *const plugin_isas[];
/* What every plugin of the package must be. */
void plugin_check(const tfm_plugin_desc *plugin, const char *name);

/* ---- calls */

enum { CALL_MAX = 8 };
struct call {
  const char *op;
  uint32_t input_count, weight_count, attr_count, output_count;
  tfm_tensor *input[CALL_MAX], *weight[CALL_MAX], *output[CALL_MAX];
  tfm_attr attr[CALL_MAX];
  int64_t rows; /* of the batch, where tensors say where they begin */
  uint64_t taps;
  tfm_tensor *tap[CALL_MAX]; /* what the kernel asked for; freed by call_finish */
  char message[512];         /* of host->fail */
};
void call_attr_int(struct call *call, const char *name, int64_t value);
void call_attr_real(struct call *call, const char *name, double value);
void call_attr_text(struct call *call, const char *name, const char *value);
/* prepare, run and destroy on that many fake lanes. */
tfm_status call_run(struct call *call, const tfm_kernel_desc *kernel, uint32_t lanes);
/* Output types of the op's infer; returns how many, or -1 with the message. */
int call_infer(struct call *call, const tfm_op_desc *op, tfm_type *output, uint32_t capacity);
/* Frees taps; and with all, every tensor of the call. */
void call_finish(struct call *call, bool all);

#endif
