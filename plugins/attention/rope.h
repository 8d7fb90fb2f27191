/* rope.h - what the kernels of `rope` share: the frequencies, and which length they are for. */
#ifndef TFM_PLUGINS_ATTENTION_ROPE_H
#define TFM_PLUGINS_ATTENTION_ROPE_H

#include "tfm/plugin.h"

#include <stdbool.h>

/* Kinds of scaling, as config.json calls them. */
enum rope_kind {
  ROPE_DEFAULT,
  ROPE_LINEAR,
  ROPE_DYNAMIC,
  ROPE_YARN,
  ROPE_LONGROPE,
  ROPE_LLAMA3,
  ROPE_PROPORTIONAL
};

/* What attributes and shapes say. */
struct rope_scaling {
  enum rope_kind kind;
  const tfm_attr *object; /* rope_scaling of config.json, or NULL */
  double theta;
  double original, length; /* trained at; that config.json states; 0 = not given */
  int64_t size, width;     /* K; of it, what turns */
};

/* The angle of pair d at position p is p * frequency[d], rounded to f32, as
 * the checkpoints' own code has it. */
struct rope {
  int64_t heads, size, half; /* H; K; pairs that turn */
  bool neighbours;           /* a pair is 2d and 2d + 1, else d and d + half */
  float scale;               /* of cosines and sines */
  /* A text of more tokens than this has other frequencies; 0 = all have the same. */
  int64_t limit;
  struct rope_scaling scaling; /* DYNAMIC: object is not kept */
  double factor;               /* DYNAMIC */
  const float *longer;         /* [half]: LONGROPE, behind frequency */
  float frequency[];           /* [half] */
};

/* Check what is given; the kind and numbers of it. */
tfm_status rope_read_scaling(const tfm_host *host, const tfm_node *node, struct rope_scaling *out);
/* [half] frequencies, twice as many of LONGROPE. */
tfm_status rope_frequencies(const tfm_host *host, const struct rope_scaling *s, struct rope *rope);
/* Those of a text of so many tokens; room: [half], used by DYNAMIC. */
const float *rope_of_length(const struct rope *rope, int64_t length, float *room);
/* One more than the largest position of row b: what counts as the length of the text. */
int64_t rope_length(const tfm_run *run, int64_t b);

tfm_status rope_prepare(const tfm_host *host, const tfm_node *node, const tfm_tensor *const *weight,
                        void **instance);
void rope_destroy(const tfm_host *host, void *instance);

#endif
