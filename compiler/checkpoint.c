/* checkpoint.c - the checkpoint's tensors under the names that the rules give
 * them, and which of them the file speaks of. */
#include "compiler/weight.h"

#include "compiler/eval.h"
#include "compiler/names.h"
#include "compiler/report.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_UNUSED = 10, MENTION_DEPTH = 32 };

struct entry {
  const char *name; /* after renames */
  const struct compile_tensor *tensor;
  bool ignored;
};

/* An optional slot, all layers of it. */
struct optional {
  const char *key;
  const char *present, *absent; /* an example of each; NULL = none */
  struct span span;
  struct optional *next;
};

struct checkpoint {
  struct entry *entry;
  uint32_t count;
  struct map names;    /* name -> index of its entry */
  struct map mentions; /* globs */
  struct map optionals;
  struct optional *first_optional;
  unsigned mention_depth;
};

/* --------------------------------------------------------------------- globs */

/* Any number of stars, each for any text: at worst the product of both lengths,
 * which is counted. */
static bool glob(struct compiler *c, const char *pattern, const char *text) {
  const char *star = NULL, *back = NULL;
  for (uint32_t turn = 1; *text != '\0'; turn++) {
    if (turn % 64 == 0 && !eval_step(c, SPAN_NONE, 0))
      return false;
    if (*pattern == '*') {
      star = pattern++;
      back = text;
    } else if (*pattern == *text) {
      pattern++;
      text++;
    } else if (star != NULL) {
      pattern = star + 1;
      text = ++back;
    } else {
      return false;
    }
  }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

/* The new name by a rename with one star or none; NULL = it does not apply. */
static const char *apply_rename(struct compiler *c, const struct ast_rule *rule, const char *name) {
  const char *pattern = rule->pattern.text, *to = rule->replacement.text;
  const char *star = strchr(pattern, '*'), *to_star = strchr(to, '*');
  if (star == NULL)
    return strcmp(pattern, name) == 0 ? to : NULL;
  size_t length = strlen(name), before = (size_t)(star - pattern), after = strlen(star + 1);
  if (length < before + after || memcmp(name, pattern, before) != 0 ||
      strcmp(name + length - after, star + 1) != 0)
    return NULL;
  if (to_star == NULL)
    return to;
  return compiler_printf(c, "%.*s%.*s%s", (int)(to_star - to), to, (int)(length - before - after),
                         name + before, to_star + 1);
}

/* -------------------------------------------------------------------- opening */

static void apply_rule(struct compiler *c, const struct ast_rule *rule) {
  struct checkpoint *k = c->checkpoint;
  if (rule->pattern.text == NULL || !eval_step(c, rule->span, k->count / 16))
    return;
  for (uint32_t i = 0; i < k->count && !c->stop; i++) {
    struct entry *entry = &k->entry[i];
    if (rule->kind == AST_RULE_IGNORE) {
      entry->ignored = entry->ignored || glob(c, rule->pattern.text, entry->name);
    } else if (rule->replacement.text != NULL) {
      const char *renamed = apply_rename(c, rule, entry->name);
      entry->name = renamed == NULL ? entry->name : renamed;
    }
  }
}

static void index_entries(struct compiler *c) {
  struct checkpoint *k = c->checkpoint;
  for (uint32_t i = 0; i < k->count && !c->stop; i++) {
    bool added;
    struct map_entry *at = map_insert_text(&k->names, k->entry[i].name, &added);
    if (at == NULL) {
      compiler_oom(c);
      return;
    }
    if (added) {
      at->value.number = i;
      continue;
    }
    report_keyed(c, CODE_RENAME_CLASH, k->entry[i].name,
                 "the tensors `%s` and `%s` are both named `%s` by the rules of the file",
                 k->entry[at->value.number].tensor->name, k->entry[i].tensor->name,
                 k->entry[i].name);
  }
}

void checkpoint_open(struct compiler *c) {
  const struct compile_options *o = c->options;
  struct checkpoint *k = c->checkpoint = compiler_alloc(c, 1, sizeof *k);
  if (k == NULL)
    return;
  map_init(&k->names);
  map_init(&k->mentions);
  map_init(&k->optionals);
  if (!o->has_checkpoint)
    return;
  if (o->tensor_count >= UINT32_MAX) {
    compiler_oom(c);
    return;
  }
  k->entry = compiler_alloc(c, o->tensor_count, sizeof *k->entry);
  if (k->entry == NULL)
    return;
  k->count = (uint32_t)o->tensor_count;
  for (uint32_t i = 0; i < k->count; i++)
    k->entry[i] = (struct entry){.name = o->tensor[i].name, .tensor = &o->tensor[i]};
  struct frame frame = FRAME(c, .unit = c->main, .scope = weight_root());
  c->frame = &frame;
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next)
    if (d->kind == AST_DECL_WEIGHTS)
      for (const struct ast_rule *rule = d->rules.first; rule != NULL; rule = rule->next)
        apply_rule(c, rule);
  c->frame = NULL;
  index_entries(c);
}

void checkpoint_close(struct compiler *c) {
  if (c->checkpoint == NULL)
    return;
  map_finish(&c->checkpoint->names);
  map_finish(&c->checkpoint->mentions);
  map_finish(&c->checkpoint->optionals);
}

/* ------------------------------------------------------------------- asking it */

const struct compile_tensor *checkpoint_find(struct compiler *c, const char *name) {
  const struct map_entry *at = map_find_text(&c->checkpoint->names, name);
  return at == NULL ? NULL : c->checkpoint->entry[at->value.number].tensor;
}

/* Numbers in names compare as numbers: experts.2 before experts.10. */
static int compare_names(const void *left, const void *right) {
  const char *a = *(const char *const *)left, *b = *(const char *const *)right;
  while (*a != '\0' && *b != '\0') {
    if (*a >= '0' && *a <= '9' && *b >= '0' && *b <= '9') {
      size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
      if (n != m)
        return n < m ? -1 : 1;
      int order = memcmp(a, b, n);
      if (order != 0)
        return order;
      a += n;
      b += n;
    } else if (*a != *b) {
      break;
    } else {
      a++;
      b++;
    }
  }
  return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

const char **checkpoint_match(struct compiler *c, const char *pattern, uint32_t *count) {
  const struct checkpoint *k = c->checkpoint;
  *count = 0;
  const char **found = compiler_alloc(c, k->count, sizeof *found);
  if (found == NULL || !eval_step(c, SPAN_NONE, k->count / 16))
    return NULL;
  for (uint32_t i = 0; i < k->count; i++)
    if (glob(c, pattern, k->entry[i].name))
      found[(*count)++] = k->entry[i].name;
  if (*count > 0)
    qsort(found, *count, sizeof *found, compare_names);
  return found;
}

const char *checkpoint_nearest(struct compiler *c, const char *name) {
  const struct checkpoint *k = c->checkpoint;
  const char **names = compiler_alloc(c, k->count, sizeof *names);
  for (uint32_t i = 0; names != NULL && i < k->count; i++)
    names[i] = k->entry[i].name;
  return names == NULL || report_enough(c) ? NULL : diag_nearest(name, names, k->count);
}

/* -------------------------------------------------------------- optional slots */

void checkpoint_note_optional(struct compiler *c, const char *key, const char *name, bool present,
                              struct span span) {
  bool added;
  struct map_entry *at = map_insert_text(&c->checkpoint->optionals, key, &added);
  if (at == NULL) {
    compiler_oom(c);
    return;
  }
  if (added) {
    struct optional *made = compiler_alloc(c, 1, sizeof *made);
    at->value.pointer = made;
    if (made == NULL)
      return;
    *made = (struct optional){.key = key, .span = span, .next = c->checkpoint->first_optional};
    c->checkpoint->first_optional = made;
  }
  struct optional *optional = at->value.pointer;
  const char **example = present ? &optional->present : &optional->absent;
  if (*example == NULL)
    *example = name;
}

void checkpoint_check_layers(struct compiler *c) {
  for (const struct optional *o = c->checkpoint->first_optional; o != NULL; o = o->next) {
    if (o->present == NULL || o->absent == NULL)
      continue;
    struct report *r = report_keyed(
        c, CODE_TENSOR_SOME_LAYERS, o->key,
        "the optional tensor `%s` is not in the checkpoint, but `%s` is", o->absent, o->present);
    report_note(c, r, "an optional tensor is in all layers of a repeat, or in none");
  }
}

/* ------------------------------------------------------------------- mentions */

static void mention_name(struct compiler *c, const char *name) {
  if (name != NULL && map_insert_text(&c->checkpoint->mentions, name, NULL) == NULL)
    compiler_oom(c);
}

static void mention_path(struct compiler *c, const struct ast_path *path) {
  const char *name = compiler_printf(c, "%s%s", c->frame->scope->name,
                                     c->frame->scope->name[0] == '\0' ? "" : ".");
  for (const struct ast_part *part = path->first; part != NULL && name != NULL; part = part->next)
    name = compiler_printf(c, "%s%s", name, part->kind == AST_PART_TEXT ? part->text : "*");
  if (name == NULL)
    return;
  mention_name(c, name);
  mention_name(c, compiler_printf(c, "%s.*", name));
}

static void mention_weight(struct compiler *c, struct symbol *symbol) {
  if (symbol->mentioned || c->checkpoint->mention_depth >= MENTION_DEPTH)
    return;
  symbol->mentioned = true;
  c->checkpoint->mention_depth++;
  struct frame frame = FRAME(c, .unit = symbol->unit, .scope = weight_root());
  struct frame *outer = c->frame;
  c->frame = &frame;
  weight_mention(c, symbol->decl->weight.value);
  c->checkpoint->mention_depth--;
  c->frame = outer;
}

void weight_mention_value(struct compiler *c, const struct weight_expr *expr, const char *member) {
  struct weight_memo *memo = expr->memo;
  bool same = memo->mentioned_for == member || (memo->mentioned_for != NULL && member != NULL &&
                                                strcmp(memo->mentioned_for, member) == 0);
  if ((memo->mentioned && same) || c->view_depth >= LIMIT_VIEW_DEPTH ||
      !eval_step(c, expr->span, 0))
    return;
  memo->mentioned = true;
  memo->mentioned_for = member;
  if (expr->kind == WEIGHT_PATH || expr->kind == WEIGHT_STARS)
    mention_name(c, member == NULL ? expr->scope->name
                                   : compiler_printf(c, "%s.%s", expr->scope->name, member));
  else if (expr->kind == WEIGHT_NAMED)
    mention_weight(c, expr->symbol);
  c->view_depth++;
  for (uint32_t i = 0; i < expr->operand_count; i++)
    weight_mention_value(c, expr->operand[i], member);
  c->view_depth--;
}

static void mention_call(struct compiler *c, const struct ast_expr *expr) {
  for (const struct ast_field *f = expr->call.args.first; f != NULL; f = f->next)
    weight_mention(c, f->value);
  if (expr->call.scope != NULL) {
    mention_path(c, expr->call.scope);
    return;
  }
  if (expr->call.name.text == NULL)
    return;
  const struct unit *unit = c->frame->unit;
  if (expr->call.qualifier.text != NULL) {
    const struct qualifier *q = names_qualifier(unit, expr->call.qualifier.text);
    unit = q == NULL ? NULL : q->unit;
  }
  const struct symbol *block = unit == NULL ? NULL : names_symbol(unit, expr->call.name.text);
  if (block == NULL || block->kind != SYMBOL_BLOCK || c->checkpoint->mention_depth >= MENTION_DEPTH)
    return;
  struct frame frame = FRAME(c, .unit = block->unit, .scope = c->frame->scope);
  struct frame *outer = c->frame;
  c->frame = &frame;
  c->checkpoint->mention_depth++;
  weight_mention_body(c, &block->decl->block.body);
  c->checkpoint->mention_depth--;
  c->frame = outer;
}

void weight_mention(struct compiler *c, const struct ast_expr *expr) {
  if (expr == NULL || c->checkpoint == NULL || c->checkpoint->count == 0 ||
      !eval_step(c, expr->span, 0))
    return;
  switch (expr->kind) {
  case AST_EXPR_NAME: {
    struct symbol *symbol = names_symbol(c->frame->unit, expr->text);
    if (symbol != NULL && symbol->kind == SYMBOL_WEIGHT)
      mention_weight(c, symbol);
    break;
  }
  case AST_EXPR_CALL:
    mention_call(c, expr);
    break;
  case AST_EXPR_PATH:
    mention_path(c, expr->path);
    break;
  case AST_EXPR_LIST:
    for (const struct ast_expr *e = expr->list.first; e != NULL; e = e->next)
      weight_mention(c, e);
    break;
  case AST_EXPR_UNARY:
    weight_mention(c, expr->unary.operand);
    break;
  case AST_EXPR_BINARY:
    weight_mention(c, expr->binary.left);
    weight_mention(c, expr->binary.right);
    break;
  case AST_EXPR_IF:
    weight_mention(c, expr->choice.then);
    weight_mention(c, expr->choice.otherwise);
    break;
  default:
    break;
  }
}

void weight_mention_body(struct compiler *c, const struct ast_stmts *body) {
  for (const struct ast_stmt *stmt = body->first; stmt != NULL && !c->stop; stmt = stmt->next) {
    switch (stmt->kind) {
    case AST_STMT_ASSIGN:
      weight_mention(c, stmt->assign.value);
      break;
    case AST_STMT_REPEAT:
      weight_mention_body(c, &stmt->repeat.body);
      break;
    case AST_STMT_RETURN:
      for (const struct ast_expr *e = stmt->result.values.first; e != NULL; e = e->next)
        weight_mention(c, e);
      break;
    case AST_STMT_ASSERT:
      break;
    }
  }
}

/* ------------------------------------------------------------------- left over */

static bool is_mentioned(struct compiler *c, const char *name) {
  const struct checkpoint *k = c->checkpoint;
  if (map_find_text(&k->mentions, name) != NULL)
    return true;
  if (!eval_step(c, SPAN_NONE, (uint32_t)(k->mentions.capacity / 64)))
    return true;
  for (size_t i = 0; i < k->mentions.capacity; i++) {
    const char *key = k->mentions.entries[i].key;
    if (key != NULL && strchr(key, '*') != NULL && glob(c, key, name))
      return true;
  }
  return false;
}

static const char *shape_text(struct compiler *c, const struct compile_tensor *tensor) {
  const char *text = "[";
  for (uint32_t i = 0; i < tensor->rank && text != NULL; i++)
    text = compiler_printf(c, "%s%s%lld", text, i > 0 ? "," : "", (long long)tensor->shape[i]);
  return text == NULL ? "" : text;
}

/* A tensor that the file asks for under a name like this one. */
static const char *wanted_near(struct compiler *c, const char *name) {
  const char **names = compiler_alloc(c, c->weight_count, sizeof *names);
  size_t count = 0;
  for (uint32_t i = 0; names != NULL && i < c->weight_count; i++)
    if (c->weight[i].kind == GRAPH_WEIGHT_TENSOR && c->weight[i].tensor == NULL)
      names[count++] = c->weight[i].name;
  return names == NULL ? NULL : diag_nearest(name, names, count);
}

void checkpoint_check_unused(struct compiler *c) {
  const struct checkpoint *k = c->checkpoint;
  const char *list = "";
  uint32_t unused = 0;
  struct map used;
  map_init(&used);
  for (uint32_t i = 0; i < c->weight_count; i++)
    if (c->weight[i].tensor != NULL &&
        map_insert_text(&used, c->weight[i].tensor->name, NULL) == NULL)
      compiler_oom(c);
  for (uint32_t i = 0; i < k->count && !c->stop; i++) {
    const struct entry *entry = &k->entry[i];
    if (entry->ignored || map_find_text(&used, entry->tensor->name) != NULL ||
        is_mentioned(c, entry->name))
      continue;
    if (++unused > SHOWN_UNUSED || list == NULL)
      continue;
    const char *near = wanted_near(c, entry->name);
    list = compiler_printf(c, "%s\n  `%s` %s]%s%s%s", list, entry->name,
                           shape_text(c, entry->tensor), near == NULL ? "" : ", near `",
                           near == NULL ? "" : near, near == NULL ? "" : "`");
  }
  map_finish(&used);
  if (unused == 0 || list == NULL)
    return;
  if (unused > SHOWN_UNUSED)
    list = compiler_printf(c, "%s\n  and %u more", list, unused - SHOWN_UNUSED);
  struct report *r = report_keyed(c, CODE_TENSOR_UNUSED, "unused",
                                  "%u tensor%s of the checkpoint %s used by nothing in the file",
                                  unused, unused == 1 ? "" : "s", unused == 1 ? "is" : "are");
  report_note(c, r, "%s%s", unused == 1 ? "it is" : "they are", list == NULL ? "" : list);
  report_help(c, r, "use them, or name what is not needed: `weights { ignore \"...\" }`");
}
