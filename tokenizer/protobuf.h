/* protobuf.h - walk over the fields of one message in memory.
 *
 * Nothing is copied and nothing is recursive: a message within a message is a
 * field of bytes, to be walked by the caller.  Groups, which nobody writes any more,
 * are malformed here. */
#ifndef TFM_TOKENIZER_PROTOBUF_H
#define TFM_TOKENIZER_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
  const unsigned char *at, *end;
};

enum protobuf_wire {
  PROTOBUF_VARINT = 0,
  PROTOBUF_FIXED64 = 1,
  PROTOBUF_BYTES = 2,
  PROTOBUF_FIXED32 = 5,
};

struct protobuf_field {
  uint32_t number;
  enum protobuf_wire wire;
  uint64_t value;             /* of the numbers, as bits */
  const unsigned char *bytes; /* of BYTES: [bytes, bytes + length) is within the message */
  size_t length;
};

struct protobuf protobuf_walk(const void *bytes, size_t length);
/* 1 = the next field, 0 = the end, -1 = malformed at walk->at. */
int protobuf_next(struct protobuf *walk, struct protobuf_field *field);
float protobuf_float(const struct protobuf_field *field);

#endif
