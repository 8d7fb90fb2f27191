/* merges_text.c - walk the lines that are merges. */
#include "tokenizer/merges_text.h"

#include "base/file.h"

#include <string.h>

void merges_text_init(struct merges_text *text, const char *bytes, size_t size) {
  *text = (struct merges_text){bytes, size == 0 ? bytes : bytes + size, 0};
}

bool merges_text_next(struct merges_text *text, struct slice *merge) {
  static const char version[] = "#version";
  while (text->at < text->end) {
    const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));
    const char *stop = newline == NULL ? text->end : newline;
    *merge = (struct slice){text->at, (size_t)(stop - text->at)};
    if (merge->length > 0 && merge->text[merge->length - 1] == '\r')
      merge->length--;
    text->at = newline == NULL ? text->end : newline + 1;
    text->line++;
    if (merge->length > 0 && (merge->length < sizeof version - 1 ||
                              memcmp(merge->text, version, sizeof version - 1) != 0))
      return true;
  }
  return false;
}

size_t merges_text_line(const char *path, size_t index) {
  struct file_bytes bytes;
  struct tfm_error err = {0};
  struct merges_text text;
  struct slice merge;
  if (file_read(path, READER_FILE_LIMIT, TFM_ERROR_TOKENIZER, &bytes, &err) != 0) {
    error_clear(&err);
    return 0;
  }
  merges_text_init(&text, bytes.data, bytes.size);
  for (bool more = true; more && index + 1 > 0; index--)
    more = merges_text_next(&text, &merge);
  file_bytes_finish(&bytes);
  return text.line;
}
