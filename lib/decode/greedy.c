/* greedy.c - the likeliest token; of equals the lowest id. */
#include "lib/decode/decode.h"

static bool serves(const tfm_run_options *options) {
  return options->temperature == 0;
}

/* Filters do nothing here; that they are possible ones is checked all the same. */
static int create(const struct decode_options *options, void **state, struct tfm_error *err) {
  *state = NULL;
  return sample_check(&options->sample, err);
}

static void destroy(void *state) {
  (void)state;
}

static int choose(void *state, const struct decode_step *step, struct decode_choice *choice,
                  uint32_t *count, struct tfm_error *err) {
  (void)state;
  *choice = (struct decode_choice){.parent = 0};
  *count = 1;
  return sample_likeliest(step->hypothesis[0].logits, step->vocabulary, &choice->token, err);
}

const struct decode_policy decode_greedy = {
    .name = "greedy", .serves = serves, .create = create, .destroy = destroy, .choose = choose};
