/* unigram.c - the most probable way to cut a piece (Kudo, 2018), by Viterbi from
 * left to right: for each place the best score of a path that ends there.
 *
 * A character that no token of its own length covers may be the unknown token, at
 * ten below the worst score.  Unknown neighbours fuse.  Ties go to the path found
 * first, and sums are in double, as in the reference. */
#include "runtime/tokenizer/model.h"
#include "runtime/tokenizer/trie.h"
#include "runtime/tokenizer/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define UNKNOWN_PENALTY 10.0

struct unigram {
  struct trie trie;
  double *score; /* by id */
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

/* A score as the reference reads it: the digits as one integer, rounded to double,
 * then divided by a power of ten and rounded again.  That is not always the
 * nearest double, and sums of many equal tokens show it.  The digits are those of
 * the shortest decimal that means the number, which is what writers write. */
static double reread(double number) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  char text[40];
  int digits = 15, exponent; /* with fewer, the integer is exact: nothing changes */
  do
    snprintf(text, sizeof text, "%.*e", digits - 1, number);
  while (strtod(text, NULL) != number && ++digits <= 17);
  uint64_t integer = 0;
  const char *at = text + (text[0] == '-');
  for (; *at != 'e' && *at != '\0'; at++)
    if (*at >= '0' && *at <= '9')
      integer = integer * 10 + (uint64_t)(*at - '0');
  exponent = atoi(at + 1) - (digits - 1);
  if (exponent < -22 || exponent > 22)
    return number;
  double read =
      exponent < 0 ? (double)integer / powers[-exponent] : (double)integer * powers[exponent];
  return text[0] == '-' ? -read : read;
}

static int add(struct model *model, struct reader *reader, size_t at, const json_t *row) {
  struct unigram *self = model->self;
  const json_t *token = json_array_get(row, 0), *score = json_array_get(row, 1);
  const char *place = "model.vocab";
  if (json_array_size(row) != 2 || !json_is_string(token) || !json_is_number(score) ||
      !isfinite(json_number_value(score)))
    return reader_error(reader, reader_place(reader, "model.vocab[%zu]", at),
                        "expected [\"token\", score]");
  if (vocabulary_add(&model->vocabulary, reader, place, json_string_value(token),
                     json_string_length(token), (int32_t)at) != 0)
    return -1;
  self->score[at] = reread(json_number_value(score));
  if (self->score[at] < self->least)
    self->least = self->score[at];
  const struct slice *kept = &model->vocabulary.token[at];
  if (kept->length > 0 && trie_add(&self->trie, kept->text, kept->length, (int32_t)at) < 0)
    return error_oom(reader->err);
  return 0;
}

static int load(struct model *model, struct reader *reader, const char *place, const json_t *json) {
  struct unigram *self = model->self;
  const json_t *vocab, *unknown = json_object_get(json, "unk_id");
  trie_init(&self->trie);
  self->least = INFINITY;
  self->unknown = -1;
  if (reader_bool(reader, place, json, "byte_fallback", &self->byte_fallback) != 0 ||
      reader_need_array(reader, place, json, "vocab", &vocab) != 0)
    return -1;
  size_t count = json_array_size(vocab);
  if (count > READER_VOCABULARY_LIMIT)
    return reader_error(reader, "model.vocab", "%zu tokens (at most %d)", count,
                        READER_VOCABULARY_LIMIT);
  if (unknown != NULL && !json_is_null(unknown) &&
      reader_id(reader, "model.unk_id", unknown, &self->unknown) != 0)
    return -1;
  if (self->unknown >= 0 && (size_t)self->unknown >= count)
    return reader_error(reader, "model.unk_id", "%d is not in a vocabulary of %zu",
                        (int)self->unknown, count);
  self->score = calloc(count + 1, sizeof *self->score);
  if (self->score == NULL)
    return error_oom(reader->err);
  for (size_t i = 0; i < count; i++)
    if (add(model, reader, i, json_array_get(vocab, i)) != 0)
      return -1;
  return 0;
}

static void finish(void *self) {
  struct unigram *unigram = self;
  trie_finish(&unigram->trie);
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
  uint32_t place = TRIE_ROOT;
  for (size_t end = at; end < length;) {
    place = trie_step(&self->trie, place, text[end++]);
    if (place == TRIE_NONE)
      break;
    int32_t id = trie_number(&self->trie, place);
    if (id < 0)
      continue;
    offer(&node[end], self->score[id] + score, at, id);
    single = single || end - at == size;
  }
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
