/* unicode.c - the tables of unicode.def and young.def, and utf8proc's for the rest. */
#include "tokenizer/unicode.h"

#include <utf8proc.h>

#define RANGE(first, last) {first, last},
static const struct unicode_range nonspacing[] = {
#define NONSPACING RANGE
#include "tokenizer/unicode.def"
};
static const struct unicode_range mark[] = {
#define MARK RANGE
#include "tokenizer/unicode.def"
};
static const struct unicode_range control[] = {
#define CONTROL RANGE
#include "tokenizer/unicode.def"
};
static const struct unicode_range punctuation[] = {
#define PUNCTUATION RANGE
#include "tokenizer/unicode.def"
};
static const struct unicode_range numeric[] = {
#define NUMERIC RANGE
#include "tokenizer/unicode.def"
};
static const struct unicode_range classless[] = {
#define CLASSLESS RANGE
#include "tokenizer/unicode.def"
};
static const struct unicode_range undecomposed[] = {
#define UNDECOMPOSED RANGE
#include "tokenizer/unicode.def"
};
static const struct {
  uint32_t first, last;
  int32_t distance;
} lower[] = {
#define LOWER(first, last, distance) {first, last, distance},
#include "tokenizer/unicode.def"
};
/* Not sorted as a whole: a list of lists. */
static const struct unicode_range young[] = {
#define X(property, first, last) {first, last},
#include "tokenizer/young.def"
#undef X
};
/* Two of the lists by themselves; the rows of the others expand to nothing. */
#define X(property, first, last) YOUNG_##property(first, last)
#define YOUNG_L(first, last)
#define YOUNG_N(first, last)
#define YOUNG_P(first, last)
#define YOUNG_S(first, last)
#define YOUNG_Lu(first, last)
#define YOUNG_Ll(first, last)
#define YOUNG_Lm(first, last)
#define YOUNG_Lo(first, last)
#define YOUNG_Nd(first, last)
#define YOUNG_No(first, last)
#define YOUNG_Mn(first, last)
#define YOUNG_Mc(first, last)
static const struct unicode_range young_word[] = {
#define YOUNG_M(first, last)
#define YOUNG_Word(first, last) {first, last},
#include "tokenizer/young.def"
#undef YOUNG_M
#undef YOUNG_Word
};
static const struct unicode_range young_mark[] = {
#define YOUNG_M(first, last) {first, last},
#define YOUNG_Word(first, last)
#include "tokenizer/young.def"
};
#undef X

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

size_t unicode_write(uint32_t code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | code >> 18);
  out[1] = (char)(0x80 | (code >> 12 & 0x3f));
  out[2] = (char)(0x80 | (code >> 6 & 0x3f));
  out[3] = (char)(0x80 | (code & 0x3f));
  return 4;
}

/* The Unicode Standard, table 3-7: what may follow the first byte. */
size_t unicode_sequence(const char *text, size_t length, size_t *bad, bool *incomplete) {
  const unsigned char *p = (const unsigned char *)text;
  *incomplete = false;
  *bad = 1;
  if (p[0] < 0x80)
    return 1;
  size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4)
    return 0;
  unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
  unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < size; i++, low = 0x80, high = 0xbf) {
    *bad = i;
    if (i >= length) {
      *incomplete = true;
      return 0;
    }
    if (p[i] < low || p[i] > high)
      return 0;
  }
  return size;
}

size_t unicode_count(const char *text, size_t length) {
  size_t count = 0;
  for (size_t i = 0; i < length; i++)
    count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

bool unicode_in(uint32_t code, const struct unicode_range *ranges, size_t count) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (code > ranges[middle].last)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && code >= ranges[low].first;
}

bool unicode_is_space(uint32_t code) {
  if (code < 0x80)
    return code == ' ' || (code >= '\t' && code <= '\r');
  return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
         code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool unicode_is_control(uint32_t code) {
  return unicode_in(code, control, COUNT(control));
}

bool unicode_is_punctuation(uint32_t code) {
  return unicode_in(code, punctuation, COUNT(punctuation));
}

bool unicode_is_numeric(uint32_t code) {
  return unicode_in(code, numeric, COUNT(numeric));
}

bool unicode_is_mark(uint32_t code) {
  return unicode_in(code, mark, COUNT(mark));
}

bool unicode_is_nonspacing(uint32_t code) {
  return unicode_in(code, nonspacing, COUNT(nonspacing));
}

bool unicode_is_chinese(uint32_t code) {
  return (code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3400 && code <= 0x4dbf) ||
         (code >= 0x20000 && code <= 0x2a6df) || (code >= 0x2a700 && code <= 0x2b73f) ||
         (code >= 0x2b740 && code <= 0x2b81f) || (code >= 0x2b920 && code <= 0x2ceaf) ||
         (code >= 0xf900 && code <= 0xfaff) || (code >= 0x2f800 && code <= 0x2fa1f);
}

bool unicode_is_young(uint32_t code) {
  if (code == 0x180e) /* a space to PCRE2 only */
    return true;
  if (code < 0x0897 || (code >= 0x3200 && code < 0xa7c0) || (code >= 0xa800 && code < 0x10000))
    return false;
  for (size_t i = 0; i < COUNT(young); i++)
    if (code >= young[i].first && code <= young[i].last)
      return true;
  return false;
}

bool unicode_is_young_mark(uint32_t code) {
  return code >= 0x0897 && unicode_in(code, young_mark, COUNT(young_mark));
}

/* utf8proc has no Alphabetic property.  Letters, numbers that are letters, and
 * every mark are alphabetic or count by themselves; left are the Other_Alphabetic
 * symbols: the circled and squared Latin letters. */
bool unicode_is_word(uint32_t code) {
  switch (utf8proc_category((utf8proc_int32_t)code)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_PC:
    return true;
  default:
    break;
  }
  return code == 0x200c || code == 0x200d || (code >= 0x24b6 && code <= 0x24e9) ||
         (code >= 0x1f130 && code <= 0x1f149) || (code >= 0x1f150 && code <= 0x1f169) ||
         (code >= 0x1f170 && code <= 0x1f189) || unicode_in(code, young_word, COUNT(young_word));
}

size_t unicode_lower(uint32_t code, uint32_t out[2]) {
  if (code < 0x80) {
    out[0] = code >= 'A' && code <= 'Z' ? code + 32 : code;
    return 1;
  }
  if (code == 0x130) { /* the one lower case of two (SpecialCasing.txt, unconditional) */
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  for (size_t i = 0; i < COUNT(lower); i++)
    if (code >= lower[i].first && code <= lower[i].last) {
      out[0] = (uint32_t)((int32_t)code + lower[i].distance);
      return 1;
    }
  out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
  return 1;
}

/* The canonical decompositions among UNDECOMPOSED are those that stay whole in
 * both forms; the compatible ones matter only for the second. */
size_t unicode_decompose(uint32_t code, bool compatible, uint32_t out[UNICODE_DECOMPOSED_MAX]) {
  out[0] = code;
  if (code < 0xc0 && !(compatible && code >= 0xa0))
    return 1;
  if (unicode_in(code, undecomposed, COUNT(undecomposed)))
    return 1;
  utf8proc_int32_t parts[UNICODE_DECOMPOSED_MAX];
  int boundary = 0;
  utf8proc_option_t options = UTF8PROC_DECOMPOSE;
  if (compatible)
    options |= UTF8PROC_COMPAT;
  utf8proc_ssize_t count = utf8proc_decompose_char((utf8proc_int32_t)code, parts,
                                                   UNICODE_DECOMPOSED_MAX, options, &boundary);
  if (count < 1 || count > UNICODE_DECOMPOSED_MAX)
    return 1;
  for (utf8proc_ssize_t i = 0; i < count; i++)
    out[i] = (uint32_t)parts[i];
  return (size_t)count;
}

unsigned unicode_combining_class(uint32_t code) {
  if (code < 0x300 || unicode_in(code, classless, COUNT(classless)))
    return 0;
  return (unsigned)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

/* utf8proc composes a pair only through its normaliser. */
uint32_t unicode_compose(uint32_t first, uint32_t second) {
  if (second < 0x300)
    return 0;
  utf8proc_int32_t pair[2] = {(utf8proc_int32_t)first, (utf8proc_int32_t)second};
  if (utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) != 1)
    return 0;
  uint32_t composed = (uint32_t)pair[0];
  return unicode_in(composed, undecomposed, COUNT(undecomposed)) ? 0 : composed;
}
