/* result.h - the answers of one run, owned together.
 *
 * Everything that tfm.h hands out as const belongs to one arena, which
 * tfm_result_destroy frees. */
#ifndef TFM_LIB_RESULT_H
#define TFM_LIB_RESULT_H

#include "base/arena.h"
#include "base/error.h"
#include "tfm/tfm.h"

struct tfm_result {
  struct arena arena;
  size_t count;
  tfm_answer *answer;
  tfm_timing timing;
  tfm_difference *difference; /* difference_count of them; of a run beside a reference */
  size_t difference_count;
  tfm_attention *attention; /* attention_count of them */
  size_t attention_count;
};

struct tfm_result *result_create(size_t count, struct tfm_error *err);

/* The count best of scores[0, n) as choices, by falling score, then by id;
 * texts are left "".  NULL = out of memory. */
tfm_choice *result_best(struct tfm_result *result, const float *scores, size_t n, size_t count);

#endif
