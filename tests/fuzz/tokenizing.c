/* tokenizing.c - offsets lie in the texts, ids are of the vocabulary, streams are
 * wholes. */
#include "tests/fuzz/tokenizing.h"

#include "base/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_encoding(const struct encoding *e, size_t length, size_t pair_length) {
  for (size_t i = 0; i < e->count; i++) {
    size_t end = e->sequence[i] != 0 ? pair_length : length;
    fuzz_check(e->ids[i] >= 0, "an id is not negative");
    fuzz_check(e->begin[i] <= e->end[i] && e->end[i] <= end, "offsets lie in the text");
    fuzz_check(!e->special[i] || (e->begin[i] == 0 && e->end[i] == 0), "what is added is nowhere");
  }
}

static void stream(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, bool skip,
                   const struct buffer *whole) {
  struct token_stream *stream;
  struct tfm_error err = {0};
  struct buffer out;
  buffer_init(&out);
  fuzz_check(token_stream_create(tokenizer, false, skip, &stream, &err) == 0, "a stream is made");
  int status = 0;
  for (size_t i = 0; i < count && status == 0; i++)
    status = token_stream_push(stream, ids[i], &out, &err);
  if (status == 0)
    status = token_stream_finish(stream, &out, &err);
  fuzz_check_error(status, &err);
  fuzz_check(status != 0 ||
                 (out.length == whole->length &&
                  memcmp(buffer_text(&out), buffer_text((struct buffer *)(uintptr_t)whole),
                         out.length) == 0),
             "a stream is what decodes");
  token_stream_destroy(stream);
  buffer_finish(&out);
}

/* Special tokens are skipped, or not, by the number of ids: one of the two is enough. */
void tokenizing_ids(const struct tokenizer *tokenizer, const int32_t *ids, size_t count) {
  struct tfm_error err = {0};
  struct buffer out;
  bool skip = count % 2 != 0;
  buffer_init(&out);
  int status = tokenizer_decode(tokenizer, ids, count, skip, &out, &err);
  fuzz_check_error(status, &err);
  if (status == 0)
    stream(tokenizer, ids, count, skip, &out);
  buffer_finish(&out);
  error_clear(&err);
}

void tokenizing_text(const struct tokenizer *tokenizer, const char *text, size_t length,
                     const char *pair, size_t pair_length) {
  struct encoding encoding = {0};
  struct tfm_error err = {0};
  int status = tokenizer_encode(tokenizer, text, length, pair, pair_length, true, &encoding, &err);
  fuzz_check_error(status, &err);
  fuzz_check(strstr(err.message, "is said to be bytes") == NULL, "no token leaves its text");
  error_clear(&err);
  if (status != 0)
    return;
  check_encoding(&encoding, length, pair_length);
  tokenizing_ids(tokenizer, encoding.ids, encoding.count);
  encoding_finish(&encoding);
}

void tokenizing_limits(const struct tokenizer *tokenizer, const char *text, size_t length) {
  static const unsigned flags[] = {ENCODE_SPECIAL | ENCODE_LIMITS, ENCODE_SPECIAL | ENCODE_TRUNCATE,
                                   ENCODE_TRUNCATE | ENCODE_PLAIN, ENCODE_PLAIN};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    const struct encode_request request = {.text = text,
                                           .length = length,
                                           .pair = i % 2 == 0 ? text : NULL,
                                           .pair_length = i % 2 == 0 ? length : 0,
                                           .flags = flags[i],
                                           .most = 5};
    struct encoding e = {0};
    struct tfm_error err = {0};
    int status = tokenizer_encode_request(tokenizer, &request, &e, &err);
    fuzz_check_error(status, &err);
    fuzz_check(strstr(err.message, "is said to be bytes") == NULL, "no token leaves its text");
    if (status == 0)
      check_encoding(&e, length, length);
    encoding_finish(&e);
    error_clear(&err);
  }
}

enum { NOW_AND_THEN = 4 };

void tokenizing_open(const char *path, size_t size) {
  static const char text[] =
      "The caf\xc3\xa9's 12 \xea\xb0\x80\xea\xb0\x81, [MASK]<s> \xe2\x96\x81x\n"
      "\xef\xac\x81 \xe4\xb8\xad\xe6\x96\x87 a\xcc\x81";
  static const int32_t ids[] = {0, 1, 5, 3, 2, 2, 4, 1 << 20, -1, INT32_MAX, 7, 6};
  struct tokenizer *tokenizer = NULL;
  struct tfm_error err = {0};
  int status = tokenizer_open(path, &tokenizer, &err);
  fuzz_check_error(status, &err);
  fuzz_check((status == 0) == (tokenizer != NULL), "a tokenizer comes out or an error");
  if (status != 0)
    return;
  if (size % NOW_AND_THEN != 0) {
    tokenizing_text(tokenizer, text, sizeof text - 1, NULL, 0);
  } else {
    tokenizing_text(tokenizer, text, 9, "a b", 3);
    tokenizing_text(tokenizer, "", 0, NULL, 0);
    tokenizing_ids(tokenizer, ids, sizeof ids / sizeof ids[0]);
  }
  tokenizer_destroy(tokenizer);
}
