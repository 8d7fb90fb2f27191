/* buffer.h - a growable byte string.  Always NUL-terminated once non-empty. */
#ifndef TFM_BASE_BUFFER_H
#define TFM_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
  char *data; /* owned; NULL while empty */
  size_t length, capacity;
  bool failed; /* an append did not fit in memory; later appends do nothing */
};

void buffer_init(struct buffer *buffer);
void buffer_finish(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* keeps the capacity */
void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_puts(struct buffer *buffer, const char *text);
void buffer_putc(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* The text, never NULL ("" when empty).  Valid until the next append. */
const char *buffer_text(const struct buffer *buffer);
/* Hand the bytes over to the caller, who frees them; the buffer is empty after.
 * "" when empty; NULL when an append had failed. */
char *buffer_take(struct buffer *buffer);

#endif
