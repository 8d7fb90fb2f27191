/* What is read, what is refused, where the message points, and how strings are quoted. */
#include "base/buffer.h"
#include "base/json.h"
#include "tests/unit/unit.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void refused_size(const char *text, size_t size, const char *wanted) {
  struct tfm_error err = {0};
  json_t *json;
  ck_assert_int_eq(json_parse("t.json", text, size, 8, TFM_ERROR_CHECKPOINT, &json, &err), -1);
  ck_assert_ptr_null(json);
  ck_assert_int_eq(err.code, TFM_ERROR_CHECKPOINT);
  ck_assert_msg(strstr(err.message, wanted) != NULL, "%s: not in: %s", wanted, err.message);
}

static void refused(const char *text, const char *wanted) {
  refused_size(text, strlen(text), wanted);
}

START_TEST(test_refused) {
  refused("{\"a\": 1,\n \"a\": 2}", "t.json:2:4: duplicate object key near '\"a\"'");
  refused("{\"a\": {\"b\": {}, \"b\": {}}}", "t.json:1:19: duplicate object key near '\"b\"'");
  refused("{\"a\\u0000\": 1}", "t.json:1:");
  refused("{\"a\": \"\xff\"}", "t.json:1:8: unable to decode byte 0xff");
  refused("{\"a\": \"\\u0000\"}", "\\u0000 is not allowed");
  refused("{\"a\": \"\\ud800\"}", "invalid Unicode '\\uD800'");
  refused("{\"a\": \"b\x1f\"}", "t.json:1:9: control character 0x1f");
  refused("{} x", "end of file expected");
  refused("", "t.json:1:1");
  refused("3", "t.json:1:1: '[' or '{' expected");
  refused("{\"a\": NaN}", "t.json:1:7: value expected near 'NaN}'");
  refused("{'a': 1}", "t.json:1:2: string expected near ''a': 1}'");
  refused("{\"a\" 1}", "t.json:1:6: ':' expected near '1}'");
  refused("{\"a\": 1 \"b\": 2}", "t.json:1:9: '}' expected near '\"b\": 2}'");
  refused("{\"a\": 1e999}", "t.json:1:11: real number overflow");
  refused("[1,]", "t.json:1:4: value expected near ']'");
  refused("[1", "t.json:1:2: ']' expected");
  refused("[tru]", "t.json:1:2: value expected near 'tru]'");
  refused("[nullx]", "t.json:1:6: ']' expected near 'x]'");
  refused("[{]", "t.json:1:3: string expected near ']'");
  refused("[1}", "t.json:1:3: ']' expected near '}'");
  refused("[\xff\xe2\x80\xae]", "t.json:1:2: value expected near '\\xff\\u{202e}]'");
  refused("\xef\xbb\xbf{}", "t.json:1:1");
  refused_size("{}\0", 3, "t.json:1:");
}
END_TEST

START_TEST(test_depth) {
  struct tfm_error err = {0};
  json_t *json;
  const char *fits = "[[[[[[[[\"[[[[[\\\"[[\"]]]]]]]]";
  ck_assert_int_eq(json_parse("t", fits, strlen(fits), 8, TFM_ERROR_MODEL, &json, &err), 0);
  json_decref(json);
  refused("{\n\"한\": [[[[[[[[1]]]]]]]]}", "t.json:2:13: nested deeper than 8 levels");
  size_t size = 10000000;
  char *deep = malloc(size);
  memset(deep, '[', size);
  refused_size(deep, size, "t.json:1:9: nested deeper");
  free(deep);
}
END_TEST

/* As jansson's own reader takes it, without that of the locale. */
static void real_is(const char *number, double wanted) {
  struct tfm_error err = {0};
  struct buffer text;
  json_t *json;
  buffer_init(&text);
  buffer_printf(&text, "[%s]", number);
  int status = json_parse("t", text.data, text.length, 1, TFM_ERROR_MODEL, &json, &err);
  ck_assert_msg(status == 0, "%.60s: %s", number, err.message);
  ck_assert(json_is_real(json_array_get(json, 0)));
  double value = json_real_value(json_array_get(json, 0));
  ck_assert_msg(memcmp(&value, &wanted, sizeof value) == 0, "%.60s: %a, not %a", number, value,
                wanted);
  json_decref(json);
  buffer_finish(&text);
}

/* An integer that 64 bits hold is one; others are in test_reals. */
START_TEST(test_integers) {
  static const char text[] = "[9223372036854775807, -9223372036854775808, 0, -1]";
  struct tfm_error err = {0};
  json_t *json;
  ck_assert_int_eq(json_parse("t", text, sizeof text - 1, 1, TFM_ERROR_MODEL, &json, &err), 0);
  ck_assert(json_is_integer(json_array_get(json, 0)) && json_is_integer(json_array_get(json, 1)));
  ck_assert_int_eq(json_integer_value(json_array_get(json, 0)), INT64_MAX);
  ck_assert_int_eq(json_integer_value(json_array_get(json, 1)), INT64_MIN);
  ck_assert_int_eq(json_integer_value(json_array_get(json, 3)), -1);
  json_decref(json);
}
END_TEST

START_TEST(test_reals) {
  static const char *const numbers[] = {"0.0",
                                        "-0.0",
                                        "0e5",
                                        "1.0",
                                        "-1.5",
                                        "1E3",
                                        "1e+3",
                                        "12e-3",
                                        "0.1",
                                        "1e-5",
                                        "123.456e7",
                                        "1e22",
                                        "1e23",
                                        "5e-324",
                                        "2e-324",
                                        "1e-999",
                                        "1.7976931348623157e308",
                                        "2.2250738585072011e-308",
                                        "9007199254740993.0",
                                        "9223372036854775808.0",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "1000000000000000019884624838656",
                                        "0.30000000000000004",
                                        "0.000000000000000000000000000001e30"};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    real_is(numbers[i], strtod(numbers[i], NULL));
  real_is("1e-99999999999999999999", 0);
  real_is("0.0e99999999999999999999", 0);
}
END_TEST

/* Half way between two doubles: what is right or left of it is told by the last digit,
 * however far it is. */
START_TEST(test_reals_long) {
  for (size_t zeros = 0; zeros < 2000; zeros += 37) {
    struct buffer text;
    buffer_init(&text);
    buffer_puts(&text, "9007199254740993.");
    for (size_t i = 0; i <= zeros; i++)
      buffer_putc(&text, '0');
    real_is(buffer_text(&text), 9007199254740992.0);
    buffer_putc(&text, '1');
    real_is(buffer_text(&text), 9007199254740994.0);
    buffer_clear(&text);
    buffer_puts(&text, "1");
    for (size_t i = 0; i <= zeros; i++)
      buffer_putc(&text, '0');
    buffer_printf(&text, ".0e-%zu", zeros);
    real_is(buffer_text(&text), 10);
    buffer_clear(&text);
    buffer_puts(&text, "0.");
    for (size_t i = 0; i < zeros; i++)
      buffer_putc(&text, '0');
    buffer_printf(&text, "25e%zu", zeros);
    real_is(buffer_text(&text), 0.25);
    buffer_finish(&text);
  }
}
END_TEST

START_TEST(test_reals_locale) {
  static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ko_KR.UTF-8", "C"};
  size_t i = 0;
  while (setlocale(LC_NUMERIC, names[i]) == NULL)
    i++;
  real_is("1.5", 3.0 / 2);
  setlocale(LC_NUMERIC, "C");
}
END_TEST

START_TEST(test_numbers_refused) {
  refused("[01]", "t.json:1:2: number expected near '01]'");
  refused("[01.5]", "t.json:1:2: number expected near '01.5]'");
  refused("[-]", "t.json:1:2: number expected near '-]'");
  refused("[-00]", "number expected");
  refused("[1\x0e"
          "5]",
          "expected near '\\u{e}5]'");
  refused("[-.5]", "t.json:1:2: number expected near '-.5]'");
  refused("[.5]", "value expected near '.5]'");
  refused("[+1]", "value expected near '+1]'");
  refused("[1.]", "t.json:1:4: digit expected near ']'");
  refused("[1.e5]", "digit expected near 'e5]'");
  refused("[1e]", "digit expected near ']'");
  refused("[1e+]", "digit expected near ']'");
  refused("[1.5", "t.json:1:4: ']' expected");
  refused("[1e", "t.json:1:3: digit expected");
  refused("[-1e400]", "real number overflow");
  refused("[0x1]", "']' expected near 'x1]'");
}
END_TEST

START_TEST(test_parse) {
  struct tfm_error err = {0};
  json_t *json;
  const char *text = "{\"n\": 9223372036854775807, \"x\": 1e-5, \"s\": \"한\"}  \n";
  ck_assert_int_eq(json_parse("t", text, strlen(text), 1, TFM_ERROR_MODEL, &json, &err), 0);
  ck_assert_int_eq(json_integer_value(json_object_get(json, "n")), INT64_MAX);
  ck_assert_str_eq(json_string_value(json_object_get(json, "s")), "한");
  json_decref(json);
}
END_TEST

START_TEST(test_kinds) {
  struct tfm_error err = {0};
  json_t *json;
  const char *text =
      " [ true , false,null,\r\n\t0,-0,-9223372036854775808,\"\",\"\\u00e9\\n\", [ ],"
      "{ },[[[]],{\"\":{\"b\":[1]}}], {\"z\":1,\"a\":2}]";
  ck_assert_int_eq(json_parse("t", text, strlen(text), 5, TFM_ERROR_MODEL, &json, &err), 0);
  char *again = json_dumps(json, JSON_COMPACT);
  ck_assert_str_eq(again, "[true,false,null,0,0,-9223372036854775808,\"\",\"é\\n\",[],{},"
                          "[[[]],{\"\":{\"b\":[1]}}],{\"z\":1,\"a\":2}]");
  free(again);
  json_decref(json);
}
END_TEST

/* Cut anywhere, or with any byte in any place: it ends, and jansson's own reader agrees. */
START_TEST(test_as_jansson) {
  const char *whole = "{\"a\": [1, -2.5e3, \"\\u00e9한\\\\\"], \"b\": {\"c\": true}, \"d\": null}";
  size_t size = strlen(whole);
  for (size_t at = 0; at < size; at++)
    for (int byte = -1; byte < 256; byte++) {
      struct tfm_error err = {0};
      size_t used = byte < 0 ? at : size;
      char *text = malloc(used + 1);
      json_t *ours;
      memcpy(text, whole, used);
      if (byte >= 0)
        text[at] = (char)byte;
      json_parse("t", text, used, 8, TFM_ERROR_MODEL, &ours, &err);
      json_t *theirs = json_loadb(text, used, JSON_REJECT_DUPLICATES, NULL);
      ck_assert_msg((ours == NULL) == (theirs == NULL), "%.*s: %s", (int)used, text, err.message);
      ck_assert(ours == NULL ? err.code == TFM_ERROR_MODEL : json_equal(ours, theirs) == 1);
      json_decref(ours);
      json_decref(theirs);
      free(text);
    }
}
END_TEST

START_TEST(test_read) {
  char path[] = "/tmp/tfm-test-XXXXXX";
  struct tfm_error err = {0};
  json_t *json;
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq((int)write(fd, "{\"a\": [1]}", 10), 10);
  close(fd);
  ck_assert_int_eq(json_read(path, 10, 2, TFM_ERROR_MODEL, &json, &err), 0);
  json_decref(json);
  ck_assert_int_eq(json_read(path, 9, 2, TFM_ERROR_MODEL, &json, &err), -1);
  error_clear(&err);
  ck_assert_int_eq(json_read(path, 10, 1, TFM_ERROR_MODEL, &json, &err), -1);
  ck_assert(strncmp(err.message, path, strlen(path)) == 0);
  unlink(path);
}
END_TEST

static void check_quote(const char *text, size_t length, const char *wanted) {
  struct buffer buffer;
  buffer_init(&buffer);
  json_quote(&buffer, text, length);
  ck_assert_str_eq(buffer_text(&buffer), wanted);
  buffer_finish(&buffer);
}

START_TEST(test_quote) {
  check_quote("a\"b\\c\n\t\r", 8, "\"a\\\"b\\\\c\\n\\t\\r\"");
  check_quote("\0\x1b\x7f", 3, "\"\\u0000\\u001b\\u007f\"");
  check_quote("한\xff.", 5, "\"한\xef\xbf\xbd.\"");
  check_quote("", 0, "\"\"");
}
END_TEST

START_TEST(test_key_line) {
  const char *text = "{\n \"a\": {\"b\":\n 1},\n \"s\": \"b\",\n \"b\"\n :\n 2,\n \"c\": 3}";
  size_t size = strlen(text);
  ck_assert_uint_eq(json_key_line(text, size, "a"), 2);
  ck_assert_uint_eq(json_key_line(text, size, "b"), 7);
  ck_assert_uint_eq(json_key_line(text, size, "c"), 8);
  ck_assert_uint_eq(json_key_line(text, size, "d"), 0);
  /* Cut anywhere, it still ends. */
  for (size_t cut = 0; cut < size; cut++) {
    char *part = malloc(cut + 1);
    memcpy(part, text, cut);
    json_key_line(part, cut, "c");
    free(part);
  }
}
END_TEST

UNIT_MAIN("json", test_refused, test_depth, test_parse, test_kinds, test_as_jansson, test_integers,
          test_reals, test_reals_long, test_reals_locale, test_numbers_refused, test_read,
          test_quote, test_key_line)
