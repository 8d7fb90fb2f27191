/* translate.c - from Oniguruma's Ruby syntax to PCRE2's.
 *
 * The two agree on most of what tokenizers use.  They differ in
 *   \s     PCRE2 counts U+180E          \h   hexadecimal digits in Ruby
 *   \w     PCRE2 leaves out marks       \p   Unicode versions, script extensions
 *   [a[b]] a class in a class           {,n} from nought in Ruby
 *   (?m)   the dot and newlines in Ruby; ^ and $ are always at lines
 * and what is neither alike nor rewritten here is refused by name. */
#include "tokenizer/pattern.h"

#include "tokenizer/unicode.h"

#include <string.h>

enum property {
  PROPERTY_NONE, /* no young code points */
  PROPERTY_L,
  PROPERTY_N,
  PROPERTY_P,
  PROPERTY_S,
  PROPERTY_M,
  PROPERTY_Lu,
  PROPERTY_Ll,
  PROPERTY_Lm,
  PROPERTY_Lo,
  PROPERTY_Nd,
  PROPERTY_No,
  PROPERTY_Mn,
  PROPERTY_Mc,
  PROPERTY_Word,
};

static const struct {
  enum property property;
  struct unicode_range range;
} young[] = {
#define X(property, first, last) {PROPERTY_##property, {first, last}},
#include "tokenizer/young.def"
#undef X
};

#define SPACES                                                                                     \
  "\\t-\\r\\x20\\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"     \
  "3000}"
/* Oniguruma's \w has six Latin-1 digits and fractions beside Unicode's. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe"

static const struct {
  const char *name, *spelling; /* what stands in a class; NULL: \p{name} */
  enum property property;
} properties[] = {
    {"L", NULL, PROPERTY_L},
    {"Lu", NULL, PROPERTY_Lu},
    {"Ll", NULL, PROPERTY_Ll},
    {"Lt", NULL, PROPERTY_NONE},
    {"Lm", NULL, PROPERTY_Lm},
    {"Lo", NULL, PROPERTY_Lo},
    {"M", NULL, PROPERTY_M},
    {"Mn", NULL, PROPERTY_Mn},
    {"Mc", NULL, PROPERTY_Mc},
    {"Me", NULL, PROPERTY_NONE},
    {"N", NULL, PROPERTY_N},
    {"Nd", NULL, PROPERTY_Nd},
    {"Nl", NULL, PROPERTY_NONE},
    {"No", NULL, PROPERTY_No},
    {"P", NULL, PROPERTY_P},
    {"Pc", NULL, PROPERTY_NONE},
    {"S", NULL, PROPERTY_S},
    {"Z", NULL, PROPERTY_NONE},
    {"Zs", NULL, PROPERTY_NONE},
    {"Zl", NULL, PROPERTY_NONE},
    {"Zp", NULL, PROPERTY_NONE},
    {"Letter", "\\p{L}", PROPERTY_L},
    {"Mark", "\\p{M}", PROPERTY_M},
    {"Number", "\\p{N}", PROPERTY_N},
    {"Punctuation", "\\p{P}", PROPERTY_P},
    {"Symbol", "\\p{S}", PROPERTY_S},
    {"Separator", "\\p{Z}", PROPERTY_NONE},
    {"White_Space", SPACES, PROPERTY_NONE},
    {"Han", "\\p{sc:Han}\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}", PROPERTY_NONE},
    {"Hangul", "\\p{sc:Hangul}", PROPERTY_NONE},
    {"Hiragana", "\\p{sc:Hiragana}\\x{1b132}", PROPERTY_NONE},
    {"Katakana", "\\p{sc:Katakana}\\x{1b155}", PROPERTY_NONE},
    {"Latin", "\\p{sc:Latin}\\x{a7cb}-\\x{a7cd}\\x{a7da}-\\x{a7dc}\\x{1df25}-\\x{1df2a}",
     PROPERTY_NONE},
    {"Greek", "\\p{sc:Greek}", PROPERTY_NONE},
    {"Cyrillic", "\\p{sc:Cyrillic}\\x{1c89}\\x{1c8a}\\x{1e030}-\\x{1e06d}\\x{1e08f}",
     PROPERTY_NONE},
    {"Arabic", "\\p{sc:Arabic}\\x{897}\\x{10ec2}-\\x{10ec4}\\x{10efc}-\\x{10eff}", PROPERTY_NONE},
    {"Hebrew", "\\p{sc:Hebrew}", PROPERTY_NONE},
    {"Devanagari", "\\p{sc:Devanagari}\\x{11b00}-\\x{11b09}", PROPERTY_NONE},
    {"Thai", "\\p{sc:Thai}", PROPERTY_NONE},
};

struct translation {
  const char *place, *source;
  size_t length, at;
  bool exact;
  unsigned depth; /* of parentheses */
  struct buffer *out;
  struct tfm_error *err;
};

static int refuse(struct translation *t, size_t from, const char *why) {
  size_t end = from + 12 < t->length ? from + 12 : t->length;
  while (end < t->length && ((unsigned char)t->source[end] & 0xc0) == 0x80)
    end++;
  return error_set(t->err, TFM_ERROR_TOKENIZER, "%s: byte %zu of the pattern, `%.*s`: %s", t->place,
                   from, (int)(end - from), t->source + from, why);
}

static int peek(const struct translation *t, size_t ahead) {
  return t->at + ahead < t->length ? (unsigned char)t->source[t->at + ahead] : -1;
}

static void put_young(struct translation *t, enum property property) {
  if (!t->exact || property == PROPERTY_NONE)
    return;
  for (size_t i = 0; i < sizeof young / sizeof young[0]; i++)
    if (young[i].property == property)
      buffer_printf(t->out, "\\x{%x}-\\x{%x}", (unsigned)young[i].range.first,
                    (unsigned)young[i].range.last);
}

/* A set of code points: its members as a class, negated or not, or bare when
 * already within one, where only a set without young members can be negated. */
static int put_set(struct translation *t, size_t from, const char *members, enum property property,
                   bool negated, bool within) {
  if (within && negated)
    return refuse(t, from, "a negated set inside a class is not supported");
  if (!within)
    buffer_puts(t->out, negated ? "[^" : "[");
  buffer_puts(t->out, members);
  put_young(t, property);
  if (!within)
    buffer_putc(t->out, ']');
  return 0;
}

static int put_space(struct translation *t, bool negated, bool within) {
  if (!t->exact) /* text with U+180E goes the exact way */
    buffer_puts(t->out, negated ? "\\S" : "\\s");
  else if (within && negated)
    buffer_puts(t->out, "\\P{White_Space}");
  else
    return put_set(t, t->at, SPACES, PROPERTY_NONE, negated, within);
  return 0;
}

/* \p{Name}, \P{Name} or \p{^Name}; at stands after the p. */
static int put_property(struct translation *t, size_t from, bool negated, bool within) {
  if (peek(t, 0) != '{')
    return refuse(t, from, "a property is written \\p{Name}");
  t->at++;
  if (peek(t, 0) == '^') {
    negated = !negated;
    t->at++;
  }
  const char *name = t->source + t->at;
  const char *brace = memchr(name, '}', t->length - t->at);
  if (brace == NULL)
    return refuse(t, from, "the property has no end");
  size_t length = (size_t)(brace - name);
  t->at += length + 1;
  for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
    if (strlen(properties[i].name) != length || memcmp(properties[i].name, name, length) != 0)
      continue;
    if (properties[i].spelling == NULL && !(t->exact && properties[i].property != PROPERTY_NONE)) {
      buffer_printf(t->out, "\\%c{%s}", negated ? 'P' : 'p', properties[i].name);
      return 0;
    }
    char bare[16] = "\\p{";
    if (properties[i].spelling == NULL)
      strcat(strcat(bare, properties[i].name), "}");
    return put_set(t, from, properties[i].spelling != NULL ? properties[i].spelling : bare,
                   properties[i].property, negated, within);
  }
  return refuse(t, from, "this property is not supported");
}

static int hex_digit(int c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* \xHH, \x{H...}, \uHHHH; at stands after the letter. */
static int put_code(struct translation *t, size_t from, bool four) {
  uint32_t code = 0;
  bool braced = !four && peek(t, 0) == '{';
  size_t most = four ? 4 : braced ? 6 : 2, digits = 0;
  t->at += braced;
  for (; digits < most && hex_digit(peek(t, 0)) >= 0; digits++, t->at++)
    code = code << 4 | (uint32_t)hex_digit(peek(t, 0));
  bool whole = digits > 0 && (!four || digits == 4) && (!braced || peek(t, 0) == '}');
  t->at += braced;
  if (!whole || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
      (!four && !braced && code >= 0x80)) /* a raw byte in Ruby */
    return refuse(t, from, "not a code point");
  buffer_printf(t->out, "\\x{%x}", (unsigned)code);
  return 0;
}

static int put_boundary(struct translation *t, bool negated) {
  struct buffer word;
  buffer_init(&word);
  struct buffer *out = t->out;
  t->out = &word;
  put_set(t, t->at, WORD, PROPERTY_Word, false, false);
  t->out = out;
  const char *w = buffer_text(&word);
  if (negated)
    buffer_printf(out, "(?:(?<=%s)(?=%s)|(?<!%s)(?!%s))", w, w, w, w);
  else
    buffer_printf(out, "(?:(?<=%s)(?!%s)|(?<!%s)(?=%s))", w, w, w, w);
  out->failed = out->failed || word.failed;
  buffer_finish(&word);
  return 0;
}

/* A backslash and what follows. */
static int put_escape(struct translation *t, bool within) {
  size_t from = t->at;
  int c = peek(t, 1);
  t->at += 2;
  switch (c) {
  case 't':
  case 'n':
  case 'r':
  case 'f':
  case 'a':
  case 'e':
    buffer_putc(t->out, '\\');
    buffer_putc(t->out, (char)c);
    return 0;
  case 'v':
    buffer_puts(t->out, "\\x0b");
    return 0;
  case 's':
  case 'S':
    return put_space(t, c == 'S', within);
  case 'd':
  case 'D':
    return put_set(t, from, "\\p{Nd}", PROPERTY_Nd, c == 'D', within);
  case 'w':
  case 'W':
    return put_set(t, from, WORD, PROPERTY_Word, c == 'W', within);
  case 'h':
  case 'H':
    return put_set(t, from, "0-9a-fA-F", PROPERTY_NONE, c == 'H', within);
  case 'p':
  case 'P':
    return put_property(t, from, c == 'P', within);
  case 'x':
  case 'u':
    return put_code(t, from, c == 'u');
  case 'b':
    if (!within)
      return put_boundary(t, false);
    buffer_puts(t->out, "\\x08");
    return 0;
  default:
    break;
  }
  if (c == 'B' && !within)
    return put_boundary(t, true);
  if ((c == 'A' || c == 'z' || c == 'Z' || c == 'R') && !within) {
    buffer_putc(t->out, '\\');
    buffer_putc(t->out, (char)c);
    return 0;
  }
  if (c < 0 || c >= 0x80 || hex_digit(c) >= 0 || (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z'))
    return refuse(t, from, "this escape is not supported");
  buffer_putc(t->out, '\\');
  buffer_putc(t->out, (char)c);
  return 0;
}

/* The inside of a class up to its ]; a class within is merged into it. */
static int put_class(struct translation *t, size_t from, unsigned depth) {
  bool first = true;
  for (; t->at < t->length; first = false) {
    int c = peek(t, 0);
    if (c == ']' && !first) {
      t->at++;
      return 0;
    }
    if (c == '&' && peek(t, 1) == '&')
      return refuse(t, t->at, "an intersection of classes is not supported");
    if (c == '[') {
      if (peek(t, 1) == ':' || peek(t, 1) == '^')
        return refuse(t, t->at, "a named or negated class inside a class is not supported");
      if (depth >= 8)
        return refuse(t, t->at, "classes nested too deep");
      t->at++;
      if (put_class(t, t->at - 1, depth + 1) != 0)
        return -1;
    } else if (c == '\\') {
      if (put_escape(t, true) != 0)
        return -1;
    } else {
      if (c == ']' || c == '^')
        buffer_putc(t->out, '\\');
      buffer_putc(t->out, (char)c);
      t->at++;
    }
  }
  return refuse(t, from, "the class has no end");
}

static int open_class(struct translation *t) {
  size_t from = t->at++;
  buffer_putc(t->out, '[');
  if (peek(t, 0) == '^') {
    buffer_putc(t->out, '^');
    t->at++;
  }
  int status = put_class(t, from, 0);
  buffer_putc(t->out, ']');
  return status;
}

/* An opening parenthesis with its kind. */
static int open_group(struct translation *t) {
  static const struct {
    const char *ruby, *pcre;
  } kinds[] = {{"(?:", "(?:"},   {"(?=", "(?="},     {"(?!", "(?!"},    {"(?<=", "(?<="},
               {"(?<!", "(?<!"}, {"(?>", "(?>"},     {"(?i:", "(?i:"},  {"(?-i:", "(?-i:"},
               {"(?m:", "(?s:"}, {"(?mi:", "(?si:"}, {"(?im:", "(?is:"}};
  t->depth++;
  if (peek(t, 1) == '*')
    return refuse(t, t->at, "verbs are not supported");
  if (peek(t, 1) != '?') {
    buffer_puts(t->out, "(?:");
    t->at++;
    return 0;
  }
  if (t->at == 0 && t->length >= 4 && memcmp(t->source, "(?i)", 4) == 0) {
    buffer_puts(t->out, "(?i)");
    t->at = 4;
    t->depth--;
    return 0;
  }
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    size_t size = strlen(kinds[i].ruby);
    if (t->length - t->at >= size && memcmp(t->source + t->at, kinds[i].ruby, size) == 0) {
      buffer_puts(t->out, kinds[i].pcre);
      t->at += size;
      return 0;
    }
  }
  return refuse(t, t->at, "this kind of group is not supported");
}

/* {n}, {n,}, {n,m}, {,m}; anything else is a brace. */
static int put_interval(struct translation *t) {
  size_t from = t->at, at = t->at + 1;
  bool digits = false, comma = false;
  for (; at < t->length && t->source[at] != '}'; at++) {
    if (t->source[at] >= '0' && t->source[at] <= '9')
      digits = true;
    else if (t->source[at] == ',' && !comma)
      comma = true;
    else
      break;
  }
  if (at >= t->length || t->source[at] != '}' || !digits) {
    buffer_puts(t->out, "\\{");
    t->at++;
    return 0;
  }
  buffer_puts(t->out, t->source[from + 1] == ',' ? "{0" : "{");
  buffer_append(t->out, t->source + from + 1, at - from);
  t->at = at + 1;
  if (peek(t, 0) == '+' || (peek(t, 0) == '?' && !comma))
    return refuse(t, from, "this repetition means something else in Ruby");
  return 0;
}

int pattern_translate(const char *place, const char *source, size_t length, bool exact,
                      struct buffer *out, struct tfm_error *err) {
  struct translation t = {place, source, length, 0, exact, 0, out, err};
  while (t.at < length) {
    int status = 0;
    char c = source[t.at];
    if (c == '\\')
      status = put_escape(&t, false);
    else if (c == '[')
      status = open_class(&t);
    else if (c == '(')
      status = open_group(&t);
    else if (c == '{')
      status = put_interval(&t);
    else {
      if (c == ']' || c == '}')
        buffer_putc(out, '\\');
      buffer_putc(out, c);
      t.at++;
    }
    if (status != 0)
      return -1;
  }
  return 0;
}
