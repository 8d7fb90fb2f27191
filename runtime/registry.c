/* registry.c - descriptors checked and entered into tables.
 *
 * A descriptor is read once, by its own struct_size, into a full-size copy:
 * fields that it lacks are zero there, and a tail that this tfm does not know
 * must be zero in it. */
#include "runtime/registry.h"

#include "base/dtype.h"
#include "base/place.h"
#include "runtime/registry_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sizes of ABI 1.0: no descriptor is smaller, ever. */
enum { OP_SIZE_1_0 = 40, KERNEL_SIZE_1_0 = 120, PLUGIN_SIZE_1_0 = 80, DESCRIPTOR_MAX = 4096 };
_Static_assert(sizeof(tfm_op_desc) >= OP_SIZE_1_0, "descriptors only grow");
_Static_assert(sizeof(tfm_kernel_desc) >= KERNEL_SIZE_1_0, "descriptors only grow");
_Static_assert(sizeof(tfm_plugin_desc) >= PLUGIN_SIZE_1_0, "descriptors only grow");

enum { OPS_MAX = 4096, KERNELS_MAX = 65536, NAME_MAX_BYTES = 64 };

#define SAY(field, ...) snprintf(why->field, sizeof why->field, __VA_ARGS__)

/* -------------------------------------------------------------- descriptors */

/* A full-size copy, or NULL with why (or out of memory, without). */
static void *copy_descriptor(struct arena *arena, const void *desc, const char *what, size_t least,
                             size_t known, struct note_refusal *why) {
  uint32_t size;
  if (!desc) {
    SAY(reason, "a %s descriptor is NULL", what);
    return NULL;
  }
  memcpy(&size, desc, sizeof size);
  if (size < least || size > DESCRIPTOR_MAX) {
    SAY(reason, "a %s descriptor has a size that no version of the ABI has", what);
    SAY(expected, "at least %zu bytes", least);
    SAY(found, "%u bytes", size);
    SAY(help, "set struct_size to sizeof the struct");
    return NULL;
  }
  for (size_t i = known; i < size; i++)
    if (((const unsigned char *)desc)[i] != 0) {
      SAY(reason, "a %s descriptor uses a field that this tfm does not know", what);
      SAY(expected, "zeros from byte %zu on", known);
      SAY(found, "byte %zu is not zero", i);
      SAY(help, "update tfm, or use an older version of the plugin");
      return NULL;
    }
  void *copy = arena_alloc(arena, known);
  if (copy)
    memcpy(copy, desc, size < known ? size : known);
  return copy;
}

static bool is_plugin_name(const char *name) {
  return name && *name && strlen(name) < sizeof((tfm_plugin_note *)0)->name &&
         strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

static bool is_op_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

/* The NAME of `## doc` lines and `op NAME(`; 0 if it has none. */
static size_t schema_name(const char *schema, const char **name) {
  const char *at = schema;
  for (;;) {
    at += strspn(at, " \t\r\n");
    if (*at != '#')
      break;
    at += strcspn(at, "\n");
  }
  if (strncmp(at, "op", 2) != 0 || (at[2] != ' ' && at[2] != '\t' && at[2] != '\n'))
    return 0;
  at += 2;
  at += strspn(at, " \t\r\n");
  size_t length = 0;
  while (length < NAME_MAX_BYTES && is_op_char(at[length], length == 0))
    length++;
  *name = at;
  return length < NAME_MAX_BYTES ? length : 0;
}

/* ------------------------------------------------------------------- tables */

static bool grow(void **array, size_t *capacity, size_t count, size_t size) {
  if (count < *capacity)
    return true;
  size_t wanted = *capacity ? *capacity * 2 : 16;
  void *grown = realloc(*array, wanted * size);
  if (!grown)
    return false;
  *array = grown;
  *capacity = wanted;
  return true;
}

/* A copy of text, NULL for "" or NULL; also NULL when memory is out. */
static const char *keep(struct arena *arena, const char *text) {
  return text && *text ? arena_strdup(arena, text) : NULL;
}

int registry_refuse(struct registry *registry, const char *file, const char *plugin, bool shadowed,
                    const struct note_refusal *why, struct tfm_error *err) {
  if (!grow((void **)&registry->refusal, &registry->refusal_capacity, registry->refusal_count,
            sizeof *registry->refusal))
    return error_oom(err);
  struct arena *arena = &registry->arena;
  registry->refusal[registry->refusal_count++] =
      (struct registry_refusal){.file = arena_strdup(arena, file),
                                .plugin = arena_strdup(arena, plugin),
                                .reason = keep(arena, why->reason),
                                .expected = keep(arena, why->expected),
                                .found = keep(arena, why->found),
                                .help = keep(arena, why->help),
                                .shadowed = shadowed};
  return arena_failed(arena) ? error_oom(err) : 0;
}

/* What a plugin adds, before any of it is entered. */
struct addition {
  struct registry_plugin *plugin;
  struct registry_op *op;
  struct registry_kernel *kernel;
};

/* A role is of one op, and of one that is called by bare name: else what `a + b` is would
 * depend on the plugins that are about. */
static int check_role(const struct registry *registry, const struct addition *add, uint32_t i,
                      struct note_refusal *why) {
  const struct registry_op *op = &add->op[i], *other = NULL;
  uint32_t role = op->desc->role;
  if (role == TFM_ROLE_NONE)
    return 0;
  if (!add->plugin->desc->core || role >= TFM_ROLES) {
    SAY(reason,
        role >= TFM_ROLES ? "its op `%s` has a role that this tfm does not know"
                          : "its op `%s` claims a role, as only ops of bare names may",
        op->name);
    SAY(expected, "role = 0");
    SAY(found, "role = %u", role);
    return 1;
  }
  other = registry->role[role];
  for (uint32_t j = 0; j < i && !other; j++)
    if (add->op[j].desc->role == role)
      other = &add->op[j];
  if (!other || strcmp(other->name, op->name) == 0)
    return 0;
  SAY(reason, "its op `%s` has a role that another op has", op->name);
  SAY(expected, "one op for role %u: `%s`, of %.200s", role, other->name, other->plugin->file);
  SAY(help, "remove one of the two files");
  return 1;
}

static int check_op(struct registry *registry, struct addition *add, uint32_t i,
                    struct note_refusal *why, struct tfm_error *err) {
  const tfm_plugin_desc *plugin = add->plugin->desc;
  tfm_op_desc *op =
      copy_descriptor(&registry->arena, plugin->op[i], "op", OP_SIZE_1_0, sizeof(tfm_op_desc), why);
  if (!op)
    return arena_failed(&registry->arena) ? error_oom(err) : 1;
  const char *name = "";
  size_t length = op->schema ? schema_name(op->schema, &name) : 0;
  if (length == 0 || op->version == 0) {
    SAY(reason,
        length == 0 ? "op number %u has no schema that begins with `op NAME(`"
                    : "op number %u has version 0",
        i + 1);
    return 1;
  }
  char *id = plugin->core
                 ? arena_strndup(&registry->arena, name, length)
                 : arena_printf(&registry->arena, "%s.%.*s", plugin->name, (int)length, name);
  if (!id)
    return error_oom(err);
  add->op[i] = (struct registry_op){id, op, add->plugin};
  if (check_role(registry, add, i, why) != 0)
    return 1;
  const struct registry_op *other = registry_find_op(registry, id);
  for (uint32_t j = 0; j < i && !other; j++)
    if (strcmp(add->op[j].name, id) == 0)
      other = &add->op[j];
  if (!other || (other->desc->version == op->version && other->plugin != add->plugin &&
                 strcmp(other->desc->schema, op->schema) == 0))
    return 0;
  SAY(reason, "it gives op `%s` another meaning than a plugin before it", id);
  SAY(expected, "version %u, as in %.200s", other->desc->version, other->plugin->file);
  SAY(found, "version %u%s", op->version,
      op->version == other->desc->version ? ", with another schema" : "");
  SAY(help, "remove one of the two files");
  return 1;
}

static int check_kernel(struct registry *registry, struct addition *add, uint32_t i,
                        struct note_refusal *why, struct tfm_error *err) {
  tfm_kernel_desc *kernel =
      copy_descriptor(&registry->arena, add->plugin->desc->kernel[i], "kernel", KERNEL_SIZE_1_0,
                      sizeof(tfm_kernel_desc), why);
  if (!kernel)
    return arena_failed(&registry->arena) ? error_oom(err) : 1;
  if (!kernel->op || !kernel->name || !*kernel->name || !kernel->device || !kernel->run ||
      kernel->op_min > kernel->op_max) {
    SAY(reason, "kernel number %u is incomplete", i + 1);
    SAY(expected, "op, name, device, run, and op_min <= op_max");
    return 1;
  }
  add->kernel[i] = (struct registry_kernel){kernel, add->plugin};
  return 0;
}

static int check_all(struct registry *registry, struct addition *add, struct note_refusal *why,
                     struct tfm_error *err) {
  const tfm_plugin_desc *plugin = add->plugin->desc;
  if (plugin->op_count > OPS_MAX || plugin->kernel_count > KERNELS_MAX ||
      (plugin->op_count && !plugin->op) || (plugin->kernel_count && !plugin->kernel)) {
    SAY(reason, "its lists of ops and kernels are not sound");
    return 1;
  }
  add->op = arena_array(&registry->arena, plugin->op_count, sizeof *add->op);
  add->kernel = arena_array(&registry->arena, plugin->kernel_count, sizeof *add->kernel);
  if (!add->op || !add->kernel)
    return error_oom(err);
  int status = 0;
  for (uint32_t i = 0; status == 0 && i < plugin->op_count; i++)
    status = check_op(registry, add, i, why, err);
  for (uint32_t i = 0; status == 0 && i < plugin->kernel_count; i++)
    status = check_kernel(registry, add, i, why, err);
  return status;
}

static int check_plugin(const tfm_plugin_desc *plugin, const char *name, bool package,
                        struct note_refusal *why) {
  if (plugin->abi_minor > TFM_ABI_MINOR) {
    SAY(reason, "it needs a newer tfm");
    SAY(expected, "ABI %u.%u or older", TFM_ABI_MAJOR, TFM_ABI_MINOR);
    SAY(found, "ABI %u.%u", TFM_ABI_MAJOR, plugin->abi_minor);
    return 1;
  }
  if (!is_plugin_name(plugin->name) || strcmp(plugin->name, name) != 0) {
    SAY(reason, "its descriptor has another name than its file");
    SAY(expected, "%s", name);
    SAY(found, "%.200s", plugin->name ? plugin->name : "no name");
    return 1;
  }
  if (plugin->core && !package) {
    SAY(reason, "it claims bare names for its ops, as only the plugins that come with tfm may");
    SAY(expected, "core = 0");
    SAY(found, "core = %u", plugin->core);
    SAY(help, "set core to 0; model files then call its ops %s.NAME", name);
    return 1;
  }
  return 0;
}

static int by_op(const void *a, const void *b) {
  const struct registry_kernel *x = a, *y = b;
  int order = strcmp(x->desc->op, y->desc->op);
  if (order == 0 && x->desc->score != y->desc->score)
    order = x->desc->score > y->desc->score ? -1 : 1;
  if (order == 0)
    order = strcmp(x->desc->name, y->desc->name);
  return order ? order : strcmp(x->plugin->name, y->plugin->name);
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int enter_ops(struct registry *registry, const struct addition *add, struct tfm_error *err) {
  for (uint32_t i = 0; i < add->plugin->desc->op_count; i++) {
    bool added;
    struct map_entry *slot = map_insert_text(&registry->op_index, add->op[i].name, &added);
    if (!slot)
      return error_oom(err);
    if (!added)
      continue;
    slot->value.pointer = &add->op[i];
    if (add->op[i].desc->role != TFM_ROLE_NONE)
      registry->role[add->op[i].desc->role] = &add->op[i];
    const char **names =
        realloc((void *)registry->op_name, (registry->op_count + 1) * sizeof *names);
    if (!names)
      return error_oom(err);
    registry->op_name = names;
    names[registry->op_count++] = add->op[i].name;
  }
  if (registry->op_count > 0)
    qsort((void *)registry->op_name, registry->op_count, sizeof *registry->op_name, by_text);
  return 0;
}

static int enter(struct registry *registry, const struct addition *add, struct tfm_error *err) {
  struct map_entry *slot = map_insert_text(&registry->plugin_index, add->plugin->name, NULL);
  if (!slot || !grow((void **)&registry->plugin, &registry->plugin_capacity, registry->plugin_count,
                     sizeof *registry->plugin))
    return error_oom(err);
  slot->value.pointer = add->plugin;
  registry->plugin[registry->plugin_count++] = add->plugin;
  for (uint32_t i = 0; i < add->plugin->desc->kernel_count; i++) {
    if (!grow((void **)&registry->kernel, &registry->kernel_capacity, registry->kernel_count,
              sizeof *registry->kernel))
      return error_oom(err);
    registry->kernel[registry->kernel_count++] = add->kernel[i];
  }
  if (registry->kernel_count > 0)
    qsort(registry->kernel, registry->kernel_count, sizeof *registry->kernel, by_op);
  return enter_ops(registry, add, err);
}

int registry_enter(struct registry *registry, const char *file, const char *name, bool package,
                   const tfm_plugin_desc *desc, struct note_refusal *why, struct tfm_error *err) {
  *why = (struct note_refusal){0};
  tfm_plugin_desc *copy = copy_descriptor(&registry->arena, desc, "plugin", PLUGIN_SIZE_1_0,
                                          sizeof(tfm_plugin_desc), why);
  if (!copy)
    return arena_failed(&registry->arena) ? error_oom(err) : 1;
  if (check_plugin(copy, name, package, why) != 0)
    return 1;
  struct registry_plugin *plugin = arena_alloc(&registry->arena, sizeof *plugin);
  const char *path = arena_strdup(&registry->arena, file);
  if (!plugin || !path)
    return error_oom(err);
  *plugin = (struct registry_plugin){copy->name, path, copy};
  struct addition add = {.plugin = plugin};
  int status = check_all(registry, &add, why, err);
  if (status == 0)
    status = registry_init(registry, desc, copy, why, err);
  return status == 0 ? enter(registry, &add, err) : status;
}

/* ------------------------------------------------------------------ look-up */

const struct registry_op *registry_find_op(const struct registry *registry, const char *name) {
  const struct map_entry *slot = map_find_text(&registry->op_index, name);
  return slot ? slot->value.pointer : NULL;
}

const struct registry_plugin *registry_find_plugin(const struct registry *registry,
                                                   const char *name) {
  const struct map_entry *slot = map_find_text(&registry->plugin_index, name);
  return slot ? slot->value.pointer : NULL;
}

uint32_t registry_role(const struct registry *registry, const char *op) {
  const struct registry_op *found = registry_find_op(registry, op);
  return found ? found->desc->role : TFM_ROLE_NONE;
}

size_t registry_plugin_count(const struct registry *registry) {
  return registry->plugin_count;
}

const struct registry_plugin *registry_plugin_at(const struct registry *registry, size_t i) {
  return registry->plugin[i];
}

const char *const *registry_op_names(const struct registry *registry, size_t *count) {
  *count = registry->op_count;
  return registry->op_name;
}

const struct registry_kernel *registry_kernels(const struct registry *registry, const char *op,
                                               size_t *count) {
  size_t begin = 0, end = registry->kernel_count;
  while (begin < end) {
    size_t middle = begin + (end - begin) / 2;
    if (strcmp(registry->kernel[middle].desc->op, op) < 0)
      begin = middle + 1;
    else
      end = middle;
  }
  *count = 0;
  while (begin + *count < registry->kernel_count &&
         strcmp(registry->kernel[begin + *count].desc->op, op) == 0)
    ++*count;
  return *count ? &registry->kernel[begin] : NULL;
}

const struct registry_refusal *registry_refusals(const struct registry *registry, size_t *count) {
  *count = registry->refusal_count;
  return registry->refusal;
}

static void note_refusal(const struct registry_refusal *r, struct tfm_error *err) {
  error_note(err, "refused: %s: %s", r->file, r->reason ? r->reason : "it is not sound");
  if (r->expected)
    error_note(err, "expected: %s", r->expected);
  if (r->found)
    error_note(err, "found: %s", r->found);
  if (r->help)
    error_note(err, "help: %s", r->help);
}

void registry_note_missing(const struct registry *registry, const char *name,
                           struct tfm_error *err) {
  const char *dot = strchr(name, '.');
  size_t length = dot ? (size_t)(dot - name) : strlen(name), said = 0, exact = 0;
  for (size_t i = 0; i < registry->refusal_count; i++) {
    const struct registry_refusal *r = &registry->refusal[i];
    exact += !r->shadowed && strlen(r->plugin) == length && memcmp(r->plugin, name, length) == 0;
  }
  for (size_t i = 0; i < registry->refusal_count && said < 4; i++) {
    const struct registry_refusal *r = &registry->refusal[i];
    bool is = strlen(r->plugin) == length && memcmp(r->plugin, name, length) == 0;
    if (r->shadowed || (!is && (exact > 0 || dot)))
      continue;
    note_refusal(r, err);
    said++;
  }
  for (size_t i = 0; said == 0 && i < registry->dir_count; i++)
    error_note(err, "searched: %s", registry->dir[i].path);
}

static bool has_core(const struct registry *registry) {
  for (size_t i = 0; i < registry->op_count; i++)
    if (!strchr(registry->op_name[i], '.'))
      return true;
  return false;
}

int registry_need_package(const struct registry *registry, struct tfm_error *err) {
  if (has_core(registry))
    return 0;
  error_set(err, TFM_ERROR_PLUGIN, "the plugins that come with tfm are not found");
  for (size_t i = 0; i < registry->dir_count; i++)
    error_note(err, "searched: %s%s", registry->dir[i].path,
               registry->dir[i].there ? "" : ", which is not there");
  for (size_t i = 0; i < registry->refusal_count && i < 4; i++)
    note_refusal(&registry->refusal[i], err);
  char *tree = place_build_tree();
  if (tree)
    error_note(err, "help: build them: make -C %s", tree);
  else
    error_note(err, "help: say where they are: --plugin-dir DIR, or TFM_PLUGIN_PATH=/DIR");
  free(tree);
  return -1;
}

int registry_add(struct registry *registry, const char *file, const tfm_plugin_desc *desc,
                 struct tfm_error *err) {
  struct note_refusal why;
  int status =
      registry_enter(registry, file, desc && desc->name ? desc->name : "", true, desc, &why, err);
  if (status == 1) {
    error_set(err, TFM_ERROR_PLUGIN, "%s: %s", file, why.reason);
    if (*why.expected)
      error_note(err, "expected: %s", why.expected);
    if (*why.found)
      error_note(err, "found: %s", why.found);
    status = -1;
  }
  return status;
}

void registry_log(const struct registry *registry, int level, const char *text) {
  if (registry->host.log)
    registry->host.log(registry->host.log_arg, level, text);
}

void registry_share_log(const struct registry *registry, struct host *host) {
  host_set_log(host, registry->host.log, registry->host.log_arg);
}

void registry_close(struct registry *registry) {
  if (!registry)
    return;
  map_finish(&registry->plugin_index);
  map_finish(&registry->op_index);
  free((void *)registry->plugin);
  free((void *)registry->op_name);
  free(registry->kernel);
  free(registry->refusal);
  free(registry->dir);
  host_finish(&registry->host);
  arena_finish(&registry->arena);
  free(registry);
}
