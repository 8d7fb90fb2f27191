/* registry_private.h - what registry.c (the tables), load.c (files) and
 * choose.c (kernels) share. */
#ifndef TFM_RUNTIME_REGISTRY_PRIVATE_H
#define TFM_RUNTIME_REGISTRY_PRIVATE_H

#include "base/arena.h"
#include "base/map.h"
#include "runtime/host.h"
#include "runtime/note.h"
#include "runtime/registry.h"

struct registry_dir {
  const char *path; /* real, if it is there */
  bool there, package;
};

struct registry {
  struct arena arena;
  struct host host; /* for init: fail, log, alloc */
  size_t dir_count;
  struct registry_dir *dir;
  size_t plugin_count, plugin_capacity;
  const struct registry_plugin **plugin;
  struct map plugin_index;                   /* name -> const struct registry_plugin * */
  struct map op_index;                       /* id -> const struct registry_op * */
  const struct registry_op *role[TFM_ROLES]; /* NULL = no op has it */
  size_t op_count;
  const char **op_name; /* sorted; op_count of them */
  size_t kernel_count, kernel_capacity;
  struct registry_kernel *kernel; /* by op, score downwards, name */
  size_t refusal_count, refusal_capacity;
  struct registry_refusal *refusal;
};

/* Remember a refusal; 0, or -1 out of memory. */
int registry_refuse(struct registry *registry, const char *file, const char *plugin, bool shadowed,
                    const struct note_refusal *why, struct tfm_error *err);

/* Check the descriptor and enter its ops and kernels.  0; 1 = refused, with
 * why; -1 = an error.  name: what the file and its note say.  package: it is in a
 * directory of the package, and may be core. */
int registry_enter(struct registry *registry, const char *file, const char *name, bool package,
                   const tfm_plugin_desc *desc, struct note_refusal *why, struct tfm_error *err);

/* Call the plugin's init, unless this process has; full is the whole copy of desc.  0;
 * 1 = it failed, with why; -1 = out of memory. */
int registry_init(struct registry *registry, const tfm_plugin_desc *desc,
                  const tfm_plugin_desc *full, struct note_refusal *why, struct tfm_error *err);

/* Is this directory, by its real path, the one of the plugins that come with tfm? */
bool registry_is_package(const char *real);
/* That directory, on the heap. */
int registry_package_dir(char **out, struct tfm_error *err);

#endif
