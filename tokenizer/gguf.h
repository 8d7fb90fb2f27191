/* gguf.h - the tokenizer.json that a GGUF file's metadata stands for. */
#ifndef TFM_TOKENIZER_GGUF_H
#define TFM_TOKENIZER_GGUF_H

#include "base/error.h"
#include "base/json.h"

/* *out: its content; *roles: what a tokenizer_config.json beside it would say. */
int gguf_tokenizer_read(const char *path, json_t **out, json_t **roles, struct tfm_error *err);

#endif
