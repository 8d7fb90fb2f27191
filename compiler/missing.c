/* missing.c - one report for what all layers of a repeat lack. */
#include "compiler/missing.h"

#include "compiler/checkpoint.h"
#include "compiler/limit.h"
#include "compiler/report.h"
#include "compiler/tensor.h"

#include <string.h>

/* "`@h.{i}` (34:41) + `@attn.c_prj` (27:21) + slot `weight`" */
static const char *scope_text(struct compiler *c, const struct scope *scope) {
  unsigned line, column;
  if (scope == NULL || scope->path == NULL)
    return "";
  const char *before = scope_text(c, scope->parent);
  diag_position(c->diag, scope->path->span, &line, &column);
  const char *text = compiler_printf(c, "%s%s`%s` (%u:%u)", before, before[0] == '\0' ? "" : " + ",
                                     compiler_span_text(c, scope->path->span), line, column);
  return text == NULL ? "" : text;
}

static const char *pattern_of(struct compiler *c, const struct weight *weight) {
  if (weight->scope == NULL)
    return weight->name;
  return weight->slot == NULL ? weight->scope->pattern
                              : compiler_printf(c, "%s.%s", weight->scope->pattern, weight->slot);
}

/* Where the path's last part is written. */
static struct span last_place(const struct weight *weight) {
  return weight->scope != NULL && weight->scope->path != NULL ? weight->scope->path->span
                                                              : SPAN_NONE;
}

/* How much of the name the checkpoint has, in whole parts: "h.0" of "h.0.lm_1.weight". */
static size_t known_length(struct compiler *c, const char *name) {
  const struct checkpoint *k = c->checkpoint;
  size_t best = 0;
  for (uint32_t i = 0; i < k->count && limit_step(c, SPAN_NONE, 0); i++) {
    const char *other = k->entry[i].name;
    size_t at = 0, whole = 0;
    for (; name[at] != '\0' && name[at] == other[at]; at++)
      if (name[at] == '.')
        whole = at;
    if (other[at] == '.' && name[at] == '\0')
      whole = at;
    best = whole > best ? whole : best;
  }
  return best;
}

/* Where the first part of the name is written that the checkpoint does not have. */
static struct span place_of(struct compiler *c, const struct weight *weight) {
  const struct scope *scope = weight->scope;
  size_t known = report_enough(c) || scope == NULL ? 0 : known_length(c, weight->name);
  while (scope != NULL && scope->parent != NULL && scope->parent->path != NULL &&
         strlen(scope->parent->name) > known)
    scope = scope->parent;
  return scope != NULL && scope->path != NULL ? scope->path->span : SPAN_NONE;
}

/* Names in front of a name: few, and no number among them. */
static bool is_prefix(const char *text, size_t length) {
  enum { MOST = 2 };
  unsigned dots = 0;
  for (size_t i = 0; i < length; i++) {
    if (text[i] >= '0' && text[i] <= '9' && (i == 0 || text[i - 1] == '.'))
      return false;
    dots += text[i] == '.';
  }
  return length > 0 && dots < MOST;
}

/* The shortest P of which the checkpoint has P.name; its length, 0 = there is none. */
static size_t find_prefix(struct compiler *c, const char *name, const char **text) {
  const struct checkpoint *k = c->checkpoint;
  size_t own = strlen(name), best = 0;
  for (uint32_t i = 0; i < k->count && limit_step(c, SPAN_NONE, 0); i++) {
    size_t length = strlen(k->entry[i].name), before = length - own - 1;
    if (length < own + 2 || strcmp(k->entry[i].name + length - own, name) != 0 ||
        k->entry[i].name[before] != '.' || !is_prefix(k->entry[i].name, before))
      continue;
    if (best == 0 || before < best) {
      best = before;
      *text = k->entry[i].name;
    }
  }
  return best;
}

/* All names of the file may lack a beginning that the checkpoint has, or have one. */
static bool help_rename(struct compiler *c, struct report *r, const char *name) {
  const char *text = NULL, *dot = strchr(name, '.');
  if (report_enough(c))
    return false;
  size_t length = find_prefix(c, name, &text);
  if (length > 0) {
    report_help(
        c, r, "`%s` is there; to leave out its beginning: `weights { rename \"%.*s.*\" to \"*\" }`",
        text, (int)length, text);
    return true;
  }
  if (dot == NULL || checkpoint_find(c, dot + 1) == NULL || !is_prefix(name, (size_t)(dot - name)))
    return false;
  report_help(
      c, r,
      "`%s` is there: leave `%.*s.` out of the paths, or `weights { rename \"*\" to \"%.*s.*\" }`",
      dot + 1, (int)(dot - name), name, (int)(dot - name), name);
  return true;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

/* An output layer that is the table of words is not stored twice. */
static bool help_tied(struct compiler *c, struct report *r, const struct weight *weight) {
  const json_t *root = c->options->config.root;
  const json_t *tied = root == NULL ? NULL : json_object_get(root, "tie_word_embeddings");
  const json_t *words = root == NULL ? NULL : json_object_get(root, "vocab_size");
  struct dim dim;
  int64_t rows = 0;
  bool table = weight->type.rank == 2 && json_is_integer(words) &&
               cell_value(weight->type.shape[0], &dim) && dim_is_number(&dim, &rows) &&
               rows == json_integer_value(words);
  if (json_is_false(tied) || !(table || ends_with(weight->name, "lm_head.weight")))
    return false;
  report_help(c, r,
              "%s `tie_word_embeddings`%s: it may be the table of words: `if "
              "config.tie_word_embeddings ?? true then words else @%s`",
              c->options->config.name == NULL ? "config.json" : c->options->config.name,
              tied == NULL ? " is not said" : " is true", weight->name);
  return true;
}

/* @h.i for @h.{i}: one part is a name, and a number in the checkpoint. */
static void help_number(struct compiler *c, struct report *r, const char *name,
                        const char *nearest) {
  size_t at = 0, part = 0;
  for (; name[at] != '\0' && name[at] == nearest[at]; at++)
    part = name[at] == '.' ? at + 1 : part;
  size_t own = strcspn(name + part, "."), other = strcspn(nearest + part, ".");
  bool number = other > 0 && strspn(nearest + part, "0123456789") == other;
  if (number && own > 0 && strspn(name + part, "0123456789") != own &&
      strcmp(name + part + own, nearest + part + other) == 0)
    report_help(c, r, "a number that is counted stands in braces: `{%.*s}`", (int)own, name + part);
}

static void report_missing(struct compiler *c, const struct weight *weight, uint32_t others) {
  struct report *r = report_keyed_at(c, CODE_TENSOR_MISSING, place_of(c, weight), weight->name,
                                     "tensor `%s` is not in the checkpoint", weight->name);
  const char *path = scope_text(c, weight->scope);
  if (path[0] != '\0' && weight->slot != NULL)
    report_note(c, r, "%s + slot `%s`", path, weight->slot);
  else if (path[0] != '\0')
    report_note(c, r, "%s", path);
  if (others > 0)
    report_note(c, r, "the same for %u more of `%s`", others, pattern_of(c, weight));
  if (help_rename(c, r, weight->name) || help_tied(c, r, weight))
    return;
  const char *nearest = checkpoint_nearest(c, weight->name);
  const struct compile_tensor *tensor = nearest == NULL ? NULL : checkpoint_find(c, nearest);
  if (tensor == NULL)
    return;
  const char *shape = "";
  for (uint32_t i = 0; i < tensor->rank && shape != NULL; i++)
    shape = compiler_printf(c, "%s%s%lld", shape, i > 0 ? "," : "", (long long)tensor->shape[i]);
  report_help(c, r, "nearest: `%s` [%s]", nearest, shape == NULL ? "" : shape);
  help_number(c, r, weight->name, nearest);
}

/* One report for each pattern: all layers of a repeat lack the same. */
static void check_missing(struct compiler *c) {
  struct map seen;
  map_init(&seen);
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < c->weight_count && !c->stop; i++) {
      struct weight *weight = &c->weight[i];
      if (!weight->live || weight->kind != GRAPH_WEIGHT_TENSOR || weight->tensor != NULL)
        continue;
      const char *pattern = pattern_of(c, weight);
      struct map_entry *at = pattern == NULL ? NULL : map_insert_text(&seen, pattern, NULL);
      if (at == NULL) {
        compiler_oom(c);
      } else if (pass == 0) {
        at->value.number++;
      } else if (at->value.number > 0) {
        report_missing(c, weight, (uint32_t)(at->value.number - 1));
        at->value.number = 0;
      }
    }
  }
  map_finish(&seen);
}

static void check_told(struct compiler *c, const struct weight *weight) {
  struct dim dim;
  for (uint32_t i = 0; i < weight->type.rank; i++) {
    if (cell_value(weight->type.shape[i], &dim) && dim_is_number(&dim, NULL))
      continue;
    struct report *r =
        report_keyed_at(c, CODE_SHAPE_UNTOLD, last_place(weight), pattern_of(c, weight),
                        "without a checkpoint nothing tells the shape of `%s`: %s", weight->name,
                        compiler_type_text(c, &weight->type));
    const char *path = scope_text(c, weight->scope);
    if (path[0] != '\0')
      report_note(c, r, "%s%s%s%s", path, weight->slot == NULL ? "" : " + slot `",
                  weight->slot == NULL ? "" : weight->slot, weight->slot == NULL ? "" : "`");
    report_help(c, r, "state the shape of what it makes: `y: [B, T, N] = ...`");
    return;
  }
}

void missing_check(struct compiler *c) {
  if (c->options->has_checkpoint) {
    check_missing(c);
    return;
  }
  for (uint32_t i = 0; i < c->weight_count && !c->stop; i++)
    if (c->weight[i].live && c->weight[i].kind == GRAPH_WEIGHT_TENSOR)
      check_told(c, &c->weight[i]);
}
