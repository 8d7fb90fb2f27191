/* buffer.c - grow by doubling; one failure makes the rest no-ops. */
#include "base/buffer.h"

#include "base/checked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void buffer_init(struct buffer *buffer) {
  *buffer = (struct buffer){0};
}

void buffer_finish(struct buffer *buffer) {
  free(buffer->data);
  buffer_init(buffer);
}

void buffer_clear(struct buffer *buffer) {
  buffer->length = 0;
  buffer->failed = false;
  if (buffer->data != NULL)
    buffer->data[0] = '\0';
}

/* Room for extra more bytes and the final NUL. */
static bool make_room(struct buffer *buffer, size_t extra) {
  size_t needed, doubled;
  if (buffer->failed)
    return false;
  if (!checked_add(buffer->length, extra, &needed) || !checked_add(needed, 1, &needed)) {
    buffer->failed = true;
    return false;
  }
  if (needed <= buffer->capacity)
    return true;
  size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity;
  if (checked_mul(capacity, 2, &doubled) && buffer->capacity != 0)
    capacity = doubled;
  if (capacity < needed)
    capacity = needed;
  char *data = realloc(buffer->data, capacity);
  if (data == NULL) {
    buffer->failed = true;
    return false;
  }
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

void buffer_append(struct buffer *buffer, const void *data, size_t length) {
  if (!make_room(buffer, length))
    return;
  if (length > 0)
    memcpy(buffer->data + buffer->length, data, length);
  buffer->length += length;
  buffer->data[buffer->length] = '\0';
}

void buffer_puts(struct buffer *buffer, const char *text) {
  buffer_append(buffer, text, strlen(text));
}

void buffer_putc(struct buffer *buffer, char c) {
  buffer_append(buffer, &c, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (length < 0)
    buffer->failed = true;
  else if (make_room(buffer, (size_t)length)) {
    va_start(args, format);
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, args);
    va_end(args);
    buffer->length += (size_t)length;
  }
}

const char *buffer_text(const struct buffer *buffer) {
  return buffer->data == NULL ? "" : buffer->data;
}

char *buffer_take(struct buffer *buffer) {
  char *data = buffer->data;
  if (data == NULL && !buffer->failed)
    data = calloc(1, 1);
  else if (buffer->failed) {
    free(data);
    data = NULL;
  }
  buffer_init(buffer);
  return data;
}
