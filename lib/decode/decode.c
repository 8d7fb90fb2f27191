/* decode.c - the table of decoding policies. */
#include "lib/decode/decode.h"

static const struct decode_policy *const table[] = {
#define POLICY(NAME) &decode_##NAME,
#include "lib/decode/policy.def"
#undef POLICY
};

const struct decode_policy *decode_find(const tfm_run_options *options) {
  size_t i = 0, last = sizeof table / sizeof *table - 1;
  while (i < last && !table[i]->serves(options))
    i++;
  return table[i];
}

uint32_t decode_width(const tfm_run_options *options) {
  const struct decode_policy *policy = decode_find(options);
  return policy->width ? policy->width(options) : 1;
}
