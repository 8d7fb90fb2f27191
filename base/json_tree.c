/* json_tree.c - every constructor of jansson that can fail is looked at. */
#include "base/json_tree.h"

#include "base/pull.h"
#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree {
  struct json_pull *pull;
  struct pull_text room; /* of the string that is read */
  unsigned depth, max_depth;
  const struct json_span *hole;
  size_t holes;
};

static json_t *read_value(struct tree *tree);

/* The byte at pull->at is wrong. */
static int unexpected(const struct json_pull *pull, const char *wanted) {
  char near[20];
  size_t size = 0;
  while (size < pull->end - pull->at && (unsigned char)pull->text[pull->at + size] > ' ')
    size++;
  if (size == 0)
    return json_pull_error(pull, pull->at, "%s expected", wanted);
  text_escape_into(near, sizeof near, pull->text + pull->at, size, false);
  return json_pull_error(pull, pull->at + 1, "%s expected near '%s'", wanted, near);
}

/* A value that was made, or not. */
static json_t *made(const struct tree *tree, json_t *value) {
  if (value == NULL)
    error_oom(tree->pull->err);
  return value;
}

/* ---- numbers ---- */

/* All digits that can matter: what is half way between two doubles has at most 767. */
enum { DIGITS = 800, EXPONENT = 24 };

struct decimal {
  char text[1 + DIGITS + 1 + EXPONENT]; /* a zero, the digits from the first that is none */
  size_t length;
  int64_t exponent; /* of ten */
  bool more;        /* of the digits left out, one is no zero */
};

static bool is_point(const struct json_pull *pull, size_t at) {
  return at < pull->end && pull->text[at] == '.';
}

static bool is_exponent(const struct json_pull *pull, size_t at) {
  return at < pull->end && (pull->text[at] == 'e' || pull->text[at] == 'E');
}

static size_t skip_digits(const struct json_pull *pull, size_t at) {
  while (at < pull->end && pull->text[at] >= '0' && pull->text[at] <= '9')
    at++;
  return at;
}

/* Read digits, before the point or after it; how many. */
static size_t read_digits(struct json_pull *pull, struct decimal *decimal, bool fraction) {
  size_t begin = pull->at, end = skip_digits(pull, begin);
  for (; pull->at < end; pull->at++) {
    char c = pull->text[pull->at];
    bool fits = decimal->length <= DIGITS;
    if (!fits)
      decimal->more |= c != '0';
    else if (c != '0' || decimal->length > 1)
      decimal->text[decimal->length++] = c;
    if (fits == fraction)
      decimal->exponent += fits ? -1 : 1;
  }
  return end - begin;
}

/* e-5 and so on; false: without digits.  Far out it stays where it is. */
static bool read_exponent(struct json_pull *pull, struct decimal *decimal) {
  int64_t given = 0;
  bool minus = ++pull->at < pull->end && pull->text[pull->at] == '-';
  pull->at += minus || (pull->at < pull->end && pull->text[pull->at] == '+');
  size_t begin = pull->at, end = skip_digits(pull, begin);
  for (; pull->at < end; pull->at++)
    if (given < INT64_MAX / 100)
      given = given * 10 + (pull->text[pull->at] - '0');
  decimal->exponent += minus ? -given : given;
  return end > begin;
}

/* As digits and an exponent, without the point: strtod wants the locale's. */
static double decimal_value(struct decimal *decimal) {
  char *end = decimal->text + decimal->length;
  if (decimal->more)
    *end++ = '1'; /* rounds as all the digits left out do, and then counts as one of them */
  snprintf(end, EXPONENT, "e%lld", (long long)decimal->exponent - decimal->more);
  return strtod(decimal->text, NULL);
}

static int read_real(struct json_pull *pull, bool minus, double *out) {
  struct decimal decimal = {.text = "0", .length = 1};
  pull->at += minus;
  read_digits(pull, &decimal, false);
  if (is_point(pull, pull->at)) {
    pull->at++;
    if (read_digits(pull, &decimal, true) == 0)
      return unexpected(pull, "digit");
  }
  if (is_exponent(pull, pull->at) && !read_exponent(pull, &decimal))
    return unexpected(pull, "digit");
  *out = decimal_value(&decimal);
  if (isinf(*out))
    return json_pull_error(pull, pull->at, "real number overflow");
  if (minus)
    *out = -*out;
  return 0;
}

/* Do the digits [begin, end), without a leading zero, go into 64 bits? */
static bool is_int64(const struct json_pull *pull, size_t begin, size_t end, bool minus) {
  static const char most[] = "9223372036854775807", least[] = "9223372036854775808";
  size_t count = end - begin, full = sizeof most - 1;
  return count < full ||
         (count == full && memcmp(pull->text + begin, minus ? least : most, full) <= 0);
}

/* A number with a point or an exponent is real, and so is an integer beyond 64 bits:
 * "no bound" is often written as 1e30 with all its digits.  Any other is an integer. */
static json_t *read_number(struct tree *tree) {
  struct json_pull *pull = tree->pull;
  bool minus = pull->text[pull->at] == '-';
  size_t begin = pull->at + minus, end = skip_digits(pull, begin);
  int64_t integer;
  double real;
  if (end == begin || (end > begin + 1 && pull->text[begin] == '0')) {
    unexpected(pull, "number");
    return NULL;
  }
  if (!is_point(pull, end) && !is_exponent(pull, end) && is_int64(pull, begin, end, minus))
    return json_pull_integer(pull, &integer) == 0 ? made(tree, json_integer(integer)) : NULL;
  return read_real(pull, minus, &real) == 0 ? made(tree, json_real(real)) : NULL;
}

/* ---- strings and words ---- */

static json_t *read_string(struct tree *tree) {
  if (pull_string(tree->pull, &tree->room, false) != 0)
    return NULL;
  return made(tree, json_stringn_nocheck(tree->room.text, tree->room.length));
}

static bool take_word(struct json_pull *pull, const char *word) {
  size_t length = strlen(word);
  if (pull->end - pull->at < length || memcmp(pull->text + pull->at, word, length) != 0)
    return false;
  pull->at += length;
  return true;
}

static json_t *read_word(struct tree *tree) {
  if (take_word(tree->pull, "true"))
    return json_true();
  if (take_word(tree->pull, "false"))
    return json_false();
  if (take_word(tree->pull, "null"))
    return json_null();
  unexpected(tree->pull, "value");
  return NULL;
}

/* ---- arrays and objects ---- */

static int read_items(struct tree *tree, json_t *array) {
  int more;
  while ((more = json_pull_more(tree->pull, ']')) > 0) {
    json_t *item = read_value(tree);
    if (item == NULL)
      return -1;
    if (json_array_append_new(array, item) != 0)
      return error_oom(tree->pull->err);
  }
  return more;
}

/* A key that object has not yet, and the colon after it.  The caller frees it. */
static char *read_key(struct tree *tree, const json_t *object) {
  struct json_pull *pull = tree->pull;
  char near[80];
  if (pull_string(pull, &tree->room, false) != 0)
    return NULL;
  if (json_object_get(object, tree->room.text) != NULL) {
    text_escape_into(near, sizeof near, tree->room.text, tree->room.length, false);
    json_pull_error(pull, pull->at, "duplicate object key near '\"%s\"'", near);
    return NULL;
  }
  if (json_pull_open(pull, ':') != 0)
    return NULL;
  pull->first = false; /* a colon is no bracket */
  char *key = strdup(tree->room.text);
  if (key == NULL)
    error_oom(pull->err);
  return key;
}

static int read_members(struct tree *tree, json_t *object) {
  int more;
  while ((more = json_pull_more(tree->pull, '}')) > 0) {
    char *key = read_key(tree, object);
    json_t *value = key == NULL ? NULL : read_value(tree);
    bool set = value != NULL && json_object_set_new_nocheck(object, key, value) == 0;
    free(key);
    if (value != NULL && !set)
      return error_oom(tree->pull->err);
    if (!set)
      return -1;
  }
  return more;
}

static json_t *read_nested(struct tree *tree, char bracket) {
  struct json_pull *pull = tree->pull;
  if (tree->depth == tree->max_depth) {
    json_pull_error(pull, pull->at + 1, "nested deeper than %u levels", tree->max_depth);
    return NULL;
  }
  json_t *out = made(tree, bracket == '{' ? json_object() : json_array());
  if (out == NULL)
    return NULL;
  tree->depth++;
  json_pull_open(pull, bracket);
  int status = bracket == '{' ? read_members(tree, out) : read_items(tree, out);
  tree->depth--;
  if (status == 0)
    return out;
  json_decref(out);
  return NULL;
}

/* Past the value, if it is a hole. */
static bool skip_hole(struct tree *tree) {
  for (size_t i = 0; i < tree->holes; i++)
    if (tree->hole[i].begin == tree->pull->at && tree->hole[i].end > tree->hole[i].begin) {
      tree->pull->at = tree->hole[i].end;
      return true;
    }
  return false;
}

static json_t *read_value(struct tree *tree) {
  char c = json_pull_peek(tree->pull);
  if (skip_hole(tree))
    return json_null();
  if (c == '{' || c == '[')
    return read_nested(tree, c);
  if (c == '"')
    return read_string(tree);
  if (c == '-' || (c >= '0' && c <= '9'))
    return read_number(tree);
  return read_word(tree);
}

int json_tree_read(struct json_pull *pull, unsigned max_depth, const struct json_span *hole,
                   size_t holes, json_t **out) {
  struct tree tree = {.pull = pull, .max_depth = max_depth, .hole = hole, .holes = holes};
  char c = json_pull_peek(pull);
  *out = NULL;
  if (c == '{' || c == '[')
    *out = read_value(&tree);
  else
    unexpected(pull, "'[' or '{'");
  pull_text_finish(&tree.room);
  if (*out != NULL && json_pull_end(pull) != 0) {
    json_decref(*out);
    *out = NULL;
  }
  return *out == NULL ? -1 : 0;
}
