/* hash.h - a quick hash of short strings, with a secret.
 *
 * Each word is mixed in by exclusive or and multiplication with an odd secret:
 * one to one for a word, so strings that collide cannot be made without the
 * secret.  The upper bits are the good ones. */
#ifndef TFM_BASE_HASH_H
#define TFM_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_secret {
  uint64_t seed, factor; /* factor is odd */
};

/* From the kernel's random source. */
void hash_secret_init(struct hash_secret *secret);

/* Random bits; place is an address to fall back on. */
uint64_t hash_random(const void *place);

static inline uint64_t hash_mix(const struct hash_secret *secret, uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * secret->factor;
  return hash ^ hash >> 32;
}

static inline uint64_t hash_load(const char *text) {
  uint64_t word;
  memcpy(&word, text, sizeof word);
  return word;
}

static inline uint32_t hash_load_half(const char *text) {
  uint32_t word;
  memcpy(&word, text, sizeof word);
  return word;
}

/* All bytes of a text of 4 to 16: those of a half word at each end, and of the ones
 * beside them, which may overlap.  No length needs a jump of its own. */
struct hash_words {
  uint64_t first, last;
};
static inline struct hash_words hash_words(const char *text, size_t length) {
  size_t beside = length >> 3 << 2; /* 0, 4, or 8 for a length of 16 */
  const char *end = text + length - 4;
  return (struct hash_words){(uint64_t)hash_load_half(text) << 32 | hash_load_half(text + beside),
                             (uint64_t)hash_load_half(end) << 32 | hash_load_half(end - beside)};
}

/* The first, middle and last byte of a text of 1 to 3. */
static inline uint64_t hash_few(const char *text, size_t length) {
  return (uint64_t)(unsigned char)text[0] << 16 | (uint64_t)(unsigned char)text[length / 2] << 8 |
         (unsigned char)text[length - 1];
}

static inline uint64_t hash_text(const struct hash_secret *secret, const char *text,
                                 size_t length) {
  uint64_t hash = secret->seed + length * UINT64_C(0x9e3779b97f4a7c15), word = 0;
  if (length >= 4 && length <= 16) {
    struct hash_words words = hash_words(text, length);
    hash = hash_mix(secret, hash, words.first);
    word = words.last;
  } else if (length > 16) { /* the last words may overlap */
    for (size_t at = 0; length - at > 8; at += 8)
      hash = hash_mix(secret, hash, hash_load(text + at));
    word = hash_load(text + length - 8);
  } else if (length > 0) {
    word = hash_few(text, length);
  }
  hash = hash_mix(secret, hash, word);
  return hash * secret->factor;
}

/* Are two texts of a length the same?  Most are short. */
static inline bool hash_same(const char *a, const char *b, size_t length) {
  if (length >= 4 && length <= 16) {
    struct hash_words x = hash_words(a, length), y = hash_words(b, length);
    return ((x.first ^ y.first) | (x.last ^ y.last)) == 0;
  }
  return length > 16 ? memcmp(a, b, length) == 0
                     : length == 0 || hash_few(a, length) == hash_few(b, length);
}

#endif
