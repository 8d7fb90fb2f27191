/* unicode_check.c - is it UTF-8?  64 bytes at a time, for whole files.
 *
 * Each byte is compared with the three before it: it continues a character if and
 * only if one of them begins one that is long enough, and a second byte is in the
 * range of its first (the Unicode Standard, table 3-7).  What is not so, or is at
 * the end, is looked at again one character at a time. */
#include "tokenizer/unicode.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

enum { WORD = 16, BLOCK = 64, BEFORE = 3 };

static inline __m128i load(const char *text) {
  return _mm_loadu_si128((const __m128i *)(const void *)text);
}

static inline __m128i each(int byte) {
  return _mm_set1_epi8((char)byte);
}

/* Second bytes that their first, where it has a range of its own, does not allow;
 * and bytes that are nowhere in UTF-8. */
static inline __m128i out_of_range(__m128i byte, __m128i first) {
  __m128i low = _mm_or_si128(
      _mm_and_si128(_mm_cmpeq_epi8(first, each(0xe0)), _mm_cmplt_epi8(byte, each(0xa0))),
      _mm_and_si128(_mm_cmpeq_epi8(first, each(0xf0)), _mm_cmplt_epi8(byte, each(0x90))));
  __m128i high = _mm_or_si128(
      _mm_and_si128(_mm_cmpeq_epi8(first, each(0xed)), _mm_cmpgt_epi8(byte, each(0x9f))),
      _mm_and_si128(_mm_cmpeq_epi8(first, each(0xf4)), _mm_cmpgt_epi8(byte, each(0x8f))));
  __m128i never = _mm_or_si128(_mm_cmpeq_epi8(_mm_and_si128(byte, each(0xfe)), each(0xc0)),
                               _mm_cmpeq_epi8(_mm_max_epu8(byte, each(0xf5)), byte));
  return _mm_or_si128(_mm_or_si128(low, high), never);
}

/* Bytes that are wrong after the three before them, which are at text - 3 too. */
static inline __m128i wrong_bytes(const char *text) {
  __m128i byte = load(text), first = load(text - 1);
  __m128i wanted = _mm_or_si128(_mm_subs_epu8(first, each(0xbf)),
                                _mm_or_si128(_mm_subs_epu8(load(text - 2), each(0xdf)),
                                             _mm_subs_epu8(load(text - 3), each(0xef))));
  __m128i unwanted = _mm_cmpeq_epi8(wanted, _mm_setzero_si128());
  __m128i continues = _mm_cmplt_epi8(byte, each(0xc0)); /* signed: 0x80 to 0xbf */
  return _mm_or_si128(_mm_cmpeq_epi8(unwanted, continues), out_of_range(byte, first));
}

/* The same for a block: none is wrong. */
static bool is_right(const char *text) {
  __m128i all = load(text - BEFORE), wrong = _mm_setzero_si128();
  for (unsigned i = 0; i < BLOCK; i += WORD)
    all = _mm_or_si128(all, load(text + i));
  if (_mm_movemask_epi8(all) == 0) /* ASCII */
    return true;
  for (unsigned i = 0; i < BLOCK; i += WORD)
    wrong = _mm_or_si128(wrong, wrong_bytes(text + i));
  return _mm_movemask_epi8(wrong) == 0;
}

/* Bytes, whole characters, that are right for sure. */
static size_t skip_right(const char *text, size_t length) {
  char begin[BEFORE + BLOCK] = {0};
  size_t at = BLOCK;
  if (length < BLOCK)
    return 0;
  memcpy(begin + BEFORE, text, BLOCK);
  if (!is_right(begin + BEFORE))
    return 0;
  while (length - at >= BLOCK && is_right(text + at))
    at += BLOCK;
  for (size_t back = 1; back <= BEFORE; back++) /* the last one may go on */
    if (((unsigned char)text[at - back] & 0xc0) != 0x80)
      return at - back;
  return at;
}

#else

static size_t skip_right(const char *text, size_t length) {
  (void)text;
  (void)length;
  return 0;
}

#endif

size_t unicode_check(const char *text, size_t length) {
  size_t bad;
  bool incomplete;
  for (size_t at = skip_right(text, length); at < length;) {
    size_t size = unicode_sequence(text + at, length - at, &bad, &incomplete);
    if (size == 0)
      return at;
    at += size;
  }
  return length;
}
