/* eval_tokens.c - how well a model predicts tokens: the next one (generate), or
 * one that is masked (fill_mask). */
#include "tools/eval.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 15 of 100 places are masked, as BERT's were in training: those whose 64 bits
 * are below this, which is 0.15 * 2^64 rounded down. */
static const uint64_t MASKED_BELOW = 0x2666666666666666u;

static int alloc_targets(struct eval *eval, struct eval_line *line, size_t most) {
  line->place = calloc(most + 1, sizeof *line->place);
  line->target = calloc(most + 1, sizeof *line->target);
  return line->place && line->target ? 0 : eval_no_memory(eval);
}

static void add_target(struct eval_line *line, size_t place, int32_t target) {
  line->place[line->target_count] = (uint32_t)place;
  line->target[line->target_count++] = target;
}

static void add_scores(struct eval *eval, const struct eval_line *line) {
  for (size_t i = 0; i < line->target_count; i++) {
    eval->sums.nll -= line->score[i].log_probability;
    eval->sums.top1 += line->score[i].rank < 1;
    eval->sums.top5 += line->score[i].rank < 5;
  }
  eval->sums.targets += line->target_count;
}

static double share(uint64_t part, uint64_t whole) {
  return whole ? (double)part / (double)whole : 0;
}

static double mean_nll(const struct eval *eval) {
  return eval->sums.targets ? eval->sums.nll / (double)eval->sums.targets : 0;
}

/* ---- generate ---- */

static int find_token(const struct eval *eval, const char *option, const char *token,
                      int32_t *out) {
  *out = tfm_tokenizer_id(eval->tokenizer, token);
  if (*out >= 0)
    return 0;
  return cli_usage_error(eval->cli, "%s: the tokenizer has no token '%s'", option, token);
}

static int generate_start(struct eval *eval) {
  const struct eval_options *o = eval->options;
  eval->end = o->end ? -1 : eval->info.stop;
  eval->after = -1;
  if (o->end && *o->end && find_token(eval, "--end", o->end, &eval->end) != 0)
    return TFM_CODE_USAGE;
  return o->after ? find_token(eval, "--after", o->after, &eval->after) : 0;
}

/* Code points that begin in text[begin, end). */
static size_t count_characters(const char *text, size_t begin, size_t end) {
  size_t count = 0;
  for (size_t i = begin; i < end; i++)
    count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

/* The first token that is predicted: the second, or the one after --after. */
static int first_predicted(struct eval *eval, const struct eval_line *line,
                           const tfm_encoding *encoding, size_t *first) {
  *first = 1;
  if (eval->after < 0)
    return 0;
  for (size_t i = 0; i < encoding->count; i++)
    if (encoding->ids[i] == eval->after)
      return *first = i + 1, 0;
  return eval_line_error(eval, line, TFM_CODE_USAGE, "the line has no %s", eval->options->after);
}

/* The sequence is the text's tokens and the end, cut to the model's limit.  The
 * last token of it is predicted, but not fed. */
static int generate_sequence(struct eval *eval, struct eval_line *line,
                             const tfm_encoding *encoding, size_t first) {
  size_t count = encoding->count, most = (size_t)eval->info.max_tokens;
  int32_t *ids = calloc(count + 2, sizeof *ids);
  line->ids = ids;
  if (!ids || alloc_targets(eval, line, count + 1) != 0)
    return ids ? TFM_CODE_LIMIT : eval_no_memory(eval);
  if (count)
    memcpy(ids, encoding->ids, count * sizeof *ids);
  if (eval->end >= 0 && (count == 0 || ids[count - 1] != eval->end))
    ids[count++] = eval->end;
  line->truncated = most > 0 && count > most;
  if (line->truncated)
    count = most;
  for (size_t i = first; i < count; i++)
    add_target(line, i - 1, ids[i]);
  line->tokens = line->target_count;
  line->id_count = count ? count - 1 : 0;
  return 0;
}

static int generate_prepare(struct eval *eval, struct eval_line *line) {
  tfm_encoding *encoding;
  size_t first;
  int status = eval_encode(eval, line, line->text, line->length, &encoding);
  if (status == 0)
    status = first_predicted(eval, line, encoding, &first);
  if (status == 0)
    status = generate_sequence(eval, line, encoding, first);
  if (status == 0 && line->target_count) {
    size_t last = line->id_count; /* of the sequence */
    size_t begin = first <= encoding->count ? encoding->end[first - 1] : 0;
    size_t end = line->truncated && last < encoding->count ? encoding->end[last] : line->length;
    line->characters = count_characters(line->text, begin, end);
  }
  tfm_encoding_destroy(encoding);
  return status;
}

static double character_nll(const struct eval *eval) {
  return eval->sums.characters ? eval->sums.nll / (double)eval->sums.characters : 0;
}

static void generate_print(const struct eval *eval) {
  const struct eval_sums *sums = &eval->sums;
  printf("perplexity             %.4f a token, %.4f a character\n", exp(mean_nll(eval)),
         exp(character_nll(eval)));
  printf("bits a character       %.4f\n", character_nll(eval) / log(2));
  printf("predicted              %" PRIu64 " tokens of %" PRIu64 " characters\n", sums->targets,
         sums->characters);
}

static void generate_json(const struct eval *eval, json_t *out) {
  json_object_set_new(out, "characters", json_integer((json_int_t)eval->sums.characters));
  json_object_set_new(out, "nll", json_real(mean_nll(eval)));
  json_object_set_new(out, "perplexity", json_real(exp(mean_nll(eval))));
  json_object_set_new(out, "perplexity_per_character", json_real(exp(character_nll(eval))));
  json_object_set_new(out, "bits_per_character", json_real(character_nll(eval) / log(2)));
}

const struct eval_measure eval_generate = {TFM_TASK_GENERATE, generate_start, generate_prepare,
                                           eval_score,        add_scores,     generate_print,
                                           generate_json};

/* ---- fill_mask ---- */

/* The output function of splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static int mask_start(struct eval *eval) {
  if (eval->info.mask >= 0)
    return 0;
  return cli_error(eval->cli, TFM_CODE_TOKENIZER, "this tokenizer has no mask token");
}

static void mask_place(struct eval *eval, struct eval_line *line, size_t place) {
  add_target(line, place, line->ids[place]);
  line->ids[place] = eval->info.mask;
}

/* Mask places of text tokens; where none is chosen, the one that came nearest. */
static void mask_choose(struct eval *eval, struct eval_line *line, const tfm_encoding *encoding,
                        const size_t *kept) {
  uint64_t row = mix(mix(eval->options->seed) ^ line->number), lowest = 0;
  size_t nearest = 0;
  for (size_t i = 0; i < line->id_count; i++) {
    if (encoding->kind[kept[i]] != TFM_TOKEN_TEXT)
      continue;
    uint64_t draw = mix(row ^ i);
    if (line->tokens++ == 0 || draw < lowest) {
      lowest = draw;
      nearest = i;
    }
    if (draw < MASKED_BELOW)
      mask_place(eval, line, i);
  }
  if (line->tokens && line->target_count == 0)
    mask_place(eval, line, nearest);
}

static int mask_prepare(struct eval *eval, struct eval_line *line) {
  tfm_encoding *encoding;
  size_t *kept = NULL;
  int status = eval_encode(eval, line, line->text, line->length, &encoding);
  if (status == 0)
    status = eval_cut(eval, line, encoding, &kept);
  if (status == 0)
    status = alloc_targets(eval, line, line->id_count);
  if (status == 0)
    mask_choose(eval, line, encoding, kept);
  tfm_encoding_destroy(encoding);
  free(kept);
  return status;
}

static void mask_print(const struct eval *eval) {
  const struct eval_sums *sums = &eval->sums;
  printf("top-1                  %.4f\n", share(sums->top1, sums->targets));
  printf("top-5                  %.4f\n", share(sums->top5, sums->targets));
  printf("mean -log p            %.4f\n", mean_nll(eval));
  printf("masked                 %" PRIu64 " of %" PRIu64 " tokens\n", sums->targets, sums->tokens);
}

static void mask_json(const struct eval *eval, json_t *out) {
  const struct eval_sums *sums = &eval->sums;
  json_object_set_new(out, "seed", json_integer((json_int_t)eval->options->seed));
  json_object_set_new(out, "masked", json_integer((json_int_t)sums->targets));
  json_object_set_new(out, "top1", json_real(share(sums->top1, sums->targets)));
  json_object_set_new(out, "top5", json_real(share(sums->top5, sums->targets)));
  json_object_set_new(out, "nll", json_real(mean_nll(eval)));
}

const struct eval_measure eval_fill_mask = {
    TFM_TASK_FILL_MASK, mask_start, mask_prepare, eval_score, add_scores, mask_print, mask_json};
