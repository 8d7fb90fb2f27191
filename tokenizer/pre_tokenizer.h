/* pre_tokenizer.h - how the text is cut into words before the model sees it. */
#ifndef TFM_TOKENIZER_PRE_TOKENIZER_H
#define TFM_TOKENIZER_PRE_TOKENIZER_H

#include "tokenizer/component.h"
#include "tokenizer/pattern.h"
#include "tokenizer/pieces.h"

struct pre_tokenizer_type {
  struct component_type type; /* first */
  int (*apply)(const struct component *pre, struct pieces *pieces, struct matcher **matcher,
               struct tfm_error *err);
};

int pre_tokenizer_load(struct reader *reader, const json_t *json, struct component **out);
int pre_tokenizer_apply(const struct component *list, struct pieces *pieces,
                        struct matcher **matcher, struct tfm_error *err);

/* UnicodeScripts, in scripts.c. */
int scripts_apply(const struct component *pre, struct pieces *pieces, struct matcher **matcher,
                  struct tfm_error *err);

/* What becomes of the delimiters that a text is split at. */
enum split_behavior {
  SPLIT_REMOVED,
  SPLIT_ISOLATED,
  SPLIT_MERGED_WITH_PREVIOUS,
  SPLIT_MERGED_WITH_NEXT,
  SPLIT_CONTIGUOUS,
};

/* A cutter is told the spans of a piece in order, each a delimiter or not, and
 * cuts by the behaviour. */
struct cutter {
  struct pieces *pieces;
  enum split_behavior behavior;
  size_t begin, end; /* a span that waits: it may grow */
  bool waits, delimiter;
};
void cutter_init(struct cutter *cutter, struct pieces *pieces, enum split_behavior behavior);
void cutter_span(struct cutter *cutter, size_t begin, size_t end, bool delimiter);
void cutter_finish(struct cutter *cutter);

/* Metaspace is a decoder too; both read the same fields. */
enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };
struct metaspace {
  uint32_t replacement;
  struct slice spelt; /* the replacement in UTF-8 */
  enum prepend_scheme scheme;
  bool split;
};
extern const char *const metaspace_fields[];
int metaspace_load(struct metaspace *metaspace, struct reader *reader, const char *place,
                   const json_t *json);

#endif
