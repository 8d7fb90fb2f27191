/* show.c - base/text.h for programs: one rule for all text that a person sees. */
#include "base/text.h"
#include "tfm/tfm.h"

#include <string.h>

size_t tfm_text_show(const char *text, size_t length, uint32_t flags, char *out, size_t room,
                     size_t *taken, size_t *columns) {
  bool prose = (flags & TFM_SHOW_PROSE) != 0;
  size_t used = 0, at = 0, wide = 0;
  while (text && out && at < length) {
    char shown[TEXT_SHOWN_MAX];
    unsigned width = 0;
    struct text_char c = text_decode(text + at, length - at);
    bool stays = prose && text_is_prose(c);
    size_t size = stays ? c.size : text_show(text + at, c, shown, &width);
    if (size > room - used)
      break;
    memcpy(out + used, stays ? text + at : shown, size);
    used += size;
    wide += width;
    at += c.size;
  }
  if (taken)
    *taken = at;
  if (columns)
    *columns = wide;
  return used;
}
