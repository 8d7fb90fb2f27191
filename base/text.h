/* text.h - stranger's text, made safe to show.
 *
 * What would move the cursor, reorder a line or vanish (control characters,
 * bidirectional overrides, zero-width and unassigned code points) is written
 * as \u{202e}; a byte that is no UTF-8 as \xff.  Everything else, Korean
 * included, stays as it is. */
#ifndef TFM_BASE_TEXT_H
#define TFM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

enum { TEXT_SHOWN_MAX = 12 }; /* bytes of the longest shown form */

struct text_char {
  int32_t code; /* the code point, -1 for a byte that is no UTF-8 */
  size_t size;  /* bytes taken, at least 1 */
};

/* Decode the first code point of length > 0 bytes. */
struct text_char text_decode(const char *text, size_t length);

/* The bytes to show for one decoded character at text, not NUL-terminated.
 * Returns their number and sets the columns that they fill. */
size_t text_show(const char *text, struct text_char c, char out[TEXT_SHOWN_MAX], unsigned *columns);

/* Of the hidden ones, what running text is written with: line breaks, tabs, joiners
 * (Persian, emoji), and letters too new to be known here. */
bool text_is_prose(struct text_char c);

void text_escape(struct buffer *buffer, const char *text, size_t length);

/* The same into a fixed array: whole characters only, NUL-terminated.  With
 * lines, a newline stays one.  Returns the bytes written. */
size_t text_escape_into(char *out, size_t capacity, const char *text, size_t length, bool lines);

#endif
