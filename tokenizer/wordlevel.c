/* wordlevel.c - a piece is a word, or unknown. */
#include "tokenizer/model.h"

struct wordlevel {
  struct slice unknown;
};

static const char *const fields[] = {"type", "vocab", "unk_token", NULL};

static int load(struct model *model, struct reader *reader, const char *place, const json_t *json) {
  struct wordlevel *self = model->self;
  if (reader_need_text(reader, place, json, "unk_token", &self->unknown) != 0)
    return -1;
  return vocabulary_read(&model->vocabulary, reader, "model.vocab", json_object_get(json, "vocab"));
}

static int tokenize(const struct model *model, struct model_scratch *scratch, const char *text,
                    size_t length, struct tfm_error *err) {
  const struct wordlevel *self = model->self;
  int32_t id = vocabulary_find(&model->vocabulary, text, length);
  struct slice value = {text, length};
  if (id < 0) {
    id = vocabulary_find(&model->vocabulary, self->unknown.text, self->unknown.length);
    value = self->unknown;
  }
  if (id < 0)
    return error_set(
        err, TFM_ERROR_TOKENIZER,
        "%s: model: a word is unknown and the unknown token `%.64s` is not in the vocabulary",
        model->path, self->unknown.text);
  return model_push(scratch, (struct token){id, 0, length, value}, err);
}

const struct model_type model_wordlevel = {"WordLevel", fields, sizeof(struct wordlevel),
                                           load,        NULL,   tokenize};
