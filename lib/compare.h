/* compare.h - a run beside a reference run: where do the two part?
 *
 * The reference is a safetensors file (tools/reference.py makes one with transformers):
 * what each module of the network gave, by the module's name, and the ids that it read.
 * A node stands for the module whose weight it takes last, or that its value is called in
 * the model file:
 *
 *     reference                        graph
 *     transformer.h.0.attn.c_attn      %10 = linear(%9; $h.0.attn.c_attn.weight, ...)
 *     transformer.h.0.attn.c_attn@1    the next node with that weight
 *     logits                           the output `logits`
 *
 * A name of the reference may be longer in front.  Only the first pass is compared. */
#ifndef TFM_LIB_COMPARE_H
#define TFM_LIB_COMPARE_H

#include "base/diag.h"
#include "base/error.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"
#include "lib/result.h"
#include "tfm/plugin.h"
#include "tfm/tfm.h"

struct compare_point {
  int32_t value;
  const struct weights_tensor *reference; /* of the file */
  char *place;                            /* "gpt2.tfm:35:12", owned; "" = nowhere */
};

/* What a model's runs are compared with: constant once it is made. */
struct compare_plan {
  struct weights *file; /* NULL = nothing */
  struct compare_point *point;
  size_t count;
  int32_t *ids; /* [rows, tokens]: what the reference run read; NULL = it does not say */
  size_t rows, tokens;
};

/* What one run has seen of it: a row a point.  seen 0 = it did not run. */
struct compare_row {
  bool seen, fits;    /* fits: as many elements as the reference */
  double most;        /* the largest difference; NaN if one of the two is no number there */
  double here, there; /* the two where it is */
  size_t at;          /* its place among the elements */
  double largest;     /* of the reference, without its sign */
};

/* plan: zeroed.  Marks the values in the graph, before it is planned. */
int compare_create(struct compare_plan *plan, const char *path, struct graph *graph,
                   const struct diag *written, struct tfm_error *err);
void compare_finish(struct compare_plan *plan);

/* Room for what a run sees, on the heap. */
struct compare_row *compare_rows(const struct compare_plan *plan, struct tfm_error *err);
int compare_see(const struct compare_plan *plan, struct compare_row *row, int32_t value,
                const tfm_tensor *tensor, struct tfm_error *err);
/* As the result hands it out, in the order of the graph. */
int compare_tell(const struct compare_plan *plan, const struct compare_row *row,
                 const struct graph *graph, struct tfm_result *result, struct tfm_error *err);

#endif
