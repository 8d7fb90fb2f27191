/* component.c - one loader for the four kinds. */
#include "tokenizer/component.h"

#include <string.h>

const char *const component_no_fields[] = {"type", NULL};

static const struct component_type *find(const struct component_kind *kind, const char *name) {
  for (size_t i = 0; i < kind->count; i++)
    if (strcmp(kind->type[i]->name, name) == 0)
      return kind->type[i];
  return NULL;
}

static int load(const struct component_kind *kind, struct reader *reader, const char *place,
                const json_t *json, struct component ***tail);

static int load_sequence(const struct component_kind *kind, struct reader *reader,
                         const char *place, const json_t *json, struct component ***tail) {
  const char *const fields[] = {"type", kind->parts, NULL};
  const json_t *list;
  if (reader_object(reader, place, json, fields) != 0 ||
      reader_components(reader, place, json, kind->parts, &list) != 0)
    return -1;
  for (size_t i = 0; i < json_array_size(list); i++)
    if (load(kind, reader, reader_place(reader, "%s.%s[%zu]", place, kind->parts, i),
             json_array_get(list, i), tail) != 0)
      return -1;
  return 0;
}

/* Append to the list that *tail ends.  The depth of Sequences is that of the file,
 * which is bounded. */
static int load(const struct component_kind *kind, struct reader *reader, const char *place,
                const json_t *json, struct component ***tail) {
  struct slice name;
  if (!json_is_object(json))
    return reader_error(reader, place, "expected an object");
  if (reader_need_text(reader, place, json, "type", &name) != 0)
    return -1;
  if (strcmp(name.text, "Sequence") == 0)
    return load_sequence(kind, reader, place, json, tail);
  struct component *component = reader_alloc(reader, sizeof *component);
  if (component == NULL)
    return -1;
  component->type = find(kind, name.text);
  if (component->type == NULL)
    return reader_error(reader, place, "unknown %s `%.64s`", kind->name, name.text);
  if (reader_object(reader, place, json, component->type->fields) != 0 ||
      (component->type->load != NULL && component->type->load(component, reader, place, json) != 0))
    return -1;
  **tail = component;
  *tail = &component->next;
  return 0;
}

int component_load(const struct component_kind *kind, struct reader *reader, const json_t *json,
                   struct component **out) {
  struct component **tail = out;
  *out = NULL;
  return json == NULL || json_is_null(json) ? 0 : load(kind, reader, kind->place, json, &tail);
}
