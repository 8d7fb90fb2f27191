/* rebuild_added.c - added tokens of two files: flags of the one, the list of the other. */
#include "tokenizer/rebuild.h"

#include <stdlib.h>
#include <string.h>

/* One entry of added_tokens_decoder. */
struct said {
  long long id;
  const char *content;
  const json_t *json;
};

static const char *content_of(const json_t *token) {
  return json_string_value(json_object_get(token, "content"));
}

/* {"content": token, ...} of a list; the tokens are shared with it. */
static json_t *index_of(const json_t *list) {
  json_t *index = json_object(), *item;
  size_t i;
  json_array_foreach((json_t *)list, i, item) {
    const char *content = content_of(item);
    if (index != NULL && content != NULL && json_object_set(index, content, item) != 0) {
      json_decref(index);
      index = NULL;
    }
  }
  return index;
}

/* With all flags, as tokenizer.json writes them; an id that is there already stays. */
static json_t *whole(const struct said *said, const json_t *before) {
  static const char *const flags[] = {"single_word", "lstrip", "rstrip"};
  bool special = json_is_true(json_object_get(said->json, "special"));
  const json_t *normal = json_object_get(said->json, "normalized");
  const json_t *id = json_object_get(before, "id");
  json_t *made = json_pack("{s:I, s:s, s:b, s:b}", "id",
                           json_is_integer(id) ? json_integer_value(id) : (json_int_t)said->id,
                           "content", said->content, "special", special, "normalized",
                           json_is_boolean(normal) ? json_is_true(normal) : !special);
  bool ok = made != NULL;
  for (size_t i = 0; ok && i < sizeof flags / sizeof *flags; i++)
    ok =
        json_object_set_new(made, flags[i],
                            json_boolean(json_is_true(json_object_get(said->json, flags[i])))) == 0;
  if (ok)
    return made;
  json_decref(made);
  return NULL;
}

static int by_id(const void *a, const void *b) {
  const struct said *x = a, *y = b;
  return (x->id > y->id) - (x->id < y->id);
}

/* Those that have a content, in the order of their ids; NULL = out of memory. */
static struct said *sorted(const json_t *said, size_t *count) {
  struct said *list = calloc(json_object_size(said) + 1, sizeof *list);
  const char *id;
  json_t *item;
  *count = 0;
  if (list == NULL)
    return NULL;
  json_object_foreach((json_t *)said, id, item) {
    if (content_of(item) != NULL)
      list[(*count)++] = (struct said){strtoll(id, NULL, 10), content_of(item), item};
  }
  qsort(list, *count, sizeof *list, by_id);
  return list;
}

/* The file's tokens, each as the configuration has it if it does. */
static bool put_old(json_t *list, const json_t *old, const json_t *changed) {
  json_t *item;
  size_t i;
  json_array_foreach((json_t *)old, i, item) {
    const char *content = content_of(item);
    json_t *now = content == NULL ? NULL : json_object_get(changed, content);
    if (json_array_append(list, now == NULL ? item : now) != 0)
      return false;
  }
  return true;
}

json_t *rebuild_added(const json_t *old, const json_t *said, bool anew) {
  size_t count = 0;
  struct said *entry = sorted(said, &count);
  json_t *list = json_array(), *before = index_of(old), *changed = json_object();
  bool ok = entry != NULL && list != NULL && before != NULL && changed != NULL;
  for (size_t i = 0; ok && i < count; i++)
    ok = json_object_set_new(changed, entry[i].content,
                             whole(&entry[i], json_object_get(before, entry[i].content))) == 0;
  if (ok && !anew)
    ok = put_old(list, old, changed);
  for (size_t i = 0; ok && i < count; i++)
    if (anew || json_object_get(before, entry[i].content) == NULL)
      ok = json_array_append(list, json_object_get(changed, entry[i].content)) == 0;
  free(entry);
  json_decref(before);
  json_decref(changed);
  if (ok)
    return list;
  json_decref(list);
  return NULL;
}
