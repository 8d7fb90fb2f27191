/* link.h - how a classifier's raw output becomes the score that is shown.
 *
 * Of classify it is what config.json's problem_type asks for, as in transformers'
 * text-classification pipeline; of rerank what a CrossEncoder's activation does. */
#ifndef TFM_LIB_LINK_H
#define TFM_LIB_LINK_H

#include "base/error.h"
#include "graph/graph.h"

#include <stddef.h>

enum link { LINK_SOFTMAX, LINK_SIGMOID, LINK_IDENTITY, LINK_TANH };

/* The head's attribute `problem`: regression is the raw value; sigmoid for
 * multi_label_classification and for one label; else softmax.  labels 0 = not known yet. */
int link_of_problem(const struct graph *graph, size_t labels, enum link *out,
                    struct tfm_error *err);
/* The head's attribute `activation`, a class of torch by its full name; none is Sigmoid. */
int link_of_activation(const struct graph *graph, enum link *out, struct tfm_error *err);
/* What the head's task says is understood. */
int link_check(const struct graph *graph, struct tfm_error *err);

/* score[i] of logit[i], count of each, which may be the same memory. */
int link_apply(enum link link, const float *logit, size_t count, float *score,
               struct tfm_error *err);

#endif
