/* config.h - the config.json that a GGUF file's metadata stands for. */
#ifndef TFM_CHECKPOINT_GGUF_CONFIG_H
#define TFM_CHECKPOINT_GGUF_CONFIG_H

#include "base/json.h"
#include "checkpoint/gguf/architecture.h"

/* A new object.  model_type is general.architecture.  An architecture without a
 * table gets its keys as they are, "qwen2.attention.head_count" as
 * {"attention": {"head_count": ...}}. */
int gguf_config(struct gguf *file, json_t **out, struct tfm_error *err);
/* The same of a file that is opened for it. */
int gguf_config_read(const char *path, json_t **out, struct tfm_error *err);

/* rope.c: rope_scaling, from keys, or from the tensor that holds what llama3's
 * scaling does to each frequency. */
int gguf_rope(struct gguf *file, const char *architecture, json_t *config, struct tfm_error *err);

/* The number with the fewest digits that is this one in f32. */
double gguf_shortest(double value);
/* A scalar as JSON; an array if all its elements are equal, as one of them.  *out is
 * NULL without an error where the key is missing. */
int gguf_scalar(const struct gguf *file, const char *key, json_t **out, struct tfm_error *err);

#endif
