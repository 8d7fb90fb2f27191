/* normalizer.c - the table of normalizers, and those of a few lines each. */
#include "tokenizer/normalizer.h"

#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CHANGES = 256 };

/* ---- what they are made of ---- */

void normalizer_change(struct change_list *list, uint32_t code, int32_t change) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity == 0 ? FIRST_CHANGES : list->capacity * 2;
    struct change *item = realloc(list->item, capacity * sizeof *item);
    if (item == NULL) {
      list->failed = true;
      return;
    }
    list->item = item;
    list->capacity = capacity;
  }
  list->item[list->count++] = (struct change){code, change};
}

void normalizer_transform(struct pieces *pieces, const struct piece *piece,
                          const struct change_list *list) {
  size_t at = piece->begin, size;
  for (size_t i = 0; i < list->count; i++) {
    struct change change = list->item[i];
    struct alignment align = {piece->origin, piece->origin};
    if (change.change <= 0 && at < piece->end)
      align = pieces_align(pieces, at);
    else if (at > piece->begin)
      align = pieces_align(pieces, at - 1);
    for (int32_t taken = change.change; taken <= 0 && at < piece->end; taken++) {
      unicode_read(pieces->now.bytes + at, &size);
      at += size;
    }
    pieces_emit(pieces, change.code, align);
  }
}

void normalizer_prepend(struct pieces *pieces, const struct piece *piece, struct slice text) {
  struct alignment first = pieces_align(pieces, piece->begin);
  for (size_t at = 0, size; at < text.length; at += size)
    pieces_emit(pieces, unicode_read(text.text + at, &size), first);
  pieces_keep(pieces, piece->begin, piece->end);
}

uint32_t normalizer_byte_char(unsigned char byte) {
  if ((byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae)
    return byte;
  if (byte <= ' ')
    return 0x100u + byte;
  return byte == 0xad ? 0x143u : 0x121u + (byte - 0x7fu);
}

int normalizer_char_byte(uint32_t code) {
  if ((code >= '!' && code <= '~') || (code >= 0xa1 && code <= 0xac) ||
      (code >= 0xae && code <= 0xff))
    return (int)code;
  if (code >= 0x100 && code <= 0x120)
    return (int)(code - 0x100);
  if (code >= 0x121 && code <= 0x142)
    return (int)(code - 0x121 + 0x7f);
  return code == 0x143 ? 0xad : -1;
}

int normalizer_bytes_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                           struct tfm_error *err) {
  (void)self;
  (void)err;
  for (size_t at = piece->begin; at < piece->end; at++)
    pieces_emit(pieces, normalizer_byte_char((unsigned char)pieces->now.bytes[at]),
                pieces_align(pieces, at));
  return 0;
}

int normalizer_replace_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                             struct tfm_error *err) {
  const struct normalizer_replace *replace = self;
  struct pattern_walk walk;
  size_t done = piece->begin;
  int found;
  pattern_walk(&walk, replace->pattern, replace->matcher, pieces_bytes(pieces, piece),
               piece->end - piece->begin, pieces->young);
  while ((found = pattern_next(&walk, err)) == 1) {
    size_t begin = piece->begin + walk.begin, end = piece->begin + walk.end;
    struct alignment align = {piece->origin, piece->origin};
    if (end > piece->begin)
      align = pieces_align(pieces, end - 1);
    pieces_keep(pieces, done, begin);
    for (size_t at = 0, size; at < replace->content.length; at += size)
      pieces_emit(pieces, unicode_read(replace->content.text + at, &size), align);
    done = end;
  }
  pieces_keep(pieces, done, piece->end);
  return found;
}

/* A test of characters, and a loop that keeps those for which it is false. */
typedef bool (*character_test)(uint32_t code);

struct filter {
  character_test drop;
};

static int filter_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                        struct tfm_error *err) {
  const struct filter *filter = self;
  (void)err;
  for (size_t at = piece->begin, size; at < piece->end; at += size)
    if (!filter->drop(unicode_read(pieces->now.bytes + at, &size)))
      pieces_keep(pieces, at, at + size);
  return 0;
}

/* ---- BertNormalizer ---- */

struct bert {
  bool clean, chinese, accents, lower;
};

static const char *const bert_fields[] = {"type",          "clean_text", "handle_chinese_chars",
                                          "strip_accents", "lowercase",  NULL};

static int bert_load(struct component *normalizer, struct reader *reader, const char *place,
                     const json_t *json) {
  struct bert *self = reader_alloc(reader, sizeof *self);
  if (self == NULL)
    return -1;
  *self = (struct bert){true, true, false, true};
  normalizer->self = self;
  if (reader_bool(reader, place, json, "lowercase", &self->lower) != 0)
    return -1;
  self->accents = self->lower; /* null: as lowercase */
  if (reader_bool(reader, place, json, "clean_text", &self->clean) != 0 ||
      reader_bool(reader, place, json, "handle_chinese_chars", &self->chinese) != 0)
    return -1;
  return reader_bool(reader, place, json, "strip_accents", &self->accents);
}

static int clean_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                       struct tfm_error *err) {
  (void)self;
  (void)err;
  for (size_t at = piece->begin, size; at < piece->end; at += size) {
    uint32_t code = unicode_read(pieces->now.bytes + at, &size);
    if (code == 0 || code == UNICODE_REPLACEMENT || unicode_is_control(code))
      continue;
    if (unicode_is_space(code))
      pieces_emit(pieces, ' ', pieces_align(pieces, at));
    else
      pieces_keep(pieces, at, at + size);
  }
  return 0;
}

static int chinese_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                         struct tfm_error *err) {
  (void)self;
  (void)err;
  for (size_t at = piece->begin, size; at < piece->end; at += size) {
    bool chinese = unicode_is_chinese(unicode_read(pieces->now.bytes + at, &size));
    if (chinese)
      pieces_emit(pieces, ' ', pieces_align(pieces, at));
    pieces_keep(pieces, at, at + size);
    if (chinese)
      pieces_emit(pieces, ' ', pieces_align(pieces, at));
  }
  return 0;
}

static int lower_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                       struct tfm_error *err) {
  (void)self;
  (void)err;
  for (size_t at = piece->begin, size; at < piece->end; at += size) {
    uint32_t lower[2], code = unicode_read(pieces->now.bytes + at, &size);
    size_t count = unicode_lower(code, lower);
    if (count == 1 && lower[0] == code) {
      pieces_keep(pieces, at, at + size);
      continue;
    }
    for (size_t i = 0; i < count; i++)
      pieces_emit(pieces, lower[i], pieces_align(pieces, at));
  }
  return 0;
}

static int bert_apply(const struct component *normalizer, struct pieces *pieces,
                      struct matcher **matcher, struct tfm_error *err) {
  const struct bert *self = normalizer->self;
  const struct filter accents = {unicode_is_nonspacing};
  if (self->clean && pieces_rewrite(pieces, clean_piece, NULL, err) != 0)
    return -1;
  if (self->chinese && pieces_rewrite(pieces, chinese_piece, NULL, err) != 0)
    return -1;
  if (self->accents && (normalizer_nfd.apply(NULL, pieces, matcher, err) != 0 ||
                        pieces_rewrite(pieces, filter_piece, &accents, err) != 0))
    return -1;
  return self->lower ? pieces_rewrite(pieces, lower_piece, NULL, err) : 0;
}

/* ---- Lowercase, StripAccents, Nmt, ByteLevel ---- */

static int lower_apply(const struct component *normalizer, struct pieces *pieces,
                       struct matcher **matcher, struct tfm_error *err) {
  (void)normalizer;
  (void)matcher;
  return pieces_rewrite(pieces, lower_piece, NULL, err);
}

static int accents_apply(const struct component *normalizer, struct pieces *pieces,
                         struct matcher **matcher, struct tfm_error *err) {
  const struct filter marks = {unicode_is_mark};
  (void)normalizer;
  (void)matcher;
  return pieces_rewrite(pieces, filter_piece, &marks, err);
}

static int bytes_apply(const struct component *normalizer, struct pieces *pieces,
                       struct matcher **matcher, struct tfm_error *err) {
  (void)normalizer;
  (void)matcher;
  return pieces_rewrite(pieces, normalizer_bytes_piece, NULL, err);
}

static bool nmt_drops(uint32_t code) {
  return (code >= 0x01 && code <= 0x08) || code == 0x0b || (code >= 0x0e && code <= 0x1f) ||
         code == 0x7f || code == 0x8f || code == 0x9f;
}

static bool nmt_space(uint32_t code) {
  return code == 0x09 || code == 0x0a || code == 0x0c || code == 0x0d || code == 0x1680 ||
         (code >= 0x200b && code <= 0x200f) || code == 0x2028 || code == 0x2029 || code == 0x2581 ||
         code == 0xfeff || code == 0xfffd;
}

static int nmt_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                     struct tfm_error *err) {
  (void)self;
  (void)err;
  for (size_t at = piece->begin, size; at < piece->end; at += size) {
    uint32_t code = unicode_read(pieces->now.bytes + at, &size);
    if (nmt_space(code))
      pieces_emit(pieces, ' ', pieces_align(pieces, at));
    else if (!nmt_drops(code))
      pieces_keep(pieces, at, at + size);
  }
  return 0;
}

static int nmt_apply(const struct component *normalizer, struct pieces *pieces,
                     struct matcher **matcher, struct tfm_error *err) {
  (void)normalizer;
  (void)matcher;
  return pieces_rewrite(pieces, nmt_piece, NULL, err);
}

/* ---- Strip ---- */

struct strip {
  bool left, right;
};

static const char *const strip_fields[] = {"type", "strip_left", "strip_right", NULL};

static int strip_load(struct component *normalizer, struct reader *reader, const char *place,
                      const json_t *json) {
  struct strip *self = reader_alloc(reader, sizeof *self);
  normalizer->self = self;
  if (self == NULL || reader_bool(reader, place, json, "strip_left", &self->left) != 0)
    return -1;
  return reader_bool(reader, place, json, "strip_right", &self->right);
}

static int strip_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                       struct tfm_error *err) {
  const struct strip *strip = self;
  const char *bytes = pieces->now.bytes;
  size_t begin = piece->begin, end = piece->end, size;
  (void)err;
  while (strip->left && begin < end && unicode_is_space(unicode_read(bytes + begin, &size)))
    begin += size;
  while (strip->right && end > begin) {
    size_t last = unicode_previous(bytes, end);
    if (!unicode_is_space(unicode_read(bytes + last, &size)))
      break;
    end = last;
  }
  pieces_keep(pieces, begin, end);
  return 0;
}

static int strip_apply(const struct component *normalizer, struct pieces *pieces,
                       struct matcher **matcher, struct tfm_error *err) {
  (void)matcher;
  return pieces_rewrite(pieces, strip_piece, normalizer->self, err);
}

/* ---- Prepend, Replace ---- */

static const char *const prepend_fields[] = {"type", "prepend", NULL};

static int prepend_load(struct component *normalizer, struct reader *reader, const char *place,
                        const json_t *json) {
  normalizer->self = reader_alloc(reader, sizeof(struct slice));
  return normalizer->self == NULL
             ? -1
             : reader_need_text(reader, place, json, "prepend", normalizer->self);
}

static int prepend_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                         struct tfm_error *err) {
  (void)err;
  normalizer_prepend(pieces, piece, *(const struct slice *)self);
  return 0;
}

static int prepend_apply(const struct component *normalizer, struct pieces *pieces,
                         struct matcher **matcher, struct tfm_error *err) {
  (void)matcher;
  return pieces_rewrite(pieces, prepend_piece, normalizer->self, err);
}

static const char *const replace_fields[] = {"type", "pattern", "content", NULL};

static int replace_load(struct component *normalizer, struct reader *reader, const char *place,
                        const json_t *json) {
  struct normalizer_replace *self = reader_alloc(reader, sizeof *self);
  normalizer->self = self;
  if (self == NULL || reader_need_text(reader, place, json, "content", &self->content) != 0)
    return -1;
  return reader_pattern(reader, place, json, "pattern", &self->pattern);
}

static int replace_apply(const struct component *normalizer, struct pieces *pieces,
                         struct matcher **matcher, struct tfm_error *err) {
  struct normalizer_replace replace = *(const struct normalizer_replace *)normalizer->self;
  replace.matcher = matcher;
  return pieces_rewrite(pieces, normalizer_replace_piece, &replace, err);
}

/* ---- the table ---- */

/* A row of the table, with a component_type at its head. */
#define ROW(...) (&(const struct normalizer_type){__VA_ARGS__}.type)
static const struct component_type *const types[] = {
    ROW({"BertNormalizer", bert_fields, bert_load}, bert_apply),
    ROW({"Lowercase", component_no_fields, NULL}, lower_apply),
    ROW({"StripAccents", component_no_fields, NULL}, accents_apply),
    ROW({"Nmt", component_no_fields, NULL}, nmt_apply),
    ROW({"ByteLevel", component_no_fields, NULL}, bytes_apply),
    ROW({"Strip", strip_fields, strip_load}, strip_apply),
    ROW({"Prepend", prepend_fields, prepend_load}, prepend_apply),
    ROW({"Replace", replace_fields, replace_load}, replace_apply),
    &normalizer_nfc.type,
    &normalizer_nfd.type,
    &normalizer_nfkc.type,
    &normalizer_nfkd.type,
    &normalizer_precompiled.type,
};
static const struct component_kind kind = {"normalizer", "normalizer", "normalizers", types,
                                           sizeof types / sizeof types[0]};

static const struct normalizer_type *type_of(const struct component *component) {
  return (const struct normalizer_type *)component->type;
}

int normalizer_load(struct reader *reader, const json_t *json, struct component **out) {
  return component_load(&kind, reader, json, out);
}

int normalizer_apply(const struct component *list, struct pieces *pieces, struct matcher **matcher,
                     struct tfm_error *err) {
  for (; list != NULL; list = list->next)
    if (type_of(list)->apply(list, pieces, matcher, err) != 0)
      return -1;
  return 0;
}
