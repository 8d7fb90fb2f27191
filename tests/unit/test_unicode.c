/* UTF-8 is checked by blocks as it is by characters. */
#include "tests/unit/unit.h"
#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

static uint32_t pick(uint32_t below) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state >> 40) % below;
}

static size_t by_characters(const char *text, size_t length) {
  size_t at = 0, bad;
  bool incomplete;
  while (at < length) {
    size_t size = unicode_sequence(text + at, length - at, &bad, &incomplete);
    if (size == 0)
      break;
    at += size;
  }
  return at;
}

static uint32_t random_code(void) {
  static const uint32_t begins[] = {0, 0x80, 0x800, 0xe000, 0x10000};
  static const uint32_t counts[] = {0x80, 0x780, 0xd000, 0x2000, 0x100000};
  uint32_t kind = pick(5);
  return begins[kind] + pick(counts[kind]);
}

/* Characters, and now and then a byte that may be wrong there. */
static void random_text(char *text, size_t length, bool ascii) {
  static const unsigned char bytes[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                        0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                        0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
  for (size_t at = 0; at < length;) {
    char one[4];
    size_t size = unicode_write(ascii ? pick(0x80) : random_code(), one);
    if (pick(100) == 0) {
      one[0] = (char)bytes[pick(sizeof bytes)];
      size = 1;
    }
    for (size_t i = 0; i < size && at < length; i++)
      text[at++] = one[i];
  }
}

START_TEST(test_check) {
  size_t right = 0;
  for (size_t round = 0; round < 60000; round++) {
    size_t length = round % 300;
    char *text = malloc(length + 1); /* reading past it is seen */
    random_text(text, length, round % 7 == 0);
    size_t wanted = by_characters(text, length);
    ck_assert_uint_eq(unicode_check(text, length), wanted);
    right += wanted == length;
    free(text);
  }
  ck_assert_uint_gt(right, 6000); /* neither is rare */
  ck_assert_uint_lt(right, 54000);
}
END_TEST

UNIT_MAIN("unicode", test_check)
