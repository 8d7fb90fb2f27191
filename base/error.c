/* error.c - write a failure where it happened; escape what strangers named. */
#include "base/error.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Format and escape into out; what does not fit is cut between characters.
 * A cut inside a UTF-8 sequence by vsnprintf must not be shown as \xNN. */
static void write_text(char *out, size_t capacity, bool lines, const char *format, va_list args) {
  char raw[sizeof((struct tfm_error *)0)->notes];
  int wanted = vsnprintf(raw, sizeof raw, format, args);
  if (wanted < 0)
    raw[0] = '\0';
  size_t length = strlen(raw);
  if (wanted >= (int)sizeof raw) {
    while (length > 0 && ((unsigned char)raw[length - 1] & 0xc0) == 0x80)
      length--;
    if (length > 0 && (unsigned char)raw[length - 1] >= 0x80)
      length--;
  }
  text_escape_into(out, capacity, raw, length, lines);
}

int error_vset(struct tfm_error *err, enum tfm_error_code code, const char *format, va_list args) {
  if (err == NULL || err->code != TFM_ERROR_NONE)
    return -1;
  err->code = code;
  err->notes[0] = '\0';
  write_text(err->message, sizeof err->message, false, format, args);
  return -1;
}

int error_set(struct tfm_error *err, enum tfm_error_code code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  error_vset(err, code, format, args);
  va_end(args);
  return -1;
}

void error_note(struct tfm_error *err, const char *format, ...) {
  if (err == NULL)
    return;
  size_t used = strlen(err->notes);
  if (used > 0 && used + 1 < sizeof err->notes) {
    err->notes[used++] = '\n';
    err->notes[used] = '\0';
  }
  va_list args;
  va_start(args, format);
  write_text(err->notes + used, sizeof err->notes - used, true, format, args);
  va_end(args);
}

int error_oom(struct tfm_error *err) {
  return error_set(err, TFM_ERROR_LIMIT, "out of memory");
}

void error_clear(struct tfm_error *err) {
  if (err == NULL)
    return;
  err->code = TFM_ERROR_NONE;
  err->message[0] = '\0';
  err->notes[0] = '\0';
}
