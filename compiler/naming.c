/* naming.c - names of values: canonical ones, and what the file calls them.
 *
 * A canonical name is unique: what repeats gets #2, #3.  A name of the file is
 * bound again and again (x = x + a): the k-th value is `x#k` too, and the last
 * is `x`.  Which is last is known at the end, so aliases are handed out then. */
#include "compiler/naming.h"

#include "compiler/frame.h"
#include "compiler/ir.h"

#include <string.h>

struct binding {
  const char *name;
  int32_t value;
  uint32_t number; /* the k-th of this name */
};

struct names {
  struct map taken; /* canonical name -> how often it was asked for */
  struct map bound; /* alias -> how often it was bound */
  struct map found; /* after naming_finish: any name -> value */
  struct binding *binding;
  uint32_t count, room;
};

void naming_open(struct compiler *c) {
  struct names *n = c->names = compiler_alloc(c, 1, sizeof *n);
  if (n == NULL)
    return;
  map_init(&n->taken);
  map_init(&n->bound);
  map_init(&n->found);
}

void naming_close(struct compiler *c) {
  if (c->names == NULL)
    return;
  map_finish(&c->names->taken);
  map_finish(&c->names->bound);
  map_finish(&c->names->found);
}

bool naming_is_free(const struct compiler *c, const char *name) {
  return map_find_text(&c->names->taken, name) == NULL;
}

const char *naming_take(struct compiler *c, const char *base) {
  const char *name = base;
  for (;;) {
    bool added;
    struct map_entry *at = map_insert_text(&c->names->taken, name, &added);
    if (at == NULL) {
      compiler_oom(c);
      return NULL;
    }
    if (added) {
      at->value.number = 1;
      return name;
    }
    struct map_entry *first = map_find_text(&c->names->taken, base);
    name = compiler_printf(c, "%s#%lld", base, (long long)++first->value.number);
    if (name == NULL)
      return NULL;
  }
}

const char *naming_in_scope(struct compiler *c, const char *local) {
  const char *scope = c->frame == NULL ? "" : c->frame->scope->name;
  return scope[0] == '\0' ? local : compiler_printf(c, "%s.%s", scope, local);
}

void naming_alias(struct compiler *c, const char *name, int32_t value) {
  struct names *n = c->names;
  void *array = n->binding;
  if (name == NULL || !compiler_grow(c, &array, n->count, &n->room, sizeof *n->binding))
    return;
  n->binding = array;
  struct map_entry *at = map_insert_text(&n->bound, name, NULL);
  if (at == NULL) {
    compiler_oom(c);
    return;
  }
  at->value.number++;
  n->binding[n->count++] = (struct binding){name, value, (uint32_t)at->value.number};
}

static void give(struct compiler *c, int32_t value, const char *name) {
  struct ir_value *to = &c->value[value];
  struct alias **last = &to->alias;
  if (name == NULL || !naming_is_free(c, name))
    return; /* a canonical name is stronger */
  while (*last != NULL) {
    if (strcmp((*last)->name, name) == 0)
      return;
    last = &(*last)->next;
  }
  struct alias *made = compiler_alloc(c, 1, sizeof *made);
  if (made == NULL)
    return;
  made->name = name;
  *last = made;
  struct map_entry *at = map_insert_text(&c->names->found, name, NULL);
  if (at == NULL)
    compiler_oom(c);
  else
    at->value.number = value;
}

void naming_finish(struct compiler *c) {
  struct names *n = c->names;
  for (uint32_t i = 0; i < c->value_count && !c->stop; i++) {
    struct map_entry *at = map_insert_text(&n->found, c->value[i].name, NULL);
    if (at == NULL)
      compiler_oom(c);
    else
      at->value.number = i;
  }
  for (uint32_t i = 0; i < n->count && !c->stop; i++) {
    const struct binding *b = &n->binding[i];
    const struct map_entry *at = map_find_text(&n->bound, b->name);
    if (b->number > 1)
      give(c, b->value, compiler_printf(c, "%s#%u", b->name, b->number));
    if (at != NULL && at->value.number == b->number)
      give(c, b->value, b->name);
  }
}

int32_t naming_find(const struct compiler *c, const char *name) {
  const struct map_entry *at = map_find_text(&c->names->found, name);
  return at == NULL ? GRAPH_NONE : (int32_t)at->value.number;
}

const char *naming_nearest(struct compiler *c, const char *name) {
  const struct map *found = &c->names->found;
  const char **names = compiler_alloc(c, found->count, sizeof *names);
  size_t count = 0;
  for (size_t i = 0; names != NULL && i < found->capacity; i++)
    if (found->entries[i].key != NULL)
      names[count++] = found->entries[i].key;
  return names == NULL ? NULL : diag_nearest(name, names, count);
}
