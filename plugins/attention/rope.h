/* rope.h - what the kernels of `rope` share: the frequencies. */
#ifndef TFM_PLUGINS_ATTENTION_ROPE_H
#define TFM_PLUGINS_ATTENTION_ROPE_H

#include "tfm/plugin.h"

/* The angle of pair d at position p is p * frequency[d], rounded to f32, as
 * the checkpoints' own code has it. */
struct rope {
  int64_t heads, half; /* pairs in a head */
  float frequency[];   /* [half] */
};

tfm_status rope_prepare(const tfm_host *host, const tfm_node *node, const tfm_tensor *const *weight,
                        void **instance);
void rope_destroy(const tfm_host *host, void *instance);

#endif
