/* post_processor.c - the table of post-processors. */
#include "tokenizer/post_processor.h"

#include "tokenizer/normalizer.h"
#include "tokenizer/unicode.h"

#include <string.h>

/* ---- ByteLevel: offsets without the spaces that a token carries ---- */

struct trim {
  bool on, prefix;
};

static bool is_blank(uint32_t code) {
  return code == normalizer_byte_char(' ') || unicode_is_space(code);
}

static size_t blanks_before(struct slice value) {
  size_t count = 0, size;
  for (size_t at = 0; at < value.length; at += size, count++)
    if (!is_blank(unicode_read(value.text + at, &size)))
      break;
  return count;
}

static size_t blanks_after(struct slice value) {
  size_t count = 0, size;
  for (size_t end = value.length; end > 0; count++) {
    end = unicode_previous(value.text, end);
    if (!is_blank(unicode_read(value.text + end, &size)))
      break;
  }
  return count;
}

/* Counts are of characters, so offsets move by characters of the original. */
static void trim_item(struct item *item, const char *text, bool first, bool prefix) {
  size_t before = blanks_before(item->value), after = blanks_after(item->value), size;
  if (before == 1 && prefix && (first || item->begin == 0))
    before = 0; /* it may be the space that was put there */
  for (; before > 0 && item->begin < item->end; before--) {
    unicode_read(text + item->begin, &size);
    item->begin += (uint32_t)size;
  }
  if (item->begin > item->end)
    item->begin = item->end;
  for (; after > 0 && item->end > item->begin; after--)
    item->end = (uint32_t)unicode_previous(text, item->end);
}

/* Added tokens that overlap in blanks (added.c) could each count all that follow. */
enum { TRIM_FIRST = 4 << 20, TRIM_EACH = 256 };

static int trim_all(const struct trim *trim, struct encoded *encoded, struct tfm_error *err) {
  size_t left = TRIM_FIRST + TRIM_EACH * encoded->length; /* a text is below 2^30 bytes */
  if (!trim->on)
    return 0;
  for (size_t s = 0; s < encoded->count; s++)
    for (size_t i = 0; i < encoded->segment[s].count; i++) {
      struct item *item = &encoded->segment[s].item[i];
      if (item->special)
        continue;
      if (item->value.length > left)
        return error_set(err, TFM_ERROR_LIMIT,
                         "added tokens with `rstrip` overlap in too many blanks of this text");
      left -= item->value.length;
      trim_item(item, encoded->text[item->sequence], i == 0, trim->prefix);
    }
  return 0;
}

static const char *const byte_level_fields[] = {"type", "add_prefix_space", "trim_offsets",
                                                "use_regex", NULL};

static int read_trim(struct trim *trim, struct reader *reader, const char *place,
                     const json_t *json) {
  *trim = (struct trim){true, true};
  if (reader_bool(reader, place, json, "trim_offsets", &trim->on) != 0)
    return -1;
  return reader_bool(reader, place, json, "add_prefix_space", &trim->prefix);
}

static int byte_level_load(struct component *post, struct reader *reader, const char *place,
                           const json_t *json) {
  post->self = reader_alloc(reader, sizeof(struct trim));
  return post->self == NULL ? -1 : read_trim(post->self, reader, place, json);
}

static int byte_level_apply(const struct component *post, struct encoded *encoded,
                            struct tfm_error *err) {
  return trim_all(post->self, encoded, err);
}

/* ---- BertProcessing, RobertaProcessing ---- */

struct pair {
  struct slice cls, sep;
  int32_t cls_id, sep_id;
  struct trim trim; /* RoBERTa's */
};

static const char *const bert_fields[] = {"type", "sep", "cls", NULL};
static const char *const roberta_fields[] = {
    "type", "sep", "cls", "trim_offsets", "add_prefix_space", NULL};

/* ["[SEP]", 102] */
static int read_special(struct reader *reader, const char *place, const json_t *json,
                        const char *name, struct slice *text, int32_t *id) {
  const json_t *value = json_object_get(json, name), *token = json_array_get(value, 0);
  if (json_array_size(value) != 2 || !json_is_string(token))
    return reader_error(reader, place, "`%s` must be [\"token\", id]", name);
  if (reader_copy(reader, json_string_value(token), json_string_length(token), text) != 0)
    return -1;
  return reader_id(reader, place, json_array_get(value, 1), id);
}

static int bert_load(struct component *post, struct reader *reader, const char *place,
                     const json_t *json) {
  struct pair *self = reader_alloc(reader, sizeof *self);
  post->self = self;
  if (self == NULL || read_special(reader, place, json, "cls", &self->cls, &self->cls_id) != 0)
    return -1;
  return read_special(reader, place, json, "sep", &self->sep, &self->sep_id);
}

static int roberta_load(struct component *post, struct reader *reader, const char *place,
                        const json_t *json) {
  if (bert_load(post, reader, place, json) != 0)
    return -1;
  return read_trim(&((struct pair *)post->self)->trim, reader, place, json);
}

static struct item special_item(int32_t id, struct slice value, int32_t type) {
  return (struct item){.id = id, .type = type, .word = -1, .value = value, .special = 1};
}

/* [cls] segment [sep] first, then (doubled: [sep]) segment [sep]. */
static int surround(const struct pair *pair, bool doubled, bool typed, struct encoded *encoded,
                    struct tfm_error *err) {
  for (size_t s = 0; s < encoded->count; s++) {
    struct segment *segment = &encoded->segment[s];
    struct item *item = arena_array(encoded->arena, segment->count + 2, sizeof *item);
    size_t count = 0;
    int32_t type = typed && s > 0 ? 1 : 0;
    if (item == NULL)
      return error_oom(err);
    if (s == 0)
      item[count++] = special_item(pair->cls_id, pair->cls, 0);
    else if (doubled)
      item[count++] = special_item(pair->sep_id, pair->sep, type);
    if (segment->count > 0)
      memcpy(item + count, segment->item, segment->count * sizeof *item);
    count += segment->count;
    item[count++] = special_item(pair->sep_id, pair->sep, type);
    *segment = (struct segment){item, count};
  }
  return 0;
}

static int bert_apply(const struct component *post, struct encoded *encoded,
                      struct tfm_error *err) {
  return encoded->add_special ? surround(post->self, false, true, encoded, err) : 0;
}

static size_t bert_added(const struct component *post, bool pair) {
  (void)post;
  return pair ? 3 : 2;
}

static size_t roberta_added(const struct component *post, bool pair) {
  (void)post;
  return pair ? 4 : 2;
}

static int roberta_apply(const struct component *post, struct encoded *encoded,
                         struct tfm_error *err) {
  const struct pair *self = post->self;
  if (trim_all(&self->trim, encoded, err) != 0)
    return -1;
  for (size_t s = 0; s < encoded->count; s++)
    for (size_t i = 0; i < encoded->segment[s].count; i++)
      encoded->segment[s].item[i].type = 0;
  return encoded->add_special ? surround(self, true, false, encoded, err) : 0;
}

/* ---- TemplateProcessing ---- */

struct part {
  int sequence; /* 0 or 1; -1: special tokens */
  int32_t type;
  const int32_t *id;
  const struct slice *token;
  size_t count;
};

struct template {
  struct part *part;
  size_t count;
};

struct templates {
  struct template single, pair;
};

static const char *const template_fields[] = {"type", "single", "pair", "special_tokens", NULL};

/* {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]} */
static int read_tokens(struct reader *reader, const char *place, const json_t *json,
                       struct part *part) {
  static const char *const fields[] = {"id", "ids", "tokens", NULL};
  const json_t *ids, *tokens;
  if (reader_object(reader, place, json, fields) != 0 ||
      reader_need_array(reader, place, json, "ids", &ids) != 0 ||
      reader_need_array(reader, place, json, "tokens", &tokens) != 0)
    return -1;
  part->count = json_array_size(ids);
  if (json_array_size(tokens) != part->count)
    return reader_error(reader, place, "`ids` and `tokens` differ in length");
  int32_t *id = arena_array(reader->arena, part->count, sizeof *id);
  struct slice *token = arena_array(reader->arena, part->count, sizeof *token);
  if (id == NULL || token == NULL)
    return error_oom(reader->err);
  for (size_t i = 0; i < part->count; i++) {
    const json_t *text = json_array_get(tokens, i);
    if (!json_is_string(text))
      return reader_error(reader, place, "`tokens` must hold strings");
    if (reader_id(reader, place, json_array_get(ids, i), &id[i]) != 0 ||
        reader_copy(reader, json_string_value(text), json_string_length(text), &token[i]) != 0)
      return -1;
  }
  part->id = id;
  part->token = token;
  return 0;
}

/* {"Sequence": {"id": "A", "type_id": 0}} or {"SpecialToken": {"id": ..., "type_id": 0}} */
static int read_part(struct reader *reader, const char *place, const json_t *json, bool pair,
                     const json_t *specials, struct part *part) {
  static const char *const fields[] = {"id", "type_id", NULL};
  const json_t *sequence = json_object_get(json, "Sequence");
  const json_t *body = sequence != NULL ? sequence : json_object_get(json, "SpecialToken");
  struct slice id;
  size_t type = 0;
  if (json_object_size(json) != 1 || body == NULL)
    return reader_error(reader, place, "expected a Sequence or a SpecialToken");
  if (reader_object(reader, place, body, fields) != 0 ||
      reader_need_text(reader, place, body, "id", &id) != 0 ||
      reader_size(reader, place, body, "type_id", &type) != 0)
    return -1;
  if (type > INT32_MAX)
    return reader_error(reader, place, "`type_id` is too large");
  part->type = (int32_t)type;
  if (sequence == NULL) {
    const json_t *tokens = json_object_get(specials, id.text);
    part->sequence = -1;
    if (tokens == NULL)
      return reader_error(reader, place, "`%.64s` is not in special_tokens", id.text);
    return read_tokens(reader,
                       reader_place(reader, "post_processor.special_tokens[\"%.64s\"]", id.text),
                       tokens, part);
  }
  part->sequence = strcmp(id.text, "A") == 0 ? 0 : 1;
  if (strcmp(id.text, "A") != 0 && strcmp(id.text, "B") != 0)
    return reader_error(reader, place, "unknown sequence `%.64s`", id.text);
  if (part->sequence == 1 && !pair)
    return reader_error(reader, place, "sequence B in the template for a single text");
  return 0;
}

static int read_template(struct reader *reader, const char *place, const json_t *json,
                         const char *name, struct template *out) {
  const json_t *list, *specials = json_object_get(json, "special_tokens");
  if (reader_need_array(reader, place, json, name, &list) != 0)
    return -1;
  out->count = json_array_size(list);
  out->part = arena_array(reader->arena, out->count, sizeof *out->part);
  if (out->part == NULL)
    return error_oom(reader->err);
  for (size_t i = 0; i < out->count; i++)
    if (read_part(reader, reader_place(reader, "%s.%s[%zu]", place, name, i),
                  json_array_get(list, i), strcmp(name, "pair") == 0, specials, &out->part[i]) != 0)
      return -1;
  return 0;
}

static int template_load(struct component *post, struct reader *reader, const char *place,
                         const json_t *json) {
  struct templates *self = reader_alloc(reader, sizeof *self);
  post->self = self;
  if (self == NULL || read_template(reader, place, json, "single", &self->single) != 0)
    return -1;
  return read_template(reader, place, json, "pair", &self->pair);
}

static int add_special(const struct part *part, struct encoded *encoded, struct segment *out,
                       struct tfm_error *err) {
  out->count = part->count;
  out->item = arena_array(encoded->arena, part->count, sizeof *out->item);
  if (out->item == NULL)
    return error_oom(err);
  for (size_t i = 0; i < part->count; i++)
    out->item[i] = special_item(part->id[i], part->token[i], part->type);
  return 0;
}

static int add_sequence(const struct part *part, struct encoded *encoded, struct segment *out,
                        struct tfm_error *err) {
  const struct segment *from = &encoded->segment[part->sequence];
  out->count = from->count;
  out->item = arena_array(encoded->arena, from->count, sizeof *out->item);
  if (out->item == NULL)
    return error_oom(err);
  for (size_t i = 0; i < from->count; i++) {
    out->item[i] = from->item[i];
    out->item[i].type = part->type;
  }
  return 0;
}

static int template_apply(const struct component *post, struct encoded *encoded,
                          struct tfm_error *err) {
  const struct templates *self = post->self;
  const struct template *template = encoded->count == 1 ? &self->single : &self->pair;
  if (encoded->count > 2)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "the post-processor has a template after a template");
  struct segment *segment = arena_array(encoded->arena, template->count, sizeof *segment);
  size_t count = 0;
  if (segment == NULL)
    return error_oom(err);
  for (size_t i = 0; i < template->count; i++) {
    const struct part *part = &template->part[i];
    if (part->sequence < 0 && !encoded->add_special)
      continue;
    if ((part->sequence < 0 ? add_special(part, encoded, &segment[count], err)
                            : add_sequence(part, encoded, &segment[count], err)) != 0)
      return -1;
    count++;
  }
  encoded->segment = segment;
  encoded->count = count;
  return 0;
}

static size_t template_added(const struct component *post, bool pair) {
  const struct templates *self = post->self;
  const struct template *template = pair ? &self->pair : &self->single;
  size_t count = 0;
  for (size_t i = 0; i < template->count; i++)
    count += template->part[i].sequence < 0 ? template->part[i].count : 0;
  return count;
}

static bool template_keeps(const struct component *post, bool pair) {
  const struct templates *self = post->self;
  const struct template *template = pair ? &self->pair : &self->single;
  bool there[2] = {false, !pair};
  for (size_t i = 0; i < template->count; i++)
    if (template->part[i].sequence >= 0)
      there[template->part[i].sequence] = true;
  return there[0] && there[1];
}

/* ---- the table ---- */

/* A row of the table, with a component_type at its head. */
#define ROW(...) (&(const struct post_processor_type){__VA_ARGS__}.type)
static const struct component_type *const types[] = {
    ROW({"BertProcessing", bert_fields, bert_load}, bert_apply, bert_added, NULL),
    ROW({"ByteLevel", byte_level_fields, byte_level_load}, byte_level_apply, NULL, NULL),
    ROW({"RobertaProcessing", roberta_fields, roberta_load}, roberta_apply, roberta_added, NULL),
    ROW({"TemplateProcessing", template_fields, template_load}, template_apply, template_added,
        template_keeps),
};
static const struct component_kind kind = {"post_processor", "post-processor", "processors", types,
                                           sizeof types / sizeof types[0]};

static const struct post_processor_type *type_of(const struct component *component) {
  return (const struct post_processor_type *)component->type;
}

int post_processor_load(struct reader *reader, const json_t *json, struct component **out) {
  return component_load(&kind, reader, json, out);
}

size_t post_processor_added(const struct component *list, bool pair) {
  size_t count = 0;
  for (; list != NULL; list = list->next)
    count += type_of(list)->added == NULL ? 0 : type_of(list)->added(list, pair);
  return count;
}

bool post_processor_keeps(const struct component *list, bool pair) {
  for (; list != NULL; list = list->next)
    if (type_of(list)->keeps != NULL && !type_of(list)->keeps(list, pair))
      return false;
  return true;
}

int post_processor_apply(const struct component *list, struct encoded *encoded,
                         struct tfm_error *err) {
  for (; list != NULL; list = list->next)
    if (type_of(list)->apply(list, encoded, err) != 0)
      return -1;
  return 0;
}

void post_processor_special(const struct component *list, int32_t *cls, int32_t *sep) {
  *cls = *sep = -1;
  for (; list != NULL; list = list->next)
    if (list->type->load == bert_load || list->type->load == roberta_load) {
      const struct pair *pair = list->self;
      *cls = pair->cls_id;
      *sep = pair->sep_id;
    }
}
