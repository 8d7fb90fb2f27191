/* unigram.c - the most probable way to cut a piece (Kudo, 2018), by Viterbi from
 * left to right: for each place the best score of a path that ends there.
 *
 * A character that no token of its own length covers may be the unknown token, at
 * ten below the worst score.  Unknown neighbours fuse.  Ties go to the path found
 * first, and sums are in double, as in the reference. */
#include "base/large.h"
#include "tokenizer/lexicon.h"
#include "tokenizer/model.h"
#include "tokenizer/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_PENALTY 10.0

struct unigram {
  struct lexicon lexicon;
  double *score; /* by id */
  size_t capacity;
  double least;
  int32_t unknown; /* -1: none */
  bool byte_fallback;
};

struct node {
  double score;
  size_t begin; /* SIZE_MAX: no path ends here yet */
  int32_t id;
};

static const char *const fields[] = {"type", "unk_id", "vocab", "byte_fallback", NULL};

/* Keep a token's score; the scores grow with the vocabulary. */
static int add_score(struct model *model, struct reader *reader, size_t at, double score) {
  struct unigram *self = model->self;
  if (at >= self->capacity) {
    size_t size = model->vocabulary.capacity * sizeof *self->score;
    double *grown = self->score == NULL ? large_alloc(size) : realloc(self->score, size);
    if (grown == NULL)
      return error_oom(reader->err);
    self->score = grown;
    self->capacity = model->vocabulary.capacity;
  }
  self->score[at] = score;
  if (score < self->least)
    self->least = score;
  return 0;
}

static int bad_row(struct reader *reader, size_t at) {
  return reader_error(reader, reader_place(reader, "model.vocab[%zu]", at),
                      "expected [\"token\", score]");
}

static int too_many(struct reader *reader) {
  return reader_error(reader, "model.vocab", "more than %d tokens", READER_VOCABULARY_LIMIT);
}

/* A score of the tree as the reference reads it, see json_pull_number: the digits
 * are those of the shortest decimal that means the number, which is what writers
 * write. */
static int reread(struct reader *reader, double number, double *out) {
  char text[40];
  int digits = 15; /* with fewer, the integer is exact: nothing changes */
  do
    snprintf(text, sizeof text, "%.*e", digits - 1, number);
  while (strtod(text, NULL) != number && ++digits <= 17);
  struct json_pull pull = {.name = reader->path,
                           .text = text,
                           .end = strlen(text),
                           .code = TFM_ERROR_TOKENIZER,
                           .err = reader->err};
  return json_pull_number(&pull, out);
}

static int read_tree(struct model *model, struct reader *reader, const json_t *vocab) {
  if (json_array_size(vocab) > READER_VOCABULARY_LIMIT)
    return too_many(reader);
  for (size_t at = 0; at < json_array_size(vocab); at++) {
    const json_t *row = json_array_get(vocab, at);
    const json_t *token = json_array_get(row, 0), *score = json_array_get(row, 1);
    double number;
    if (json_array_size(row) != 2 || !json_is_string(token) || !json_is_number(score) ||
        !isfinite(json_number_value(score)))
      return bad_row(reader, at);
    if (reread(reader, json_number_value(score), &number) != 0 ||
        vocabulary_add(&model->vocabulary, reader, "model.vocab", json_string_value(token),
                       json_string_length(token), (int32_t)at) != 0 ||
        add_score(model, reader, at, number) != 0)
      return -1;
  }
  return 0;
}

/* ["token", score] */
static int pull_row(struct model *model, struct reader *reader, struct json_pull *pull, size_t at,
                    char **room) {
  struct slice token = {*room, 0};
  double score;
  if (json_pull_peek(pull) != '[' || json_pull_open(pull, '[') != 0 ||
      json_pull_more(pull, ']') <= 0 || json_pull_peek(pull) != '"')
    return bad_row(reader, at);
  if (json_pull_string(pull, *room, &token.length) != 0)
    return -1;
  int more = json_pull_more(pull, ']');
  char next = json_pull_peek(pull);
  if (more < 0)
    return -1;
  if (more == 0 || !(next == '-' || (next >= '0' && next <= '9')))
    return bad_row(reader, at);
  if (json_pull_number(pull, &score) != 0)
    return -1;
  if (json_pull_more(pull, ']') != 0)
    return bad_row(reader, at);
  *room += token.length + 1;
  if (vocabulary_put(&model->vocabulary, reader, "model.vocab", token, (int32_t)at) != 0)
    return -1;
  return add_score(model, reader, at, score);
}

static int read_text(struct model *model, struct reader *reader, struct json_pull *pull) {
  if (!vocabulary_reserve(&model->vocabulary, reader_strings(reader, READER_VOCAB)))
    return error_oom(reader->err);
  char *room = model->vocabulary.strings = reader_room(reader, pull);
  int more = room == NULL ? -1 : json_pull_open(pull, '[');
  for (size_t at = 0; more == 0 && (more = json_pull_more(pull, ']')) > 0; at++)
    more =
        at < READER_VOCABULARY_LIMIT ? pull_row(model, reader, pull, at, &room) : too_many(reader);
  return more != 0 ? -1 : json_pull_end(pull);
}

static int read_vocabulary(struct model *model, struct reader *reader, const json_t *vocab) {
  struct json_pull pull;
  bool apart = reader_pull(reader, READER_VOCAB, &pull);
  if (apart ? json_pull_peek(&pull) != '[' : !json_is_array(vocab))
    return reader_error(reader, "model", "`vocab` must be an array");
  int status = apart ? read_text(model, reader, &pull) : read_tree(model, reader, vocab);
  if (status == 0)
    status = vocabulary_index(&model->vocabulary, reader, "model.vocab");
  return status;
}

static int load(struct model *model, struct reader *reader, const char *place, const json_t *json) {
  struct unigram *self = model->self;
  const json_t *unknown = json_object_get(json, "unk_id");
  self->least = INFINITY;
  self->unknown = -1;
  if (reader_bool(reader, place, json, "byte_fallback", &self->byte_fallback) != 0 ||
      read_vocabulary(model, reader, json_object_get(json, "vocab")) != 0)
    return -1;
  if (unknown != NULL && !json_is_null(unknown) &&
      reader_id(reader, "model.unk_id", unknown, &self->unknown) != 0)
    return -1;
  if (self->unknown >= 0 && (size_t)self->unknown >= model->vocabulary.count)
    return reader_error(reader, "model.unk_id", "%d is not in a vocabulary of %zu",
                        (int)self->unknown, model->vocabulary.count);
  return lexicon_init(&self->lexicon, &model->vocabulary) ? 0 : error_oom(reader->err);
}

static void finish(void *self) {
  struct unigram *unigram = self;
  lexicon_finish(&unigram->lexicon);
  free(unigram->score);
}

static void offer(struct node *node, double score, size_t begin, int32_t id) {
  if (node->begin == SIZE_MAX || score > node->score)
    *node = (struct node){score, begin, id};
}

/* Every token that begins at `at`, and the unknown one if none is one character. */
static int extend(const struct model *model, struct node *node, const char *text, size_t length,
                  size_t at, size_t size, struct tfm_error *err) {
  const struct unigram *self = model->self;
  double score = node[at].score;
  bool single = false;
  struct lexicon_walk walk = {0};
  size_t bytes = 0;
  for (int32_t id;
       (id = lexicon_next(&self->lexicon, &walk, text + at, length - at, &bytes)) >= 0;) {
    offer(&node[at + bytes], self->score[id] + score, at, id);
    single = single || bytes == size;
  }
  if (walk.failed)
    return error_oom(err);
  if (single)
    return 0;
  if (self->unknown < 0)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "%s: model: a character is unknown and there is no `unk_id`", model->path);
  offer(&node[at + size], self->least - UNKNOWN_PENALTY + score, at, self->unknown);
  return 0;
}

/* One token for the text from begin to end, which the best path made. */
static int emit(const struct model *model, struct model_scratch *scratch, const char *text,
                size_t begin, size_t end, struct tfm_error *err) {
  const struct unigram *self = model->self;
  struct token token = {-1, begin, end, {text + begin, end - begin}};
  token.id = vocabulary_find(&model->vocabulary, token.value.text, token.value.length);
  bool bytes = token.id < 0 && self->byte_fallback;
  for (size_t i = begin; i < end && bytes; i++)
    bytes = model_byte_token(model, (unsigned char)text[i]) >= 0;
  if (!bytes) {
    if (token.id < 0)
      token.id = self->unknown;
    return model_push(scratch, token, err);
  }
  for (size_t i = begin; i < end; i++) { /* each stands for the whole */
    token.id = model_byte_token(model, (unsigned char)text[i]);
    token.value = *vocabulary_token(&model->vocabulary, token.id);
    if (model_push(scratch, token, err) != 0)
      return -1;
  }
  return 0;
}

static int tokenize(const struct model *model, struct model_scratch *scratch, const char *text,
                    size_t length, struct tfm_error *err) {
  const struct unigram *self = model->self;
  struct node *node = model_room(scratch, length + 1, sizeof *node, err);
  if (node == NULL)
    return -1;
  for (size_t i = 0; i <= length; i++)
    node[i] = (struct node){0, SIZE_MAX, -1};
  for (size_t at = 0, size; at < length; at += size) {
    unicode_read(text + at, &size);
    if (extend(model, node, text, length, at, size, err) != 0)
      return -1;
  }
  /* Turn the path round: the node at a token's begin learns its end. */
  for (size_t end = length, next = length; end > 0; end = next) {
    next = node[end].begin;
    int32_t id = node[end].id;
    while (id == self->unknown && next > 0 && node[next].id == self->unknown)
      next = node[next].begin;
    node[next].score = (double)end; /* exact: a text is below 2^53 bytes */
  }
  for (size_t at = 0, end; at < length; at = end) {
    end = (size_t)node[at].score;
    if (emit(model, scratch, text, at, end, err) != 0)
      return -1;
  }
  return 0;
}

const struct model_type model_unigram = {"Unigram", fields, sizeof(struct unigram),
                                         load,      finish, tokenize};
