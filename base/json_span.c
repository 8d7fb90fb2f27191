/* json_span.c - skip values 64 bytes at a time.
 *
 * A block becomes bit masks, as in simdjson (Langdale and Lemire, 2019), with
 * SSE2 or plain 64-bit arithmetic: which bytes are quotes that no backslash escapes,
 * from those which bytes are inside strings (each bit the parity of the quotes
 * before it), and which of the others open or close a bracket.
 *
 *     text     {"a]":[1,"\""]}
 *     quotes   .x..x....x..x..
 *     inside   .xxx.....xxx...
 *     open     x....x.........
 *     close    .............xx   */
#include "base/json_span.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 64 };

#define EACH(byte) ((byte)*UINT64_C(0x0101010101010101))

struct masks {
  uint64_t open, close;
};

/* What one block tells the next. */
struct carry {
  uint64_t inside; /* all ones: the block begins inside a string */
  bool escaped;    /* the block's first byte follows a backslash */
};

/* The bytes that backslashes escape; a backslash that is escaped itself does not. */
static uint64_t escaped_bytes(uint64_t slash, struct carry *carry) {
  uint64_t escaped = carry->escaped ? 1 : 0;
  slash &= ~escaped;
  carry->escaped = false;
  while (slash != 0) {
    int at = __builtin_ctzll(slash);
    if (at == BLOCK - 1) {
      carry->escaped = true;
      break;
    }
    escaped |= UINT64_C(2) << at;
    slash &= ~(UINT64_C(3) << at);
  }
  return escaped;
}

static uint64_t parity_before(uint64_t bits) {
  for (unsigned by = 1; by < BLOCK; by *= 2)
    bits ^= bits << by;
  return bits;
}

/* Which bytes of a block are quotes, backslashes, brackets. */
struct bytes {
  uint64_t quote, slash, open, close;
};

#ifdef __SSE2__

static uint64_t equal_16(__m128i bytes, char byte) {
  return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)));
}

static struct bytes classify(const char *text) {
  struct bytes is = {0, 0, 0, 0};
  for (unsigned i = 0; i < BLOCK; i += 16) {
    __m128i word = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
    __m128i lower = _mm_or_si128(word, _mm_set1_epi8(0x20)); /* '[' | 0x20 is '{' */
    is.quote |= equal_16(word, '"') << i;
    is.slash |= equal_16(word, '\\') << i;
    is.open |= equal_16(lower, '{') << i;
    is.close |= equal_16(lower, '}') << i;
  }
  return is;
}

#else

/* The first byte lowest. */
static uint64_t load(const char *text) {
  uint64_t word;
  memcpy(&word, text, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

/* Eight bits: which bytes of the word are equal to the byte that fills `each`. */
static uint64_t equal(uint64_t word, uint64_t each) {
  uint64_t x = word ^ each;
  uint64_t zero = ~(((x & EACH(0x7f)) + EACH(0x7f)) | x | EACH(0x7f));
  return ((zero >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

static struct bytes classify(const char *text) {
  struct bytes is = {0, 0, 0, 0};
  for (unsigned i = 0; i < BLOCK; i += 8) {
    uint64_t word = load(text + i), lower = word | EACH(0x20);
    is.quote |= equal(word, EACH('"')) << i;
    is.slash |= equal(word, EACH('\\')) << i;
    is.open |= equal(lower, EACH('{')) << i;
    is.close |= equal(lower, EACH('}')) << i;
  }
  return is;
}

#endif

static struct masks read_block(const char *text, struct carry *carry) {
  struct bytes is = classify(text);
  if (is.slash != 0 || carry->escaped)
    is.quote &= ~escaped_bytes(is.slash, carry);
  uint64_t inside = parity_before(is.quote) ^ carry->inside;
  carry->inside = (inside >> 63) != 0 ? UINT64_MAX : 0;
  return (struct masks){is.open & ~inside, is.close & ~inside};
}

size_t json_span_end(const char *text, size_t size, size_t at) {
  struct carry carry = {0, false};
  uint64_t depth = 0;
  for (; at < size; at += BLOCK) {
    char tail[BLOCK];
    const char *block = text + at;
    if (size - at < BLOCK) {
      memset(tail, ' ', sizeof tail);
      memcpy(tail, block, size - at);
      block = tail;
    }
    struct masks masks = read_block(block, &carry);
    if ((masks.open | masks.close) == 0)
      continue;
    uint64_t closing = (uint64_t)__builtin_popcountll(masks.close);
    if (closing < depth) {
      depth += (uint64_t)__builtin_popcountll(masks.open) - closing;
      continue;
    }
    for (uint64_t both = masks.open | masks.close; both != 0; both &= both - 1) {
      bool opens = (masks.open & both & -both) != 0;
      depth = opens ? depth + 1 : depth - 1;
      if (depth == 0)
        return at + (size_t)__builtin_ctzll(both) + 1;
    }
  }
  return 0;
}

/* ---- members of an object ---- */

static size_t skip_space(const char *text, size_t size, size_t at) {
  while (at < size && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
    at++;
  return at;
}

/* The end of the string that begins at text[at]; size if it has none. */
static size_t skip_string(const char *text, size_t size, size_t at) {
  for (at++; at < size; at++)
    if (text[at] == '\\')
      at++;
    else if (text[at] == '"')
      return at + 1;
  return size;
}

static size_t skip_value(const char *text, size_t size, size_t at) {
  if (at < size && (text[at] == '{' || text[at] == '[')) {
    size_t end = json_span_end(text, size, at);
    return end == 0 ? size : end;
  }
  if (at < size && text[at] == '"')
    return skip_string(text, size, at);
  while (at < size && strchr(",}] \t\r\n", text[at]) == NULL)
    at++;
  return at;
}

struct member {
  size_t key, key_end; /* without the quotes; escapes as written */
  size_t value;
};

/* Read `"key":` from at, which is after `{` or after a value; false at the end. */
static bool next_member(const char *text, size_t size, size_t at, struct member *member) {
  at = skip_space(text, size, at);
  if (at < size && text[at] == ',')
    at = skip_space(text, size, at + 1);
  if (at >= size || text[at] != '"')
    return false;
  member->key = at + 1;
  at = skip_string(text, size, at);
  member->key_end = at - 1;
  at = skip_space(text, size, at);
  if (at >= size || text[at] != ':')
    return false;
  member->value = skip_space(text, size, at + 1);
  return member->value < size;
}

static bool is_named(const char *text, const struct member *member, const char *name) {
  size_t length = strlen(name);
  return member->key_end - member->key == length && memcmp(text + member->key, name, length) == 0;
}

static bool opens(char c) {
  return c == '{' || c == '[';
}

/* Note the spans of an object's members; at is after its `{`. */
static void find_members(const char *text, size_t size, size_t at, const char *const *names,
                         struct json_span *spans) {
  struct member member;
  while (next_member(text, size, at, &member)) {
    at = skip_value(text, size, member.value);
    for (size_t i = 0; names[i] != NULL; i++)
      if (spans[i].end == 0 && opens(text[member.value]) && is_named(text, &member, names[i]))
        spans[i] = (struct json_span){member.value, at};
  }
}

void json_span_find(const char *text, size_t size, const char *object, const char *const *names,
                    struct json_span *spans) {
  struct member member;
  for (size_t i = 0; names[i] != NULL; i++)
    spans[i] = (struct json_span){0, 0};
  size_t at = skip_space(text, size, 0);
  if (at >= size || text[at] != '{')
    return;
  for (at++; next_member(text, size, at, &member); at = skip_value(text, size, member.value))
    if (is_named(text, &member, object)) {
      if (text[member.value] == '{')
        find_members(text, size, member.value + 1, names, spans);
      return;
    }
}

/* ---- the rest ---- */

static const char hole[] = "null";
enum { HOLE = sizeof hole - 1 };

static int by_begin(const void *a, const void *b) {
  const struct json_span *x = a, *y = b;
  return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* The text with a hole for each span; its size in *used. */
static char *copy_rest(const char *text, size_t size, const struct json_span *spans, size_t count,
                       size_t *used) {
  size_t from = 0;
  char *rest = malloc(size + count * HOLE + 1);
  *used = 0;
  for (size_t i = 0; i <= count && rest != NULL; i++) {
    size_t until = i < count ? spans[i].begin : size;
    memcpy(rest + *used, text + from, until - from);
    *used += until - from;
    if (i == count)
      break;
    memcpy(rest + *used, hole, HOLE);
    *used += HOLE;
    from = spans[i].end;
  }
  return rest;
}

/* Where rest[at] is in the text. */
static size_t original(const struct json_span *spans, size_t count, size_t at) {
  size_t added = 0, taken = 0;
  for (size_t i = 0; i < count && spans[i].begin < at + taken - added; i++) {
    added += HOLE;
    taken += spans[i].end - spans[i].begin;
  }
  return at + taken - added;
}

int json_parse_without(const char *name, const char *text, size_t size, unsigned max_depth,
                       const struct json_span *spans, size_t count, enum tfm_error_code code,
                       json_t **out, struct tfm_error *err) {
  struct json_span sorted[JSON_SPANS];
  struct json_fault fault;
  size_t kept = 0, used;
  unsigned line, column;
  *out = NULL;
  for (size_t i = 0; i < count && kept < JSON_SPANS; i++)
    if (spans[i].end > spans[i].begin)
      sorted[kept++] = spans[i];
  qsort(sorted, kept, sizeof sorted[0], by_begin);
  char *rest = copy_rest(text, size, sorted, kept, &used);
  if (rest == NULL)
    return error_oom(err);
  *out = json_load_strict(rest, used, max_depth, &fault);
  free(rest);
  if (*out != NULL)
    return 0;
  if (fault.memory)
    return error_oom(err);
  json_place(text, original(sorted, kept, fault.at), &line, &column);
  return error_set(err, code, "%s:%u:%u: %s", name, line, column, fault.text);
}
