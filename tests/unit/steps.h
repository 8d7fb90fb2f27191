/* steps.h - rows that go on from step to step, for tests of sessions. */
#ifndef TFM_TESTS_STEPS_H
#define TFM_TESTS_STEPS_H

#include "runtime/session.h"

enum { STEPS_ROWS = 64 };

struct steps {
  struct session *session;
  struct sequence *row[STEPS_ROWS]; /* made when they are first stepped; NULL without a state */
};

/* Forget all rows. */
static inline void steps_reset(struct steps *s) {
  for (int b = 0; b < STEPS_ROWS; b++) {
    sequence_destroy(s->row[b]);
    s->row[b] = NULL;
  }
}

/* count[b] new tokens of row b. */
static inline int steps_run(struct steps *s, uint32_t rows, const uint32_t *count,
                            const int32_t *const *ids, struct tfm_error *err) {
  struct step_row row[STEPS_ROWS];
  struct cache *cache = session_cache(s->session);
  for (uint32_t b = 0; b < rows; b++) {
    if (cache && !s->row[b] && sequence_create(cache, &s->row[b], err) != 0)
      return -1;
    row[b] =
        (struct step_row){.sequence = s->row[b], .ids = ids ? ids[b] : NULL, .count = count[b]};
  }
  return session_run(s->session, row, rows, err);
}

#endif
