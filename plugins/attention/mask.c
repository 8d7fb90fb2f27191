/* mask.c - walk a formula in postfix order with a small stack. */
#include "plugins/attention/mask.h"

tfm_status mask_check(const tfm_host *host, const tfm_mask *mask, int64_t batch, int64_t tokens) {
  if (!mask || mask->count == 0)
    return TFM_OK;
  if (mask->count > TFM_MASK_TERMS)
    return host->fail(host, "a mask of %u terms: at most %d", mask->count, TFM_MASK_TERMS);
  int depth = 0;
  for (uint32_t i = 0; i < mask->count; i++) {
    const tfm_mask_term *term = &mask->term[i];
    const tfm_tensor *x = term->tensor;
    if (term->kind < TFM_MASK_CAUSAL || term->kind > TFM_MASK_OR)
      return host->fail(host, "a mask term of the unknown kind %u", term->kind);
    if (term->kind == TFM_MASK_PADDING &&
        (!x || x->rank != 2 || (!x->begin && x->shape[0] < batch)))
      return host->fail(host, "a padding mask without a row for each of the %lld texts",
                        (long long)batch);
    if (term->kind == TFM_MASK_DENSE &&
        (!x || x->rank != 3 || (x->shape[0] != 1 && x->shape[0] < batch) || x->shape[1] < tokens))
      return host->fail(host, "a dense mask without a row for each of the %lld x %lld tokens",
                        (long long)batch, (long long)tokens);
    depth += term->kind == TFM_MASK_AND || term->kind == TFM_MASK_OR ? -1 : 1;
    if (depth < 1)
      return host->fail(host, "a mask formula with an operator that has no operands");
  }
  return depth == 1 ? TFM_OK
                    : host->fail(host, "a mask formula of %d parts that are not joined", depth);
}

/* Row (b, t) of a dense mask, or row b of a padding mask. */
static const uint8_t *bytes(const tfm_mask_term *term, int64_t b, int64_t t) {
  const tfm_tensor *x = term->tensor;
  const uint8_t *data = x->data;
  if (term->kind == TFM_MASK_PADDING)
    return data + (x->begin ? x->begin[b] * x->stride[1] : b * x->stride[0]);
  return data + (x->shape[0] == 1 ? 0 : b) * x->stride[0] + t * x->stride[1];
}

/* How many keys the term's tensor knows of batch row b. */
static int64_t length(const tfm_mask_term *term, int64_t b) {
  const tfm_tensor *x = term->tensor;
  return x->begin ? x->begin[b + 1] - x->begin[b] : x->shape[x->rank - 1];
}

static bool term_allows(const tfm_mask_term *term, int64_t b, int64_t t, int64_t p, int64_t s) {
  switch (term->kind) {
  case TFM_MASK_CAUSAL:
    return s <= p;
  case TFM_MASK_WINDOW:
    return (p > s ? p - s : s - p) < term->n;
  case TFM_MASK_PREFIX:
    return s < term->n;
  default:
    return s < length(term, b) && bytes(term, b, t)[s] != 0;
  }
}

bool mask_allows(const tfm_mask *mask, int64_t b, int64_t t, int64_t p, int64_t s) {
  bool stack[TFM_MASK_TERMS + 1] = {true};
  int top = 0; /* the first free place */
  for (uint32_t i = 0; mask && i < mask->count; i++) {
    const tfm_mask_term *term = &mask->term[i];
    if (term->kind == TFM_MASK_AND || term->kind == TFM_MASK_OR) {
      bool x = stack[--top], y = stack[top - 1];
      stack[top - 1] = term->kind == TFM_MASK_AND ? (x && y) : (x || y);
    } else {
      stack[top++] = term_allows(term, b, t, p, s);
    }
  }
  return stack[0];
}

/* Bits of [low, high) that fall on keys [first, first + 64). */
static uint64_t interval(int64_t first, int64_t low, int64_t high) {
  low = low < first ? 0 : low - first;
  high = high < first ? 0 : high - first;
  if (low >= 64 || high <= low)
    return 0;
  uint64_t below = high >= 64 ? UINT64_MAX : ((uint64_t)1 << high) - 1;
  return below & (UINT64_MAX << low);
}

static uint64_t word(const struct mask_block *block, const tfm_mask_term *term, int64_t t) {
  const uint8_t *row = bytes(term, block->b, t) + block->first;
  int64_t count = length(term, block->b) - block->first;
  uint64_t bits = 0;
  for (int64_t i = 0; i < count && i < block->count; i++)
    bits |= (uint64_t)(row[i] != 0) << i;
  return bits;
}

static uint64_t term_bits(const struct mask_block *block, uint32_t i, int64_t t, int64_t p) {
  const tfm_mask_term *term = &block->mask->term[i];
  int64_t n = term->n;
  switch (term->kind) {
  case TFM_MASK_CAUSAL:
    return interval(block->first, 0, p + 1);
  case TFM_MASK_WINDOW: /* n may be as large as it likes */
    return n <= 0 ? 0
                  : interval(block->first, n > p ? 0 : p - n + 1, n > INT64_MAX - p ? n : p + n);
  case TFM_MASK_PREFIX:
    return interval(block->first, 0, n);
  case TFM_MASK_PADDING:
    return block->padding[i];
  default:
    return word(block, term, t);
  }
}

void mask_block_open(struct mask_block *block, const tfm_mask *mask, int64_t b, int64_t first,
                     int64_t count) {
  block->mask = mask;
  block->b = b;
  block->first = first;
  block->count = count;
  for (uint32_t i = 0; mask && i < mask->count; i++)
    if (mask->term[i].kind == TFM_MASK_PADDING)
      block->padding[i] = word(block, &mask->term[i], 0);
}

uint64_t mask_block_row(const struct mask_block *block, int64_t t, int64_t p) {
  const tfm_mask *mask = block->mask;
  uint64_t stack[TFM_MASK_TERMS + 1] = {UINT64_MAX};
  int top = 0;
  for (uint32_t i = 0; mask && i < mask->count; i++) {
    if (mask->term[i].kind == TFM_MASK_AND || mask->term[i].kind == TFM_MASK_OR) {
      uint64_t x = stack[--top];
      stack[top - 1] = mask->term[i].kind == TFM_MASK_AND ? stack[top - 1] & x : stack[top - 1] | x;
    } else {
      stack[top++] = term_bits(block, i, t, p);
    }
  }
  return stack[0] & interval(block->first, 0, block->first + block->count);
}

int64_t mask_origin(const tfm_mask *mask, int64_t b) {
  int64_t origin = 0;
  for (uint32_t i = 0; mask && i < mask->count; i++)
    if (mask->term[i].kind == TFM_MASK_OR)
      return 0;
  for (uint32_t i = 0; mask && i < mask->count; i++) {
    if (mask->term[i].kind != TFM_MASK_PADDING)
      continue;
    const uint8_t *row = bytes(&mask->term[i], b, 0);
    while (origin < length(&mask->term[i], b) && row[origin] == 0)
      origin++;
  }
  return origin;
}
