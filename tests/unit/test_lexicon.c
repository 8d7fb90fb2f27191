/* Every token that a text begins with is found, shortest first, and no other: against
 * comparing with each token. */
#include "base/arena.h"
#include "tests/unit/unit.h"
#include "tokenizer/lexicon.h"

#include <stdlib.h>
#include <string.h>

static uint32_t state = 1;

static uint32_t pick(uint32_t below) {
  state = state * 1664525 + 1013904223;
  return (state >> 8) % below;
}

struct world {
  struct arena arena;
  struct tfm_error err;
  struct reader reader;
  struct vocabulary vocabulary;
  struct lexicon lexicon;
};

static void world_init(struct world *world) {
  *world = (struct world){0};
  arena_init(&world->arena, 0);
  vocabulary_init(&world->vocabulary);
  world->reader = (struct reader){.path = "test", .arena = &world->arena, .err = &world->err};
}

static void world_finish(struct world *world) {
  lexicon_finish(&world->lexicon);
  vocabulary_finish(&world->vocabulary);
  arena_finish(&world->arena);
}

static void add(struct world *world, const char *text, size_t length) {
  int32_t id = (int32_t)world->vocabulary.size + (int32_t)pick(2); /* with holes */
  for (size_t i = 0; i < world->vocabulary.size; i++) {
    const struct slice *other = &world->vocabulary.token[i];
    if (other->text != NULL && other->length == length && memcmp(other->text, text, length) == 0)
      return;
  }
  ck_assert_int_eq(vocabulary_add(&world->vocabulary, &world->reader, "v", text, length, id), 0);
}

/* What lexicon_next finds from a walk is what begins with prefix and then with text. */
static void check(const struct world *world, const char *prefix, size_t prefix_length,
                  const char *given, size_t length) {
  struct lexicon_walk walk;
  size_t bytes = 0;
  int32_t found;
  char *text = malloc(length + 1); /* no byte more: reading past it is seen */
  memcpy(text, given, length);
  bool any = false;
  for (size_t id = 0; id < world->vocabulary.size; id++) {
    const struct slice *token = &world->vocabulary.token[id];
    any = any || (token->text != NULL && token->length > prefix_length &&
                  memcmp(token->text, prefix, prefix_length) == 0);
  }
  bool started = lexicon_start(&world->lexicon, prefix, prefix_length, &walk);
  ck_assert(started || !any);
  if (!started)
    walk.node = LEXICON_END;
  for (size_t size = 1; size <= length; size++)
    for (size_t id = 0; id < world->vocabulary.size; id++) {
      const struct slice *token = &world->vocabulary.token[id];
      if (token->text == NULL || token->length != prefix_length + size ||
          memcmp(token->text, prefix, prefix_length) != 0 ||
          memcmp(token->text + prefix_length, text, size) != 0)
        continue;
      found = lexicon_next(&world->lexicon, &walk, text, length, &bytes);
      ck_assert_int_eq(found, (int32_t)id);
      ck_assert_uint_eq(bytes, size);
    }
  ck_assert_int_eq(lexicon_next(&world->lexicon, &walk, text, length, &bytes), -1);
  ck_assert_int_eq(lexicon_next(&world->lexicon, &walk, text, length, &bytes), -1);
  free(text);
}

/* Few letters, so that tokens share much; now and then long runs, for the chains. */
static size_t random_text(char *text, size_t most, uint32_t letters) {
  size_t length = 1 + pick((uint32_t)most);
  for (size_t i = 0; i < length; i++)
    text[i] = (char)(pick(12) == 0 ? 0x80 + pick(128) : 'a' + pick(letters));
  if (pick(4) == 0)
    memset(text, 'a', length);
  return length;
}

START_TEST(test_random) {
  for (uint32_t round = 0; round < 60; round++) {
    struct world world;
    char text[700], prefix[24];
    world_init(&world);
    size_t most = round % 3 == 0 ? 600 : 12;
    for (uint32_t i = 0; i < round * 5; i++)
      add(&world, text, random_text(text, most, 1 + round % 4));
    ck_assert(lexicon_init(&world.lexicon, &world.vocabulary));
    for (int i = 0; i < 200; i++) {
      size_t length = random_text(text, most + 5, 1 + round % 4);
      check(&world, "", 0, text, length);
      check(&world, prefix, random_text(prefix, 20, 1 + round % 4), text, length);
    }
    world_finish(&world);
  }
}
END_TEST

/* More tokens than a bucket has, which part from each other at once, after a few bytes,
 * or after many; and tokens that end where others go on. */
START_TEST(test_buckets) {
  static const char *const begins[] = {"", "\xe2\x96\x81", "0123456789abcdef!"};
  struct world world;
  char text[64];
  world_init(&world);
  for (uint32_t i = 0; i < 6000; i++) {
    const char *begin = begins[i % 3];
    size_t length = strlen(begin);
    memcpy(text, begin, length);
    for (uint32_t more = 1 + pick(4); more > 0; more--)
      text[length++] = (char)('a' + pick(20));
    add(&world, text, i % 50 == 0 ? length / 2 + 1 : length);
  }
  ck_assert_uint_gt(world.vocabulary.count, 2400);
  ck_assert(lexicon_init(&world.lexicon, &world.vocabulary));
  for (int i = 0; i < 600; i++) {
    const struct slice *token = &world.vocabulary.token[pick((uint32_t)world.vocabulary.size)];
    if (token->text == NULL)
      continue;
    size_t cut = pick((uint32_t)token->length + 1);
    memcpy(text, token->text, token->length);
    text[token->length] = (char)('a' + pick(20));
    check(&world, "", 0, text, token->length + 1);
    check(&world, token->text, cut, text + cut, token->length + 1 - cut);
  }
  world_finish(&world);
}
END_TEST

START_TEST(test_shapes) {
  struct world world;
  world_init(&world);
  static const char *const tokens[] = {
      "a", "ab", "abide", "abides", "acorn", "##ing", "##ingest", "\xff\xfe\xfd\xfc", "b", ""};
  for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
    add(&world, tokens[i], strlen(tokens[i]));
  ck_assert(lexicon_init(&world.lexicon, &world.vocabulary));
  static const char *const texts[] = {"abides",  "abide", "acor", "acorns",
                                      "ingests", "inges", "",     "\xff\xfe\xfd\xfc\xff",
                                      "b",       "c"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    check(&world, "", 0, texts[i], strlen(texts[i]));
    check(&world, "##", 2, texts[i], strlen(texts[i]));
    check(&world, "aco", 3, texts[i], strlen(texts[i]));
  }
  world_finish(&world);
  world_init(&world); /* no token at all */
  ck_assert(lexicon_init(&world.lexicon, &world.vocabulary));
  check(&world, "", 0, "a", 1);
  check(&world, "##", 2, "a", 1);
  world_finish(&world);
}
END_TEST

UNIT_MAIN("lexicon", test_random, test_buckets, test_shapes)
