/* checkpoint.c - renames and ignores, and asking for names. */
#include "compiler/checkpoint.h"

#include "compiler/frame.h"
#include "compiler/limit.h"
#include "compiler/names.h"
#include "compiler/report.h"

#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------- globs */

/* Any number of stars, each for any text: at worst the product of both lengths,
 * which is counted. */
bool checkpoint_glob(struct compiler *c, const char *pattern, const char *text) {
  const char *star = NULL, *back = NULL;
  for (uint32_t turn = 1; *text != '\0'; turn++) {
    if (turn % 64 == 0 && !limit_step(c, SPAN_NONE, 0))
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
  if (rule->pattern.text == NULL || !limit_step(c, rule->span, k->count / 16))
    return;
  for (uint32_t i = 0; i < k->count && !c->stop; i++) {
    struct entry *entry = &k->entry[i];
    if (rule->kind == AST_RULE_IGNORE) {
      entry->ignored = entry->ignored || checkpoint_glob(c, rule->pattern.text, entry->name);
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
  struct frame frame = FRAME(c, .unit = c->main, .scope = scope_root());
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
  const char *a = (*(const struct entry *const *)left)->name;
  const char *b = (*(const struct entry *const *)right)->name;
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

static int compare_bytes(const void *left, const void *right) {
  return strcmp((*(const struct entry *const *)left)->name,
                (*(const struct entry *const *)right)->name);
}

static bool sort_names(struct compiler *c) {
  struct checkpoint *k = c->checkpoint;
  if (k->sorted != NULL)
    return true;
  const struct entry **sorted = compiler_alloc(c, k->count, sizeof *sorted);
  if (sorted == NULL || !limit_step(c, SPAN_NONE, k->count / 16))
    return false;
  for (uint32_t i = 0; i < k->count; i++)
    sorted[i] = &k->entry[i];
  if (k->count > 0)
    qsort((void *)sorted, k->count, sizeof *sorted, compare_bytes);
  k->sorted = sorted;
  return true;
}

/* The first name that does not come before all that begin with the text; or, behind
 * them, the first that does not begin with it. */
static uint32_t find_prefix(const struct checkpoint *k, const char *text, size_t length,
                            bool behind) {
  uint32_t begin = 0, end = k->count;
  while (begin < end) {
    uint32_t middle = begin + (end - begin) / 2;
    int order = strncmp(k->sorted[middle]->name, text, length);
    if (order < 0 || (behind && order == 0))
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

const struct entry **checkpoint_match(struct compiler *c, const char *pattern, uint32_t *count) {
  struct checkpoint *k = c->checkpoint;
  size_t prefix = strcspn(pattern, "*");
  *count = k->found_count;
  if (k->matched != NULL && strcmp(k->matched, pattern) == 0)
    return k->found;
  *count = 0;
  if (!sort_names(c))
    return NULL;
  uint32_t begin = find_prefix(k, pattern, prefix, false);
  uint32_t end = find_prefix(k, pattern, prefix, true);
  const struct entry **found = compiler_alloc(c, end - begin, sizeof *found);
  if (found == NULL || !limit_step(c, SPAN_NONE, (end - begin) / 16))
    return NULL;
  for (uint32_t i = begin; i < end; i++)
    if (checkpoint_glob(c, pattern + prefix, k->sorted[i]->name + prefix))
      found[(*count)++] = k->sorted[i];
  if (*count > 0)
    qsort((void *)found, *count, sizeof *found, compare_names);
  k->matched = pattern;
  k->found = found;
  k->found_count = *count;
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
