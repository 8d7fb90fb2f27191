/* cursor.h - a place in a GGUF file, and how many bytes are left after it. */
#ifndef TFM_CHECKPOINT_GGUF_CURSOR_H
#define TFM_CHECKPOINT_GGUF_CURSOR_H

#include "checkpoint/gguf/gguf.h"

struct gguf_cursor {
  struct gguf *file;
  const unsigned char *at;
  size_t left;
  struct tfm_error *err;
};

static inline uint64_t gguf_load(const unsigned char *at, unsigned bytes) {
  uint64_t n = 0;
  for (unsigned i = 0; i < bytes; i++)
    n |= (uint64_t)at[i] << (8 * i);
  return n;
}

/* Step over that many bytes; the error says what was to be read. */
int gguf_take(struct gguf_cursor *cursor, uint64_t size, const char *what,
              const unsigned char **out);
int gguf_take_u32(struct gguf_cursor *cursor, const char *what, uint32_t *out);
int gguf_take_u64(struct gguf_cursor *cursor, const char *what, uint64_t *out);

/* value.c: all keys into file->value, file->values. */
int gguf_read_values(struct gguf_cursor *cursor, uint64_t count);
/* table.c: all tensors; their data begins at the next multiple of the
 * alignment, counted from base. */
int gguf_read_tensors(struct gguf_cursor *cursor, const unsigned char *base, uint64_t count);

#endif
