/* hash.c - where secrets come from. */
#include "base/hash.h"

#include <sys/random.h>
#include <time.h>

uint64_t hash_random(const void *place) {
  uint64_t seed;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
    return seed;
  struct timespec now = {0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_nsec * UINT64_C(0xd6e8feb86659fd93) ^ (uint64_t)(uintptr_t)place;
}

void hash_secret_init(struct hash_secret *secret) {
  *secret = (struct hash_secret){hash_random(secret), hash_random(&secret->factor) | 1};
}
