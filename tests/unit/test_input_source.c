/* The table of sources: whole names, whose tokens they are, and what a model file can write. */
#include "graph/letters.h"
#include "graph/source.h"
#include "tests/unit/unit.h"

START_TEST(names_are_found) {
  enum graph_source source;
  enum graph_side side;
  ck_assert(source_find("tokens.mask", &source, &side));
  ck_assert(source == GRAPH_SOURCE_MASK && side == GRAPH_SIDE_READ);
  ck_assert(source_find("generated.last", &source, &side));
  ck_assert(source == GRAPH_SOURCE_LAST && side == GRAPH_SIDE_WRITTEN);
  ck_assert(source_find("feed", &source, &side));
  ck_assert(source == GRAPH_SOURCE_FEED && side == GRAPH_SIDE_CALLER);
}
END_TEST

START_TEST(others_are_not) {
  static const char *const wrong[] = {
      NULL,        "",      "ids",         "tokens",      "tokens.",
      "tokens.id", "x.ids", "tokens.ids.", "tokens.feed", "generated.unprompted"};
  enum graph_source source;
  enum graph_side side;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    ck_assert(!source_find(wrong[i], &source, &side));
    for (unsigned s = 0; s < GRAPH_SIDES; s++)
      ck_assert(!source_of(wrong[i], (enum graph_side)s));
  }
}
END_TEST

START_TEST(questions) {
  ck_assert(source_is("tokens.ids", GRAPH_SOURCE_IDS) &&
            source_is("generated.ids", GRAPH_SOURCE_IDS));
  ck_assert(!source_is("tokens.ids", GRAPH_SOURCE_TYPES));
  ck_assert(source_of("tokens.ids", GRAPH_SIDE_READ) &&
            !source_of("tokens.ids", GRAPH_SIDE_WRITTEN));
  ck_assert(source_of("generated.mask", GRAPH_SIDE_WRITTEN));
}
END_TEST

/* All that a model file can write, and nothing that it cannot. */
START_TEST(list) {
  const char *names[GRAPH_SOURCE_NAMES];
  size_t count = source_names(names);
  struct buffer out;
  ck_assert_uint_eq(count, 11);
  for (size_t i = 0; i < count; i++)
    ck_assert(source_of(names[i], GRAPH_SIDE_READ) || source_of(names[i], GRAPH_SIDE_WRITTEN));
  buffer_init(&out);
  source_print_names(&out);
  ck_assert_str_eq(buffer_text(&out),
                   "tokens.* and generated.*: ids, positions, types, mask, last; "
                   "and tokens.unprompted");
  buffer_finish(&out);
}
END_TEST

/* The batch is first; T and S are told from each other. */
START_TEST(shapes) {
  for (unsigned i = 0; i < GRAPH_SOURCE_FEED; i++) {
    const char *shape = source_info((enum graph_source)i)->shape;
    ck_assert_int_eq(shape[0], 'B');
    ck_assert_uint_eq(strspn(shape, "BTS"), strlen(shape));
  }
  char text[LETTERS_TEXT];
  letters_print(source_info(GRAPH_SOURCE_MASK)->shape, text);
  ck_assert_str_eq(text, "[B, S]");
  ck_assert_uint_eq(letters_rank(source_info(GRAPH_SOURCE_LAST)->shape, true), 1);
}
END_TEST

UNIT_MAIN("input source", names_are_found, others_are_not, questions, list, shapes)
