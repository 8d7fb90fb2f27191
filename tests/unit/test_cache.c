/* Blocks and sequences against arrays that hold every token. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "runtime/cache.h"

#include "runtime/sequence.h"
#include "tests/unit/runtime.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 3, SEQUENCES = 12, TOKENS_MAX = 400 };
static const struct cache_layer widths[LAYERS] = {
    {.key_width = 3, .value_width = 5}, {.key_width = 1, .value_width = 1}, {.key_width = 16}};

/* What a sequence should hold: a number for each token. */
struct plain {
  struct sequence *sequence;
  uint32_t token[TOKENS_MAX];
  int64_t length;
};

static uint64_t chance_state;

static uint32_t chance(uint32_t below) {
  chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(chance_state >> 33) % below;
}

static struct cache *open_cache(uint64_t limit) {
  struct cache *cache;
  CHECK_OK(cache_create(device_cpu(), widths, LAYERS, limit, &cache, err));
  return cache;
}

static float *place(const struct plain *p, uint32_t layer, bool value, int64_t s) {
  const struct cache_layer *l = cache_layer(p->sequence->cache, layer);
  char *block = p->sequence->address[s / CACHE_BLOCK];
  int64_t width = value ? l->value_width : l->key_width;
  return (float *)(block + (value ? l->value_at : l->key_at)) + s % CACHE_BLOCK * width;
}

/* Of every element: the token's number, apart by layer and by side. */
static float element(uint32_t token, uint32_t layer, bool value, int64_t i) {
  return (float)(token % 65536) + (float)(layer * 32 + (uint32_t)value * 16 + (uint32_t)i) / 128;
}

static void visit(const struct plain *p, int64_t s, bool write) {
  for (uint32_t side = 0; side < 2 * LAYERS; side++) {
    const struct cache_layer *l = cache_layer(p->sequence->cache, side / 2);
    bool value = side % 2;
    float *at = place(p, side / 2, value, s);
    for (int64_t i = 0; i < (value ? l->value_width : l->key_width); i++) {
      float x = element(p->token[s], side / 2, value, i);
      if (write)
        at[i] = x;
      else
        ck_assert_msg(at[i] == x, "token %d of layer %u", (int)s, side / 2);
    }
  }
}

static void check_plain(const struct plain *p) {
  ck_assert_int_eq(p->sequence->length, p->length);
  ck_assert_int_eq(p->sequence->blocks, cache_blocks(p->length));
  for (int64_t s = 0; s < p->length; s++)
    visit(p, s, false);
}

static void append(struct plain *p, uint32_t count, uint32_t *next) {
  CHECK_OK(sequence_reserve(p->sequence, count, err));
  for (uint32_t i = 0; i < count; i++) {
    p->token[p->length] = (*next)++;
    visit(p, p->length++, true);
  }
  sequence_advance(p->sequence, count);
}

static void fork_over(struct plain *to, const struct plain *from) {
  struct sequence *fork;
  CHECK_OK(sequence_fork(from->sequence, &fork, err));
  sequence_destroy(to->sequence);
  memcpy(to, from, sizeof *to);
  to->sequence = fork;
}

/* The blocks in use are those that some sequence has in its table, each once. */
static void check_blocks(struct cache *cache, const struct plain *p) {
  static unsigned char seen[SEQUENCES * TOKENS_MAX];
  uint32_t used = 0;
  memset(seen, 0, sizeof seen);
  for (int i = 0; i < SEQUENCES; i++)
    for (uint32_t b = 0; b < p[i].sequence->blocks; b++) {
      uint32_t block = p[i].sequence->block[b];
      ck_assert_ptr_eq(cache_address(cache, block), p[i].sequence->address[b]);
      used += !seen[block];
      seen[block] = 1;
    }
  ck_assert_uint_eq(cache_size(cache).used, used);
}

static void one_step(struct plain *p, uint32_t *next) {
  struct plain *a = &p[chance(SEQUENCES)], *b = &p[chance(SEQUENCES)];
  uint32_t room = (uint32_t)(TOKENS_MAX - a->length);
  switch (chance(4)) {
  case 0:
    if (a != b)
      fork_over(b, a);
    break;
  case 1:
    a->length = chance((uint32_t)a->length + 1);
    CHECK_OK(sequence_truncate(a->sequence, a->length, err));
    break;
  case 2: /* a step that failed */
    CHECK_OK(sequence_reserve(a->sequence, chance(room + 1), err));
    sequence_trim(a->sequence);
    break;
  default:
    append(a, chance(room < 90 ? room + 1 : 90), next);
  }
}

START_TEST(test_random) {
  int steps = getenv("TFM_VALGRIND") ? 30 : 400;
  for (uint64_t seed = 1; seed <= 4; seed++) {
    static struct plain p[SEQUENCES];
    struct cache *cache = open_cache(0);
    uint32_t next = 1;
    chance_state = seed;
    memset(p, 0, sizeof p);
    for (int i = 0; i < SEQUENCES; i++)
      CHECK_OK(sequence_create(cache, &p[i].sequence, err));
    for (int n = 0; n < steps; n++) {
      one_step(p, &next);
      check_blocks(cache, p);
      for (int i = 0; i < SEQUENCES && n % 8 == 0; i++)
        check_plain(&p[i]);
    }
    for (int i = 0; i < SEQUENCES; i++) {
      check_plain(&p[i]);
      sequence_destroy(p[i].sequence);
    }
    ck_assert_uint_eq(cache_size(cache).used, 0);
    ck_assert_uint_gt(cache_size(cache).free, 0);
    cache_destroy(cache);
  }
}
END_TEST

/* A prefix is held once; the block that is begun is copied once, by whoever grows first. */
START_TEST(test_shared_prefix) {
  static struct plain base, fork[8];
  struct cache *cache = open_cache(0);
  uint32_t next = 1;
  CHECK_OK(sequence_create(cache, &base.sequence, err));
  append(&base, 3 * CACHE_BLOCK + 10, &next);
  ck_assert_uint_eq(cache_size(cache).used, 4);
  for (int i = 0; i < 8; i++)
    fork_over(&fork[i], &base);
  ck_assert_uint_eq(cache_size(cache).used, 4);
  for (int i = 0; i < 8; i++)
    append(&fork[i], 1, &next);
  ck_assert_uint_eq(cache_size(cache).used, 12);
  uint32_t last = base.sequence->block[3];
  append(&base, 1, &next); /* alone with its block now */
  ck_assert_uint_eq(base.sequence->block[3], last);
  ck_assert_uint_eq(cache_size(cache).used, 12);
  check_plain(&base);
  for (int i = 0; i < 8; i++) {
    check_plain(&fork[i]);
    sequence_destroy(fork[i].sequence);
  }
  ck_assert_uint_eq(cache_size(cache).used, 4);
  sequence_destroy(base.sequence);
  cache_destroy(cache);
}
END_TEST

/* Blocks are where they were, and what is free is used again before there are more. */
START_TEST(test_growth) {
  static struct plain p;
  struct cache *cache = open_cache(0);
  uint32_t next = 1;
  CHECK_OK(sequence_create(cache, &p.sequence, err));
  append(&p, 1, &next);
  void *first = p.sequence->address[0];
  append(&p, TOKENS_MAX - 1, &next);
  ck_assert_ptr_eq(p.sequence->address[0], first);
  struct cache_size size = cache_size(cache);
  ck_assert_uint_eq(size.block, (3 + 5 + 1 + 1 + 16) * sizeof(float) * CACHE_BLOCK);
  ck_assert_uint_eq(size.bytes, (size.used + size.free) * size.block);
  for (int i = 0; i < 20; i++) {
    CHECK_OK(sequence_truncate(p.sequence, 0, err));
    p.length = 0;
    append(&p, TOKENS_MAX, &next);
  }
  ck_assert_uint_eq(cache_size(cache).bytes, size.bytes);
  check_plain(&p);
  sequence_destroy(p.sequence);
  cache_destroy(cache);
}
END_TEST

/* Of a large cache what nobody uses goes back, but for twice what is held and 64 MiB; blocks
 * that are held stay where they are. */
START_TEST(test_trim) {
  enum { MANY = 400, FEW = 10 };
  static const struct cache_layer wide = {.key_width = 2048, .value_width = 2048}; /* 1 MiB */
  struct cache *cache;
  struct sequence *kept, *gone, *last;
  CHECK_OK(cache_create(device_cpu(), &wide, 1, 0, &cache, err));
  CHECK_OK(sequence_create(cache, &kept, err));
  CHECK_OK(sequence_create(cache, &last, err));
  CHECK_OK(sequence_reserve(kept, FEW * CACHE_BLOCK, err));
  sequence_advance(kept, FEW * CACHE_BLOCK);
  for (int b = 0; b < FEW; b++)
    *(int *)kept->address[b] = b;
  for (int round = 0; round < 3; round++) {
    CHECK_OK(sequence_create(cache, &gone, err));
    CHECK_OK(sequence_reserve(gone, MANY * CACHE_BLOCK, err));
    sequence_advance(gone, MANY * CACHE_BLOCK);
    ck_assert_uint_ge(cache_size(cache).bytes, (uint64_t)(MANY + FEW) << 20);
    if (round == 1) { /* the last blocks are held */
      CHECK_OK(sequence_reserve(last, 100 * CACHE_BLOCK, err));
      sequence_advance(last, 100 * CACHE_BLOCK);
    }
    sequence_destroy(gone);
    struct cache_size size = cache_size(cache);
    ck_assert_uint_eq(size.bytes, (size.used + size.free) * size.block);
    ck_assert_uint_eq(size.used, round == 1 ? FEW + 100 : FEW);
    ck_assert_uint_ge(size.bytes, 64 << 20);
    ck_assert(round == 1 || size.bytes < 100 << 20);
    CHECK_OK(sequence_truncate(last, 0, err));
    ck_assert_uint_lt(cache_size(cache).bytes, 100 << 20);
    for (int b = 0; b < FEW; b++)
      ck_assert_int_eq(*(int *)kept->address[b], b);
  }
  sequence_destroy(kept);
  sequence_destroy(last);
  cache_destroy(cache);
}
END_TEST

START_TEST(test_refused) {
  static struct plain p, q;
  uint64_t block = (3 + 5 + 1 + 1 + 16) * sizeof(float) * CACHE_BLOCK;
  struct cache *cache = open_cache(5 * block + 7);
  uint32_t next = 1;
  CHECK_OK(sequence_create(cache, &p.sequence, err));
  append(&p, 4 * CACHE_BLOCK + 1, &next);
  CHECK_FAILS(sequence_reserve(p.sequence, 2 * CACHE_BLOCK, err), TFM_ERROR_LIMIT,
              "does not fit the memory limit");
  check_plain(&p);
  CHECK_OK(sequence_fork(p.sequence, &q.sequence, err));
  CHECK_FAILS(sequence_reserve(q.sequence, 1, err), TFM_ERROR_LIMIT, "does not fit"); /* the copy */
  ck_assert_uint_eq(cache_size(cache).used, 5);
  CHECK_FAILS(sequence_truncate(p.sequence, 300, err), TFM_ERROR_USAGE, "cannot be cut to 300");
  CHECK_FAILS(sequence_truncate(p.sequence, -1, err), TFM_ERROR_USAGE, "cannot be cut");
  CHECK_FAILS(sequence_reserve(p.sequence, INT32_MAX, err), TFM_ERROR_LIMIT, "too long");
  sequence_destroy(q.sequence);
  append(&p, 1, &next);
  check_plain(&p);
  sequence_destroy(p.sequence);
  ck_assert_uint_eq(cache_size(cache).used, 0);
  cache_destroy(cache);
  cache = open_cache(2 * block + 7); /* two of three blocks are there: none is kept */
  CHECK_OK(sequence_create(cache, &p.sequence, err));
  CHECK_FAILS(sequence_reserve(p.sequence, 3 * CACHE_BLOCK, err), TFM_ERROR_LIMIT, "does not fit");
  ck_assert_uint_eq(cache_size(cache).used, 0);
  sequence_destroy(p.sequence);
  cache_destroy(cache);
  struct cache_layer huge = {.key_width = INT64_MAX / 8};
  CHECK_FAILS(cache_create(device_cpu(), &huge, 1, 0, &cache, err), TFM_ERROR_LIMIT, "too wide");
}
END_TEST

static void *grow_fork(void *arg) {
  struct plain *p = arg;
  uint32_t next = p->token[0] + 1000;
  for (int i = 0; i < 100; i++)
    append(p, (uint32_t)(1 + i % 3), &next);
  check_plain(p);
  sequence_destroy(p->sequence);
  return NULL;
}

/* Forks of one sequence in threads of their own, while it goes on as well. */
START_TEST(test_threads) {
  static struct plain p[5];
  pthread_t thread[5];
  struct cache *cache = open_cache(0);
  uint32_t next = 1;
  CHECK_OK(sequence_create(cache, &p[0].sequence, err));
  append(&p[0], 70, &next);
  for (int i = 1; i < 5; i++)
    fork_over(&p[i], &p[0]);
  for (int i = 0; i < 5; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, grow_fork, &p[i]), 0);
  for (int i = 0; i < 5; i++)
    pthread_join(thread[i], NULL);
  ck_assert_uint_eq(cache_size(cache).used, 0);
  cache_destroy(cache);
}
END_TEST

UNIT_MAIN("cache", test_random, test_shared_prefix, test_growth, test_trim, test_refused,
          test_threads)
