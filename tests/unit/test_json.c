/* What is refused, where the message points, and how strings are quoted. */
#include "base/buffer.h"
#include "base/json.h"
#include "tests/unit/unit.h"

#include <stdio.h>
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
  refused("{\"a\": 1,\n \"a\": 2}", "t.json:2:4: duplicate object key");
  refused("{\"a\\u0000\": 1}", "t.json:1:");
  refused("{\"a\": 9223372036854775808}", "too big integer");
  refused("{\"a\": \"\xff\"}", "t.json:1:");
  refused("{} x", "end of file expected");
  refused("", "t.json:1:1");
  refused("3", "t.json:1:1: '[' or '{' expected");
  refused("{\"a\": NaN}", "t.json:1:");
  refused("{'a': 1}", "t.json:1:");
  refused("{\"a\": 1e999}", "real number overflow");
  refused("[1,]", "t.json:1:");
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

UNIT_MAIN("json", test_refused, test_depth, test_parse, test_read, test_quote, test_key_line)
