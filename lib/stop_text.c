/* stop_text.c - find the end of a generated text, and what may become one. */
#include "lib/stop_text.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

static int check_one(const char *text, struct tfm_error *err) {
  size_t length = text ? strlen(text) : 0;
  if (length == 0)
    return error_set(err, TFM_ERROR_USAGE, "a stop text is empty: nothing would be generated");
  if (length > STOP_TEXT_MAX)
    return error_set(err, TFM_ERROR_LIMIT, "a stop text is %zu bytes long, at most %d are taken",
                     length, STOP_TEXT_MAX);
  for (size_t at = 0; at < length;) {
    struct text_char c = text_decode(text + at, length - at);
    if (c.code < 0)
      return error_set(err, TFM_ERROR_USAGE, "a stop text is not UTF-8 at byte %zu", at + 1);
    at += c.size;
  }
  return 0;
}

int stop_text_check(const tfm_run_options *options, bool has_tokenizer, struct tfm_error *err) {
  if (options->stop_count && !options->stop)
    return error_set(err, TFM_ERROR_USAGE, "tfm_run_options.stop is NULL, stop_count is not 0");
  if (options->stop_count && !has_tokenizer)
    return error_set(err, TFM_ERROR_USAGE,
                     "stop texts need a tokenizer, and this checkpoint has none");
  for (size_t i = 0; i < options->stop_count; i++)
    if (check_one(options->stop[i], err) != 0)
      return -1;
  return 0;
}

/* Where stop ends in text behind the first `before` bytes; SIZE_MAX = nowhere. */
static size_t first_end(const char *stop, size_t size, const char *text, size_t length,
                        size_t before) {
  size_t from = before >= size ? before - size + 1 : 0;
  for (size_t at = from; at + size <= length; at++)
    if (memcmp(text + at, stop, size) == 0)
      return at + size;
  return SIZE_MAX;
}

size_t stop_text_find(const tfm_run_options *options, const char *text, size_t length,
                      size_t before) {
  size_t end = SIZE_MAX, begin = SIZE_MAX;
  for (size_t i = 0; i < options->stop_count; i++) {
    size_t size = strlen(options->stop[i]);
    size_t found = first_end(options->stop[i], size, text, length, before);
    if (found == SIZE_MAX || found > end || (found == end && found - size >= begin))
      continue;
    end = found;
    begin = found - size;
  }
  return begin;
}

size_t stop_text_held(const tfm_run_options *options, const char *text, size_t length) {
  size_t held = 0;
  for (size_t i = 0; i < options->stop_count; i++) {
    size_t most = strlen(options->stop[i]) - 1;
    for (size_t n = most < length ? most : length; n > held; n--)
      if (memcmp(text + length - n, options->stop[i], n) == 0) {
        held = n;
        break;
      }
  }
  return held;
}
