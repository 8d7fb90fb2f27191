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

#include "base/json_tree.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 64 };

/* All of it is compiled twice, see find_end. */
#define INLINE static inline __attribute__((always_inline))

#define EACH(byte) ((byte)*UINT64_C(0x0101010101010101))

struct masks {
  uint64_t open, close; /* brackets */
  uint64_t quote;
};

/* What one block tells the next. */
struct carry {
  uint64_t inside; /* all ones: the block begins inside a string */
  bool escaped;    /* the block's first byte follows a backslash */
};

/* The bytes that backslashes escape; a backslash that is escaped itself does not. */
INLINE uint64_t escaped_bytes(uint64_t slash, struct carry *carry) {
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

INLINE uint64_t parity_before(uint64_t bits) {
  for (unsigned by = 1; by < BLOCK; by *= 2)
    bits ^= bits << by;
  return bits;
}

/* Which bytes of a block are quotes, backslashes, brackets. */
struct bytes {
  uint64_t quote, slash, open, close;
};

#ifdef __SSE2__

enum { WORD = 16, WORDS = BLOCK / WORD };

INLINE __m128i equal(__m128i bytes, char byte) {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte));
}

/* A bit a byte; none is what most are of. */
INLINE uint64_t join(const __m128i *word) {
  uint64_t bits = 0;
  for (unsigned i = 0; i < WORDS; i++)
    bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(word[i]) << WORD * i;
  return bits;
}

INLINE bool has_any(const __m128i *word) {
  __m128i any = _mm_or_si128(_mm_or_si128(word[0], word[1]), _mm_or_si128(word[2], word[3]));
  return _mm_movemask_epi8(any) != 0;
}

INLINE struct bytes classes_of(const char *text) {
  __m128i quote[WORDS], slash[WORDS], open[WORDS], close[WORDS];
  for (unsigned i = 0; i < WORDS; i++) {
    __m128i word = _mm_loadu_si128((const __m128i *)(const void *)(text + WORD * i));
    __m128i lower = _mm_or_si128(word, _mm_set1_epi8(0x20)); /* '[' | 0x20 is '{' */
    quote[i] = equal(word, '"');
    slash[i] = equal(word, '\\');
    open[i] = equal(lower, '{');
    close[i] = equal(lower, '}');
  }
  return (struct bytes){join(quote), has_any(slash) ? join(slash) : 0,
                        has_any(open) ? join(open) : 0, has_any(close) ? join(close) : 0};
}

#else

/* The first byte lowest. */
INLINE uint64_t load(const char *text) {
  uint64_t word;
  memcpy(&word, text, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

/* Eight bits: which bytes of the word are equal to the byte that fills `each`. */
INLINE uint64_t equal(uint64_t word, uint64_t each) {
  uint64_t x = word ^ each;
  uint64_t zero = ~(((x & EACH(0x7f)) + EACH(0x7f)) | x | EACH(0x7f));
  return ((zero >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

INLINE struct bytes classes_of(const char *text) {
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

INLINE struct masks read_block(const char *text, struct carry *carry) {
  struct bytes is = classes_of(text);
  if (is.slash != 0 || carry->escaped)
    is.quote &= ~escaped_bytes(is.slash, carry);
  if ((is.open | is.close) == 0) { /* then where strings are does not matter */
    carry->inside ^= (uint64_t)0 - (uint64_t)(__builtin_popcountll(is.quote) & 1);
    return (struct masks){0, 0, is.quote};
  }
  uint64_t inside = parity_before(is.quote) ^ carry->inside;
  carry->inside = (inside >> 63) != 0 ? UINT64_MAX : 0;
  return (struct masks){is.open & ~inside, is.close & ~inside, is.quote};
}

/* The bit of the bracket that ends the span, if this block has it; 0 and the new
 * depth if it goes on. */
INLINE uint64_t closing_bit(struct masks masks, uint64_t *depth) {
  uint64_t closing = (uint64_t)__builtin_popcountll(masks.close);
  if (closing < *depth) {
    *depth += (uint64_t)__builtin_popcountll(masks.open) - closing;
    return 0;
  }
  for (uint64_t both = masks.open | masks.close; both != 0; both &= both - 1) {
    uint64_t bit = both & -both;
    *depth = (masks.open & bit) != 0 ? *depth + 1 : *depth - 1;
    if (*depth == 0)
      return bit;
  }
  return 0;
}

/* The end of the array or object that begins at text[at], 0 if it has none, and how
 * many quotes it has. */
INLINE size_t find_end(const char *text, size_t size, size_t at, size_t *quotes) {
  struct carry carry = {0, false};
  uint64_t depth = 0;
  *quotes = 0;
  for (; at < size; at += BLOCK) {
    char tail[BLOCK];
    const char *block = text + at;
    if (size - at < BLOCK) {
      memset(tail, ' ', sizeof tail);
      memcpy(tail, block, size - at);
      block = tail;
    }
    struct masks masks = read_block(block, &carry);
    uint64_t bit = (masks.open | masks.close) == 0 ? 0 : closing_bit(masks, &depth);
    if (bit != 0)
      masks.quote &= bit - 1;
    *quotes += (size_t)__builtin_popcountll(masks.quote);
    if (bit != 0)
      return at + (size_t)__builtin_ctzll(bit) + 1;
  }
  return 0;
}

#ifdef __x86_64__

/* What counts is the instruction that counts bits. */
__attribute__((target("avx2,popcnt"))) static size_t find_end_avx2(const char *text, size_t size,
                                                                   size_t at, size_t *quotes) {
  return find_end(text, size, at, quotes);
}

static size_t span_end(const char *text, size_t size, size_t at, size_t *quotes) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")
             ? find_end_avx2(text, size, at, quotes)
             : find_end(text, size, at, quotes);
}

#else

static size_t span_end(const char *text, size_t size, size_t at, size_t *quotes) {
  return find_end(text, size, at, quotes);
}

#endif

size_t json_span_end(const char *text, size_t size, size_t at) {
  size_t quotes;
  return span_end(text, size, at, &quotes);
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

/* *quotes: how many an array or object has. */
static size_t skip_value(const char *text, size_t size, size_t at, size_t *quotes) {
  if (at < size && (text[at] == '{' || text[at] == '[')) {
    size_t end = span_end(text, size, at, quotes);
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
  size_t quotes;
  while (next_member(text, size, at, &member)) {
    at = skip_value(text, size, member.value, &quotes);
    for (size_t i = 0; names[i] != NULL; i++)
      if (spans[i].end == 0 && opens(text[member.value]) && is_named(text, &member, names[i]))
        spans[i] = (struct json_span){member.value, at, quotes / 2};
  }
}

void json_span_find(const char *text, size_t size, const char *object, const char *const *names,
                    struct json_span *spans) {
  struct member member;
  size_t quotes;
  for (size_t i = 0; names[i] != NULL; i++)
    spans[i] = (struct json_span){0, 0, 0};
  size_t at = skip_space(text, size, 0);
  if (at >= size || text[at] != '{')
    return;
  for (at++; next_member(text, size, at, &member);
       at = skip_value(text, size, member.value, &quotes))
    if (is_named(text, &member, object)) {
      if (text[member.value] == '{')
        find_members(text, size, member.value + 1, names, spans);
      return;
    }
}

/* ---- the rest ---- */

int json_parse_without(const char *name, const char *text, size_t size, unsigned max_depth,
                       const struct json_span *spans, size_t count, enum tfm_error_code code,
                       json_t **out, struct tfm_error *err) {
  struct json_pull pull = {.name = name, .text = text, .end = size, .code = code, .err = err};
  return json_tree_read(&pull, max_depth, spans, count, out);
}
