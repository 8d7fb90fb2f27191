/* padding.c - rows of unequal length where they do not lie end to end.
 *
 * An input such as [4, T], [B, 8] or [B, 2*T] is a rectangle in memory too, and a row that is
 * shorter is filled up.  What is told which tokens are real leaves the rest out; a node that
 * mixes tokens and is told nothing would take them for the row's own.  So is a value fed in the
 * middle, where no input is left that says how many tokens rows have. */
#include "runtime/session_private.h"

#include "graph/attr.h"
#include "tfm/plugin.h"

#include <stdbool.h>

/* Tokens, or keys, of row b. */
static int64_t tokens_of(const struct session_input *in, const struct session_side *side,
                         uint32_t b) {
  bool keys = source_info(in->kind)->shape[1] == 'S';
  return (keys ? (int64_t)side->past[b] : 0) + side->count[b];
}

/* The first row that has new tokens, but not that many in all; false = there is none. */
static bool find_other(const struct session_input *in, const struct session_side *side,
                       int64_t tokens, uint32_t *row) {
  for (uint32_t b = 0; b < side->rows; b++)
    if (side->count[b] > 0 && tokens_of(in, side, b) != tokens) {
      *row = b;
      return true;
    }
  return false;
}

/* Is the node given which tokens are real, or does it take one that always is? */
static bool is_told(const struct session *session, const struct graph_node *node) {
  const struct graph *graph = session->graph;
  uint32_t role = registry_role(session->program->registry, node->op);
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (node->input[i] == GRAPH_NONE)
      continue;
    enum dtype dtype = graph->value[node->input[i]].type.dtype;
    if (dtype == DTYPE_MASK || dtype == DTYPE_BOOL || dtype == DTYPE_KV)
      return true;
  }
  const tfm_attr *index = attr_find(node->attr, node->attr_count, "index");
  if (role == TFM_ROLE_SELECT && index)
    return index->integer == 0;
  return role == TFM_ROLE_LAST_TOKEN;
}

/* Does the node mix what lies along one of these run-time dims? */
static bool mixes(const struct graph *graph, const struct graph_node *node, uint32_t dims) {
  for (uint32_t i = 0; node->mixes && i < node->input_count; i++) {
    const struct type *type =
        node->input[i] == GRAPH_NONE ? NULL : &graph->value[node->input[i]].type;
    for (uint32_t d = 0; type && d < type->rank; d++)
      if (ragged_dims(&type->shape[d]) & dims)
        return true;
  }
  return false;
}

static int refuse(const struct graph_node *node, int64_t a, int64_t b, struct tfm_error *err) {
  error_set(err, TFM_ERROR_USAGE,
            "op `%s` mixes the tokens of a text and takes no mask: texts of %lld and %lld tokens "
            "cannot be run together",
            node->op, (long long)a, (long long)b);
  error_note(err, "help: give texts of one length, or leave the batch and its tokens to run time "
                  "in the model's inputs: [B, T]");
  return -1;
}

static int refuse_mixing(const struct session *session, uint32_t dims, int64_t a, int64_t b,
                         struct tfm_error *err) {
  const struct graph *graph = session->graph;
  for (uint32_t n = 0; n < graph->node_count; n++)
    if (mixes(graph, &graph->node[n], dims) && !is_told(session, &graph->node[n]))
      return refuse(&graph->node[n], a, b, err);
  return 0;
}

/* A dim of [B, T, ...] that no input says is the tokens of the step, or of the rows. */
static int check_fed(const struct session *session, const struct session_input *in,
                     const struct session_side *side, struct tfm_error *err) {
  const struct ragged *ragged = session->program->ragged;
  uint32_t dims = in->type->rank < 2 ? 0 : ragged_dims(&in->type->shape[1]);
  if (session->two_sided || dims == 0 || (dims & ragged->differ) != 0 ||
      (ragged->batch != GRAPH_NONE && dims == 1u << ragged->batch))
    return 0;
  int64_t tokens = in->feed.shape[1], most = 0;
  if (tokens != side->tokens && tokens != side->total) {
    error_set(err, TFM_ERROR_USAGE, "`%s` is fed with another length than the texts have",
              in->input->name);
    error_note(err, "expected: %lld tokens", (long long)side->tokens);
    error_note(err, "found: %lld", (long long)tokens);
    error_note(err, "help: give the tokens that it was made of, and run one step (tfmrun -n 1)");
    return -1;
  }
  for (uint32_t b = 0; b < side->rows; b++) {
    most = tokens == side->tokens ? side->count[b] : (int64_t)side->past[b] + side->count[b];
    if (side->count[b] > 0 && most != tokens)
      return refuse_mixing(session, dims, most, tokens, err);
  }
  return 0;
}

int padding_check(const struct session *session, const struct session_input *in,
                  const struct session_side *side, struct tfm_error *err) {
  int64_t longest, fixed;
  uint32_t row;
  if (in->kind == GRAPH_SOURCE_FEED)
    return check_fed(session, in, side, err);
  if (in->feed.data || in->type->rank < 2)
    return 0;
  longest = source_info(in->kind)->shape[1] == 'S' ? side->total : side->tokens;
  if (!find_other(in, side, longest, &row))
    return 0;
  if (dim_is_number(&in->type->shape[1], &fixed)) {
    error_set(err, TFM_ERROR_USAGE, "input `%s` has another size than the model", in->input->name);
    error_note(err, "expected: %lld tokens in each row", (long long)fixed);
    error_note(err, "found: %lld in row %u", (long long)tokens_of(in, side, row), row);
    return -1;
  }
  return refuse_mixing(session, ragged_dims(&in->type->shape[1]), tokens_of(in, side, row), longest,
                       err);
}
