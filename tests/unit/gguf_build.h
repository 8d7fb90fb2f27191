/* gguf_build.h - GGUF files in memory, for tests.
 *
 * gguf_script makes bytes of words: G the magic number, 1:N 4:N 8:N a number of so
 * many bytes, s:TEXT a text with its length, z:N zero bytes, f:N bytes of N's
 * lowest, p padding to 32.  gguf_build puts a sound file together. */
#ifndef TFM_TESTS_GGUF_BUILD_H
#define TFM_TESTS_GGUF_BUILD_H

#include "base/buffer.h"
#include "checkpoint/gguf/gguf.h"

#include <stdlib.h>
#include <string.h>

static inline void gguf_put(struct buffer *out, uint64_t n, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++)
    buffer_putc(out, (char)(n >> (8 * i) & 0xff));
}

static inline void gguf_put_text(struct buffer *out, const char *text, size_t length) {
  gguf_put(out, length, 8);
  buffer_append(out, text, length);
}

static inline void gguf_pad(struct buffer *out, size_t alignment) {
  while (out->length % alignment != 0)
    buffer_putc(out, '\0');
}

static inline struct buffer gguf_script(const char *script) {
  struct buffer out;
  buffer_init(&out);
  while (*script) {
    size_t length = strcspn(script, " ");
    uint64_t n = length > 2 ? strtoull(script + 2, NULL, 0) : 0;
    if (*script == 'G')
      buffer_puts(&out, "GGUF");
    else if (*script == '1' || *script == '4' || *script == '8')
      gguf_put(&out, n, (unsigned)(*script - '0'));
    else if (*script == 's')
      gguf_put_text(&out, script + 2, length - 2);
    else if (*script == 'p')
      gguf_pad(&out, 32);
    else
      for (uint64_t i = 0; *script == 'z' && i < n; i++)
        buffer_putc(&out, '\0');
    script += length + (script[length] == ' ');
  }
  return out;
}

struct gguf_build {
  struct buffer keys, infos, data;
  uint64_t key_count, tensor_count;
};

static inline void gguf_build_init(struct gguf_build *b) {
  *b = (struct gguf_build){0};
  buffer_init(&b->keys);
  buffer_init(&b->infos);
  buffer_init(&b->data);
}

static inline void gguf_build_key(struct gguf_build *b, const char *key, enum gguf_kind kind) {
  gguf_put_text(&b->keys, key, strlen(key));
  gguf_put(&b->keys, kind, 4);
  b->key_count++;
}

static inline void gguf_build_u32(struct gguf_build *b, const char *key, uint32_t n) {
  gguf_build_key(b, key, GGUF_U32);
  gguf_put(&b->keys, n, 4);
}

static inline void gguf_build_bool(struct gguf_build *b, const char *key, bool n) {
  gguf_build_key(b, key, GGUF_BOOL);
  gguf_put(&b->keys, n, 1);
}

static inline void gguf_build_f32(struct gguf_build *b, const char *key, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  gguf_build_key(b, key, GGUF_F32);
  gguf_put(&b->keys, bits, 4);
}

static inline void gguf_build_text(struct gguf_build *b, const char *key, const char *text) {
  gguf_build_key(b, key, GGUF_TEXT);
  gguf_put_text(&b->keys, text, strlen(text));
}

/* The head of an array; its elements are put into b->keys after it. */
static inline void gguf_build_array(struct gguf_build *b, const char *key, enum gguf_kind kind,
                                    uint64_t count) {
  gguf_build_key(b, key, GGUF_ARRAY);
  gguf_put(&b->keys, kind, 4);
  gguf_put(&b->keys, count, 8);
}

/* shape is outermost first, as everywhere but in the file. */
static inline void gguf_build_tensor(struct gguf_build *b, const char *name, uint32_t type,
                                     uint32_t rank, const int64_t *shape, const void *data,
                                     size_t size) {
  gguf_put_text(&b->infos, name, strlen(name));
  gguf_put(&b->infos, rank, 4);
  for (uint32_t i = rank; i-- > 0;)
    gguf_put(&b->infos, (uint64_t)shape[i], 8);
  gguf_put(&b->infos, type, 4);
  gguf_put(&b->infos, b->data.length, 8);
  buffer_append(&b->data, data, size);
  gguf_pad(&b->data, 32);
  b->tensor_count++;
}

/* The file; *b is finished. */
static inline struct buffer gguf_build_finish(struct gguf_build *b) {
  struct buffer out;
  buffer_init(&out);
  buffer_puts(&out, "GGUF");
  gguf_put(&out, 3, 4);
  gguf_put(&out, b->tensor_count, 8);
  gguf_put(&out, b->key_count, 8);
  if (b->keys.length)
    buffer_append(&out, b->keys.data, b->keys.length);
  if (b->infos.length)
    buffer_append(&out, b->infos.data, b->infos.length);
  gguf_pad(&out, 32);
  if (b->data.length)
    buffer_append(&out, b->data.data, b->data.length);
  buffer_finish(&b->keys);
  buffer_finish(&b->infos);
  buffer_finish(&b->data);
  return out;
}

#endif
