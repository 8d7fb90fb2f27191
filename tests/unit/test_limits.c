/* The sections truncation and padding: ids, types and marks are what tokenizers gives
 * for the same file. */
#include "base/buffer.h"
#include "tests/unit/tokenizer_dir.h"
#include "tests/unit/unit.h"
#include "tokenizer/tokenizer.h"

/* a 0, b 1, [CLS] 2, [SEP] 3, [P] 4 */
#define FILE_WITH(truncation, padding)                                                             \
  "{\"truncation\": " truncation ", \"padding\": " padding                                         \
  ", \"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"post_processor\": {\"type\": "          \
  "\"BertProcessing\", \"sep\": [\"[SEP]\", 3], \"cls\": [\"[CLS]\", 2]}, \"model\": {\"type\": "  \
  "\"WordLevel\", \"unk_token\": \"a\", \"vocab\": {\"a\": 0, \"b\": 1, \"[CLS]\": 2, \"[SEP]\": " \
  "3, \"[P]\": 4}}}"
#define TRUNCATION(direction, length, strategy, stride)                                            \
  "{\"direction\": \"" direction "\", \"max_length\": " length ", \"strategy\": \"" strategy       \
  "\", \"stride\": " stride "}"
#define PADDING(strategy, direction, multiple)                                                     \
  "{\"strategy\": " strategy ", \"direction\": \"" direction                                       \
  "\", \"pad_to_multiple_of\": " multiple                                                          \
  ", \"pad_id\": 4, \"pad_type_id\": 2, \"pad_token\": \"[P]\"}"

static int encode(const char *json, const char *text, const char *pair, unsigned flags,
                  struct buffer *out, struct tfm_error *err) {
  struct tokenizer *tokenizer = dir_must_open(json);
  struct encoding e;
  buffer_init(out);
  int status = tokenizer_encode(tokenizer, text, strlen(text), pair, pair ? strlen(pair) : 0, flags,
                                &e, err);
  for (size_t i = 0; status == 0 && i < e.count; i++)
    buffer_printf(out, "%s%d:%d:%d", i > 0 ? " " : "", (int)e.ids[i], (int)e.types[i],
                  (int)e.special[i]);
  if (status == 0)
    encoding_finish(&e);
  tokenizer_destroy(tokenizer);
  return status;
}

static void gives(const char *json, const char *text, const char *pair, const char *wanted) {
  struct tfm_error err = {0};
  struct buffer out;
  int status = encode(json, text, pair, ENCODE_SPECIAL | ENCODE_LIMITS, &out, &err);
  ck_assert_msg(status == 0, "%s", err.message);
  ck_assert_str_eq(buffer_text(&out), wanted);
  buffer_finish(&out);
}

static void fails(const char *json, const char *text, const char *pair, const char *why) {
  struct tfm_error err = {0};
  struct buffer out;
  ck_assert_int_eq(encode(json, text, pair, ENCODE_SPECIAL | ENCODE_LIMITS, &out, &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_TOKENIZER);
  ck_assert_msg(strstr(err.message, why) != NULL, "%s", err.message);
  buffer_finish(&out);
}

static void refused(const char *json, const char *why) {
  struct tfm_error err = {0};
  ck_assert_ptr_null(dir_open_json(json, &err));
  ck_assert_msg(strstr(err.message, why) != NULL, "%s", err.message);
}

START_TEST(test_truncation) {
#define CUT(direction, length, strategy, stride)                                                   \
  FILE_WITH(TRUNCATION(direction, length, strategy, stride), "null")
  gives(CUT("Right", "4", "LongestFirst", "0"), "a b a b", NULL, "2:0:1 0:0:0 1:0:0 3:0:1");
  gives(CUT("Left", "4", "LongestFirst", "0"), "a b a a", NULL, "2:0:1 0:0:0 0:0:0 3:0:1");
  gives(CUT("Right", "2", "LongestFirst", "0"), "a b", NULL, "2:0:1 3:0:1");
  /* no room for the special tokens: so the reference */
  gives(CUT("Right", "1", "LongestFirst", "0"), "a b", NULL, "2:0:1 0:0:0 1:0:0 3:0:1");
  gives(CUT("Right", "7", "LongestFirst", "0"), "a a a a", "b b b b b b",
        "2:0:1 0:0:0 0:0:0 3:0:1 1:1:0 1:1:0 3:1:1");
  gives(CUT("Right", "7", "LongestFirst", "0"), "a", "b b b b b b",
        "2:0:1 0:0:0 3:0:1 1:1:0 1:1:0 1:1:0 3:1:1");
  gives(CUT("Right", "6", "OnlySecond", "0"), "a a", "b b b",
        "2:0:1 0:0:0 0:0:0 3:0:1 1:1:0 3:1:1");
  fails(CUT("Right", "5", "OnlySecond", "0"), "a a a a", "b b", "the second text has 2 tokens");
  fails(CUT("Right", "3", "OnlySecond", "0"), "a a", NULL, "there is no second text");
  fails(CUT("Right", "4", "OnlyFirst", "3"), "a a a", NULL, "a stride of 3");
  refused(CUT("Up", "4", "OnlyFirst", "0"), "truncation: unknown direction `Up`");
  refused(CUT("Left", "4", "Some", "0"), "truncation: unknown strategy `Some`");
  refused(CUT("Left", "-4", "OnlyFirst", "0"), "truncation: `max_length` must be");
  refused(FILE_WITH("{\"max\": 3}", "null"), "truncation: unknown field `max`");
}
END_TEST

START_TEST(test_padding) {
#define PAD(strategy, direction, multiple) FILE_WITH("null", PADDING(strategy, direction, multiple))
  gives(PAD("{\"Fixed\": 4}", "Right", "null"), "a", NULL, "2:0:1 0:0:0 3:0:1 4:2:2");
  gives(PAD("{\"Fixed\": 4}", "Left", "null"), "a", NULL, "4:2:2 2:0:1 0:0:0 3:0:1");
  gives(PAD("{\"Fixed\": 2}", "Right", "null"), "a", NULL, "2:0:1 0:0:0 3:0:1");
  gives(PAD("{\"Fixed\": 2}", "Right", "4"), "a", NULL, "2:0:1 0:0:0 3:0:1 4:2:2");
  gives(PAD("\"BatchLongest\"", "Right", "2"), "a", NULL, "2:0:1 0:0:0 3:0:1 4:2:2");
  gives(PAD("\"BatchLongest\"", "Right", "null"), "a", NULL, "2:0:1 0:0:0 3:0:1");
  refused(PAD("{\"Fixed\": 99999999}", "Right", "null"), "padding: a length of more than");
  refused(PAD("\"Longest\"", "Right", "null"), "padding: unknown strategy `Longest`");
  refused(PAD("{\"Free\": 1}", "Right", "null"), "padding.strategy: unknown field `Free`");
}
END_TEST

/* Lengths are the caller's unless it says otherwise. */
START_TEST(test_unasked) {
  struct tfm_error err = {0};
  struct buffer out;
  ck_assert_int_eq(encode(FILE_WITH(TRUNCATION("Right", "3", "LongestFirst", "0"),
                                    PADDING("{\"Fixed\": 9}", "Right", "null")),
                          "a b", NULL, ENCODE_SPECIAL, &out, &err),
                   0);
  ck_assert_str_eq(buffer_text(&out), "2:0:1 0:0:0 1:0:0 3:0:1");
  buffer_finish(&out);
}
END_TEST

/* What is left of a text and how many tokens went: "CUT:ids". */
static void leaves(struct tokenizer *tokenizer, size_t most, const char *text, const char *pair,
                   const char *wanted) {
  struct tfm_error err = {0};
  struct encoding e;
  struct buffer out;
  buffer_init(&out);
  const struct encode_request request = {.text = text,
                                         .length = strlen(text),
                                         .pair = pair,
                                         .pair_length = pair ? strlen(pair) : 0,
                                         .flags = ENCODE_SPECIAL | ENCODE_TRUNCATE,
                                         .most = most};
  ck_assert_int_eq(tokenizer_encode_request(tokenizer, &request, &e, &err), 0);
  buffer_printf(&out, "%zu:", e.truncated);
  for (size_t i = 0; i < e.count; i++)
    buffer_printf(&out, " %d", (int)e.ids[i]);
  ck_assert_str_eq(buffer_text(&out), wanted);
  buffer_finish(&out);
  encoding_finish(&e);
}

/* As tokenizers with enable_truncation(length, direction=..., strategy=...). */
START_TEST(test_truncated_to) {
  struct tokenizer *t = dir_must_open(FILE_WITH("null", "null"));
  leaves(t, 5, "a a b b a b", NULL, "3: 2 0 0 1 3");
  leaves(t, 7, "a a b b a b", "b a", "4: 2 0 0 3 1 0 3");
  leaves(t, 7, "b a", "a a b b a b", "4: 2 1 0 3 0 0 3");
  leaves(t, 8, "a b", NULL, "0: 2 0 1 3");
  leaves(t, 2, "a b", "b a a", "0: 2 0 1 3 1 0 0 3"); /* no room for a text at all */
  tokenizer_destroy(t);
  t = dir_must_open(FILE_WITH(TRUNCATION("Left", "3", "OnlySecond", "2"), "null"));
  leaves(t, 7, "a b", "b a a", "1: 2 0 1 3 0 0 3");
  leaves(t, 5, "a a b b a b", NULL, "3: 2 1 0 1 3");    /* there is no second text */
  leaves(t, 7, "b b a b a", "b a", "3: 2 1 0 3 1 0 3"); /* nor enough of it */
  tokenizer_destroy(t);
}
END_TEST

/* The configuration has the last word on the side. */
START_TEST(test_truncation_side) {
  struct tokenizer_dir dir;
  struct tokenizer *t;
  struct tfm_error err = {0};
  const char *json = FILE_WITH(TRUNCATION("Right", "3", "LongestFirst", "0"), "null");
  const char *config = "{\"truncation_side\": \"left\", \"model_max_length\": 12}";
  dir_make(&dir);
  dir_write(&dir, "tokenizer.json", json, strlen(json));
  dir_write(&dir, "tokenizer_config.json", config, strlen(config));
  ck_assert_msg(tokenizer_open(dir.path, &t, &err) == 0, "%s", err.message);
  ck_assert_uint_eq(tokenizer_longest(t), 12);
  leaves(t, 5, "a a b b a b", NULL, "3: 2 1 0 1 3");
  tokenizer_destroy(t);
  config = "{\"model_max_length\": 1000000000000000019884624838656}";
  dir_write(&dir, "tokenizer_config.json", config, strlen(config));
  ck_assert_msg(tokenizer_open(dir.path, &t, &err) == 0, "%s", err.message);
  ck_assert_uint_eq(tokenizer_longest(t), 0);
  tokenizer_destroy(t);
  dir_remove(&dir);
}
END_TEST

static int stopped_at(const char *json, size_t stop, const char *text) {
  struct tokenizer *t = dir_must_open(json);
  struct tfm_error err = {0};
  struct encoding e;
  const struct encode_request request = {.text = text, .length = strlen(text), .stop = stop};
  int status = tokenizer_encode_request(t, &request, &e, &err);
  ck_assert_int_eq(status != 0, e.stopped);
  ck_assert_int_eq(err.code, status == 0 ? TFM_ERROR_NONE : TFM_ERROR_LIMIT);
  encoding_finish(&e);
  tokenizer_destroy(t);
  return status;
}

/* A text far over the bound is not cut to its end, unless a template drops it. */
START_TEST(test_stop) {
  const char *json = FILE_WITH("null", "null");
  ck_assert_int_eq(stopped_at(json, 3, "a b a"), 0);
  ck_assert_int_eq(stopped_at(json, 3, "a b a b"), -1);
  ck_assert_int_eq(stopped_at(json, 0, "a b a b"), 0);
  ck_assert_int_eq(
      stopped_at("{\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"post_processor\": "
                 "{\"type\": \"TemplateProcessing\", \"single\": [], \"pair\": [], "
                 "\"special_tokens\": {}}, \"model\": {\"type\": \"WordLevel\", \"unk_token\": "
                 "\"a\", \"vocab\": {\"a\": 0}}}",
                 3, "a b a b"),
      0);
}
END_TEST

/* What is far longer is not even looked at to its end, where a byte is no UTF-8; but a pattern
 * may take all of it away. */
START_TEST(test_stop_early) {
#define WORDS_OF(normalizer)                                                                       \
  "{\"normalizer\": " normalizer                                                                   \
  ", \"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"model\": "                              \
  "{\"type\": \"WordLevel\", \"unk_token\": \"a\", \"vocab\": {\"a\": 0}}}"
  char text[4002];
  for (size_t i = 0; i < 4000; i++)
    text[i] = "\xea\xb0\x80 "[i % 4];
  memcpy(text + 4000, "\xff", 2);
  ck_assert_int_eq(stopped_at(WORDS_OF("null"), 3, text), -1);
  ck_assert_int_eq(stopped_at(WORDS_OF("{\"type\": \"NFC\"}"), 62, text), -1);
  struct tokenizer *t = dir_must_open(WORDS_OF("null"));
  struct tfm_error err = {0};
  struct encoding e;
  struct encode_request request = {.text = text, .length = 4001, .stop = 63};
  ck_assert_int_eq(tokenizer_encode_request(t, &request, &e, &err), -1); /* not far longer */
  ck_assert_msg(strstr(err.message, "not UTF-8 at byte 4000") != NULL, "%s", err.message);
  error_clear(&err);
  request = (struct encode_request){
      .text = "a", .length = 1, .pair = text, .pair_length = 4001, .stop = 5};
  ck_assert_int_eq(tokenizer_encode_request(t, &request, &e, &err), -1);
  ck_assert(e.stopped);
  tokenizer_destroy(t);
  text[4000] = '\0';
  ck_assert_int_eq(stopped_at(WORDS_OF("{\"type\": \"Replace\", \"pattern\": {\"Regex\": "
                                       "\"^[^x]+$\"}, \"content\": \"a\"}"),
                              3, text),
                   0);
}
END_TEST

UNIT_MAIN("limits", test_truncation, test_padding, test_unasked, test_truncated_to,
          test_truncation_side, test_stop, test_stop_early)
