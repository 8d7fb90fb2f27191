/* stream.c - read(2) into one block, out of another. */
#include "tools/stream.h"

#include "tools/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, NUMBER = 20 };

/* Bytes at the end that begin a character whose rest is still to come. */
static size_t unfinished(const char *data, size_t length) {
  for (size_t back = 1; back <= 3 && back <= length; back++) {
    unsigned char c = (unsigned char)data[length - back];
    size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if (c >= 0xc0 || c < 0x80)
      return size > back ? back : 0;
  }
  return 0;
}

void stream_flush(struct stream_out *out) {
  size_t kept = out->length == BLOCK ? unfinished(out->data, out->length) : 0;
  size_t whole = out->length - kept;
  if (whole > 0) {
    cli_answer(out->data, whole);
    memmove(out->data, out->data + whole, kept);
  }
  out->lost = cli_output_lost();
  out->length = kept;
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

/* Make room behind what waits. */
static bool make_room(struct stream_in *in) {
  if (in->begin > 0) {
    memmove(in->data, in->data + in->begin, in->end - in->begin);
    in->end -= in->begin;
    in->begin = 0;
  }
  if (in->capacity - in->end >= BLOCK / 2)
    return true;
  size_t capacity = in->capacity ? in->capacity * 2 : BLOCK;
  char *grown = capacity > in->capacity ? realloc(in->data, capacity) : NULL;
  if (!grown)
    return false;
  in->data = grown;
  in->capacity = capacity;
  return true;
}

/* Read once. */
static int fill(struct stream_in *in, bool wait) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  if (!wait && poll(&input, 1, 0) == 0)
    return STREAM_LATER;
  if (!make_room(in))
    return STREAM_MEMORY;
  ssize_t got;
  do
    got = read(STDIN_FILENO, in->data + in->end, in->capacity - in->end);
  while (got < 0 && errno == EINTR && !cli_interrupted());
  if (got < 0)
    return STREAM_ERROR;
  in->done = got == 0;
  in->end += (size_t)got;
  return STREAM_LINE;
}

/* Drop the mark that some editors begin UTF-8 with, as soon as it is whole or
 * cannot be there. */
static void begin_text(struct stream_in *in) {
  static const char mark[] = "\xef\xbb\xbf";
  size_t size = in->end < 3 ? in->end : 3;
  bool like = in->text && size > 0 && memcmp(in->data, mark, size) == 0;
  if (like && size == 3)
    in->begin = 3;
  in->begun = in->done || (size > 0 && !(like && size < 3));
}

/* Of a line that is longer than the limit nothing is kept. */
static void pass_over(struct stream_in *in) {
  if (in->limit && in->begun && in->end - in->begin > in->limit) {
    in->skipping = true;
    in->begin = in->end = 0;
  }
}

int stream_next(struct stream_in *in, bool wait, const char **text, size_t *length) {
  for (;;) {
    if (!in->begun)
      begin_text(in);
    char *from = in->data ? in->data + in->begin : NULL, *stop = NULL;
    size_t size = in->end - in->begin;
    if (in->begun && size > in->searched)
      stop = memchr(from + in->searched, in->separator, size - in->searched);
    if (!stop && !in->done) {
      pass_over(in);
      in->searched = in->begun ? in->end - in->begin : 0;
      int status = fill(in, wait);
      if (status != STREAM_LINE)
        return status;
      continue;
    }
    if (!stop && size == 0 && !in->skipping)
      return STREAM_END;
    *text = from;
    *length = stop ? (size_t)(stop - from) : size;
    in->begin += *length + (stop ? 1 : 0);
    in->searched = 0;
    in->number++;
    bool whole = !in->skipping && (!in->limit || *length <= in->limit);
    in->skipping = false;
    return whole ? STREAM_LINE : STREAM_LONG;
  }
}

int stream_line(struct stream_in *in, struct stream_out *out, const char **text, size_t *length) {
  int status = stream_next(in, false, text, length);
  if (status != STREAM_LATER)
    return status;
  stream_flush(out);
  return stream_next(in, true, text, length);
}

void stream_in_finish(struct stream_in *in) {
  free(in->data);
}
