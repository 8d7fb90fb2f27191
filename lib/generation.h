/* generation.h - the rows of a generation: each has its text, its draws and its end. */
#ifndef TFM_LIB_GENERATION_H
#define TFM_LIB_GENERATION_H

#include "base/buffer.h"
#include "lib/task.h"
#include "runtime/penalty.h"
#include "runtime/sample.h"

struct token_stream;

struct stream_row {
  struct sampler sampler;
  struct penalty penalty;
  struct token_stream *stream;
  struct buffer text;
  size_t told;            /* bytes of text that the caller has been given */
  tfm_token_score *score; /* a new token each; NULL unless logprobs are asked for */
  size_t scores, score_room;
  int32_t *ids; /* the prompt, then the new tokens */
  size_t prompt, count, room;
  uint32_t fed;     /* tokens in the last pass */
  const char *stop; /* NULL = still going */
};

struct generation {
  struct task_run *run;
  struct stream_row *row;
  uint32_t *at; /* the row that each of the session's is; `live` of them */
  uint32_t live;
  int64_t limit; /* new tokens a row */
};

/* Row r's sampler and text, before the first pass; what it has made is freed with
 * generation_free_row, after a failure too. */
int generation_start_row(struct generation *g, size_t r, struct tfm_error *err);
/* Choose the next token of row r from its logits; the row may end with it. */
int generation_advance(struct generation *g, size_t r, const float *logits, size_t vocabulary,
                       struct tfm_error *err);
/* The row has ended: its answer. */
int generation_finish_row(struct generation *g, size_t r, struct tfm_error *err);
void generation_free_row(struct stream_row *row);

#endif
