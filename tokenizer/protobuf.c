/* protobuf.c - the wire format: a varint of number << 3 | kind, then the value. */
#include "tokenizer/protobuf.h"

#include <string.h>

enum { VARINT_BYTES = 10 };

struct protobuf protobuf_walk(const void *bytes, size_t length) {
  static const unsigned char none[1];
  const unsigned char *begin = bytes == NULL ? none : bytes;
  return (struct protobuf){begin, begin + (bytes == NULL ? 0 : length)};
}

/* Seven bits a byte, the lowest first; a tenth byte has one bit. */
static bool read_varint(const unsigned char **at, const unsigned char *end, uint64_t *out) {
  *out = 0;
  for (unsigned i = 0; i < VARINT_BYTES && *at + i < end; i++) {
    uint64_t byte = (*at)[i];
    if (i == VARINT_BYTES - 1 && byte > 1)
      return false;
    *out |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *at += i + 1;
      return true;
    }
  }
  return false;
}

static bool read_fixed(const unsigned char **at, const unsigned char *end, size_t size,
                       uint64_t *out) {
  if ((size_t)(end - *at) < size)
    return false;
  *out = 0;
  for (size_t i = 0; i < size; i++)
    *out |= (uint64_t)(*at)[i] << (8 * i);
  *at += size;
  return true;
}

int protobuf_next(struct protobuf *walk, struct protobuf_field *field) {
  const unsigned char *at = walk->at;
  uint64_t tag, length;
  bool sound = true;
  if (at == walk->end)
    return 0;
  if (!read_varint(&at, walk->end, &tag) || tag >> 3 == 0 || tag >> 3 >= UINT32_C(1) << 29)
    return -1;
  *field = (struct protobuf_field){.number = (uint32_t)(tag >> 3)};
  switch (tag & 7) {
  case PROTOBUF_VARINT:
    field->wire = PROTOBUF_VARINT;
    sound = read_varint(&at, walk->end, &field->value);
    break;
  case PROTOBUF_FIXED64:
    field->wire = PROTOBUF_FIXED64;
    sound = read_fixed(&at, walk->end, 8, &field->value);
    break;
  case PROTOBUF_FIXED32:
    field->wire = PROTOBUF_FIXED32;
    sound = read_fixed(&at, walk->end, 4, &field->value);
    break;
  case PROTOBUF_BYTES:
    field->wire = PROTOBUF_BYTES;
    sound = read_varint(&at, walk->end, &length) && length <= (uint64_t)(walk->end - at);
    if (sound) {
      field->bytes = at;
      field->length = (size_t)length;
      at += field->length;
    }
    break;
  default:
    sound = false;
  }
  if (!sound)
    return -1;
  walk->at = at;
  return 1;
}

float protobuf_float(const struct protobuf_field *field) {
  uint32_t bits = (uint32_t)field->value;
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}
