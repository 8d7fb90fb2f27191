/* tokenize.c - the calls of tfm.h that cut text into tokens.
 *
 * A tfm_tokenizer is the runtime's struct tokenizer under another name. */
#include "lib/caller.h"
#include "lib/model.h"

#include <stdlib.h>
#include <string.h>

struct public_encoding {
  tfm_encoding shown; /* first: what the caller holds */
  struct encoding inner;
  uint8_t *kind;
};

static const struct tokenizer *inner_tokenizer(const tfm_tokenizer *tokenizer) {
  return (const struct tokenizer *)tokenizer;
}

const tfm_tokenizer *tfm_model_tokenizer(const tfm_model *model, tfm_error *error) {
  error_clear(error);
  if (caller_need(model, "tfm_model_tokenizer", "model", error) != 0)
    return NULL;
  if (model->tokenizer)
    return (const tfm_tokenizer *)model->tokenizer;
  if (error)
    *error = model->tokenizer_error;
  error_set(error, TFM_ERROR_USAGE, "this model was opened to be checked, not run");
  return NULL;
}

tfm_tokenizer *tfm_tokenizer_open(const char *path, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct tokenizer *tokenizer = NULL;
  char *found = NULL;
  error_clear(err);
  if (!path)
    error_set(err, TFM_ERROR_USAGE, "which tokenizer?");
  else if (paths_find_tokenizer(path, &found, err) == 0)
    tokenizer_open(found ? found : path, &tokenizer, err);
  free(found);
  return (tfm_tokenizer *)tokenizer;
}

void tfm_tokenizer_destroy(tfm_tokenizer *tokenizer) {
  tokenizer_destroy((struct tokenizer *)tokenizer);
}

const char *tfm_tokenizer_token(const tfm_tokenizer *tokenizer, int32_t id) {
  return tokenizer ? tokenizer_token(inner_tokenizer(tokenizer), id) : NULL;
}

size_t tfm_tokenizer_size(const tfm_tokenizer *tokenizer) {
  return tokenizer ? tokenizer_vocabulary(inner_tokenizer(tokenizer)) : 0;
}

int32_t tfm_tokenizer_id(const tfm_tokenizer *tokenizer, const char *token) {
  return tokenizer && token ? tokenizer_id(inner_tokenizer(tokenizer), token) : -1;
}

void tfm_encoding_destroy(tfm_encoding *encoding) {
  struct public_encoding *made = (struct public_encoding *)encoding;
  if (!made)
    return;
  encoding_finish(&made->inner);
  free(made->kind);
  free(made);
}

static int fill_kinds(const struct tokenizer *tokenizer, struct public_encoding *made,
                      struct tfm_error *err) {
  const struct encoding *e = &made->inner;
  made->kind = calloc(e->count ? e->count : 1, sizeof *made->kind);
  if (!made->kind)
    return error_oom(err);
  for (size_t t = 0; t < e->count; t++)
    made->kind[t] = e->special[t] == 2                           ? TFM_TOKEN_PADDING
                    : e->special[t]                              ? TFM_TOKEN_ADDED
                    : tokenizer_is_special(tokenizer, e->ids[t]) ? TFM_TOKEN_MARKER
                                                                 : TFM_TOKEN_TEXT;
  return 0;
}

int tfm_tokenizer_encode(const tfm_tokenizer *tokenizer, const tfm_input *input,
                         tfm_encoding **encoding, tfm_error *error) {
  return tfm_tokenizer_encode_with(tokenizer, input, 0, encoding, error);
}

static int check_flags(uint32_t flags, uint32_t known, const char *call, struct tfm_error *err) {
  return flags & ~known ? error_set(err, TFM_ERROR_USAGE, "%s: flags has 0x%x, which is no flag",
                                    call, (unsigned)(flags & ~known))
                        : 0;
}

/* most: SIZE_MAX = no truncation but the file's. */
static int encode(const struct tokenizer *inner, const tfm_input *input, uint32_t flags,
                  size_t most, tfm_encoding **encoding, struct tfm_error *err) {
  const struct encode_request request = {
      .text = input->text,
      .length = input->text_length,
      .pair = input->pair,
      .pair_length = input->pair ? input->pair_length : 0,
      .flags = (flags & TFM_ENCODE_NO_SPECIAL ? 0 : ENCODE_SPECIAL) |
               (flags & TFM_ENCODE_LIMITS ? ENCODE_LIMITS : 0) |
               (flags & TFM_ENCODE_PLAIN_SPECIAL ? ENCODE_PLAIN : 0) |
               (most < SIZE_MAX ? ENCODE_TRUNCATE : 0),
      .most = most,
  };
  struct public_encoding *made = calloc(1, sizeof *made);
  if (!made)
    return error_oom(err);
  if (tokenizer_encode_request(inner, &request, &made->inner, err) != 0 ||
      fill_kinds(inner, made, err) != 0) {
    tfm_encoding_destroy(&made->shown);
    return -1;
  }
  const struct encoding *e = &made->inner;
  made->shown = (tfm_encoding){.count = e->count,
                               .ids = e->ids,
                               .types = e->types,
                               .begin = e->begin,
                               .end = e->end,
                               .sequence = e->sequence,
                               .kind = made->kind,
                               .truncated = e->truncated};
  *encoding = &made->shown;
  return 0;
}

int tfm_tokenizer_encode_truncated(const tfm_tokenizer *tokenizer, const tfm_input *input,
                                   uint32_t flags, size_t max_tokens, tfm_encoding **encoding,
                                   tfm_error *error) {
  static const char call[] = "tfm_tokenizer_encode";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  tfm_input full;
  error_clear(err);
  if (encoding)
    *encoding = NULL;
  if (caller_need(tokenizer, call, "tokenizer", err) != 0 ||
      caller_need(encoding, call, "encoding", err) != 0 ||
      caller_need(input, call, "input", err) != 0 || caller_input(input, &full, err) != 0 ||
      check_flags(flags, TFM_ENCODE_NO_SPECIAL | TFM_ENCODE_LIMITS | TFM_ENCODE_PLAIN_SPECIAL, call,
                  err) != 0)
    return -1;
  if (!full.text)
    return error_set(err, TFM_ERROR_USAGE, "there is no text to cut into tokens");
  return encode(inner_tokenizer(tokenizer), &full, flags, max_tokens, encoding, err);
}

int tfm_tokenizer_encode_with(const tfm_tokenizer *tokenizer, const tfm_input *input,
                              uint32_t flags, tfm_encoding **encoding, tfm_error *error) {
  return tfm_tokenizer_encode_truncated(tokenizer, input, flags, SIZE_MAX, encoding, error);
}

int tfm_tokenizer_decode(const tfm_tokenizer *tokenizer, const int32_t *ids, size_t count,
                         uint32_t flags, char **text, size_t *length, tfm_error *error) {
  static const char call[] = "tfm_tokenizer_decode";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct buffer out;
  error_clear(err);
  if (text)
    *text = NULL;
  if (caller_need(tokenizer, call, "tokenizer", err) != 0 ||
      caller_need(text, call, "text", err) != 0 ||
      (count && caller_need(ids, call, "ids", err) != 0) ||
      check_flags(flags, TFM_ENCODE_NO_SPECIAL, call, err) != 0)
    return -1;
  buffer_init(&out);
  int status = tokenizer_decode(inner_tokenizer(tokenizer), ids, count,
                                (flags & TFM_ENCODE_NO_SPECIAL) != 0, &out, err);
  size_t size = out.length;
  if (status == 0 && !(*text = buffer_take(&out)))
    status = error_oom(err);
  if (length && status == 0)
    *length = size;
  buffer_finish(&out);
  return status;
}
