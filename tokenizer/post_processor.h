/* post_processor.h - special tokens around the texts, token types, trimmed offsets. */
#ifndef TFM_TOKENIZER_POST_PROCESSOR_H
#define TFM_TOKENIZER_POST_PROCESSOR_H

#include "tokenizer/component.h"

/* One token of the result, while it is made. */
struct item {
  int32_t id, type, word;
  uint32_t begin, end; /* bytes of the original */
  struct slice value;
  uint8_t special; /* 1 added here, 2 padding */
  uint8_t sequence;
};

/* A run of items; a text and its pair at first, more when a template adds tokens. */
struct segment {
  struct item *item;
  size_t count;
};

struct encoded {
  struct segment *segment;
  size_t count;
  const char *text[2]; /* the originals, by sequence */
  size_t length;       /* of both */
  bool add_special;
  struct arena *arena; /* new items and segments; freed with the call */
};

struct post_processor_type {
  struct component_type type; /* first */
  int (*apply)(const struct component *post, struct encoded *encoded, struct tfm_error *err);
  size_t (*added)(const struct component *post, bool pair); /* NULL: none */
  bool (*keeps)(const struct component *post, bool pair);   /* NULL: it does */
};

int post_processor_load(struct reader *reader, const json_t *json, struct component **out);
int post_processor_apply(const struct component *list, struct encoded *encoded,
                         struct tfm_error *err);
/* How many special tokens it puts around a text, or a pair. */
size_t post_processor_added(const struct component *list, bool pair);
/* Is every token of the texts in what it makes of them? */
bool post_processor_keeps(const struct component *list, bool pair);
/* The ids that a BertProcessing or RobertaProcessing names, -1 if there is none. */
void post_processor_special(const struct component *list, int32_t *cls, int32_t *sep);

#endif
