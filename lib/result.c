/* result.c - building answers, and the calls of tfm.h that read them. */
#include "lib/result.h"

#include <stdbool.h>
#include <stdlib.h>

struct tfm_result *result_create(size_t count, struct tfm_error *err) {
  struct tfm_result *result = calloc(1, sizeof *result);
  if (!result)
    return error_oom(err), NULL;
  arena_init(&result->arena, 0);
  result->count = count;
  result->answer = arena_array(&result->arena, count, sizeof *result->answer);
  if (!result->answer) {
    tfm_result_destroy(result);
    return error_oom(err), NULL;
  }
  for (size_t i = 0; i < count; i++)
    result->answer[i].text = "";
  return result;
}

void tfm_result_destroy(tfm_result *result) {
  if (!result)
    return;
  arena_finish(&result->arena);
  free(result);
}

size_t tfm_result_count(const tfm_result *result) {
  return result ? result->count : 0;
}

const tfm_answer *tfm_result_answer(const tfm_result *result, size_t i) {
  return result && i < result->count ? &result->answer[i] : NULL;
}

const tfm_timing *tfm_result_timing(const tfm_result *result) {
  return result ? &result->timing : NULL;
}

size_t tfm_result_differences(const tfm_result *result, const tfm_difference **difference) {
  if (difference)
    *difference = result ? result->difference : NULL;
  return result ? result->difference_count : 0;
}

size_t tfm_result_attentions(const tfm_result *result, const tfm_attention **attention) {
  if (attention)
    *attention = result ? result->attention : NULL;
  return result ? result->attention_count : 0;
}

static bool better(const tfm_choice *a, const tfm_choice *b) {
  return a->score > b->score || (a->score == b->score && a->id < b->id);
}

/* A heap of the best so far, the worst of them at the root. */
static void sift_down(tfm_choice *heap, size_t count, size_t at) {
  for (;;) {
    size_t worst = at, left = 2 * at + 1, right = left + 1;
    if (left < count && better(&heap[worst], &heap[left]))
      worst = left;
    if (right < count && better(&heap[worst], &heap[right]))
      worst = right;
    if (worst == at)
      return;
    tfm_choice swap = heap[at];
    heap[at] = heap[worst];
    heap[worst] = swap;
    at = worst;
  }
}

static int best_first(const void *a, const void *b) {
  return better(a, b) ? -1 : better(b, a) ? 1 : 0;
}

tfm_choice *result_best(struct tfm_result *result, const float *scores, size_t n, size_t count) {
  if (count > n)
    count = n;
  tfm_choice *best = arena_array(&result->arena, count ? count : 1, sizeof *best);
  if (!best)
    return NULL;
  for (size_t i = 0; i < n && count; i++) {
    tfm_choice one = {.text = "", .id = (int32_t)i, .score = (double)scores[i]};
    if (i < count) {
      best[i] = one;
      if (i + 1 == count)
        for (size_t j = count; j-- > 0;)
          sift_down(best, count, j);
    } else if (better(&one, &best[0])) {
      best[0] = one;
      sift_down(best, count, 0);
    }
  }
  qsort(best, count, sizeof *best, best_first);
  return best;
}
