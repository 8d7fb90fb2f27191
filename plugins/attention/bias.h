/* bias.h - a bias formula, evaluated for one key or for a run of keys.
 *
 * A term is a function of head and distance, or a tensor's elements; no [heads, T, S]
 * is made of the former.  p is the query's place among all keys of its row. */
#ifndef TFM_PLUGINS_ATTENTION_BIAS_H
#define TFM_PLUGINS_ATTENTION_BIAS_H

#include "tfm/plugin.h"

/* What a formula is asked for at most. */
struct bias_room {
  int64_t batch, heads, tokens, keys;
};

/* Is it a formula, and do its tensors cover the call?  NULL is: nothing is added. */
tfm_status bias_check(const tfm_host *host, const tfm_bias *bias, const struct bias_room *room);

/* One query of one head. */
struct bias_query {
  int64_t b, h, t, p;
};

/* For key s. */
float bias_at(const tfm_bias *bias, const struct bias_query *query, int64_t s);

/* For keys [first, first + count); out: [count].  Each is what bias_at says. */
void bias_row(const tfm_bias *bias, const struct bias_query *query, int64_t first, int64_t count,
              float *out);

#endif
