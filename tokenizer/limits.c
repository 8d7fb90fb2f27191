/* limits.c - which tokens go, and how many come. */
#include "tokenizer/limits.h"

#include <string.h>

enum { LENGTH_LIMIT = 1 << 24 }; /* tokens of a padded text */

/* ---- loading ---- */

/* The place of a field's text among names, which end with NULL. */
static int read_choice(struct reader *reader, const char *place, const json_t *json,
                       const char *name, const char *const *names, size_t *out) {
  struct slice text = {NULL, 0};
  if (reader_text(reader, place, json, name, &text) != 0)
    return -1;
  for (*out = 0; text.text != NULL && names[*out] != NULL; ++*out)
    if (strcmp(names[*out], text.text) == 0)
      return 0;
  *out = 0;
  return text.text == NULL ? 0 : reader_error(reader, place, "unknown %s `%.64s`", name, text.text);
}

static int read_direction(struct reader *reader, const char *place, const json_t *json,
                          bool *left) {
  static const char *const names[] = {"Right", "Left", NULL};
  size_t choice;
  if (read_choice(reader, place, json, "direction", names, &choice) != 0)
    return -1;
  *left = choice == 1;
  return 0;
}

static int load_truncation(struct limits *limits, struct reader *reader, const json_t *json) {
  static const char *const fields[] = {"direction", "max_length", "strategy", "stride", NULL};
  static const char *const strategies[] = {"LongestFirst", "OnlyFirst", "OnlySecond", NULL};
  static const char place[] = "truncation";
  size_t choice;
  limits->most = 512;
  if (reader_object(reader, place, json, fields) != 0 ||
      read_direction(reader, place, json, &limits->cuts_left) != 0 ||
      reader_size(reader, place, json, "max_length", &limits->most) != 0 ||
      reader_size(reader, place, json, "stride", &limits->stride) != 0 ||
      read_choice(reader, place, json, "strategy", strategies, &choice) != 0)
    return -1;
  limits->strategy = (enum limits_strategy)choice;
  limits->side_left = limits->cuts_left;
  limits->truncates = true;
  return 0;
}

/* "BatchLongest" or {"Fixed": 128} */
static int read_length(struct limits *limits, struct reader *reader, const json_t *json) {
  static const char *const fixed[] = {"Fixed", NULL};
  static const char *const names[] = {"BatchLongest", NULL};
  const json_t *strategy = json_object_get(json, "strategy");
  size_t choice;
  if (!json_is_object(strategy))
    return read_choice(reader, "padding", json, "strategy", names, &choice);
  if (reader_object(reader, "padding.strategy", strategy, fixed) != 0)
    return -1;
  return reader_size(reader, "padding.strategy", strategy, "Fixed", &limits->least);
}

static int load_padding(struct limits *limits, struct reader *reader, const json_t *json) {
  static const char *const fields[] = {
      "strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token", NULL};
  static const char place[] = "padding";
  const json_t *id = json_object_get(json, "pad_id");
  size_t type = 0;
  limits->pad_token = (struct slice){"[PAD]", 5};
  if (reader_object(reader, place, json, fields) != 0 || read_length(limits, reader, json) != 0 ||
      read_direction(reader, place, json, &limits->pads_left) != 0 ||
      reader_size(reader, place, json, "pad_to_multiple_of", &limits->multiple) != 0 ||
      reader_size(reader, place, json, "pad_type_id", &type) != 0 ||
      reader_text(reader, place, json, "pad_token", &limits->pad_token) != 0 ||
      (id != NULL && reader_id(reader, "padding.pad_id", id, &limits->pad_id) != 0))
    return -1;
  if (limits->least > LENGTH_LIMIT || limits->multiple > LENGTH_LIMIT)
    return reader_error(reader, place, "a length of more than %d", LENGTH_LIMIT);
  if (type > INT32_MAX)
    return reader_error(reader, place, "`pad_type_id` is too large");
  limits->pad_type = (int32_t)type;
  limits->pads = limits->least > 0 || !json_is_object(json_object_get(json, "strategy"));
  return 0;
}

int limits_load(struct limits *limits, struct reader *reader, const json_t *truncation,
                const json_t *padding) {
  *limits = (struct limits){0};
  if (truncation != NULL && !json_is_null(truncation) &&
      load_truncation(limits, reader, truncation) != 0)
    return -1;
  if (padding == NULL || json_is_null(padding))
    return 0;
  return load_padding(limits, reader, padding);
}

/* ---- truncation ---- */

static int keep(const struct limits *limits, struct segment *segment, size_t count,
                struct tfm_error *err) {
  if (count >= segment->count)
    return 0;
  if (count > 0 && limits->stride >= count)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "truncation: a stride of %zu in a text of %zu tokens", limits->stride, count);
  if (limits->cuts_left)
    segment->item += segment->count - count;
  segment->count = count;
  return 0;
}

static int keep_longest(const struct limits *limits, struct encoded *encoded, size_t most,
                        struct tfm_error *err) {
  if (encoded->count == 1)
    return keep(limits, &encoded->segment[0], most, err);
  struct segment *a = &encoded->segment[0], *b = &encoded->segment[1];
  bool swapped = a->count > b->count;
  size_t shorter = swapped ? b->count : a->count, longer;
  if (shorter > most)
    longer = shorter;
  else
    longer = most - shorter > shorter ? most - shorter : shorter;
  if (shorter + longer > most) {
    shorter = most / 2;
    longer = shorter + most % 2;
  }
  return keep(limits, a, swapped ? longer : shorter, err) == 0
             ? keep(limits, b, swapped ? shorter : longer, err)
             : -1;
}

static size_t total_tokens(const struct encoded *encoded) {
  size_t total = 0;
  for (size_t s = 0; s < encoded->count; s++)
    total += encoded->segment[s].count;
  return total;
}

int limits_truncate(const struct limits *limits, struct encoded *encoded, size_t added,
                    struct tfm_error *err) {
  size_t total = total_tokens(encoded), most = limits->most - added;
  /* With less room than the special tokens need the reference truncates nothing. */
  if (!limits->truncates || limits->most < added)
    return 0;
  if (total <= most)
    return 0;
  if (most == 0 || limits->strategy == LIMITS_LONGEST_FIRST) {
    if (most > 0)
      return keep_longest(limits, encoded, most, err);
    for (size_t s = 0; s < encoded->count; s++)
      encoded->segment[s].count = 0;
    return 0;
  }
  size_t which = limits->strategy == LIMITS_ONLY_FIRST ? 0 : 1, excess = total - most;
  if (which >= encoded->count)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "truncation: OnlySecond, and there is no second text");
  struct segment *segment = &encoded->segment[which];
  if (segment->count <= excess)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "truncation: the %s text has %zu tokens and %zu must go",
                     which == 0 ? "first" : "second", segment->count, excess);
  return keep(limits, segment, segment->count - excess, err);
}

int limits_truncate_to(const struct limits *limits, struct encoded *encoded, size_t added,
                       size_t most, struct tfm_error *err) {
  struct limits own = *limits;
  size_t which = limits->strategy == LIMITS_ONLY_FIRST ? 0 : 1, total = total_tokens(encoded);
  own.truncates = true;
  own.cuts_left = limits->side_left;
  own.most = most;
  own.stride = 0;
  if (which >= encoded->count || (most >= added && total > most - added &&
                                  encoded->segment[which].count <= total - (most - added)))
    own.strategy = LIMITS_LONGEST_FIRST;
  return limits_truncate(&own, encoded, added, err);
}

/* ---- padding ---- */

int limits_pad(const struct limits *limits, struct encoded *encoded, struct tfm_error *err) {
  size_t total = total_tokens(encoded), wanted;
  if (!limits->pads)
    return 0;
  wanted = limits->least > 0 ? limits->least : total;
  if (limits->multiple > 0 && wanted % limits->multiple > 0)
    wanted += limits->multiple - wanted % limits->multiple;
  if (wanted <= total)
    return 0;
  struct segment pad = {NULL, wanted - total};
  pad.item = arena_array(encoded->arena, pad.count, sizeof *pad.item);
  struct segment *list = arena_array(encoded->arena, encoded->count + 1, sizeof *list);
  if (pad.item == NULL || list == NULL)
    return error_oom(err);
  for (size_t i = 0; i < pad.count; i++)
    pad.item[i] = (struct item){.id = limits->pad_id,
                                .type = limits->pad_type,
                                .word = -1,
                                .value = limits->pad_token,
                                .special = 2};
  memcpy(list + (limits->pads_left ? 1 : 0), encoded->segment, encoded->count * sizeof *list);
  list[limits->pads_left ? 0 : encoded->count] = pad;
  encoded->segment = list;
  encoded->count++;
  return 0;
}
