/* tokenizer.c - the pipeline itself, there and back. */
#include "tokenizer/tokenizer.h"

#include "tokenizer/internal.h"
#include "tokenizer/unicode.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_LIMIT = 4 * 1024 * 1024 };

/* What one call works with. */
struct work {
  const struct tokenizer *tokenizer;
  struct pieces pieces[2]; /* the text's and the pair's: items point into them */
  struct matcher *matcher;
  struct model_scratch scratch;
  struct arena arena;
  struct tfm_error *err;
};

/* A call takes the last one's buffers if no other thread has them, and leaves its
 * own for the next: nobody waits, and a tokenizer stays the same to its users. */
struct spare {
  _Atomic(struct work *) work;
};

static void work_destroy(struct work *work) {
  if (work == NULL)
    return;
  pieces_finish(&work->pieces[0]);
  pieces_finish(&work->pieces[1]);
  matcher_destroy(work->matcher);
  model_scratch_finish(&work->scratch);
  free(work);
}

struct spare *spare_create(void) {
  return calloc(1, sizeof(struct spare));
}

void spare_destroy(struct spare *spare) {
  if (spare != NULL)
    work_destroy(atomic_load(&spare->work));
  free(spare);
}

static struct work *work_take(const struct tokenizer *tokenizer, struct tfm_error *err) {
  struct work *work = atomic_exchange(&tokenizer->spare->work, NULL);
  if (work == NULL)
    work = calloc(1, sizeof *work);
  if (work == NULL) {
    error_oom(err);
    return NULL;
  }
  work->tokenizer = tokenizer;
  work->err = err;
  arena_init(&work->arena, 0);
  return work;
}

/* Buffers that a long text made large, or that failed, are not kept. */
static void work_return(struct work *work) {
  size_t held = work->scratch.size + work->scratch.capacity * sizeof(struct token);
  for (size_t i = 0; i < 2; i++)
    held += work->pieces[i].now.capacity + work->pieces[i].next.capacity;
  bool failed = work->pieces[0].failed || work->pieces[0].toolong || work->pieces[1].failed ||
                work->pieces[1].toolong;
  arena_finish(&work->arena);
  if (failed || held > KEPT_LIMIT)
    work_destroy(work);
  else
    work_destroy(atomic_exchange(&work->tokenizer->spare->work, work));
}

/* A token of a piece, placed in the original.  One of no bytes, as a prefix spelt in
 * bytes, has the place of the character that it was put to: the one that follows, or
 * at the end the last. */
static struct item place(const struct pieces *pieces, const struct piece *piece, int32_t word,
                         uint8_t sequence, struct token token) {
  size_t begin = piece->begin + token.begin, end = piece->begin + token.end;
  if (begin == end && begin < piece->end)
    end++;
  else if (begin == end)
    begin--;
  return (struct item){.id = token.id,
                       .type = sequence,
                       .word = word,
                       .value = token.value,
                       .sequence = sequence,
                       .begin = pieces_align(pieces, begin).begin,
                       .end = pieces_align(pieces, end - 1).end};
}

/* No token may be of bytes that its piece does not have, or lie outside the text:
 * callers read the text by these places. */
static int check_token(const struct piece *piece, struct token token, struct tfm_error *err) {
  if (token.begin <= token.end && token.end <= piece->end - piece->begin)
    return 0;
  return error_set(err, TFM_ERROR_TOKENIZER,
                   "token %d is said to be bytes %zu to %zu of a piece of %zu", (int)token.id,
                   token.begin, token.end, piece->end - piece->begin);
}

static int check_item(const struct item *item, size_t length, struct tfm_error *err) {
  if (item->begin <= item->end && item->end <= length)
    return 0;
  return error_set(err, TFM_ERROR_TOKENIZER,
                   "token %d is said to be bytes %u to %u of a text of %zu", (int)item->id,
                   (unsigned)item->begin, (unsigned)item->end, length);
}

/* The tokens of one piece, placed, to item. */
static int place_tokens(struct work *work, uint8_t sequence, size_t word, const struct token *token,
                        size_t count, size_t length, struct item *item) {
  const struct pieces *pieces = &work->pieces[sequence];
  const struct piece *piece = &pieces->list.item[word];
  for (size_t i = 0; i < count; i++) {
    if (check_token(piece, token[i], work->err) != 0)
      return -1;
    item[i] = place(pieces, piece, (int32_t)word, sequence, token[i]);
    if (check_item(&item[i], length, work->err) != 0)
      return -1;
  }
  return 0;
}

/* Run the model over every piece; its tokens' places follow from where they start. */
static int tokenize_pieces(struct work *work, uint8_t sequence, size_t length,
                           struct segment *out) {
  const struct pieces *pieces = &work->pieces[sequence];
  const struct model *model = &work->tokenizer->model;
  struct model_scratch *scratch = &work->scratch;
  size_t *first = arena_array(&work->arena, pieces->list.count + 1, sizeof *first);
  if (first == NULL)
    return error_oom(work->err);
  scratch->count = 0;
  for (size_t i = 0; i < pieces->list.count; i++) {
    const struct piece *piece = &pieces->list.item[i];
    struct slice text = {pieces_bytes(pieces, piece), piece->end - piece->begin};
    first[i] = scratch->count;
    int status =
        piece->id >= 0
            ? model_push(scratch, (struct token){piece->id, 0, text.length, text}, work->err)
            : model->type->tokenize(model, scratch, text.text, text.length, work->err);
    if (status != 0)
      return -1;
  }
  first[pieces->list.count] = scratch->count;
  out->count = scratch->count;
  out->item = arena_array(&work->arena, out->count, sizeof *out->item);
  if (out->item == NULL)
    return error_oom(work->err);
  for (size_t i = 0; i < pieces->list.count; i++)
    if (first[i] < first[i + 1] &&
        place_tokens(work, sequence, i, scratch->token + first[i], first[i + 1] - first[i], length,
                     out->item + first[i]) != 0)
      return -1;
  return 0;
}

static int encode_text(struct work *work, uint8_t sequence, const char *text, size_t length,
                       bool plain, struct segment *out) {
  const struct tokenizer *tokenizer = work->tokenizer;
  struct pieces *pieces = &work->pieces[sequence];
  size_t valid = unicode_check(text, length);
  if (valid != length)
    return error_set(work->err, TFM_ERROR_USAGE, "the %s is not UTF-8 at byte %zu",
                     sequence == 0 ? "text" : "second text", valid);
  pieces_start(pieces, text, length);
  matcher_reset(work->matcher);
  if (pieces_status(pieces, work->err) != 0 ||
      added_extract(&tokenizer->added, tokenizer->normalizer, plain, pieces, &work->matcher,
                    work->err) != 0 ||
      pre_tokenizer_apply(tokenizer->pre_tokenizer, pieces, &work->matcher, work->err) != 0)
    return -1;
  return tokenize_pieces(work, sequence, length, out);
}

/* All arrays in one block, the widest first: begin is where it begins. */
static int make_room(struct encoding *out, size_t count) {
  size_t room = count > 0 ? count : 1;
  size_t each = 2 * sizeof(size_t) + 3 * sizeof(int32_t) + 2;
  char *block = malloc(room * each); /* count is of items that are in memory already */
  if (block == NULL)
    return -1;
  out->count = count;
  out->begin = (size_t *)(void *)block;
  out->end = out->begin + room;
  out->ids = (int32_t *)(void *)(out->end + room);
  out->types = out->ids + room;
  out->word = out->types + room;
  out->special = (uint8_t *)(out->word + room);
  out->sequence = out->special + room;
  return 0;
}

static int make_encoding(const struct encoded *encoded, struct encoding *out,
                         struct tfm_error *err) {
  size_t count = 0, at = 0;
  for (size_t s = 0; s < encoded->count; s++)
    count += encoded->segment[s].count;
  if (make_room(out, count) != 0)
    return error_oom(err);
  for (size_t s = 0; s < encoded->count; s++)
    for (size_t i = 0; i < encoded->segment[s].count; i++, at++) {
      const struct item *item = &encoded->segment[s].item[i];
      out->ids[at] = item->id;
      out->types[at] = item->type;
      out->begin[at] = item->begin;
      out->end[at] = item->end;
      out->special[at] = item->special;
      out->sequence[at] = item->sequence;
      out->word[at] = item->word;
    }
  return 0;
}

/* Truncate, as flags say; *truncated is how many tokens went. */
static int truncate_texts(const struct tokenizer *tokenizer, const struct encode_request *request,
                          struct encoded *encoded, size_t *truncated, struct tfm_error *err) {
  const struct limits *limits = &tokenizer->limits;
  size_t added = encoded->add_special
                     ? post_processor_added(tokenizer->post_processor, request->pair != NULL)
                     : 0;
  size_t before = 0, after = 0;
  int status = 0;
  for (size_t s = 0; s < encoded->count; s++)
    before += encoded->segment[s].count;
  if ((request->flags & ENCODE_TRUNCATE) != 0)
    status = limits_truncate_to(limits, encoded, added, request->most, err);
  else if ((request->flags & ENCODE_LIMITS) != 0)
    status = limits_truncate(limits, encoded, added, err);
  for (size_t s = 0; s < encoded->count; s++)
    after += encoded->segment[s].count;
  *truncated = before - after;
  return status;
}

static bool has_component(const struct component *list, const char *name) {
  for (; list != NULL; list = list->next)
    if (strcmp(list->type->name, name) == 0)
      return true;
  return false;
}

/* More text is never fewer tokens, but for some at the end: no pattern of the file's own may
 * reach over all of it and take it away. */
static bool only_grows(const struct tokenizer *tokenizer) {
  return !has_component(tokenizer->normalizer, "Replace") &&
         !has_component(tokenizer->pre_tokenizer, "Split");
}

/* The beginning of a text that is far longer than so many tokens are: -1 if it alone has too
 * many, so that the rest is not gone through to be refused. */
static int try_beginning(struct work *work, uint8_t sequence, const char *text, size_t length,
                         bool plain, struct segment *out) {
  enum { BYTES = 16, TIMES = 4 }; /* of a token; what is far longer */
  size_t stop = work->scratch.stop, part;
  if (stop > length || length / (BYTES * TIMES) < stop || !only_grows(work->tokenizer))
    return 0;
  for (part = stop * BYTES; part > 0 && ((unsigned char)text[part] & 0xc0u) == 0x80; part--)
    ;
  return encode_text(work, sequence, text, part, plain, out);
}

/* The texts to segments, then what is put around them. */
static int encode_all(struct work *work, const struct encode_request *request,
                      struct encoded *encoded, size_t *truncated) {
  const struct tokenizer *tokenizer = work->tokenizer;
  struct tfm_error *err = work->err;
  bool plain = tokenizer->plain || (request->flags & ENCODE_PLAIN) != 0;
  /* A template may leave a text out: its tokens are then no measure. */
  bool stops =
      request->stop > 0 && post_processor_keeps(tokenizer->post_processor, request->pair != NULL);
  work->scratch.stop = stops ? request->stop : SIZE_MAX;
  work->scratch.stopped = false;
  const char *text[] = {request->text, request->pair};
  const size_t length[] = {request->length, request->pair_length};
  for (uint8_t s = 0; s < encoded->count; s++)
    if (try_beginning(work, s, text[s], length[s], plain, &encoded->segment[s]) != 0 ||
        encode_text(work, s, text[s], length[s], plain, &encoded->segment[s]) != 0)
      return -1;
  if (truncate_texts(tokenizer, request, encoded, truncated, err) != 0 ||
      post_processor_apply(tokenizer->post_processor, encoded, err) != 0)
    return -1;
  return (request->flags & ENCODE_LIMITS) != 0 ? limits_pad(&tokenizer->limits, encoded, err) : 0;
}

int tokenizer_encode_request(const struct tokenizer *tokenizer,
                             const struct encode_request *request, struct encoding *out,
                             struct tfm_error *err) {
  memset(out, 0, sizeof *out);
  struct work *work = work_take(tokenizer, err);
  if (work == NULL)
    return -1;
  struct segment segment[2];
  struct encoded encoded = {segment,
                            request->pair == NULL ? 1 : 2,
                            {request->text, request->pair},
                            request->length + (request->pair == NULL ? 0 : request->pair_length),
                            (request->flags & ENCODE_SPECIAL) != 0,
                            &work->arena};
  size_t truncated = 0;
  int status = encode_all(work, request, &encoded, &truncated);
  if (status == 0)
    status = make_encoding(&encoded, out, err);
  if (status == 0 && tokenizer->types == TOKENIZER_TYPES_NONE)
    memset(out->types, 0, out->count * sizeof *out->types);
  if (status != 0)
    encoding_finish(out);
  else
    out->truncated = truncated;
  out->stopped = work->scratch.stopped;
  work_return(work);
  return status;
}

int tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                     const char *pair, size_t pair_length, unsigned flags, struct encoding *out,
                     struct tfm_error *err) {
  const struct encode_request request = {
      .text = text, .pair = pair, .length = length, .pair_length = pair_length, .flags = flags};
  return tokenizer_encode_request(tokenizer, &request, out, err);
}

const char *tokenizer_notice(const struct tokenizer *tokenizer) {
  return tokenizer->notice;
}

enum tokenizer_types tokenizer_types(const struct tokenizer *tokenizer) {
  return tokenizer->types;
}

bool tokenizer_cuts_left(const struct tokenizer *tokenizer) {
  return tokenizer->limits.side_left;
}

bool tokenizer_pads_left(const struct tokenizer *tokenizer) {
  return tokenizer->pads_left;
}

size_t tokenizer_longest(const struct tokenizer *tokenizer) {
  return tokenizer->longest;
}

static void copy_token(const struct encoding *from, size_t i, struct encoding *to, size_t at) {
  to->ids[at] = from->ids[i];
  to->types[at] = from->types[i];
  to->begin[at] = from->begin[i];
  to->end[at] = from->end[i];
  to->special[at] = from->special[i];
  to->sequence[at] = from->sequence[i];
  to->word[at] = from->word[i];
}

int encoding_window(const struct encoding *whole, size_t first, size_t last, size_t begin,
                    size_t end, struct encoding *out, struct tfm_error *err) {
  size_t at = 0;
  *out = (struct encoding){0};
  if (make_room(out, whole->count - (last - first) + (end - begin)) != 0)
    return error_oom(err);
  for (size_t i = 0; i < whole->count; i++)
    if (i < first || i >= last || (i >= begin && i < end))
      copy_token(whole, i, out, at++);
  return 0;
}

void encoding_finish(struct encoding *encoding) {
  free(encoding->begin);
  memset(encoding, 0, sizeof *encoding);
}

/* ---- the vocabulary ---- */

size_t tokenizer_vocabulary(const struct tokenizer *tokenizer) {
  size_t model = tokenizer->model.vocabulary.size;
  return tokenizer->added.ids > model ? tokenizer->added.ids : model;
}

int32_t tokenizer_id(const struct tokenizer *tokenizer, const char *token) {
  size_t length = strlen(token);
  const struct added_token *added = added_by_text(&tokenizer->added, token, length);
  return added != NULL ? added->id : vocabulary_find(&tokenizer->model.vocabulary, token, length);
}

const char *tokenizer_token(const struct tokenizer *tokenizer, int32_t id) {
  const struct added_token *added = added_by_id(&tokenizer->added, id);
  if (added != NULL)
    return added->content.text;
  const struct slice *token = vocabulary_token(&tokenizer->model.vocabulary, id);
  return token == NULL ? NULL : token->text;
}

bool tokenizer_only_named(const struct tokenizer *tokenizer, int32_t id) {
  const struct added_token *added = added_by_id(&tokenizer->added, id);
  return added != NULL && (size_t)(added - tokenizer->added.token) >= tokenizer->listed;
}

const struct tokenizer_roles *tokenizer_roles(const struct tokenizer *tokenizer) {
  return &tokenizer->roles;
}

/* What the decoder is given for an id; .text NULL if there is nothing. */
static struct slice shown(const struct tokenizer *tokenizer, int32_t id) {
  const struct added_token *added = added_by_id(&tokenizer->added, id);
  if (added != NULL)
    return added->shown;
  const struct slice *token = vocabulary_token(&tokenizer->model.vocabulary, id);
  return token == NULL ? (struct slice){NULL, 0} : *token;
}

bool tokenizer_marks_pieces(const struct tokenizer *tokenizer) {
  return tokenizer->model.marks_pieces;
}

/* By the text that it shows, as the reference has it: a special token that the
 * normalizer changes is none. */
bool tokenizer_is_special(const struct tokenizer *tokenizer, int32_t id) {
  if (added_by_id(&tokenizer->added, id) == NULL)
    return false;
  struct slice text = shown(tokenizer, id);
  const struct added_token *added =
      text.text == NULL ? NULL : added_by_text(&tokenizer->added, text.text, text.length);
  return added != NULL && added->special;
}

/* ---- and back ---- */

struct token_stream {
  const struct tokenizer *tokenizer;
  struct decoding decoding;
  bool skip_special;
};

int token_stream_create(const struct tokenizer *tokenizer, bool continues, bool skip_special,
                        struct token_stream **out, struct tfm_error *err) {
  *out = NULL;
  struct token_stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL)
    return error_oom(err);
  stream->tokenizer = tokenizer;
  stream->skip_special = skip_special;
  if (decoding_init(&stream->decoding, tokenizer->decoder, continues, err) != 0) {
    free(stream);
    return -1;
  }
  *out = stream;
  return 0;
}

int token_stream_push(struct token_stream *stream, int32_t id, struct buffer *out,
                      struct tfm_error *err) {
  struct slice text = shown(stream->tokenizer, id);
  if (text.text == NULL || (stream->skip_special && tokenizer_is_special(stream->tokenizer, id)))
    return 0;
  return decoding_push(&stream->decoding, text, out, err);
}

int token_stream_finish(struct token_stream *stream, struct buffer *out, struct tfm_error *err) {
  return decoding_finish(&stream->decoding, out, err);
}

void token_stream_destroy(struct token_stream *stream) {
  if (stream == NULL)
    return;
  decoding_free(&stream->decoding);
  free(stream);
}

int tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count,
                     bool skip_special, struct buffer *out, struct tfm_error *err) {
  struct token_stream *stream;
  if (token_stream_create(tokenizer, false, skip_special, &stream, err) != 0)
    return -1;
  int status = 0;
  for (size_t i = 0; i < count && status == 0; i++)
    status = token_stream_push(stream, ids[i], out, err);
  if (status == 0)
    status = token_stream_finish(stream, out, err);
  token_stream_destroy(stream);
  return status;
}
