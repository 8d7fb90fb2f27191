/* sample.c - a token drawn from what temperature and filters leave. */
#include "lib/decode/decode.h"

#include <stdlib.h>

static bool serves(const tfm_run_options *options) {
  (void)options;
  return true;
}

static void destroy(void *state) {
  if (state)
    sampler_finish(state);
  free(state);
}

static int create(const struct decode_options *options, void **state, struct tfm_error *err) {
  struct sampler *sampler = calloc(1, sizeof *sampler);
  *state = sampler;
  return sampler ? sampler_init(sampler, &options->sample, options->stream, err) : error_oom(err);
}

static int choose(void *state, const struct decode_step *step, struct decode_choice *choice,
                  uint32_t *count, struct tfm_error *err) {
  *choice = (struct decode_choice){.parent = 0};
  *count = 1;
  return sampler_pick(state, step->hypothesis[0].logits, step->vocabulary, &choice->token, err);
}

const struct decode_policy decode_sample = {
    .name = "sample", .serves = serves, .create = create, .destroy = destroy, .choose = choose};
