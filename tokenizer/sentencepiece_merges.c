/* sentencepiece_merges.c - the merges that a BPE model's scores stand for.
 *
 * SentencePiece joins the two neighbours whose piece has the best score; a list of
 * merges says the same: every way to cut each piece in two pieces, the best
 * score first.  Of equal scores the earlier piece is first, then the way whose
 * halves have the lower ids: so published tokenizer.json files have it. */
#include "tokenizer/sentencepiece.h"

#include <stdlib.h>
#include <string.h>

enum {
  MERGE_LIMIT = 1 << 22,
  LOOKUP_LIMIT = 1 << 30, /* bytes looked up: about a second */
};

struct way {
  float score;
  uint32_t piece, left, right;
};

struct ways {
  struct way *way;
  size_t count, capacity;
};

static int compare(const void *a, const void *b) {
  const struct way *x = a, *y = b;
  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  if (x->piece != y->piece)
    return x->piece < y->piece ? -1 : 1;
  if (x->left != y->left)
    return x->left < y->left ? -1 : 1;
  return x->right < y->right ? -1 : x->right > y->right;
}

static bool add(struct ways *ways, struct way way) {
  if (ways->count == ways->capacity) {
    size_t capacity = ways->capacity == 0 ? 4096 : ways->capacity * 2;
    struct way *grown = realloc(ways->way, capacity * sizeof *grown);
    if (grown == NULL)
      return false;
    ways->way = grown;
    ways->capacity = capacity;
  }
  ways->way[ways->count++] = way;
  return true;
}

static size_t number_of(const struct map_entry *entry) {
  return (size_t)entry->value.number;
}

static bool is_normal(const struct sentencepiece *model, size_t at) {
  return model->piece[at].type == SENTENCEPIECE_NORMAL;
}

/* Every way to cut the piece.  *cost grows by the bytes looked up. */
static bool cut(const struct sentencepiece *model, size_t at, bool all, struct ways *ways,
                size_t *cost) {
  const struct sentencepiece_piece *piece = &model->piece[at];
  for (size_t half = 1; half < piece->length; half++) {
    if (((unsigned char)piece->text[half] & 0xc0) == 0x80)
      continue;
    *cost += piece->length;
    const struct map_entry *left = map_find(&model->by_text, piece->text, half);
    const struct map_entry *right =
        left == NULL ? NULL : map_find(&model->by_text, piece->text + half, piece->length - half);
    if (right == NULL || (!all && (!is_normal(model, at) || !is_normal(model, number_of(left)) ||
                                   !is_normal(model, number_of(right)))))
      continue;
    struct way way = {piece->score, (uint32_t)at, (uint32_t)left->value.number,
                      (uint32_t)right->value.number};
    if (!add(ways, way))
      return false;
  }
  return true;
}

/* "a b", or ["a", "b"] where a space would mislead. */
static json_t *write_merge(const struct sentencepiece_piece *left,
                           const struct sentencepiece_piece *right) {
  char text[2 * SENTENCEPIECE_PIECE_LIMIT + 1];
  if (memchr(left->text, ' ', left->length) != NULL ||
      memchr(right->text, ' ', right->length) != NULL)
    return json_pack("[s%, s%]", left->text, left->length, right->text, right->length);
  memcpy(text, left->text, left->length);
  text[left->length] = ' ';
  memcpy(text + left->length + 1, right->text, right->length);
  return json_stringn_nocheck(text, left->length + 1 + right->length);
}

static int write_merges(const struct sentencepiece *model, const struct ways *ways, json_t **out,
                        struct tfm_error *err) {
  json_t *list = json_array();
  bool ok = list != NULL;
  for (size_t i = 0; i < ways->count && ok; i++)
    ok = json_array_append_new(list, write_merge(&model->piece[ways->way[i].left],
                                                 &model->piece[ways->way[i].right])) == 0;
  if (ok) {
    *out = list;
    return 0;
  }
  json_decref(list);
  return error_oom(err);
}

int sentencepiece_merges(const struct sentencepiece *model, bool all, const char *path,
                         json_t **out, struct tfm_error *err) {
  struct ways ways = {0};
  size_t cost = 0;
  int status = 0;
  for (size_t i = 0; i < model->count && status == 0; i++)
    if (!cut(model, i, all, &ways, &cost))
      status = error_oom(err);
    else if (ways.count > MERGE_LIMIT || cost > LOOKUP_LIMIT)
      status =
          error_set(err, TFM_ERROR_TOKENIZER,
                    "%s: its pieces can be cut in too many ways (at most %d)", path, MERGE_LIMIT);
  if (status == 0) {
    if (ways.count > 0)
      qsort(ways.way, ways.count, sizeof *ways.way, compare);
    status = write_merges(model, &ways, out, err);
  }
  free(ways.way);
  return status;
}
