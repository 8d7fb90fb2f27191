/* stream.c - read(2) into one block, out of another. */
#include "tools/stream.h"

#include "tools/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, NUMBER = 20 };

void stream_flush(struct stream_out *out) {
  if (out->length > 0)
    fwrite(out->data, 1, out->length, stdout);
  out->lost = cli_output_lost();
  out->length = 0;
}

/* Room for a few bytes. */
static char *room(struct stream_out *out, size_t length) {
  if (!out->data)
    out->data = malloc(BLOCK);
  if (!out->data) {
    out->failed = true;
    return NULL;
  }
  if (BLOCK - out->length < length)
    stream_flush(out);
  return out->data + out->length;
}

void stream_put(struct stream_out *out, const char *text, size_t length) {
  while (length > 0) {
    char *at = room(out, 1);
    size_t part = BLOCK - out->length < length ? BLOCK - out->length : length;
    if (!at)
      return;
    memcpy(at, text, part);
    out->length += part;
    text += part;
    length -= part;
  }
}

void stream_puts(struct stream_out *out, const char *text) {
  stream_put(out, text, strlen(text));
}

void stream_number(struct stream_out *out, uint64_t number) {
  char digits[NUMBER], *at = digits + NUMBER, *to = room(out, NUMBER);
  do
    *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  size_t length = (size_t)(digits + NUMBER - at);
  if (!to)
    return;
  memcpy(to, at, length);
  out->length += length;
}

void stream_json(struct stream_out *out, const char *text, size_t length) {
  static const char hex[] = "0123456789abcdef";
  size_t done = 0;
  stream_put(out, "\"", 1);
  for (size_t at = 0; at < length; at++) {
    unsigned char c = (unsigned char)text[at];
    if (c >= ' ' && c != '"' && c != '\\')
      continue;
    char escape[6] = {'\\', (char)c};
    size_t size = 2;
    if (c == '\n')
      escape[1] = 'n';
    else if (c < ' ') {
      memcpy(escape + 1, "u00", 3);
      escape[4] = hex[c >> 4];
      escape[5] = hex[c & 15];
      size = 6;
    }
    stream_put(out, text + done, at - done);
    stream_put(out, escape, size);
    done = at + 1;
  }
  stream_put(out, text + done, length - done);
  stream_put(out, "\"", 1);
}

void stream_out_finish(struct stream_out *out) {
  free(out->data);
  *out = (struct stream_out){0};
}

/* Make room behind what waits, and read once.  false: it cannot. */
static bool fill(struct stream_in *in) {
  if (in->begin > 0) {
    memmove(in->data, in->data + in->begin, in->end - in->begin);
    in->end -= in->begin;
    in->begin = 0;
  }
  if (in->capacity - in->end < BLOCK / 2) {
    size_t capacity = in->capacity ? in->capacity * 2 : BLOCK;
    char *grown = capacity > in->capacity ? realloc(in->data, capacity) : NULL;
    if (!grown)
      return false;
    in->data = grown;
    in->capacity = capacity;
  }
  ssize_t got;
  do
    got = read(STDIN_FILENO, in->data + in->end, in->capacity - in->end);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return false;
  in->done = got == 0;
  in->end += (size_t)got;
  return true;
}

int stream_line(struct stream_in *in, struct stream_out *out, const char **text, size_t *length) {
  for (;;) {
    char *from = in->data ? in->data + in->begin : NULL;
    size_t size = in->end - in->begin;
    char *stop = size > in->searched
                     ? memchr(from + in->searched, in->separator, size - in->searched)
                     : NULL;
    if (!stop && !in->done) {
      in->searched = size;
      stream_flush(out);
      if (!fill(in))
        return -1;
      continue;
    }
    if (!stop && size == 0)
      return 0;
    *text = from;
    *length = stop ? (size_t)(stop - from) : size;
    in->begin += *length + (stop ? 1 : 0);
    in->searched = 0;
    in->number++;
    return 1;
  }
}

void stream_in_finish(struct stream_in *in) {
  free(in->data);
}
