/* caller.h - what a program hands in, checked, in this library's own structs.
 *
 * Every struct of tfm.h with a struct_size is read here and nowhere else; behind
 * these calls they are whole, and no pointer that has to be there is NULL. */
#ifndef TFM_LIB_CALLER_H
#define TFM_LIB_CALLER_H

#include "base/error.h"
#include "tfm/tfm.h"

struct caller_options {
  tfm_open_options full;
  tfm_tap *dump, *feed; /* what full points to */
};

/* Open options; texts and lists stay the caller's. */
int caller_options(const tfm_open_options *options, struct caller_options *out,
                   struct tfm_error *err);
void caller_options_finish(struct caller_options *options);

/* options NULL = the defaults. */
int caller_context_options(const tfm_context_options *options, tfm_context_options *out,
                           struct tfm_error *err);
int caller_run_options(const tfm_run_options *options, tfm_run_options *out, struct tfm_error *err);
/* *out has count elements and is freed with free(). */
int caller_inputs(const tfm_input *input, size_t count, tfm_input **out, struct tfm_error *err);
int caller_input(const tfm_input *input, tfm_input *out, struct tfm_error *err);
int caller_scores(const tfm_score_input *input, size_t count, tfm_score_input **out,
                  struct tfm_error *err);

/* 0, or the error that this argument of a call is NULL. */
int caller_need(const void *argument, const char *call, const char *name, struct tfm_error *err);

int caller_describe(const tfm_model_info *full, tfm_model_info *info);
int caller_describe_weights(const tfm_weights_info *full, tfm_weights_info *info);

#endif
