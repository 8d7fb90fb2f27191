/* registry.h - which plugins there are, which ops they add, and which kernel
 * serves a node.
 *
 * Directories are searched in order: those given (--plugin-dir);
 * TFM_PLUGIN_PATH (absolute entries); $XDG_DATA_HOME/tfm/plugins; the
 * installed ones.  Never the current directory, never the model's.  Of two
 * files of one name that are sound the first wins; but those of the package's
 * own directories come before all others, so that nothing takes their names.
 *
 * Every *.so of these directories is checked before anything in it runs (note,
 * machine, segments, owner and permissions) and again after dlopen (entry,
 * sizes, minor, names).  A file that fails is refused, which is remembered and
 * not an error: it becomes one when an op or a plugin that is asked for is
 * missing, through registry_note_missing.  So is the later of two that give one
 * op different meanings, and one that is core and not the package's.
 *
 * An op's id is its bare name if its plugin is core ("layer_norm"), else
 * "plugin.op" ("acme.flash").  A kernel names the op that it serves by id.
 * Everything handed out lives as long as the registry; plugins are never
 * unloaded. */
#ifndef TFM_RUNTIME_REGISTRY_H
#define TFM_RUNTIME_REGISTRY_H

#include "base/buffer.h"
#include "base/error.h"
#include "runtime/host.h"
#include "tfm/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registry;

struct registry_plugin {
  const char *name, *file;     /* file: the path that was loaded */
  const tfm_plugin_desc *desc; /* a full-size copy: fields that the plugin lacks are zero */
};

struct registry_op {
  const char *name; /* its id */
  const tfm_op_desc *desc;
  const struct registry_plugin *plugin;
};

struct registry_kernel {
  const tfm_kernel_desc *desc;
  const struct registry_plugin *plugin;
};

/* A file that was not taken, and why. */
struct registry_refusal {
  const char *file;
  const char *plugin;                  /* the file's name without .so */
  const char *reason;                  /* "needs plugin ABI major 2" */
  const char *expected, *found, *help; /* NULL = nothing to add */
  bool shadowed; /* nothing is wrong with it: an earlier directory has one of that name */
};

/* The file that is being loaded just now, in any thread; NULL = none.  May be called from a
 * signal handler. */
const char *registry_loading(void);

/* The directories in search order, owned. */
struct registry_dirs {
  char **path;
  size_t count;
};
/* first: from the command line, taken as they are.  The environment counts
 * only in a process without raised privileges. */
int registry_default_dirs(const char *const *first, size_t first_count, struct registry_dirs *out,
                          struct tfm_error *err);
void registry_dirs_finish(struct registry_dirs *dirs);

/* Load what is in the directories; one that does not exist is skipped.  log, which
 * may be NULL, is told what an init says and which files are passed over. */
int registry_open(const char *const *dir, size_t count, host_log *log, void *log_arg,
                  struct registry **out, struct tfm_error *err);
/* Add a descriptor that is linked into the program: for tests. */
int registry_add(struct registry *registry, const char *file, const tfm_plugin_desc *desc,
                 struct tfm_error *err);
void registry_close(struct registry *registry);
/* What a plugin says through host->log goes to the registry's log. */
void registry_log(const struct registry *registry, int level, const char *text);
void registry_share_log(const struct registry *registry, struct host *host);

/* NULL = unknown. */
const struct registry_op *registry_find_op(const struct registry *registry, const char *name);
const struct registry_plugin *registry_find_plugin(const struct registry *registry,
                                                   const char *name);

/* The role of the op of that name; TFM_ROLE_NONE too where there is no such op. */
uint32_t registry_role(const struct registry *registry, const char *op);

size_t registry_plugin_count(const struct registry *registry);
const struct registry_plugin *registry_plugin_at(const struct registry *registry, size_t i);
/* The ids of all ops, sorted; as compile_options.op_names wants them. */
const char *const *registry_op_names(const struct registry *registry, size_t *count);
/* The kernels of an op: highest score first, then by name. */
const struct registry_kernel *registry_kernels(const struct registry *registry, const char *op,
                                               size_t *count);
const struct registry_refusal *registry_refusals(const struct registry *registry, size_t *count);

/* -1 and an error if the ops that come with tfm are not there: where was looked, what was
 * refused, what to type. */
int registry_need_package(const struct registry *registry, struct tfm_error *err);
/* Add notes to err: the refusals that may explain why `name`, an op's or a
 * plugin's, is not there.  All of them for a bare name, since a core op does
 * not name its plugin; nothing if there are none. */
void registry_note_missing(const struct registry *registry, const char *name,
                           struct tfm_error *err);

/* ------------------------------------------------------ choosing a kernel */

struct registry_policy {
  bool reference_only;   /* REFERENCE kernels everywhere */
  const char *overrides; /* "attention=reference,linear=avx2"; NULL = none */
  uint64_t cpu[4];       /* features that may be used, see cpu_features */
};

enum { REGISTRY_CANDIDATES = 32 };

struct registry_candidate {
  const struct registry_kernel *kernel;
  int32_t match;    /* what its match said; 1 without one */
  const char *lost; /* why it is out of the race; NULL = it is in */
};

/* Nothing that is known without the node keeps the kernel out of the race. */
bool registry_may_run(const struct registry_policy *policy, const char *op, uint32_t version,
                      const tfm_kernel_desc *kernel);

/* Every kernel of the node's op, best first, those out of the race last.  The
 * order: the user's override, match, score, name.  A kernel serves the node's
 * op version, has the processor features, takes the formats of its inputs and
 * weights, and matched.  Returns the number of
 * candidates in the race; *count is all of them.  -1: an override that names no
 * kernel, or no kernel left (TFM_ERROR_PLUGIN; the notes say why each lost). */
int registry_rank(const struct registry *registry, const struct registry_policy *policy,
                  const tfm_host *host, const tfm_node *node, uint32_t op_version,
                  struct registry_candidate out[REGISTRY_CANDIDATES], size_t *count,
                  struct tfm_error *err);

#endif
