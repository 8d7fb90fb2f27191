/* text.c - which code points may be shown, and how wide they are. */
#include "base/text.h"

#include "base/buffer.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

struct text_char text_decode(const char *text, size_t length) {
  utf8proc_int32_t code = -1;
  size_t window = length < 4 ? length : 4;
  utf8proc_ssize_t n =
      utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)window, &code);
  if (n <= 0)
    return (struct text_char){-1, 1};
  return (struct text_char){code, (size_t)n};
}

/* Invisible, or able to change how its neighbours look. */
static bool is_hidden(int32_t code) {
  switch (utf8proc_category(code)) {
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CF:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
    return true;
  default:
    return false;
  }
}

bool text_is_prose(struct text_char c) {
  if (c.code < 0)
    return false;
  switch (c.code) {
  case '\n':
  case '\t':
  case 0xad:   /* soft hyphen */
  case 0x200b: /* zero width space, non-joiner and joiner */
  case 0x200c:
  case 0x200d:
  case 0xfeff: /* zero width no-break space */
    return true;
  default:
    return utf8proc_category(c.code) == UTF8PROC_CATEGORY_CN ||
           utf8proc_category(c.code) == UTF8PROC_CATEGORY_CO;
  }
}

size_t text_show(const char *text, struct text_char c, char out[TEXT_SHOWN_MAX],
                 unsigned *columns) {
  if (c.code >= ' ' && c.code < 0x7f) { /* most of what is shown */
    *columns = 1;
    out[0] = *text;
    return 1;
  }
  if (c.code >= 0 && !is_hidden(c.code)) {
    int width = utf8proc_charwidth(c.code);
    *columns = width > 0 ? (unsigned)width : 0;
    memcpy(out, text, c.size);
    return c.size;
  }
  int n = c.code < 0 ? snprintf(out, TEXT_SHOWN_MAX, "\\x%02x", (unsigned char)*text)
                     : snprintf(out, TEXT_SHOWN_MAX, "\\u{%x}", (unsigned)c.code);
  *columns = (unsigned)n;
  return (size_t)n;
}

void text_escape(struct buffer *buffer, const char *text, size_t length) {
  for (size_t at = 0; at < length;) {
    char shown[TEXT_SHOWN_MAX];
    unsigned columns;
    struct text_char c = text_decode(text + at, length - at);
    buffer_append(buffer, shown, text_show(text + at, c, shown, &columns));
    at += c.size;
  }
}

size_t text_escape_into(char *out, size_t capacity, const char *text, size_t length, bool lines) {
  size_t used = 0;
  if (capacity == 0)
    return 0;
  for (size_t at = 0; at < length;) {
    char shown[TEXT_SHOWN_MAX];
    unsigned columns;
    struct text_char c = text_decode(text + at, length - at);
    size_t n = 1;
    if (lines && c.code == '\n')
      shown[0] = '\n';
    else
      n = text_show(text + at, c, shown, &columns);
    if (n >= capacity - used)
      break;
    memcpy(out + used, shown, n);
    used += n;
    at += c.size;
  }
  out[used] = '\0';
  return used;
}
