/* sentencepiece_parse.c - from protobuf to a struct, everything checked.
 *
 *     ModelProto { 1: pieces { 1: piece, 2: score, 3: type }
 *                  2: trainer_spec { 3: model_type, 22, 24, 35: flags, 47: eos_piece }
 *                  3: normalizer_spec { 2: precompiled_charsmap, 3, 4, 5: flags } }
 *
 * The numbers are those of sentencepiece_model.proto.  Other fields are how the model
 * was trained, and are passed over. */
#include "tokenizer/sentencepiece.h"

#include "tokenizer/protobuf.h"
#include "tokenizer/reader.h"
#include "tokenizer/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PIECES = 1024 };

struct parsing {
  struct sentencepiece *model;
  const char *path;
  const unsigned char *begin; /* of the file */
  struct tfm_error *err;
};

static int malformed(const struct parsing *p, const unsigned char *at) {
  return error_set(p->err, TFM_ERROR_TOKENIZER, "%s: not a SentencePiece model: byte %zu", p->path,
                   (size_t)(at - p->begin));
}

/* What a field is put into, by its number. */
struct slot {
  uint32_t number;
  enum protobuf_wire wire;
  void *out;
  void (*put)(void *out, const struct protobuf_field *field);
};

static void put_bool(void *out, const struct protobuf_field *field) {
  *(bool *)out = field->value != 0;
}
static void put_number(void *out, const struct protobuf_field *field) {
  *(uint64_t *)out = field->value;
}
static void put_float(void *out, const struct protobuf_field *field) {
  *(float *)out = protobuf_float(field);
}
static void put_bytes(void *out, const struct protobuf_field *field) {
  *(struct protobuf_field *)out = *field;
}

/* Fill the slots from a message; of a field that comes twice the last counts. */
static int read_message(const struct parsing *p, const struct protobuf_field *message,
                        const struct slot *slot, size_t slots) {
  struct protobuf walk = protobuf_walk(message->bytes, message->length);
  struct protobuf_field field;
  int found;
  while ((found = protobuf_next(&walk, &field)) == 1)
    for (size_t i = 0; i < slots; i++) {
      if (slot[i].number != field.number)
        continue;
      if (slot[i].wire != field.wire)
        return malformed(p, walk.at);
      slot[i].put(slot[i].out, &field);
    }
  return found < 0 ? malformed(p, walk.at) : 0;
}

static int refuse_piece(const struct parsing *p, const char *why) {
  return error_set(p->err, TFM_ERROR_TOKENIZER, "%s: piece %zu %s", p->path, p->model->count, why);
}

static int add_piece(const struct parsing *p, struct sentencepiece_piece piece) {
  struct sentencepiece *model = p->model;
  bool added;
  if (model->count >= READER_VOCABULARY_LIMIT)
    return error_set(p->err, TFM_ERROR_TOKENIZER, "%s: more than %d pieces", p->path,
                     READER_VOCABULARY_LIMIT);
  if (model->count == model->capacity) {
    size_t capacity = model->capacity == 0 ? FIRST_PIECES : model->capacity * 2;
    struct sentencepiece_piece *grown = realloc(model->piece, capacity * sizeof *grown);
    if (grown == NULL)
      return error_oom(p->err);
    model->piece = grown;
    model->capacity = capacity;
  }
  struct map_entry *entry = map_insert(&model->by_text, piece.text, piece.length, &added);
  if (entry == NULL)
    return error_oom(p->err);
  if (!added)
    return refuse_piece(p, "is there twice");
  entry->value.number = (int64_t)model->count;
  model->piece[model->count++] = piece;
  return 0;
}

static int read_piece(const struct parsing *p, const struct protobuf_field *message) {
  struct protobuf_field text = {0};
  uint64_t type = SENTENCEPIECE_NORMAL;
  float score = 0;
  const struct slot slots[] = {{1, PROTOBUF_BYTES, &text, put_bytes},
                               {2, PROTOBUF_FIXED32, &score, put_float},
                               {3, PROTOBUF_VARINT, &type, put_number}};
  if (read_message(p, message, slots, 3) != 0)
    return -1;
  const char *bytes = (const char *)text.bytes;
  if (text.length == 0)
    return refuse_piece(p, "is empty");
  if (text.length > SENTENCEPIECE_PIECE_LIMIT)
    return refuse_piece(p, "is longer than 4096 bytes");
  if (memchr(bytes, '\0', text.length) != NULL || unicode_check(bytes, text.length) != text.length)
    return refuse_piece(p, "is not UTF-8");
  if (!isfinite(score))
    return refuse_piece(p, "has a score that is no number");
  if (type < SENTENCEPIECE_NORMAL || type > SENTENCEPIECE_BYTE)
    return refuse_piece(p, "is of a type that is not known");
  return add_piece(
      p, (struct sentencepiece_piece){bytes, text.length, score, (enum sentencepiece_type)type});
}

static int read_trainer(const struct parsing *p, const struct protobuf_field *message) {
  struct sentencepiece *model = p->model;
  struct protobuf_field eos = {0};
  const struct slot slots[] = {
      {3, PROTOBUF_VARINT, &model->model_type, put_number},
      {22, PROTOBUF_VARINT, &model->split_by_whitespace, put_bool},
      {24, PROTOBUF_VARINT, &model->whitespace_suffix, put_bool},
      {35, PROTOBUF_VARINT, &model->byte_fallback, put_bool},
      {47, PROTOBUF_BYTES, &eos, put_bytes},
  };
  if (read_message(p, message, slots, sizeof slots / sizeof slots[0]) != 0)
    return -1;
  if (eos.bytes != NULL) {
    model->eos = (const char *)eos.bytes;
    model->eos_length = eos.length;
  }
  return 0;
}

static int read_normalizer(const struct parsing *p, const struct protobuf_field *message) {
  struct sentencepiece *model = p->model;
  struct protobuf_field map = {0};
  const struct slot slots[] = {
      {2, PROTOBUF_BYTES, &map, put_bytes},
      {3, PROTOBUF_VARINT, &model->dummy_prefix, put_bool},
      {4, PROTOBUF_VARINT, &model->remove_extra_whitespaces, put_bool},
      {5, PROTOBUF_VARINT, &model->escape_whitespaces, put_bool},
  };
  if (read_message(p, message, slots, sizeof slots / sizeof slots[0]) != 0)
    return -1;
  model->charsmap = map.bytes;
  model->charsmap_length = map.length;
  return 0;
}

static int read_parts(const struct parsing *p, size_t size) {
  static int (*const readers[])(const struct parsing *, const struct protobuf_field *) = {
      NULL, read_piece, read_trainer, read_normalizer};
  struct protobuf walk = protobuf_walk(p->begin, size);
  struct protobuf_field field;
  int found;
  while ((found = protobuf_next(&walk, &field)) == 1) {
    if (field.number >= sizeof readers / sizeof readers[0])
      continue;
    if (field.wire != PROTOBUF_BYTES)
      return malformed(p, walk.at);
    if (readers[field.number](p, &field) != 0)
      return -1;
  }
  return found < 0 ? malformed(p, walk.at) : 0;
}

static int refuse(const struct parsing *p, const char *what) {
  return error_set(p->err, TFM_ERROR_TOKENIZER, "%s: %s", p->path, what);
}

/* What does not depend on one field alone. */
static int check(const struct parsing *p) {
  struct sentencepiece *model = p->model;
  size_t unknown = 0;
  if (model->count == 0)
    return refuse(p, "not a SentencePiece model: it has no pieces");
  for (size_t i = 0; i < model->count; i++)
    if (model->piece[i].type == SENTENCEPIECE_UNKNOWN) {
      model->unknown = i;
      unknown++;
    }
  if (unknown != 1)
    return refuse(p, "there must be one piece of type unknown");
  if (model->model_type == SENTENCEPIECE_WORD || model->model_type == SENTENCEPIECE_CHAR)
    return refuse(p, "model_type word and char are not supported");
  if (model->model_type != SENTENCEPIECE_UNIGRAM && model->model_type != SENTENCEPIECE_BPE)
    return refuse(p, "trainer_spec.model_type is not known");
  return model->whitespace_suffix
             ? refuse(p, "trainer_spec.treat_whitespace_as_suffix is not supported")
             : 0;
}

int sentencepiece_parse(struct sentencepiece *model, const char *path, const void *bytes,
                        size_t size, struct tfm_error *err) {
  const struct parsing p = {model, path, bytes, err};
  *model = (struct sentencepiece){.model_type = SENTENCEPIECE_UNIGRAM,
                                  .split_by_whitespace = true,
                                  .dummy_prefix = true,
                                  .remove_extra_whitespaces = true,
                                  .escape_whitespaces = true,
                                  .eos = "</s>",
                                  .eos_length = 4};
  map_init(&model->by_text);
  return read_parts(&p, size) == 0 ? check(&p) : -1;
}

void sentencepiece_finish(struct sentencepiece *model) {
  map_finish(&model->by_text);
  free(model->piece);
}
