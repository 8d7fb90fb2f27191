/* rebuild_roles.c - special tokens that only a configuration names.
 *
 * As the __init__ of transformers' TokenizersBackend: each token with a role that is not among
 * the added tokens becomes one, in the order of the roles, with its class's usual spelling where
 * the configuration is silent; then those of extra_special_tokens. */
#include "tokenizer/rebuild.h"

#include <string.h>

static const char *const roles[REBUILD_ROLES] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                 "pad_token", "cls_token", "mask_token"};

struct putting {
  json_t *list, *seen; /* seen: {"content": true} of the list */
  size_t said;         /* tokens that the configuration names, and not only the class */
  bool failed;
};

static const json_t *content_of(const json_t *value) {
  return json_is_object(value) ? json_object_get(value, "content") : value;
}

static bool flag_of(const json_t *token, const char *name, bool usual) {
  const json_t *flag = json_object_get(token, name);
  return json_is_boolean(flag) ? json_is_true(flag) : usual;
}

/* A text or an object with flags; named: by a role, so that it is special. */
static void put(struct putting *p, const json_t *token, bool named) {
  const json_t *content = content_of(token);
  if (json_string_length(content) == 0 || json_object_get(p->seen, json_string_value(content)))
    return;
  bool special = flag_of(token, "special", json_is_string(token));
  json_t *made =
      json_pack("{s:O, s:b, s:b, s:b, s:b, s:b}", "content", content, "single_word",
                flag_of(token, "single_word", false), "lstrip", flag_of(token, "lstrip", false),
                "rstrip", flag_of(token, "rstrip", false), "normalized",
                flag_of(token, "normalized", !special), "special", special || named);
  p->said++;
  p->failed = json_array_append_new(p->list, made) != 0 ||
              json_object_set_new(p->seen, json_string_value(content), json_true()) != 0 ||
              p->failed;
}

static void put_usual(struct putting *p, const char *text) {
  size_t said = p->said;
  json_t *token = json_string(text);
  p->failed = token == NULL || p->failed;
  put(p, token, true);
  json_decref(token);
  p->said = said;
}

static bool is_role(const char *key) {
  for (size_t i = 0; i < REBUILD_ROLES; i++)
    if (strcmp(roles[i], key) == 0)
      return true;
  return false;
}

/* Roles of a model's own: any other "..._token" that is a token ("image_token"). */
static void put_own_roles(struct putting *p, const json_t *config) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)config, key, value) {
    size_t length = strlen(key);
    if (length > 6 && strcmp(key + length - 6, "_token") == 0 && !is_role(key))
      put(p, value, true);
  }
}

/* extra_special_tokens: a list, or an object of roles; or the older name if that is empty. */
static void put_extra(struct putting *p, const json_t *config) {
  const json_t *extra = json_object_get(config, "extra_special_tokens");
  const char *key;
  json_t *value;
  size_t i;
  if (json_array_size(extra) == 0 && json_object_size(extra) == 0)
    extra = json_object_get(config, "additional_special_tokens");
  json_object_foreach((json_t *)extra, key, value) {
    put(p, value, true);
  }
  json_array_foreach((json_t *)extra, i, value) {
    put(p, value, false);
  }
}

int rebuild_roles(json_t *list, const json_t *config, const char *const *usual) {
  struct putting p = {.list = list, .seen = json_object()};
  json_t *item;
  size_t i;
  json_array_foreach(list, i, item) {
    const char *content = json_string_value(content_of(item));
    if (content != NULL)
      p.failed = json_object_set_new(p.seen, content, json_true()) != 0 || p.failed;
  }
  for (i = 0; i < REBUILD_ROLES && !p.failed && p.seen != NULL; i++) {
    const json_t *said = json_object_get(config, roles[i]);
    if (said != NULL)
      put(&p, said, true);
    else if (usual != NULL && usual[i] != NULL)
      put_usual(&p, usual[i]);
  }
  put_own_roles(&p, config);
  put_extra(&p, config);
  p.failed = p.failed || p.seen == NULL;
  json_decref(p.seen);
  return p.failed ? -1 : p.said > 0;
}
