/* unread.c - keys of config.json that nobody looks at.
 *
 * A key counts as read when the file mentions it anywhere, in a branch that is not
 * taken or a head that is not chosen too.  Of an object that is read as a whole, so
 * does all that is in it. */
#include "compiler/unread.h"

#include "compiler/checkpoint.h"
#include "compiler/limit.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_SEEN = 65536, KEYS_KEPT = 256, KEYS_SHOWN = 10, VALUE_SHOWN = 40 };

/* config.a.b, in the file.  The prefix "a" is kept too: it is no reading of all of a. */
struct config_key {
  const char *path;
  bool whole;
  struct span span;
  struct config_key *next;
};

struct unread {
  struct map keys; /* struct config_key, by path */
  struct config_key *first;
  bool all; /* config itself is a value somewhere */
  const struct ast_rule **ignored;
  uint32_t ignored_count, ignored_room;
  /* found in config.json */
  bool looked;
  uint32_t seen, count; /* count of those that nothing reads; KEYS_KEPT of them: */
  const char *path[KEYS_KEPT];
  const json_t *value[KEYS_KEPT];
  bool told[KEYS_KEPT];
};

void unread_open(struct compiler *c) {
  c->unread = compiler_alloc(c, 1, sizeof *c->unread);
  if (c->unread != NULL)
    map_init(&c->unread->keys);
}

void unread_close(struct compiler *c) {
  if (c->unread != NULL)
    map_finish(&c->unread->keys);
}

/* ------------------------------------------------------------------- mentioned */

static void add_key(struct compiler *c, const char *path, bool whole, struct span span) {
  bool added;
  struct map_entry *entry = path == NULL ? NULL : map_insert_text(&c->unread->keys, path, &added);
  if (entry == NULL) {
    compiler_oom(c);
    return;
  }
  struct config_key *key = added ? compiler_alloc(c, 1, sizeof *key) : entry->value.pointer;
  if (added)
    entry->value.pointer = key;
  if (key == NULL)
    return;
  if (added) {
    *key = (struct config_key){.path = path, .span = span, .next = c->unread->first};
    c->unread->first = key;
  }
  key->whole = key->whole || whole;
}

/* "a.b" of config.a.b, and each of its beginnings; NULL = it is no such chain. */
static const char *add_chain(struct compiler *c, const struct ast_expr *expr, bool whole) {
  const struct ast_expr *object = expr->member.object;
  const char *name = expr->member.name.text, *path = name;
  if (object == NULL || name == NULL)
    return NULL;
  if (object->kind == AST_EXPR_MEMBER) {
    const char *before = add_chain(c, object, false);
    path = before == NULL ? NULL : compiler_printf(c, "%s.%s", before, name);
  } else if (object->kind != AST_EXPR_NAME || strcmp(object->text, "config") != 0) {
    return NULL;
  }
  if (path != NULL)
    add_key(c, path, whole, expr->span);
  return path;
}

bool unread_mention(struct compiler *c, const struct ast_expr *expr) {
  if (c->unread == NULL)
    return false;
  if (expr->kind == AST_EXPR_MEMBER)
    return add_chain(c, expr, true) != NULL;
  bool all = expr->kind == AST_EXPR_NAME && strcmp(expr->text, "config") == 0;
  c->unread->all = c->unread->all || all;
  return all;
}

void unread_ignore(struct compiler *c, const struct ast_decl *decl) {
  struct unread *u = c->unread;
  for (const struct ast_rule *rule = decl->rules.first; rule != NULL && u != NULL;
       rule = rule->next) {
    void *array = (void *)u->ignored;
    if (rule->pattern.text == NULL ||
        !compiler_grow(c, &array, u->ignored_count, &u->ignored_room, sizeof *u->ignored))
      continue;
    u->ignored = array;
    u->ignored[u->ignored_count++] = rule;
  }
}

/* ------------------------------------------------------------------- config.json */

static bool is_harmless(struct compiler *c, const char *path) {
  static const char *const harmless[] = {
#define HARMLESS(key) key,
#include "compiler/harmless.def"
#undef HARMLESS
  };
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    if (checkpoint_glob(c, harmless[i], path))
      return true;
  for (uint32_t i = 0; i < c->unread->ignored_count && limit_step(c, SPAN_NONE, 0); i++)
    if (checkpoint_glob(c, c->unread->ignored[i]->pattern.text, path))
      return true;
  return false;
}

/* null, "", [] and {} say nothing. */
static bool says_nothing(const json_t *value) {
  return json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0) ||
         (json_is_array(value) && json_array_size(value) == 0) ||
         (json_is_object(value) && json_object_size(value) == 0);
}

/* The members of an object that is read in part, or of config.json itself. */
static void look(struct compiler *c, const json_t *object, const char *before) {
  struct unread *u = c->unread;
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) {
    if (says_nothing(value))
      continue;
    if (++u->seen > KEYS_SEEN || c->stop)
      return;
    const char *path =
        before == NULL ? compiler_printf(c, "%s", name) : compiler_printf(c, "%s.%s", before, name);
    const struct map_entry *entry = path == NULL ? NULL : map_find_text(&u->keys, path);
    const struct config_key *key = entry == NULL ? NULL : entry->value.pointer;
    if (path == NULL || (key != NULL && (key->whole || !json_is_object(value))))
      continue;
    if (key != NULL) {
      look(c, value, path);
    } else if (!is_harmless(c, path) && u->count++ < KEYS_KEPT) {
      u->path[u->count - 1] = path;
      u->value[u->count - 1] = value;
    }
  }
}

static bool look_once(struct compiler *c) {
  struct unread *u = c->unread;
  if (u == NULL || u->all || c->options->config.root == NULL)
    return false;
  if (!u->looked)
    look(c, c->options->config.root, NULL);
  u->looked = true;
  return !c->stop;
}

/* The parent of config.a.b is an object and has no b. */
static bool is_absent(const json_t *root, const char *path) {
  for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
    char name[64];
    size_t length = (size_t)(dot - path);
    if (length >= sizeof name)
      return false;
    memcpy(name, path, length);
    name[length] = '\0';
    root = json_object_get(root, name);
  }
  return json_is_object(root) && json_object_get(root, path) == NULL;
}

/* An error at the same place has said it: the key must be there. */
static bool is_said(const struct compiler *c, struct span span) {
  for (const struct diag_item *item = c->diag->first; item != NULL; item = item->next)
    if (item->level == DIAG_ERROR && item->label[0].span.source == span.source &&
        item->label[0].span.begin == span.begin && item->label[0].span.end == span.end)
      return true;
  return false;
}

void unread_check_names(struct compiler *c) {
  struct unread *u = c->unread;
  uint32_t asked = 0;
  if (!look_once(c))
    return;
  uint32_t kept = u->count < KEYS_KEPT ? u->count : KEYS_KEPT;
  for (const struct config_key *key = u->first; key != NULL && asked < KEYS_KEPT; key = key->next) {
    if (!key->whole || !is_absent(c->options->config.root, key->path))
      continue;
    asked++;
    const char *nearest = diag_nearest(key->path, u->path, kept);
    if (nearest == NULL || is_said(c, key->span))
      continue;
    struct diag_item *item = diag_report(c->diag, DIAG_WARNING, CODE_CONFIG_NEAR, key->span,
                                         "%s has no `%s`", c->options->config.name, key->path);
    diag_help(c->diag, item, "it has `%s`, which nothing reads", nearest);
    for (uint32_t i = 0; i < kept; i++)
      u->told[i] = u->told[i] || u->path[i] == nearest;
  }
}

static const char *value_text(struct compiler *c, const json_t *value) {
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
  const char *made = NULL;
  if (text == NULL)
    compiler_oom(c);
  else
    made = compiler_printf(c, strlen(text) > VALUE_SHOWN ? "%.*s..." : "%.*s", VALUE_SHOWN, text);
  free(text);
  return made == NULL ? "" : made;
}

void unread_check(struct compiler *c) {
  struct unread *u = c->unread;
  const char *list = "";
  uint32_t count = 0;
  if (!look_once(c))
    return;
  for (uint32_t i = 0; i < u->count && list != NULL; i++) {
    if (i < KEYS_KEPT && u->told[i])
      continue;
    if (++count <= KEYS_SHOWN && i < KEYS_KEPT)
      list = compiler_printf(c, "%s\n  `%s`: %s", list, u->path[i], value_text(c, u->value[i]));
  }
  if (count == 0 || list == NULL)
    return;
  struct diag_item *item =
      diag_report(c->diag, DIAG_WARNING, CODE_CONFIG_UNREAD, SPAN_NONE,
                  "%u setting%s of %s %s read by nothing in the file", count, count == 1 ? "" : "s",
                  c->options->config.name, count == 1 ? "is" : "are");
  if (count > KEYS_SHOWN)
    list = compiler_printf(c, "%s\n  and %u more", list, count - KEYS_SHOWN);
  diag_note(c->diag, item, "%s%s", count == 1 ? "it is" : "they are", list == NULL ? "" : list);
  diag_help(
      c->diag, item,
      "read it, or assert what it must be; if it changes nothing: `config { ignore \"...\" }`");
}
