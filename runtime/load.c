/* load.c - from directories to descriptors.
 *
 * What may run code comes last: a name that is new, a file that is trusted, a
 * note that says "plugin for this ABI", then dlopen.  The floating-point
 * environment is put back afterwards, since an object built with -ffast-math
 * sets flush-to-zero for the whole process when it is loaded. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* secure_getenv, realpath */
#endif
#include "base/buffer.h"
#include "base/file.h"
#include "runtime/registry_private.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fenv.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAY(field, ...) snprintf(why->field, sizeof why->field, __VA_ARGS__)

typedef const tfm_plugin_desc *entry_function(void);

/* -------------------------------------------------------------- directories */

static int add_dir(struct registry_dirs *dirs, const char *path, size_t length,
                   struct tfm_error *err) {
  char **grown = realloc(dirs->path, (dirs->count + 1) * sizeof *grown);
  if (!grown)
    return error_oom(err);
  dirs->path = grown;
  char *copy = malloc(length + 1);
  if (!copy)
    return error_oom(err);
  memcpy(copy, path, length);
  copy[length] = '\0';
  dirs->path[dirs->count++] = copy;
  return 0;
}

/* "/a:/b"; an entry that is not absolute would depend on the current directory. */
static int add_path(struct registry_dirs *dirs, const char *text, struct tfm_error *err) {
  while (text && *text) {
    size_t length = strcspn(text, ":");
    if (*text == '/' && add_dir(dirs, text, length, err) != 0)
      return -1;
    text += length + (text[length] == ':');
  }
  return 0;
}

static int add_data_home(struct registry_dirs *dirs, struct tfm_error *err) {
  const char *data = secure_getenv("XDG_DATA_HOME"), *home = secure_getenv("HOME");
  struct buffer path;
  buffer_init(&path);
  if (data && *data == '/')
    buffer_printf(&path, "%s/tfm/plugins", data);
  else if (home && *home == '/')
    buffer_printf(&path, "%s/.local/share/tfm/plugins", home);
  int status = 0;
  if (path.failed)
    status = error_oom(err);
  else if (path.length)
    status = add_dir(dirs, path.data, path.length, err);
  buffer_finish(&path);
  return status;
}

int registry_default_dirs(const char *const *first, size_t first_count, struct registry_dirs *out,
                          struct tfm_error *err) {
  *out = (struct registry_dirs){0};
  int status = 0;
  for (size_t i = 0; status == 0 && i < first_count; i++)
    status = add_dir(out, first[i], strlen(first[i]), err);
  if (status == 0)
    status = add_path(out, secure_getenv("TFM_PLUGIN_PATH"), err);
  if (status == 0)
    status = add_data_home(out, err);
  char *package = NULL;
  if (status == 0)
    status = registry_package_dir(&package, err);
  if (status == 0)
    status = add_dir(out, package, strlen(package), err);
  free(package);
  if (status != 0)
    registry_dirs_finish(out);
  return status;
}

void registry_dirs_finish(struct registry_dirs *dirs) {
  for (size_t i = 0; i < dirs->count; i++)
    free(dirs->path[i]);
  free(dirs->path);
  *dirs = (struct registry_dirs){0};
}

/* --------------------------------------------------------------------- files */

/* For a signal handler: a fault now is the file's. */
static _Atomic(const char *) loading;

const char *registry_loading(void) {
  return atomic_load(&loading);
}

/* dlopen and the entry's descriptor, or NULL with why.  The handle is not
 * kept: RTLD_NODELETE. */
static const tfm_plugin_desc *open_object(const char *file, struct note_refusal *why) {
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    const char *cause = dlerror();
    SAY(reason, "it cannot be loaded: %.400s", cause ? cause : "no reason given");
    return NULL;
  }
  void *symbol = dlsym(handle, "tfm_plugin_v1");
  if (!symbol) {
    SAY(reason, "it does not export tfm_plugin_v1");
    SAY(help, "a plugin says TFM_PLUGIN(name, minor, descriptor) once");
    return NULL;
  }
  entry_function *entry;
  memcpy(&entry, &symbol, sizeof entry);
  const tfm_plugin_desc *desc = entry();
  if (!desc)
    SAY(reason, "tfm_plugin_v1 returned NULL");
  return desc;
}

/* Load one file that the search found; a refusal is remembered. */
static int load_file(struct registry *registry, const char *file, const char *name, bool package,
                     struct tfm_error *err) {
  struct note_refusal why = {0};
  tfm_plugin_note note;
  fenv_t environment;
  int status = 1;
  if (note_check_trust(file, &why) == 0 && note_check_file(file, name, &note, &why) == 0) {
    fegetenv(&environment);
    atomic_store(&loading, file);
    const tfm_plugin_desc *desc = open_object(file, &why);
    if (desc)
      status = registry_enter(registry, file, name, package, desc, &why, err);
    atomic_store(&loading, NULL);
    fesetenv(&environment);
  }
  if (status == 1)
    status = registry_refuse(registry, file, name, false, &why, err);
  return status;
}

/* NAME of NAME.so, on the heap; "" if it is no plugin's file name. */
static char *plugin_name(const char *file) {
  size_t length = strlen(file);
  if (file[0] == '.' || length < 4 || strcmp(file + length - 3, ".so") != 0)
    return strdup("");
  return strndup(file, length - 3);
}

/* A plugin of that name is there already; two of the package's are no news. */
static int shadow(struct registry *registry, const struct registry_plugin *first, const char *file,
                  const char *name, bool package, struct tfm_error *err) {
  struct note_refusal why = {0};
  snprintf(why.reason, sizeof why.reason, "%.400s comes first", first->file);
  if (!package) {
    char text[1024];
    snprintf(text, sizeof text, "plugin %.400s is not used: %.400s comes first", file, first->file);
    registry_log(registry, TFM_LOG_WARNING, text);
  }
  return registry_refuse(registry, file, name, true, &why, err);
}

static int visit(struct registry *registry, const struct registry_dir *dir, const char *entry,
                 struct tfm_error *err) {
  char *name = plugin_name(entry), *file = file_join(dir->path, entry);
  int status = 0;
  if (!name || !file) {
    status = error_oom(err);
  } else if (*name) {
    const struct registry_plugin *first = registry_find_plugin(registry, name);
    status = first ? shadow(registry, first, file, name, dir->package, err)
                   : load_file(registry, file, name, dir->package, err);
  }
  free(name);
  free(file);
  return status;
}

static int visit_dir(struct registry *registry, const struct registry_dir *dir,
                     struct tfm_error *err) {
  struct dirent **entry = NULL;
  int count = scandir(dir->path, &entry, NULL, alphasort);
  int status = count < 0 && errno == ENOMEM ? error_oom(err) : 0;
  for (int i = 0; i < count; i++) {
    if (status == 0)
      status = visit(registry, dir, entry[i]->d_name, err);
    free(entry[i]);
  }
  free(entry);
  return status;
}

static bool listed(const struct registry *registry, const char *dir) {
  for (size_t i = 0; i < registry->dir_count; i++)
    if (strcmp(registry->dir[i].path, dir) == 0)
      return true;
  return false;
}

/* By its real path: one directory named twice counts once. */
static int list_dir(struct registry *registry, const char *dir, struct tfm_error *err) {
  errno = 0;
  char *real = realpath(dir, NULL);
  struct registry_dir kept = {.path = arena_strdup(&registry->arena, real ? real : dir),
                              .there = real != NULL,
                              .package = real && registry_is_package(real)};
  bool full = !real && errno == ENOMEM;
  free(real);
  if (!kept.path || full)
    return error_oom(err);
  if (!listed(registry, kept.path))
    registry->dir[registry->dir_count++] = kept;
  return 0;
}

/* The package's own come first, wherever they stand: nothing takes their names. */
static int visit_all(struct registry *registry, struct tfm_error *err) {
  int status = 0;
  for (int package = 1; package >= 0; package--)
    for (size_t i = 0; status == 0 && i < registry->dir_count; i++)
      if (registry->dir[i].there && registry->dir[i].package == (package != 0))
        status = visit_dir(registry, &registry->dir[i], err);
  return status;
}

int registry_open(const char *const *dir, size_t count, host_log *log, void *log_arg,
                  struct registry **out, struct tfm_error *err) {
  *out = NULL;
  struct registry *registry = calloc(1, sizeof *registry);
  if (!registry)
    return error_oom(err);
  arena_init(&registry->arena, 0);
  host_init(&registry->host, NULL, NULL);
  host_set_log(&registry->host, log, log_arg);
  map_init(&registry->plugin_index);
  map_init(&registry->op_index);
  registry->dir = calloc(count ? count : 1, sizeof *registry->dir);
  int status = registry->dir ? 0 : error_oom(err);
  for (size_t i = 0; status == 0 && i < count; i++)
    status = list_dir(registry, dir[i], err);
  if (status == 0)
    status = visit_all(registry, err);
  if (status != 0) {
    registry_close(registry);
    return -1;
  }
  *out = registry;
  return 0;
}
