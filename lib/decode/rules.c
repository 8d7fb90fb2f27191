/* rules.c - forbid and force tokens, in their logits. */
#include "lib/decode/rules.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool rules_exist(const struct rules *rules) {
  bool ends = rules->stop.count && (rules->min_length > 0 || rules->min_new > 0);
  return ends || rules->bad_word_count || rules->forced_first >= 0 || rules->forced_last.count ||
         rules->suppress.count || rules->begin_suppress.count;
}

static int check_id(int32_t id, size_t vocabulary, const char *rule, struct tfm_error *err) {
  if (id >= 0 && (size_t)id < vocabulary)
    return 0;
  return error_set(err, TFM_ERROR_USAGE, "%s: there is no token %" PRId32 " (0 to %zu)", rule, id,
                   vocabulary ? vocabulary - 1 : 0);
}

/* Tokens that do not exist cannot come: they are passed over. */
static void forbid(tfm_ids list, float *logits, size_t vocabulary) {
  for (size_t i = 0; i < list.count; i++)
    if (list.ids[i] >= 0 && (size_t)list.ids[i] < vocabulary)
      logits[list.ids[i]] = -INFINITY;
}

static bool has(tfm_ids list, int32_t id) {
  for (size_t i = 0; i < list.count; i++)
    if (list.ids[i] == id)
      return true;
  return false;
}

static int forbid_words(const struct rules *rules, const int32_t *ids, size_t count, float *logits,
                        size_t vocabulary, struct tfm_error *err) {
  for (size_t w = 0; w < rules->bad_word_count; w++) {
    tfm_ids word = rules->bad_word[w];
    if (word.count == 0 || (word.count == 1 && has(rules->stop, word.ids[0])))
      continue;
    size_t before = word.count - 1;
    if (check_id(word.ids[before], vocabulary, "a bad word", err) != 0)
      return -1;
    if (before <= count &&
        (before == 0 || memcmp(ids + count - before, word.ids, before * sizeof *ids) == 0))
      logits[word.ids[before]] = -INFINITY;
  }
  return 0;
}

static int force(tfm_ids list, const char *rule, float *logits, size_t vocabulary,
                 struct tfm_error *err) {
  for (size_t i = 0; i < list.count; i++)
    if (check_id(list.ids[i], vocabulary, rule, err) != 0)
      return -1;
  for (size_t i = 0; i < vocabulary; i++)
    logits[i] = -INFINITY;
  for (size_t i = 0; i < list.count; i++)
    logits[list.ids[i]] = 0;
  return 0;
}

int rules_apply(const struct rules *rules, const int32_t *ids, size_t count, size_t prompt,
                float *logits, size_t vocabulary, struct tfm_error *err) {
  int64_t made = (int64_t)(count - prompt);
  size_t first = prompt + (prompt <= 1 && rules->forced_first >= 0);
  if (forbid_words(rules, ids, count, logits, vocabulary, err) != 0)
    return -1;
  if ((int64_t)count < rules->min_length || made < rules->min_new)
    forbid(rules->stop, logits, vocabulary);
  if (rules->forced_first >= 0 && count == 1 &&
      force((tfm_ids){&rules->forced_first, 1}, "forced_first", logits, vocabulary, err) != 0)
    return -1;
  if (rules->forced_last.count && made == rules->limit - 1 &&
      force(rules->forced_last, "forced_last", logits, vocabulary, err) != 0)
    return -1;
  forbid(rules->suppress, logits, vocabulary);
  if (count == first)
    forbid(rules->begin_suppress, logits, vocabulary);
  return 0;
}
