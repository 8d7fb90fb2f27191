/* json_pull.c - strings are most of what is read, and most are short: one look at a
 * block of bytes finds the end. */
#include "base/json_pull.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = JSON_PULL_SLACK };

#define EACH(byte) ((byte)*UINT64_C(0x0101010101010101))

int json_pull_error(const struct json_pull *pull, size_t at, const char *format, ...) {
  char message[256];
  unsigned line, column;
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  json_place(pull->text, at, &line, &column);
  return error_set(pull->err, pull->code, "%s:%u:%u: %s", pull->name, line, column, message);
}

/* The byte at pull->at is wrong. */
static int unexpected(const struct json_pull *pull, const char *wanted) {
  size_t size = pull->end - pull->at < 16 ? pull->end - pull->at : 16;
  const char *at = pull->text + pull->at;
  for (size_t i = 0; i < size; i++)
    if (at[i] == '\n' || at[i] == '\r' || at[i] == '\0')
      size = i;
  while (size > 0 && size < pull->end - pull->at && ((unsigned char)at[size] & 0xc0) == 0x80)
    size--; /* whole characters */
  if (size == 0)
    return json_pull_error(pull, pull->at, "%s expected", wanted);
  return json_pull_error(pull, pull->at + 1, "%s expected near '%.*s'", wanted, (int)size, at);
}

static bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The first byte lowest. */
static uint64_t load(const char *text) {
  uint64_t word;
  memcpy(&word, text, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

/* Files written to be read have a newline and many blanks before each value. */
static void skip_space(struct json_pull *pull) {
  size_t at = pull->at;
  while (at < pull->end && is_space(pull->text[at])) {
    at++;
    if (pull->end - at >= 8) {
      uint64_t others = load(pull->text + at) ^ EACH(' ');
      at += others == 0 ? 8 : (size_t)__builtin_ctzll(others) / 8;
    }
  }
  pull->at = at;
}

char json_pull_after_space(struct json_pull *pull) {
  skip_space(pull);
  return pull->at < pull->end ? pull->text[pull->at] : '\0';
}

static int expect(struct json_pull *pull, char wanted) {
  const char name[] = {'\'', wanted, '\'', '\0'};
  if (json_pull_peek(pull) != wanted)
    return unexpected(pull, name);
  pull->at++;
  return 0;
}

int json_pull_open(struct json_pull *pull, char bracket) {
  pull->first = true;
  return expect(pull, bracket);
}

int json_pull_more_or_end(struct json_pull *pull, char bracket) {
  bool first = pull->first;
  pull->first = false;
  char next = json_pull_peek(pull);
  if (next == bracket) {
    pull->at++;
    return 0;
  }
  if (first)
    return pull->at < pull->end ? 1 : expect(pull, bracket);
  if (next != ',')
    return expect(pull, bracket);
  pull->at++;
  return 1;
}

/* ---- strings ---- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits at text[at], or -1. */
static int32_t hex_unit(const struct json_pull *pull, size_t at) {
  int32_t unit = 0;
  if (pull->end - at < 4)
    return -1;
  for (size_t i = at; i < at + 4; i++) {
    int digit = hex_digit(pull->text[i]);
    if (digit < 0)
      return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

static size_t write_code(char *out, uint32_t code) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  out[0] = (char)(((0xff00u >> (more + 1)) & 0xff) | code >> 6 * more);
  for (size_t i = 1; i <= more; i++)
    out[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
  return more + 1;
}

/* \uXXXX, in a pair where it must be; at is after the u.  Bytes written, or -1. */
static int read_unicode(struct json_pull *pull, size_t *at, char *out) {
  int32_t unit = hex_unit(pull, *at), low;
  if (unit < 0)
    return json_pull_error(pull, *at, "invalid escape");
  *at += 4;
  if (unit >= 0xd800 && unit < 0xdc00) {
    bool pair = pull->end - *at >= 6 && pull->text[*at] == '\\' && pull->text[*at + 1] == 'u';
    low = pair ? hex_unit(pull, *at + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff)
      return json_pull_error(pull, *at, "invalid Unicode '\\u%04X'", (unsigned)unit);
    *at += 6;
    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }
  if ((unit >= 0xdc00 && unit <= 0xdfff) || unit == 0)
    return json_pull_error(pull, *at, "\\u%04X is not allowed", (unsigned)unit);
  return (int)write_code(out, (uint32_t)unit);
}

/* What a backslash at text[*at] begins.  Bytes written, or -1. */
static int read_escape(struct json_pull *pull, size_t *at, char *out) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char c = pull->end - *at > 1 ? pull->text[*at + 1] : '\0';
  const char *name = c == '\0' ? NULL : strchr(names, c);
  *at += 2;
  if (c == 'u')
    return read_unicode(pull, at, out);
  if (name == NULL)
    return json_pull_error(pull, *at < pull->end ? *at : pull->end, "invalid escape");
  *out = values[name - names];
  return 1;
}

/* Bytes of the UTF-8 sequence at text[at], at least 2; 0 if it is none.  The
 * ranges of the second byte are those of Unicode's table 3-7. */
static size_t sequence(const char *text, size_t at, size_t end) {
  const unsigned char *s = (const unsigned char *)text + at;
  size_t left = end - at, size = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
  unsigned char least = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char most = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
  if (s[0] < 0xc2 || s[0] > 0xf4 || left < size || s[1] < least || s[1] > most)
    return 0;
  for (size_t i = 2; i < size; i++)
    if ((s[i] & 0xc0) != 0x80)
      return 0;
  return size;
}

/* text[at..end) is UTF-8. */
static int check_utf8(const struct json_pull *pull, size_t at, size_t end) {
  while (at < end) {
    const unsigned char *s = (const unsigned char *)pull->text + at;
    size_t size = 1;
    if (s[0] >= 0xc2 && s[0] < 0xe0 && end - at >= 2 && (s[1] & 0xc0) == 0x80)
      size = 2;
    else if (s[0] >= 0x80)
      size = sequence(pull->text, at, end);
    if (size == 0)
      return json_pull_error(pull, at + 1, "unable to decode byte 0x%x", s[0]);
    at += size;
  }
  return 0;
}

/* The number of bytes of a word before the first quote, backslash or control
 * character. */
static unsigned plain_bytes(uint64_t word) {
  uint64_t quote = word ^ EACH('"'), slash = word ^ EACH('\\');
  /* The lowest bit found is right; those above it may not be. */
  uint64_t found =
      ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash) | ((word - EACH(0x20)) & ~word);
  found &= EACH(0x80);
  return found == 0 ? 8 : (unsigned)__builtin_ctzll(found) / 8;
}

/* A string's bytes from text[*at] to a quote or another byte that is not plain.
 * *bits gets all bits of them, perhaps with those of some bytes more. */
static void copy_plain(const struct json_pull *pull, size_t *at, char **out, uint64_t *bits) {
  unsigned plain = 8;
  while (plain == 8 && pull->end - *at >= 8) {
    uint64_t word = load(pull->text + *at);
    plain = plain_bytes(word);
    *bits |= word;
    memcpy(*out, pull->text + *at, 8);
    *at += plain;
    *out += plain;
  }
}

/* Any string, from its quote on. */
static int read_string(struct json_pull *pull, char *room, size_t *length) {
  char *out = room;
  uint64_t bits = 0;
  size_t begin = pull->at + 1, at = begin;
  for (;;) {
    copy_plain(pull, &at, &out, &bits);
    if (at >= pull->end)
      return json_pull_error(pull, pull->end, "unexpected end of the string");
    unsigned char c = (unsigned char)pull->text[at];
    if (c == '"')
      break;
    if (c < 0x20)
      return json_pull_error(pull, at + 1, "control character 0x%x", c);
    bits |= c;
    if (c != '\\') { /* near the end of the text */
      *out++ = (char)c;
      at++;
      continue;
    }
    int written = read_escape(pull, &at, out);
    if (written < 0)
      return -1;
    out += written;
  }
  if (!pull->utf8 && (bits & EACH(0x80)) != 0 && check_utf8(pull, begin, at) != 0)
    return -1;
  *out = '\0';
  *length = (size_t)(out - room);
  pull->at = at + 1;
  return 0;
}

#ifdef __SSE2__

/* Bytes of a block that are a quote, a backslash or a control character. */
static inline uint32_t marks(__m128i word) {
  __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(word, _mm_set1_epi8(0x1f)), word);
  __m128i quote = _mm_cmpeq_epi8(word, _mm_set1_epi8('"'));
  __m128i slash = _mm_cmpeq_epi8(word, _mm_set1_epi8('\\'));
  return (uint32_t)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash)));
}

/* How many plain bytes a block of text begins with; *ascii: all of the block is ASCII. */
static inline unsigned plain_block(const char *text, bool *ascii) {
  __m128i low = _mm_loadu_si128((const __m128i *)(const void *)text);
  __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(text + BLOCK / 2));
  uint32_t mask = marks(low) | marks(high) << 16;
  *ascii = _mm_movemask_epi8(_mm_or_si128(low, high)) == 0;
  return mask == 0 ? BLOCK : (unsigned)__builtin_ctz(mask);
}

#else

static inline unsigned plain_block(const char *text, bool *ascii) {
  uint64_t bits = 0;
  unsigned at = 0, plain = 8;
  for (; at < BLOCK && plain == 8; at += plain) {
    uint64_t word = load(text + at);
    plain = plain_bytes(word);
    bits |= word;
  }
  *ascii = (bits & EACH(0x80)) == 0;
  return at;
}

#endif

/* The string at pull->at ends within a block and is its bytes as they are.  False:
 * perhaps it is not, read_string knows. */
static inline bool is_short(const struct json_pull *pull, size_t *length) {
  bool ascii;
  size_t begin = pull->at + 1;
  if (pull->end - pull->at <= BLOCK)
    return false;
  *length = plain_block(pull->text + begin, &ascii);
  return *length < BLOCK && pull->text[begin + *length] == '"' && (pull->utf8 || ascii);
}

int json_pull_string(struct json_pull *pull, char *room, size_t *length) {
  if (json_pull_peek(pull) != '"')
    return unexpected(pull, "string");
  if (!is_short(pull, length))
    return read_string(pull, room, length);
  memcpy(room, pull->text + pull->at + 1, BLOCK);
  room[*length] = '\0';
  pull->at += *length + 2;
  return 0;
}

int json_pull_view(struct json_pull *pull, char *room, const char **out, size_t *length) {
  if (json_pull_peek(pull) != '"')
    return unexpected(pull, "string");
  *out = room;
  if (!is_short(pull, length))
    return read_string(pull, room, length);
  *out = pull->text + pull->at + 1;
  pull->at += *length + 2;
  return 0;
}

int json_pull_key(struct json_pull *pull, char *room, size_t *length) {
  if (json_pull_string(pull, room, length) != 0)
    return -1;
  return expect(pull, ':');
}

/* ---- numbers ---- */

static bool is_digit(const struct json_pull *pull, size_t at) {
  return at < pull->end && pull->text[at] >= '0' && pull->text[at] <= '9';
}

/* How many digits a word begins with, the first lowest. */
static unsigned count_digits(uint64_t word) {
  uint64_t x = word ^ EACH('0');
  /* A byte over 9 gets its high bit; the lowest bit found is right. */
  uint64_t others = ((x + EACH(0x76)) | x) & EACH(0x80);
  return others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
}

/* The value of the first 1 to 8 bytes, all digits: by pairs, fours and eights. */
static uint64_t digits_value(uint64_t word, unsigned count) {
  word = (word ^ EACH('0')) << (64 - 8 * count); /* zeros before them */
  word = word * 10 + (word >> 8);
  word =
      (word & UINT64_C(0x00ff00ff00ff00ff)) * 100 + ((word >> 16) & UINT64_C(0x00ff00ff00ff00ff));
  return (word & 0xffff) * 10000 + ((word >> 32) & 0xffff);
}

/* Append digits to *value while 64 bits hold it.  Returns how many did. */
static int append_digits(struct json_pull *pull, uint64_t *value) {
  static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  const char *text = pull->text;
  size_t at = pull->at, begin = at;
  uint64_t sum = *value;
  for (unsigned count = 8; count == 8 && pull->end - at >= 8 && sum < 100000000000; at += count) {
    uint64_t word = load(text + at);
    count = count_digits(word);
    if (count > 0)
      sum = sum * powers[count] + digits_value(word, count);
  }
  for (; at < pull->end && text[at] >= '0' && text[at] <= '9'; at++) {
    uint64_t digit = (uint64_t)(text[at] - '0');
    if (sum >= UINT64_MAX / 10 && (sum > UINT64_MAX / 10 || digit > UINT64_MAX % 10))
      break;
    sum = sum * 10 + digit;
  }
  *value = sum;
  pull->at = at;
  return (int)(at - begin);
}

/* Skip digits; how many. */
static int skip_digits(struct json_pull *pull) {
  size_t begin = pull->at;
  while (is_digit(pull, pull->at))
    pull->at++;
  return (int)(pull->at - begin);
}

/* The digits of an integer at pull->at, after its sign; false: there are none, or
 * it begins with a zero that it should not.  What is over 64 bits is counted in
 * *dropped. */
static bool read_digits(struct json_pull *pull, uint64_t *value, int *dropped) {
  size_t begin = pull->at;
  *value = 0;
  append_digits(pull, value);
  *dropped = skip_digits(pull);
  return pull->at == begin + 1 || (pull->at > begin && pull->text[begin] != '0');
}

static bool is_at(const struct json_pull *pull, char c) {
  return pull->at < pull->end && pull->text[pull->at] == c;
}

static bool is_exponent(const struct json_pull *pull) {
  return is_at(pull, 'e') || is_at(pull, 'E');
}

static bool goes_on(const struct json_pull *pull) {
  return is_at(pull, '.') || is_exponent(pull);
}

int json_pull_integer(struct json_pull *pull, int64_t *out) {
  uint64_t value;
  int dropped;
  bool minus = json_pull_peek(pull) == '-';
  pull->at += minus;
  if (!read_digits(pull, &value, &dropped) || goes_on(pull))
    return unexpected(pull, "integer");
  if (dropped > 0 || value > (uint64_t)INT64_MAX + minus)
    return json_pull_error(pull, pull->at, minus ? "too big negative integer" : "too big integer");
  *out = minus ? (int64_t)(0 - value) : (int64_t)value;
  return 0;
}

/* The digits after the point: they go on where value ends, while 64 bits hold it. */
static bool read_fraction(struct json_pull *pull, uint64_t *value, int *exponent) {
  size_t begin = ++pull->at;
  *exponent -= append_digits(pull, value);
  skip_digits(pull);
  return pull->at > begin;
}

/* e-5 and so on, added to *exponent; far out it stays where it is. */
static bool read_exponent(struct json_pull *pull, int *exponent) {
  pull->at++;
  bool minus = pull->at < pull->end && pull->text[pull->at] == '-';
  pull->at += minus || (pull->at < pull->end && pull->text[pull->at] == '+');
  size_t begin = pull->at;
  int given = 0;
  for (; is_digit(pull, pull->at); pull->at++)
    if (given < 100000000)
      given = given * 10 + (pull->text[pull->at] - '0');
  *exponent += minus ? -given : given;
  return pull->at > begin;
}

/* 10^exponent, rounded once; exponent is in [0, 308]. */
static double power_of_ten(int exponent) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  char text[16];
  if (exponent <= 22)
    return powers[exponent];
  snprintf(text, sizeof text, "1e%d", exponent);
  return strtod(text, NULL);
}

/* value * 10^exponent in the steps of serde_json; infinite if it is too large. */
static double scale(uint64_t value, int exponent) {
  double number = (double)value;
  for (; exponent < -308 && number != 0; exponent += 308)
    number /= 1e308;
  if (number == 0)
    return 0;
  if (exponent > 308)
    return INFINITY;
  return exponent < 0 ? number / power_of_ten(-exponent) : number * power_of_ten(exponent);
}

int json_pull_number(struct json_pull *pull, double *out) {
  uint64_t value;
  int exponent = 0;
  bool minus = json_pull_peek(pull) == '-';
  pull->at += minus;
  if (!read_digits(pull, &value, &exponent))
    return unexpected(pull, "number");
  if (is_at(pull, '.') && !read_fraction(pull, &value, &exponent))
    return unexpected(pull, "digit");
  if (is_exponent(pull) && !read_exponent(pull, &exponent))
    return unexpected(pull, "digit");
  double number = scale(value, exponent);
  if (!isfinite(number))
    return json_pull_error(pull, pull->at, "real number overflow");
  *out = minus ? -number : number;
  return 0;
}

int json_pull_end(struct json_pull *pull) {
  skip_space(pull);
  return pull->at == pull->end ? 0 : unexpected(pull, "end of file");
}
