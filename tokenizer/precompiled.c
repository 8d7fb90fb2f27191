/* precompiled.c - SentencePiece's compiled character map.
 *
 * Base64 of: u32 size, little-endian; a double-array trie of that many bytes
 * (darts-clone's units); the replacements, each ended by a NUL.
 *
 *     unit: bit 31..10 offset | 9 offset is << 8 | 8 a value follows | 7..0 label
 *     value unit: the low 31 bits are a place in the replacements
 *
 * Every index is checked against its array when it is followed. */
#include "tokenizer/normalizer.h"

#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { GRAPHEME_LIMIT = 6 }; /* bytes; longer ones are mapped a character at a time */

struct charsmap {
  const uint32_t *unit;
  size_t units;
  const char *text; /* valid UTF-8 with NULs between; one NUL after the end */
  size_t length;
};

static const char *const fields[] = {"type", "precompiled_charsmap", NULL};

static int digit(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *found = c == '\0' ? NULL : strchr(digits, c);
  return found == NULL ? -1 : (int)(found - digits);
}

/* Decode into out; the number of bytes, or SIZE_MAX for what is not base64. */
static size_t decode(const char *text, size_t length, unsigned char *out) {
  size_t size = 0, i = 0;
  uint32_t bits = 0;
  unsigned held = 0;
  while (length > 0 && text[length - 1] == '=')
    length--;
  for (; i < length; i++) {
    int value = digit(text[i]);
    if (value < 0)
      return SIZE_MAX;
    bits = bits << 6 | (uint32_t)value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[size++] = (unsigned char)(bits >> held & 0xff);
    }
  }
  return size;
}

static uint32_t little(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int load(struct component *normalizer, struct reader *reader, const char *place,
                const json_t *json) {
  const json_t *map = json_object_get(json, "precompiled_charsmap");
  struct charsmap *self = reader_alloc(reader, sizeof *self);
  normalizer->self = self;
  if (self == NULL)
    return -1;
  if (!json_is_string(map))
    return reader_error(reader, place, "`precompiled_charsmap` must be a string");
  unsigned char *data = reader_alloc(reader, json_string_length(map) / 4 * 3 + 4);
  if (data == NULL)
    return -1;
  size_t size = decode(json_string_value(map), json_string_length(map), data);
  if (size == SIZE_MAX)
    return reader_error(reader, place, "`precompiled_charsmap` is not base64");
  if (size == 0) /* SentencePiece's identity */
    return 0;
  size_t bytes = size < 4 ? SIZE_MAX : little(data);
  if (size < 4 || bytes > size - 4 || bytes % 4 != 0 || bytes == 0)
    return reader_error(reader, place, "`precompiled_charsmap` has a trie of the wrong size");
  uint32_t *unit = reader_alloc(reader, bytes);
  if (unit == NULL)
    return -1;
  for (size_t i = 0; i < bytes / 4; i++)
    unit[i] = little(data + 4 + i * 4);
  self->unit = unit;
  self->units = bytes / 4;
  self->text = (const char *)data + 4 + bytes;
  self->length = size - 4 - bytes;
  data[size] = 0;
  if (unicode_check(self->text, self->length) != self->length)
    return reader_error(reader, place,
                        "`precompiled_charsmap` has replacements that are not UTF-8");
  return 0;
}

static size_t offset_of(uint32_t unit) {
  return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* The replacement for the shortest prefix that has one: so the reference. */
static bool find(const struct charsmap *map, const char *text, size_t length, struct slice *out) {
  if (map->units == 0)
    return false;
  size_t at = offset_of(map->unit[0]);
  for (size_t i = 0; i < length && text[i] != '\0'; i++) {
    at ^= (unsigned char)text[i];
    if (at >= map->units)
      return false;
    uint32_t unit = map->unit[at];
    if ((unit & (1u << 31 | 0xff)) != (unsigned char)text[i])
      return false;
    at ^= offset_of(unit);
    if ((unit >> 8 & 1) == 0)
      continue;
    size_t place = at < map->units ? map->unit[at] & 0x7fffffff : map->length;
    if (place >= map->length || ((unsigned char)map->text[place] & 0xc0) == 0x80)
      return false;
    *out = (struct slice){map->text + place, strlen(map->text + place)};
    return true;
  }
  return false;
}

/* new in place of old, as marks of change: what is too much is new, what is
 * missing goes with the character before it, which is the reference's way too. */
static void put(struct change_list *list, const char *text, size_t length, struct slice new) {
  size_t olds = unicode_count(text, length), news = 0, size;
  for (size_t at = 0; at < new.length; at += size)
    normalizer_change(list, unicode_read(new.text + at, &size), news++ < olds ? 0 : 1);
  if (news < olds && list->count > 0 && !list->failed)
    list->item[list->count - 1].change -= (int32_t)(olds - news);
}

/* A mark younger than utf8proc's tables extends what is no control character.  The
 * reference cuts clusters by Unicode 17. */
static bool extends(uint32_t code, uint32_t next) {
  bool mark = unicode_is_young_mark(next) || (next >= 0x1acf && next <= 0x1add) ||
              (next >= 0x1ae0 && next <= 0x1aeb);
  unsigned class = (unsigned)utf8proc_get_property((utf8proc_int32_t)code)->boundclass;
  return mark && class != UTF8PROC_BOUNDCLASS_CR && class != UTF8PROC_BOUNDCLASS_LF &&
         class != UTF8PROC_BOUNDCLASS_CONTROL;
}

/* The end of the grapheme cluster that begins at `at`. */
static size_t grapheme_end(const char *bytes, size_t at, size_t end) {
  utf8proc_int32_t state = 0;
  size_t size;
  uint32_t code = unicode_read(bytes + at, &size);
  for (at += size; at < end; at += size) {
    uint32_t next = unicode_read(bytes + at, &size);
    if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)code, (utf8proc_int32_t)next, &state) &&
        !extends(code, next))
      break;
    code = next;
  }
  return at;
}

static int map_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                     struct tfm_error *err) {
  const struct charsmap *map = self;
  const char *bytes = pieces->now.bytes;
  struct change_list list = {0};
  struct slice new;
  bool modified = false;
  for (size_t at = piece->begin, end, size; at < piece->end; at = end) {
    end = grapheme_end(bytes, at, piece->end);
    if (end - at < GRAPHEME_LIMIT && find(map, bytes + at, end - at, &new)) {
      put(&list, bytes + at, end - at, new);
      modified = true;
      continue;
    }
    for (size_t one = at; one < end; one += size) {
      uint32_t code = unicode_read(bytes + one, &size);
      if (find(map, bytes + one, size, &new)) {
        put(&list, bytes + one, size, new);
        modified = true;
      } else
        normalizer_change(&list, code, 0);
    }
  }
  if (!modified)
    pieces_keep(pieces, piece->begin, piece->end);
  else if (!list.failed)
    normalizer_transform(pieces, piece, &list);
  free(list.item);
  return list.failed ? error_oom(err) : 0;
}

static int apply(const struct component *normalizer, struct pieces *pieces,
                 struct matcher **matcher, struct tfm_error *err) {
  (void)matcher;
  return pieces_rewrite(pieces, map_piece, normalizer->self, err);
}

const struct normalizer_type normalizer_precompiled = {{"Precompiled", fields, load}, apply};
