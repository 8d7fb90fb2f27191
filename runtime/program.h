/* program.h - a graph with a kernel for each node, ready for any number of
 * sessions.
 *
 * Chooses kernels, builds each node's tfm_node, and calls prepare once a node,
 * in parallel.  Constant afterwards.  Lives as long as the model; the graph,
 * the registry, the binding and the pool must outlive it. */
#ifndef TFM_RUNTIME_PROGRAM_H
#define TFM_RUNTIME_PROGRAM_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "graph/graph.h"
#include "runtime/binding.h"
#include "runtime/device.h"
#include "runtime/host.h"
#include "runtime/plan.h"
#include "runtime/pool.h"
#include "runtime/ragged.h"
#include "runtime/registry.h"
#include "tfm/plugin.h"

#include <stdbool.h>
#include <stdint.h>

struct program_options {
  bool reference_only;      /* REFERENCE kernels everywhere */
  const char *kernels;      /* "op=kernel,..."; NULL = the best */
  const atomic_int *cancel; /* nonzero = stop preparing; may be NULL */
  host_log *log;            /* what kernels say; NULL = where the registry's log goes */
  void *log_arg;
  const struct device *device; /* where activations and states lie; NULL = the CPU */
};

struct program_node {
  const struct graph_node *node;
  const struct registry_kernel *kernel;
  void *instance;            /* of prepare */
  tfm_node view;             /* what the plugin sees; arrays in the program's arena */
  const tfm_tensor **weight; /* node->weight_count; NULL = absent */
};

struct program {
  struct arena arena;
  const struct graph *graph;
  const struct registry *registry;
  const struct binding *binding;
  struct pool *pool;
  const struct device *device;
  struct registry_policy policy;
  uint32_t count; /* of nodes, in the graph's order */
  struct program_node *node;
  struct ragged *ragged; /* where rows lie, and which nodes run a row at a time */
  struct host host;      /* for destroy */
  host_log *log;         /* as in the options */
  void *log_arg;
};

/* binding NULL: choose kernels by declared types and prepare nothing: enough
 * to plan and to explain, not to run.  A failure names node, op, kernel and
 * plugin; *failed_node (may be NULL) is the node's number, or GRAPH_NONE, so
 * that the caller can show where it was written. */
int program_create(const struct graph *graph, const struct registry *registry,
                   const struct binding *binding, struct pool *pool,
                   const struct program_options *options, struct program **out,
                   int32_t *failed_node, struct tfm_error *err);
void program_destroy(struct program *program);

/* What a kernel of the program says through this host goes to its log. */
void program_share_log(const struct program *program, struct host *host);

/* The graph's plan, with what these kernels can do in place. */
int program_plan(const struct program *program, struct plan **out, struct tfm_error *err);

/* One line a node: its name, op, the kernel that serves it, its plugin, why
 * each other kernel lost, and what makes it run a row at a time. */
int program_explain(const struct program *program, struct buffer *out, struct tfm_error *err);

#endif
