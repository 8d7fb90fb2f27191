/* merges_read.c - the merges of a BPE model's file, into the table.
 *
 * Each merge is three look-ups in the vocabulary, and there may be half a million:
 * a batch of them asks for all its memory before it reads any.  What a merge makes
 * needs no look-up where files are in the usual order, by what they make: it is
 * then what the last one made, or the next id. */
#include "tokenizer/merges_read.h"

#include "tokenizer/merges_text.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 32 };

struct half {
  struct slice text;
  uint64_t hash;
  int32_t guess; /* the id, if this is its text; -1: there is none */
};

struct loader {
  const struct vocabulary *vocabulary;
  struct slice prefix; /* that the right one loses when it is joined */
  struct merges *merges;
  struct reader *reader;
  char *joined;
  struct half half[BATCH][2];
  struct merge made[BATCH];
  size_t count; /* merges of this batch */
  size_t first; /* the rank of the first of them */
  int32_t last; /* what the last merge made, -1 at the beginning */
};

/* What is wrong with a merge, by its line where lines are what the user sees. */
static int refuse(struct loader *loader, size_t at, const char *what) {
  struct reader *reader = loader->reader;
  size_t index = loader->first + at;
  if (reader->merges != NULL)
    return error_set(reader->err, TFM_ERROR_TOKENIZER, "%s:%zu: %s", reader->merges,
                     merges_text_line(reader->merges, index), what);
  return reader_error(reader, reader_place(reader, "model.merges[%zu]", index), "%s", what);
}

static int bad_merge(struct loader *loader) {
  return refuse(loader, loader->count, "a merge must be \"a b\" or [\"a\", \"b\"]");
}

static int missing(struct loader *loader, size_t at, const char *text, size_t length) {
  return refuse(loader, at,
                reader_place(loader->reader, "`%.*s` is not in the vocabulary",
                             length > 64 ? 64 : (int)length, text));
}

/* ---- a batch ---- */

/* The id is a token, and it is the text of the left one and then of the rest. */
static bool is_joined(const struct loader *loader, int32_t id, struct slice left,
                      struct slice rest) {
  if (id < 0 || (size_t)id >= loader->vocabulary->size)
    return false;
  const struct slice *token = &loader->vocabulary->token[id];
  return token->text != NULL && token->length == left.length + rest.length &&
         hash_same(token->text, left.text, left.length) &&
         hash_same(token->text + left.length, rest.text, rest.length);
}

/* The id of what a pair makes, or -1. */
static int32_t find_joined(const struct loader *loader, struct slice left, struct slice rest) {
  if (is_joined(loader, loader->last + 1, left, rest))
    return loader->last + 1;
  if (is_joined(loader, loader->last, left, rest))
    return loader->last;
  memcpy(loader->joined, left.text, left.length);
  memcpy(loader->joined + left.length, rest.text, rest.length);
  return vocabulary_find(loader->vocabulary, loader->joined, left.length + rest.length);
}

static int32_t find_half(const struct vocabulary *vocabulary, const struct half *half) {
  if (half->guess < 0 || vocabulary_is(vocabulary, half->guess, half->text.text, half->text.length))
    return half->guess;
  return vocabulary_find_hashed(vocabulary, half->hash, half->text.text, half->text.length);
}

static int resolve(struct loader *loader, size_t at) {
  const struct half *half = loader->half[at];
  struct slice left = half[0].text, right = half[1].text;
  int32_t a = find_half(loader->vocabulary, &half[0]);
  int32_t b = find_half(loader->vocabulary, &half[1]);
  if (a < 0)
    return missing(loader, at, left.text, left.length);
  if (b < 0)
    return missing(loader, at, right.text, right.length);
  size_t skip = loader->prefix.length < right.length ? loader->prefix.length : right.length;
  struct slice rest = {right.text + skip, right.length - skip};
  int32_t made = find_joined(loader, left, rest);
  if (made < 0) /* it was looked up, so it is spelt out */
    return missing(loader, at, loader->joined, left.length + rest.length);
  loader->last = made;
  loader->made[at] = merges_entry(a, b, (uint32_t)(loader->first + at), made);
  merges_prefetch(loader->merges, &loader->made[at]);
  return 0;
}

/* Have everything near that resolve will look at. */
static void prepare(struct loader *loader) {
  struct half *half = loader->half[0];
  for (size_t i = 0; i < loader->count * 2; i++)
    half[i].guess = vocabulary_guess(loader->vocabulary, half[i].hash);
  for (size_t i = 0; i < loader->count * 2; i++)
    vocabulary_prepare(loader->vocabulary, half[i].guess);
}

static int finish_batch(struct loader *loader) {
  prepare(loader);
  for (size_t i = 0; i < loader->count; i++)
    if (resolve(loader, i) != 0)
      return -1;
  for (size_t i = 0; i < loader->count; i++)
    if (!merges_put(loader->merges, &loader->made[i]))
      return error_oom(loader->reader->err);
  loader->first += loader->count;
  loader->count = 0;
  return 0;
}

static int add_pair(struct loader *loader, struct slice left, struct slice right) {
  struct half *half = loader->half[loader->count++];
  half[0].text = left;
  half[0].hash = vocabulary_hash(loader->vocabulary, left.text, left.length);
  half[1].text = right;
  half[1].hash = vocabulary_hash(loader->vocabulary, right.text, right.length);
  return loader->count == BATCH ? finish_batch(loader) : 0;
}

/* "a b" */
static int add_text(struct loader *loader, struct slice text) {
  const char *space = memchr(text.text, ' ', text.length);
  size_t before = space == NULL ? text.length : (size_t)(space - text.text);
  if (space == NULL || memchr(space + 1, ' ', text.length - before - 1) != NULL)
    return bad_merge(loader);
  return add_pair(loader, (struct slice){text.text, before},
                  (struct slice){space + 1, text.length - before - 1});
}

/* ---- where they come from ---- */

static struct slice string_of(const json_t *json) {
  return (struct slice){json_string_value(json), json_string_length(json)};
}

static int read_tree(struct loader *loader, const json_t *merges) {
  int status = 0;
  for (size_t i = 0; i < json_array_size(merges) && status == 0; i++) {
    const json_t *json = json_array_get(merges, i);
    const json_t *left = json_array_get(json, 0), *right = json_array_get(json, 1);
    if (json_is_string(json))
      status = add_text(loader, string_of(json));
    else if (json_array_size(json) == 2 && json_is_string(left) && json_is_string(right))
      status = add_pair(loader, string_of(left), string_of(right));
    else
      status = bad_merge(loader);
  }
  return status != 0 ? -1 : finish_batch(loader);
}

static int pull_string(struct loader *loader, struct json_pull *pull, char **room,
                       struct slice *out) {
  if (json_pull_peek(pull) != '"')
    return bad_merge(loader);
  if (json_pull_view(pull, *room, &out->text, &out->length) != 0)
    return -1;
  if (out->text == *room)
    *room += out->length + 1;
  return 0;
}

/* ["a", "b"] */
static int pull_pair(struct loader *loader, struct json_pull *pull, char **room) {
  struct slice half[2];
  int status = json_pull_open(pull, '[');
  for (size_t i = 0; i < 2 && status == 0; i++) {
    int more = json_pull_more(pull, ']');
    status =
        more <= 0 ? (more < 0 ? -1 : bad_merge(loader)) : pull_string(loader, pull, room, &half[i]);
  }
  if (status != 0)
    return -1;
  if (json_pull_more(pull, ']') != 0)
    return bad_merge(loader);
  return add_pair(loader, half[0], half[1]);
}

/* A batch's strings lie in the text, or if they have escapes in begin[]. */
static int read_text(struct loader *loader, struct json_pull *pull, char *begin) {
  char *room = begin;
  int more = json_pull_open(pull, '[');
  while (more == 0 && (more = json_pull_more(pull, ']')) > 0) {
    struct slice text;
    if (loader->count == 0)
      room = begin;
    if (json_pull_peek(pull) == '[')
      more = pull_pair(loader, pull, &room);
    else if ((more = pull_string(loader, pull, &room, &text)) == 0)
      more = add_text(loader, text);
  }
  return more != 0 || json_pull_end(pull) != 0 ? -1 : finish_batch(loader);
}

int merges_read(struct merges *merges, const struct vocabulary *vocabulary, struct slice prefix,
                struct reader *reader, const json_t *json) {
  struct json_pull pull;
  bool apart = reader_pull(reader, READER_MERGES, &pull);
  if (apart ? json_pull_peek(&pull) != '[' : !json_is_array(json))
    return reader_error(reader, "model", "`merges` must be an array");
  size_t guess = apart ? vocabulary->count : json_array_size(json);
  char *joined = malloc(vocabulary->longest * 2 + 1);
  int status = joined == NULL || !merges_init(merges, guess) ? error_oom(reader->err) : 0;
  struct loader *loader = malloc(sizeof *loader);
  if (loader == NULL)
    status = error_oom(reader->err);
  if (status == 0) {
    *loader = (struct loader){.vocabulary = vocabulary,
                              .prefix = prefix,
                              .merges = merges,
                              .reader = reader,
                              .joined = joined,
                              .last = -1};
    /* Not reader_room's large pages: next to nothing of it is used. */
    char *room = apart ? malloc(pull.end - pull.at + JSON_PULL_SLACK) : NULL;
    if (apart)
      status = room == NULL ? error_oom(reader->err) : read_text(loader, &pull, room);
    else
      status = read_tree(loader, json);
    free(room);
  }
  free(loader);
  free(joined);
  return status;
}
