/* What is read, what is refused and where the message points, and that spans are
 * found as a reader of characters finds them. */
#include "base/json_pull.h"
#include "base/json_span.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read "[...]" of strings; they are joined by |. */
static int read_strings(const char *text, size_t size, char *joined, struct tfm_error *err) {
  struct json_pull pull = {
      .name = "t.json", .text = text, .end = size, .code = TFM_ERROR_TOKENIZER, .err = err};
  char *room = malloc(size + JSON_PULL_SLACK);
  int more = json_pull_open(&pull, '[');
  *joined = '\0';
  while (more == 0 && (more = json_pull_more(&pull, ']')) > 0) {
    size_t length;
    more = json_pull_string(&pull, room, &length);
    if (more == 0) {
      ck_assert_uint_eq(length, strlen(room));
      strcat(strcat(joined, room), "|");
    }
  }
  free(room);
  return more == 0 ? json_pull_end(&pull) : -1;
}

static void strings_are(const char *text, const char *wanted) {
  struct tfm_error err = {0};
  char joined[256];
  char *copy = malloc(strlen(text)); /* no NUL after it */
  memcpy(copy, text, strlen(text));
  int status = read_strings(copy, strlen(text), joined, &err);
  ck_assert_msg(status == 0, "%s: %s", text, err.message);
  ck_assert_str_eq(joined, wanted);
  free(copy);
}

static void refused(const char *text, const char *wanted) {
  struct tfm_error err = {0};
  char joined[256];
  char *copy = malloc(strlen(text) + 1);
  memcpy(copy, text, strlen(text));
  ck_assert_msg(read_strings(copy, strlen(text), joined, &err) == -1, "accepted: %s", text);
  ck_assert_msg(strstr(err.message, wanted) != NULL, "%s: not in: %s", wanted, err.message);
  free(copy);
}

/* A string of any length, plain or not, near the end of the text or far from it: as a
 * view it is the same as copied. */
START_TEST(test_views) {
  char text[200], room[2][200 + JSON_PULL_SLACK];
  for (size_t length = 0; length < 80; length++)
    for (size_t special = 0; special <= length; special++) /* the last: none */
      for (size_t after = 1; after < 40; after += 38) {
        size_t size = 0;
        text[size++] = '"';
        for (size_t i = 0; i < length; i++) {
          if (i == special)
            text[size++] = '\\';
          text[size++] = i == special ? 'n' : 'x';
        }
        text[size++] = '"';
        memset(text + size, ' ', after);
        char *copy = malloc(size + after);
        memcpy(copy, text, size + after);
        struct tfm_error err = {0};
        struct json_pull pull = {.name = "t",
                                 .text = copy,
                                 .end = size + after,
                                 .code = TFM_ERROR_TOKENIZER,
                                 .err = &err};
        struct json_pull again = pull;
        const char *view;
        size_t copied, viewed;
        ck_assert_int_eq(json_pull_string(&pull, room[0], &copied), 0);
        ck_assert_int_eq(json_pull_view(&again, room[1], &view, &viewed), 0);
        ck_assert_uint_eq(copied, length);
        ck_assert_uint_eq(viewed, length);
        ck_assert_uint_eq(pull.at, again.at);
        ck_assert_uint_eq(strlen(room[0]), length);
        ck_assert_int_eq(memcmp(room[0], view, length), 0);
        ck_assert(view == room[1] || view == copy + 1);
        ck_assert(special == length || view == room[1]);
        free(copy);
      }
}
END_TEST

START_TEST(test_strings) {
  strings_are("[]", "");
  strings_are(" [ \"a\" ,\n\t\"\" , \"bc\" ]\r\n", "a||bc|");
  strings_are("[\n              \"a\",\n        \"b\"\n       \t  ]         ", "a|b|");
  strings_are("[\"0123456789abcdef0123456789\"]", "0123456789abcdef0123456789|");
  strings_are("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "\"\\/\b\f\n\r\t|");
  strings_are("[\"\\uAC00x\\ud83d\\ude00\\u0001\\u007f\\u0080\\uffff\"]",
              "가x😀\x01\x7f\xc2\x80\xef\xbf\xbf|");
  strings_are("[\"한국어 é \xf4\x8f\xbf\xbf\x7f\"]", "한국어 é \xf4\x8f\xbf\xbf\x7f|");
}
END_TEST

START_TEST(test_strings_refused) {
  refused("[\"\xff\"]", "t.json:1:3: unable to decode byte 0xff");
  refused("[\"\xc0\x80\"]", "unable to decode byte 0xc0");
  refused("[\"\xe0\x9f\xbf\"]", "unable to decode byte 0xe0");
  refused("[\"\xed\xa0\x80\"]", "unable to decode byte 0xed");
  refused("[\"\xf4\x90\x80\x80\"]", "unable to decode byte 0xf4");
  refused("[\"\xf5\x80\x80\x80\"]", "unable to decode byte 0xf5");
  refused("[\"\xe1\x80\"]", "unable to decode byte 0xe1");
  refused("[\"\x80\"]", "unable to decode byte 0x80");
  refused("[\"\xe1\x80", "unexpected end of the string");
  refused("[\"abcdefgh\xe1\x80ijklmnop\"]", "t.json:1:11: unable to decode byte 0xe1");
  refused("[\"a\nb\"]", "control character 0xa");
  refused("[\n\"한\x1f\"]", "t.json:2:3: control character 0x1f");
  refused("[\"\\u0000\"]", "\\u0000 is not allowed");
  refused("[\"\\ud800\"]", "invalid Unicode '\\uD800'");
  refused("[\"\\ud800\\u0041\"]", "invalid Unicode");
  refused("[\"\\udc00\"]", "\\uDC00 is not allowed");
  refused("[\"\\u12g4\"]", "invalid escape");
  refused("[\"\\x\"]", "invalid escape");
  refused("[\"\\", "invalid escape");
  refused("[\"\\u12", "invalid escape");
  refused("[\"abc", "unexpected end of the string");
  refused("[\"abc\\\"]", "unexpected end of the string");
  refused("", "t.json:1:1: '[' expected");
  refused("{}", "t.json:1:1: '[' expected near '{}'");
  refused("[\"a\"", "']' expected");
  refused("[\"a\" \"b\"]", "t.json:1:6: ']' expected near '\"b\"]'");
  refused("[\"a\",]", "string expected near ']'");
  refused("[,\"a\"]", "string expected near ',\"a\"]'");
  refused("[\"a\"] x", "end of file expected near 'x'");
  refused("[1]", "string expected near '1]'");
}
END_TEST

static int read_number(const char *text, int64_t *integer, double *number, struct tfm_error *err) {
  struct json_pull pull = {
      .name = "t", .text = text, .end = strlen(text), .code = TFM_ERROR_TOKENIZER, .err = err};
  int status =
      integer != NULL ? json_pull_integer(&pull, integer) : json_pull_number(&pull, number);
  return status == 0 ? json_pull_end(&pull) : -1;
}

START_TEST(test_integers) {
  static const struct {
    const char *text;
    int64_t value;
  } good[] = {{"0", 0},
              {"-0", 0},
              {"12345678", 12345678},
              {"-1234567890123456", -1234567890123456},
              {" 12 ", 12},
              {"9223372036854775807", INT64_MAX},
              {"-9223372036854775808", INT64_MIN}};
  static const char *const bad[] = {"",
                                    "-",
                                    "+1",
                                    "01",
                                    "-01",
                                    "a",
                                    "1.0",
                                    "1e0",
                                    "1 2",
                                    "9223372036854775808",
                                    "1a",
                                    "0x1",
                                    "18446744073709551616",
                                    "-9223372036854775809"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    struct tfm_error err = {0};
    int64_t value;
    ck_assert_int_eq(read_number(good[i].text, &value, NULL, &err), 0);
    ck_assert_int_eq(value, good[i].value);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct tfm_error err = {0};
    int64_t value;
    ck_assert_msg(read_number(bad[i], &value, NULL, &err) == -1, "accepted: %s", bad[i]);
    ck_assert_int_eq(err.code, TFM_ERROR_TOKENIZER);
  }
}
END_TEST

START_TEST(test_numbers) {
  static const struct {
    const char *text;
    double value;
  } good[] = {{"0", 0},
              {"-1.5", -1.5},
              {"1e3", 1000},
              {"25E-1", 2.5},
              {"1.25e+2", 125},
              {"0e999999999999", 0},
              {"1e-400", 0},
              {"123456789012345678901234567890", 123456789012345678e12},
              /* 5747.9389 is nearest to 57479389 / 10^4 too; the next is not nearest. */
              {"-9.967339515686035", -9967339515686035.0 / 1e15},
              {"-12.345678901234567", -12345678901234567.0 / 1e15},
              {"0.1000000000000000055511151231257827", 1000000000000000055.0 / 1e19}};
  static const char *const bad[] = {"",     "-",     ".5",  "1.",        "1.e1",  "1e", "1e+",
                                    "01.5", "1e309", "NaN", "-Infinity", "1.5.5", "1f", "1\0165"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    struct tfm_error err = {0};
    double value;
    ck_assert_int_eq(read_number(good[i].text, NULL, &value, &err), 0);
    ck_assert_msg(value == good[i].value, "%s: %.17g, not %.17g", good[i].text, value,
                  good[i].value);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct tfm_error err = {0};
    double value;
    ck_assert_msg(read_number(bad[i], NULL, &value, &err) == -1, "accepted: %s", bad[i]);
  }
}
END_TEST

/* ---- spans ---- */

/* The same a character at a time. */
static size_t plain_end(const char *text, size_t size, size_t at) {
  size_t depth = 0;
  bool inside = false;
  for (; at < size; at++) {
    if (inside && text[at] == '\\')
      at++;
    else if (text[at] == '"')
      inside = !inside;
    else if (!inside && (text[at] == '{' || text[at] == '['))
      depth++;
    else if (!inside && (text[at] == '}' || text[at] == ']') && --depth == 0)
      return at + 1;
  }
  return 0;
}

START_TEST(test_span_end) {
  static const char alphabet[] = "[]{}\"\"\\\\ab,:[]";
  uint32_t random = 1;
  char text[300];
  for (int round = 0; round < 20000; round++) {
    size_t size = 1 + (random >> 8) % (sizeof text - 1);
    text[0] = '[';
    for (size_t i = 1; i < size; i++) {
      random = random * 1664525 + 1013904223;
      uint32_t pick = random >> 16;
      /* Mostly long strings and deep brackets, so that blocks are crossed. */
      text[i] = pick % 4 == 0 ? alphabet[pick / 4 % (sizeof alphabet - 1)] : "a[\\"[round % 3];
    }
    char *copy = malloc(size);
    memcpy(copy, text, size);
    /* A backslash outside strings is no JSON; both may do with it what they like. */
    bool lone = false, inside = false;
    for (size_t i = 0; i < size; i++) {
      lone = lone || (!inside && copy[i] == '\\');
      if (inside && copy[i] == '\\')
        i++;
      else if (copy[i] == '"')
        inside = !inside;
    }
    size_t end = json_span_end(copy, size, 0);
    if (!lone)
      ck_assert_uint_eq(end, plain_end(copy, size, 0));
    ck_assert_uint_le(end, size);
    free(copy);
  }
}
END_TEST

static const char *const names[] = {"vocab", "merges", NULL};

START_TEST(test_span_find) {
  const char *text =
      "{\"x\": \"model\", \"model\" : {\"a\\\"\": {\"vocab\": 1}, \"vocab\" :{\"}\": "
      "0}, \"merges\": 3, \"merges\":[[]]}, \"model\": {}}";
  struct json_span spans[2];
  json_span_find(text, strlen(text), "model", names, spans);
  ck_assert_uint_eq(spans[0].strings, 1);
  ck_assert_uint_eq(spans[1].strings, 0);
  ck_assert_int_eq(strncmp(text + spans[0].begin, "{\"}\": 0}", spans[0].end - spans[0].begin), 0);
  ck_assert_int_eq(strncmp(text + spans[1].begin, "[[]]", spans[1].end - spans[1].begin), 0);
  for (size_t cut = 0; cut < strlen(text); cut++) { /* cut anywhere, it ends */
    char *part = malloc(cut + 1);
    memcpy(part, text, cut);
    json_span_find(part, cut, "model", names, spans);
    ck_assert_uint_le(spans[0].end, cut);
    ck_assert_uint_le(spans[1].end, cut);
    free(part);
  }
  json_span_find("[1]", 3, "model", names, spans);
  ck_assert_uint_eq(spans[0].end, 0);
}
END_TEST

/* What is wrong beside the spans is told where it is in the whole text. */
static void without_refused(const char *text, const char *wanted) {
  struct tfm_error err = {0};
  struct json_span spans[2];
  json_t *json;
  json_span_find(text, strlen(text), "model", names, spans);
  int status = json_parse_without("t.json", text, strlen(text), 4, spans, 2, TFM_ERROR_TOKENIZER,
                                  &json, &err);
  ck_assert_int_eq(status, -1);
  ck_assert_msg(strstr(err.message, wanted) != NULL, "%s: not in: %s", wanted, err.message);
}

START_TEST(test_without) {
  const char *text =
      "{\"model\": {\"merges\": [\"a b\"], \"n\": 1, \"vocab\": {\"a\": 0}}, \"z\": [2]}";
  struct tfm_error err = {0};
  struct json_span spans[2];
  json_t *json;
  json_span_find(text, strlen(text), "model", names, spans);
  ck_assert_int_eq(json_parse_without("t.json", text, strlen(text), 4, spans, 2,
                                      TFM_ERROR_TOKENIZER, &json, &err),
                   0);
  const json_t *model = json_object_get(json, "model");
  ck_assert(json_is_null(json_object_get(model, "vocab")));
  ck_assert(json_is_null(json_object_get(model, "merges")));
  ck_assert_int_eq(json_integer_value(json_object_get(model, "n")), 1);
  json_decref(json);
  without_refused("{\"model\": {\"merges\": [\"한\",\n\"b\"], \"vocab\": {\"a\": 0}, x}}",
                  "t.json:2:26: string expected near 'x}}'");
  without_refused("{\"model\": {\"vocab\": {},\n \"vocab\": {\"a\": 0}}}",
                  "t.json:2:8: duplicate object key near '\"vocab\"'");
  without_refused("{x \"model\": {\"vocab\": {}}}", "t.json:1:2: ");
  without_refused("{\"model\": {\"vocab\": {}}, \"a\": [[[[1]]]]}", "t.json:1:34: nested deeper");
  without_refused("{\"model\": {\"vocab\": {\"a\": 0}", "t.json:1:28: ");
  without_refused("{\"model\": {\"vocab\": {\"a\": 0", "t.json:1:27: ");
}
END_TEST

/* Quotes count across blocks, escaped ones do not, nor those after the span. */
START_TEST(test_span_strings) {
  static const char *const keys[] = {"a", "\\\"", "[\\\\", "}}}}]]]]\\\"{{{{{", "", "\\\\\\\""};
  char text[8000];
  struct json_span spans[2];
  for (size_t count = 0; count < 300; count++) {
    size_t at = (size_t)sprintf(text, "{\"model\": {\"vocab\": [");
    for (size_t i = 0; i < count; i++)
      at += (size_t)sprintf(text + at, "%s\"%s\"", i == 0 ? "" : ", ", keys[(i * 7 + count) % 6]);
    at += (size_t)sprintf(text + at, "],\"x\": \"\"}}");
    json_span_find(text, at, "model", names, spans);
    ck_assert_uint_eq(spans[0].strings, count);
  }
}
END_TEST

UNIT_MAIN("json_pull", test_views, test_strings, test_strings_refused, test_integers, test_numbers,
          test_span_end, test_span_find, test_span_strings, test_without)
