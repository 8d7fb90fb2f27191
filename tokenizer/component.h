/* component.h - the parts of a tokenizer that a file names by their `type`.
 *
 * Normalizers, pre-tokenizers, decoders and post-processors are read alike: an object
 * whose type is a row of a table, or a Sequence of such.  What a row can do besides is
 * its kind's own: a kind's row begins with a component_type. */
#ifndef TFM_TOKENIZER_COMPONENT_H
#define TFM_TOKENIZER_COMPONENT_H

#include "tokenizer/reader.h"

struct component;

struct component_type {
  const char *name;
  const char *const *fields;
  /* Fill component->self from the file; NULL: there is nothing to read. */
  int (*load)(struct component *component, struct reader *reader, const char *place,
              const json_t *json);
};

struct component {
  const struct component_type *type;
  void *self;             /* the arena's */
  struct component *next; /* a Sequence is flat: one list */
};

struct component_kind {
  const char *place; /* the field of the file: "pre_tokenizer" */
  const char *name;  /* for messages: "pre-tokenizer" */
  const char *parts; /* a Sequence's field: "pretokenizers" */
  const struct component_type *const *type;
  size_t count;
};

/* Fields of a component that has nothing to read. */
extern const char *const component_no_fields[];

/* json may be null: then *out is NULL, the empty list. */
int component_load(const struct component_kind *kind, struct reader *reader, const json_t *json,
                   struct component **out);

#endif
