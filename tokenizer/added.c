/* added.c - the leftmost, then longest, added token at each place. */
#include "tokenizer/added.h"

#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_TOKENS = 32 };

static const char *const fields[] = {"id",     "content",    "single_word", "lstrip",
                                     "rstrip", "normalized", "special",     NULL};

void added_init(struct added *added) {
  *added = (struct added){0};
  map_init(&added->by_content);
  trie_init(&added->raw);
  trie_init(&added->normalized);
}

void added_finish(struct added *added) {
  free(added->token);
  free(added->by_id);
  map_finish(&added->by_content);
  trie_finish(&added->raw);
  trie_finish(&added->normalized);
}

const struct added_token *added_by_id(const struct added *added, int32_t id) {
  if (id < 0 || (size_t)id >= added->ids || added->by_id[id] < 0)
    return NULL;
  return &added->token[added->by_id[id]];
}

const struct added_token *added_by_text(const struct added *added, const char *text,
                                        size_t length) {
  const struct map_entry *entry = map_find(&added->by_content, text, length);
  return entry == NULL ? NULL : &added->token[entry->value.number];
}

/* ---- loading ---- */

static int read_token(struct reader *reader, const char *place, const json_t *json,
                      struct added_token *token) {
  *token = (struct added_token){.id = -1, .normalized = true};
  if (reader_object(reader, place, json, fields) != 0 ||
      reader_need_text(reader, place, json, "content", &token->content) != 0 ||
      reader_bool(reader, place, json, "special", &token->special) != 0)
    return -1;
  token->normalized = !token->special;
  if (reader_bool(reader, place, json, "single_word", &token->single_word) != 0 ||
      reader_bool(reader, place, json, "lstrip", &token->lstrip) != 0 ||
      reader_bool(reader, place, json, "rstrip", &token->rstrip) != 0 ||
      reader_bool(reader, place, json, "normalized", &token->normalized) != 0)
    return -1;
  if (token->content.length > ADDED_TOKEN_LIMIT)
    return reader_error(reader, place, "an added token of %zu bytes (at most %d)",
                        token->content.length, ADDED_TOKEN_LIMIT);
  token->shown = token->content;
  return 0;
}

/* The token's text as the normalizer leaves it. */
static int normalize(struct reader *reader, const struct component *normalizer,
                     struct added_token *token) {
  struct pieces pieces;
  struct matcher *matcher = NULL;
  pieces_init(&pieces);
  pieces_start(&pieces, token->content.text, token->content.length);
  int status = normalizer_apply(normalizer, &pieces, &matcher, reader->err);
  if (status == 0)
    status = pieces_status(&pieces, reader->err);
  if (status == 0)
    status = reader_copy(reader, pieces.now.length > 0 ? pieces.now.bytes : "", pieces.now.length,
                         &token->shown);
  matcher_destroy(matcher);
  pieces_finish(&pieces);
  return status;
}

/* The token's slot: its own if the content is there already, else a new one. */
static int store(struct added *added, struct reader *reader, const char *place,
                 const struct model *model, size_t *next, struct added_token token) {
  struct map_entry *entry = map_find(&added->by_content, token.content.text, token.content.length);
  if (entry != NULL) {
    token.id = added->token[entry->value.number].id;
    token.special = token.special || added->token[entry->value.number].special;
    added->token[entry->value.number] = token;
    return 0;
  }
  token.id = vocabulary_find(&model->vocabulary, token.content.text, token.content.length);
  if (token.id < 0) {
    if (*next >= READER_VOCABULARY_LIMIT)
      return reader_error(reader, place, "more than %d tokens", READER_VOCABULARY_LIMIT);
    token.id = (int32_t)(*next)++;
  }
  if (added->count == added->capacity) {
    size_t capacity = added->capacity == 0 ? FIRST_TOKENS : added->capacity * 2;
    struct added_token *grown = realloc(added->token, capacity * sizeof *grown);
    if (grown == NULL)
      return error_oom(reader->err);
    added->token = grown;
    added->capacity = capacity;
  }
  entry = map_insert(&added->by_content, token.content.text, token.content.length, NULL);
  if (entry == NULL)
    return error_oom(reader->err);
  entry->value.number = (int64_t)added->count;
  added->token[added->count++] = token;
  return 0;
}

static int index_token(struct added *added, struct reader *reader, size_t at) {
  const struct added_token *token = &added->token[at];
  const char *place = reader_place(reader, "added_tokens: `%.64s`", token->content.text);
  struct trie *trie = token->normalized ? &added->normalized : &added->raw;
  if (token->shown.length == 0)
    return reader_error(reader, place, "nothing is left of it when it is normalized");
  int status = trie_add(trie, token->shown.text, token->shown.length, (int32_t)at);
  if (status < 0)
    return error_oom(reader->err);
  if (status == 0)
    return reader_error(reader, place, "another one looks the same when it is normalized");
  added->by_id[token->id] = (int32_t)at;
  return 0;
}

static int index_all(struct added *added, struct reader *reader) {
  for (size_t i = 0; i < added->count; i++)
    if ((size_t)added->token[i].id >= added->ids)
      added->ids = (size_t)added->token[i].id + 1;
  added->by_id = malloc((added->ids + 1) * sizeof *added->by_id);
  if (added->by_id == NULL)
    return error_oom(reader->err);
  for (size_t i = 0; i < added->ids; i++)
    added->by_id[i] = -1;
  for (size_t i = 0; i < added->count; i++)
    if (index_token(added, reader, i) != 0)
      return -1;
  return 0;
}

int added_load(struct added *added, struct reader *reader, const json_t *json,
               const struct model *model, const struct component *normalizer) {
  size_t next = model->vocabulary.count;
  if (json == NULL || json_is_null(json))
    return 0;
  if (!json_is_array(json))
    return reader_error(reader, "added_tokens", "expected an array");
  for (size_t i = 0; i < json_array_size(json); i++) {
    const char *place = reader_place(reader, "added_tokens[%zu]", i);
    struct added_token token;
    if (read_token(reader, place, json_array_get(json, i), &token) != 0)
      return -1;
    if (token.content.length == 0)
      continue;
    if (token.normalized && normalizer != NULL && normalize(reader, normalizer, &token) != 0)
      return -1;
    if (store(added, reader, place, model, &next, token) != 0)
      return -1;
  }
  return index_all(added, reader);
}

/* ---- finding ---- */

struct search {
  const struct added *added;
  const struct trie *trie;
  bool plain;
};

/* The longest token from text; its index, or -1. */
static int32_t longest(const struct trie *trie, const char *text, size_t length, size_t *size) {
  uint32_t node = TRIE_ROOT;
  int32_t found = -1;
  for (size_t i = 0; i < length; i++) {
    node = trie_step(trie, node, text[i]);
    if (node == TRIE_NONE)
      break;
    if (trie_number(trie, node) >= 0) {
      found = trie_number(trie, node);
      *size = i + 1;
    }
  }
  return found;
}

static bool alone(const char *text, size_t length, size_t begin, size_t end) {
  size_t size;
  if (begin > 0 && unicode_is_word(unicode_read(text + unicode_previous(text, begin), &size)))
    return false;
  return end == length || !unicode_is_word(unicode_read(text + end, &size));
}

static size_t spaces_before(const char *text, size_t at, size_t least) {
  size_t size;
  while (at > least) {
    size_t last = unicode_previous(text, at);
    if (last < least || !unicode_is_space(unicode_read(text + last, &size)))
      break;
    at = last;
  }
  return at;
}

static size_t spaces_after(const char *text, size_t at, size_t length) {
  size_t size;
  while (at < length && unicode_is_space(unicode_read(text + at, &size)))
    at += size;
  return at;
}

/* Spaces after a token.  Tokens may be found in the spaces of the one before (then
 * they overlap, as in the reference): those are not counted again. */
static size_t strip_after(const char *text, size_t at, size_t length, size_t *spaces) {
  if (at > *spaces)
    *spaces = spaces_after(text, at, length);
  return *spaces;
}

static int find_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                      struct tfm_error *err) {
  const struct search *search = self;
  const char *text = pieces_bytes(pieces, piece);
  size_t length = piece->end - piece->begin, done = 0, spaces = 0, size;
  (void)err;
  for (size_t at = 0; at < length;) {
    int32_t index = longest(search->trie, text + at, length - at, &size);
    if (index < 0) {
      at++;
      continue;
    }
    const struct added_token *token = &search->added->token[index];
    size_t begin = at, end = at + size;
    at = end;
    if ((search->plain && token->special) ||
        (token->single_word && !alone(text, length, begin, end)))
      continue;
    if (token->lstrip && begin > done)
      begin = spaces_before(text, begin, done);
    if (token->rstrip)
      end = strip_after(text, end, length, &spaces);
    if (done < begin)
      pieces_cut(pieces, piece->begin + done, piece->begin + begin, -1);
    pieces_cut(pieces, piece->begin + begin, piece->begin + end, token->id);
    done = end;
  }
  if (done != length)
    pieces_cut(pieces, piece->begin + done, piece->end, -1);
  return 0;
}

int added_extract(const struct added *added, const struct component *normalizer, bool plain,
                  struct pieces *pieces, struct matcher **matcher, struct tfm_error *err) {
  struct search search = {added, &added->raw, plain};
  if (pieces_split(pieces, find_piece, &search, err) != 0 ||
      normalizer_apply(normalizer, pieces, matcher, err) != 0)
    return -1;
  search.trie = &added->normalized;
  return pieces_split(pieces, find_piece, &search, err);
}
