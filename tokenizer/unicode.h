/* unicode.h - code points: UTF-8 in and out, and the classes that tokenizers ask for. */
#ifndef TFM_TOKENIZER_UNICODE_H
#define TFM_TOKENIZER_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNICODE_REPLACEMENT = 0xfffd };

struct unicode_range {
  uint32_t first, last;
};

/* Read the code point at text, which must be valid UTF-8 there. */
static inline uint32_t unicode_read(const char *text, size_t *size) {
  const unsigned char *p = (const unsigned char *)text;
  if (p[0] < 0x80) {
    *size = 1;
    return p[0];
  }
  if (p[0] < 0xe0) {
    *size = 2;
    return (uint32_t)(p[0] & 0x1f) << 6 | (uint32_t)(p[1] & 0x3f);
  }
  if (p[0] < 0xf0) {
    *size = 3;
    return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (uint32_t)(p[2] & 0x3f);
  }
  *size = 4;
  return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
         (uint32_t)(p[2] & 0x3f) << 6 | (uint32_t)(p[3] & 0x3f);
}

/* Start of the code point that ends before `at`; valid UTF-8, at > 0. */
static inline size_t unicode_previous(const char *text, size_t at) {
  do
    at--;
  while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80);
  return at;
}

/* Write a scalar value; returns its 1 to 4 bytes. */
size_t unicode_write(uint32_t code, char out[4]);

/* Length of the valid UTF-8 sequence at text (1 to 4), or 0: then *bad is the
 * number of bytes to replace together (the maximal subpart of Unicode 3.9), and
 * *incomplete says that the text ended within a sequence that was right so far. */
size_t unicode_sequence(const char *text, size_t length, size_t *bad, bool *incomplete);
/* Offset of the first byte that is not UTF-8, or length. */
size_t unicode_check(const char *text, size_t length);
size_t unicode_count(const char *text, size_t length); /* code points */

bool unicode_in(uint32_t code, const struct unicode_range *ranges, size_t count);

bool unicode_is_space(uint32_t code); /* White_Space */
bool unicode_is_control(uint32_t code);
bool unicode_is_punctuation(uint32_t code);
bool unicode_is_numeric(uint32_t code);
bool unicode_is_mark(uint32_t code);
bool unicode_is_nonspacing(uint32_t code);
bool unicode_is_chinese(uint32_t code); /* the blocks that BERT sets apart */
/* \w at either end of a match: Alphabetic, M, Nd, Pc, Join_Control. */
bool unicode_is_word(uint32_t code);
/* Younger than PCRE2's tables (young.def). */
bool unicode_is_young(uint32_t code);
bool unicode_is_young_mark(uint32_t code);

/* One or two code points; returns how many. */
size_t unicode_lower(uint32_t code, uint32_t out[2]);
/* Full decomposition, canonical or compatible; returns how many (at most 18). */
enum { UNICODE_DECOMPOSED_MAX = 18 };
size_t unicode_decompose(uint32_t code, bool compatible, uint32_t out[UNICODE_DECOMPOSED_MAX]);
unsigned unicode_combining_class(uint32_t code);
/* The primary composite of a pair, or 0. */
uint32_t unicode_compose(uint32_t first, uint32_t second);

#endif
