/* registry_private.h - what registry.c (the tables), load.c (files) and
 * choose.c (kernels) share. */
#ifndef TFM_RUNTIME_REGISTRY_PRIVATE_H
#define TFM_RUNTIME_REGISTRY_PRIVATE_H

#include "base/arena.h"
#include "base/map.h"
#include "runtime/host.h"
#include "runtime/note.h"
#include "runtime/registry.h"

struct registry {
  struct arena arena;
  struct host host; /* for init: fail, log, alloc */
  size_t dir_count;
  const char **dir;
  size_t plugin_count, plugin_capacity;
  const struct registry_plugin **plugin;
  struct map plugin_index; /* name -> const struct registry_plugin * */
  struct map op_index;     /* id -> const struct registry_op * */
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
 * why; -1 = an error.  name: what the file and its note say. */
int registry_enter(struct registry *registry, const char *file, const char *name,
                   const tfm_plugin_desc *desc, struct note_refusal *why, struct tfm_error *err);

/* Load one file that the search found; a refusal is remembered. */
int registry_load(struct registry *registry, const char *file, const char *name,
                  struct tfm_error *err);

#endif
