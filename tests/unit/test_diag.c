/* What a diagnostic looks like, to the column. */
#include "base/diag.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct diag diag;
static uint32_t source;

static void start(const char *text) {
  diag_init(&diag);
  source = diag_add_source(&diag, "gpt2.tfm", text, strlen(text));
}

/* The span of the first occurrence of word. */
static struct span at(const char *word) {
  const char *text = diag.sources[source].text;
  uint32_t begin = (uint32_t)(strstr(text, word) - text);
  return (struct span){source, begin, begin + (uint32_t)strlen(word)};
}

static void finish(const char *wanted) {
  struct buffer out;
  buffer_init(&out);
  diag_render_text(&diag, false, &out);
  ck_assert_str_eq(buffer_text(&out), wanted);
  buffer_finish(&out);
  diag_finish(&diag);
}

START_TEST(test_plain) {
  start("tfm 1\n  q, k, v = split(conv1d(layernorm(x)))\n");
  struct diag_item *item =
      diag_report(&diag, DIAG_ERROR, 201, at("layernorm"), "unknown op `%s`", "layernorm");
  diag_primary(&diag, item, "not in core or in a used plugin");
  diag_help(&diag, item, "an op with a similar name exists: `%s`", "layer_norm");
  finish("error[E201]: unknown op `layernorm`\n"
         " --> gpt2.tfm:2:26\n"
         "   | q, k, v = split(conv1d(layernorm(x)))\n"
         "   |                        ^^^^^^^^^ not in core or in a used plugin\n"
         "   = help: an op with a similar name exists: `layer_norm`\n");
}
END_TEST

START_TEST(test_labels) {
  start("param D = 1\n\tx = y + conv1d(a)\n");
  struct diag_item *item = diag_report(&diag, DIAG_WARNING, 31, at("conv1d(a)"), "shapes");
  diag_primary(&diag, item, "2304");
  diag_label(&diag, item, at("y"), "768 is D");
  diag_label(&diag, item, at("D"), "from here");
  diag_note(&diag, item, "one\ntwo");
  finish("warning[W031]: shapes\n"
         " --> gpt2.tfm:2:10\n"
         "   | x = y + conv1d(a)\n"
         "   |     -   ^^^^^^^^^ 2304\n"
         "   |     768 is D\n"
         " ::: gpt2.tfm:1:7\n"
         "   | param D = 1\n"
         "   |       - from here\n"
         "   = note: one\n"
         "     two\n");
}
END_TEST

/* Carets stand under wide letters, after tabs, after what is escaped. */
START_TEST(test_width) {
  start("# 한글\tbad\n# e\xcc\x81\xe2\x80\xae\x01\xff bad2\n");
  diag_report(&diag, DIAG_ERROR, 1, at("bad"), "wide");
  diag_report(&diag, DIAG_ERROR, 2, at("bad2"), "hidden \x1b[2J");
  diag_report(&diag, DIAG_ERROR, 3, at("글"), "letter");
  finish("error[E001]: wide\n"
         " --> gpt2.tfm:1:6\n"
         "   | # 한글  bad\n"
         "   |         ^^^\n"
         "\n"
         "error[E002]: hidden \\u{1b}[2J\n"
         " --> gpt2.tfm:2:9\n"
         "   | # e\xcc\x81\\u{202e}\\u{1}\\xff bad2\n"
         "   |                      ^^^^\n"
         "\n"
         "error[E003]: letter\n"
         " --> gpt2.tfm:1:4\n"
         "   | # 한글  bad\n"
         "   |     ^^\n");
}
END_TEST

START_TEST(test_ends) {
  start("a(\nb\r\n");
  diag_report(&diag, DIAG_ERROR, 1, (struct span){source, 6, 6}, "end");
  diag_report(&diag, DIAG_ERROR, 2, (struct span){source, 99, 120}, "beyond");
  diag_report(&diag, DIAG_ERROR, 3, (struct span){source, 1, 5}, "over two lines");
  diag_report(&diag, DIAG_ERROR, 4, SPAN_NONE, "nowhere");
  finish("error[E001]: end\n --> gpt2.tfm:3:1\n   |\n   | ^\n\n"
         "error[E002]: beyond\n --> gpt2.tfm:3:1\n   |\n   | ^\n\n"
         "error[E003]: over two lines\n --> gpt2.tfm:1:2\n   | a(\n   |  ^\n\n"
         "error[E004]: nowhere\n");
}
END_TEST

/* A long line is cut around the caret, which still stands under its word. */
START_TEST(test_long_line) {
  char text[2048], *word;
  for (int i = 0; i < 500; i++)
    memcpy(text + 3 * i, "\xed\x95\x9c", 4);
  strcat(text, "bad");
  start(text);
  diag_report(&diag, DIAG_ERROR, 1, at("bad"), "long");
  struct buffer out;
  buffer_init(&out);
  diag_render_text(&diag, false, &out);
  word = strstr(buffer_text(&out), "   | ");
  ck_assert_ptr_nonnull(word);
  ck_assert(strncmp(word + 5, "…", 3) == 0);
  char *end = strchr(word, '\n');
  ck_assert_mem_eq(end - 3, "bad", 3);
  /* 15 wide letters before it: 1 + 30 columns. */
  ck_assert_str_eq(end + 1, "   |                                ^^^\n");
  ck_assert_int_eq(end - word, 5 + 3 + 15 * 3 + 3);
  buffer_finish(&out);
  diag_finish(&diag);
}
END_TEST

START_TEST(test_once) {
  start("a b\n");
  diag_report(&diag, DIAG_ERROR, 1, at("a"), "first");
  struct diag_item *again = diag_report(&diag, DIAG_ERROR, 1, at("a"), "again");
  diag_primary(&diag, again, "unseen");
  diag_note(&diag, again, "unseen");
  diag_report(&diag, DIAG_ERROR, 2, SPAN_NONE, "x is missing");
  diag_report(&diag, DIAG_ERROR, 2, SPAN_NONE, "y is missing");
  diag_report(&diag, DIAG_ERROR, 2, SPAN_NONE, "y is missing");
  ck_assert_uint_eq(diag.errors, 3);
  finish("error[E001]: first\n --> gpt2.tfm:1:1\n   | a b\n   | ^\n\n"
         "error[E002]: x is missing\n\n"
         "error[E002]: y is missing\n");
}
END_TEST

START_TEST(test_many) {
  start("x\n");
  for (unsigned i = 0; i < 1000; i++)
    diag_report(&diag, DIAG_ERROR, i, SPAN_NONE, "number %u", i);
  ck_assert_uint_eq(diag.errors, 1000);
  struct buffer out;
  buffer_init(&out);
  diag_render_text(&diag, false, &out);
  ck_assert_ptr_nonnull(strstr(buffer_text(&out), "number 19\n"));
  ck_assert_ptr_null(strstr(buffer_text(&out), "number 20\n"));
  ck_assert_ptr_nonnull(strstr(buffer_text(&out), "\n980 more errors are not shown\n"));
  buffer_finish(&out);
  diag_finish(&diag);
}
END_TEST

START_TEST(test_colour) {
  start("x\n");
  diag_report(&diag, DIAG_ERROR, 1, at("x"), "red");
  struct buffer out;
  buffer_init(&out);
  diag_render_text(&diag, true, &out);
  ck_assert_ptr_nonnull(strstr(buffer_text(&out), "\033[1;31merror[E001]\033[0m"));
  buffer_finish(&out);
  diag_finish(&diag);
}
END_TEST

START_TEST(test_json) {
  start("a\nb\"\n");
  struct diag_item *item = diag_report(&diag, DIAG_ERROR, 7, at("b"), "say \"b\"");
  diag_label(&diag, item, at("a"), "before");
  diag_help(&diag, item, "none");
  diag_report(&diag, DIAG_WARNING, 8, SPAN_NONE, "nowhere");
  struct buffer out;
  buffer_init(&out);
  diag_render_json(&diag, &out);
  ck_assert_str_eq(
      buffer_text(&out),
      "[{\"level\":\"error\",\"code\":\"E007\",\"summary\":\"say \\\"b\\\"\",\"file\":\"gpt2.tfm\","
      "\"spans\":[{\"file\":\"gpt2.tfm\",\"begin\":2,\"end\":3,\"line\":2,\"column\":1,"
      "\"primary\":true,\"label\":null},{\"file\":\"gpt2.tfm\",\"begin\":0,\"end\":1,\"line\":1,"
      "\"column\":1,\"primary\":false,\"label\":\"before\"}],\"notes\":[\"help: none\"]},"
      "{\"level\":\"warning\",\"code\":\"W008\",\"summary\":\"nowhere\",\"file\":null,"
      "\"spans\":[],\"notes\":[]}]");
  buffer_finish(&out);
  diag_finish(&diag);
}
END_TEST

START_TEST(test_nearest) {
  const char *const ops[] = {"linear", "layer_norm", "rms_norm", "gelu", "ffn"};
  ck_assert_str_eq(diag_nearest("layernorm", ops, 5), "layer_norm");
  ck_assert_str_eq(diag_nearest("linaer", ops, 5), "linear");
  ck_assert_str_eq(diag_nearest("fnf", ops, 5), "ffn"); /* neighbours count once */
  ck_assert_str_eq(diag_nearest("eglu", ops, 5), "gelu");
  ck_assert_ptr_null(diag_nearest("lgeu", ops, 5));
  ck_assert_ptr_null(diag_nearest("softmax", ops, 5));
  ck_assert_ptr_null(diag_nearest("x", ops, 5));
  ck_assert_ptr_null(diag_nearest("", ops, 5));
  char longer[1000];
  memset(longer, 'a', sizeof longer);
  longer[999] = '\0';
  ck_assert_ptr_null(diag_nearest(longer, ops, 5));
}
END_TEST

UNIT_MAIN("diag", test_plain, test_labels, test_width, test_ends, test_long_line, test_once,
          test_many, test_colour, test_json, test_nearest)
