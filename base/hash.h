/* hash.h - a quick hash of short strings, with a secret.
 *
 * Each word is mixed in by exclusive or and multiplication with an odd secret:
 * one to one for a word, so strings that collide cannot be made without the
 * secret.  The upper bits are the good ones. */
#ifndef TFM_BASE_HASH_H
#define TFM_BASE_HASH_H

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

static inline uint64_t hash_text(const struct hash_secret *secret, const char *text,
                                 size_t length) {
  uint64_t hash = secret->seed + length * UINT64_C(0x9e3779b97f4a7c15), word = 0;
  uint32_t low, high;
  size_t at = 0;
  for (; length - at > 8; at += 8) {
    memcpy(&word, text + at, 8);
    hash = hash_mix(secret, hash, word);
  }
  if (length >= 8) { /* the last words may overlap */
    memcpy(&word, text + length - 8, 8);
  } else if (length >= 4) {
    memcpy(&low, text, 4);
    memcpy(&high, text + length - 4, 4);
    word = (uint64_t)high << 32 | low;
  } else if (length > 0) {
    word = (uint64_t)(unsigned char)text[0] << 16 | (uint64_t)(unsigned char)text[length / 2] << 8 |
           (unsigned char)text[length - 1];
  }
  hash = hash_mix(secret, hash, word);
  return hash * secret->factor;
}

#endif
