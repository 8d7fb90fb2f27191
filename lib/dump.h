/* dump.h - values of the graph out to, and in from, safetensors files.
 *
 * Dumps are collected in memory while the model runs and written at the end,
 * each file through a temporary one beside it, so that no half file is left. */
#ifndef TFM_LIB_DUMP_H
#define TFM_LIB_DUMP_H

#include "base/error.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"
#include "tfm/plugin.h"
#include "tfm/tfm.h"

#include <stddef.h>
#include <stdint.h>

/* One asked-for value, resolved against the graph. */
struct dump_target {
  char *name, *file; /* owned */
  int32_t value;     /* GRAPH_NONE for a tap */
  int32_t node, tap;
};

/* One tensor that was seen. */
struct dump_entry {
  const struct dump_target *target;
  uint32_t pass;
  tfm_tensor tensor; /* data owned */
  size_t size;
};

/* A file that this run reads: no dump takes its place. */
struct dump_used {
  uint64_t device, inode;
};

/* What a model's runs write, and where: constant once it is made. */
struct dump_plan {
  struct dump_target *target;
  size_t target_count;
  struct dump_used *used;
  size_t used_count;
};

/* What one run has seen of it. */
struct dump {
  const struct dump_plan *plan;
  struct dump_entry *entry;
  size_t entry_count;
};

/* Before dump_create: files that are used. */
int dump_use(struct dump_plan *plan, const char *path, struct tfm_error *err);
int dump_use_weights(struct dump_plan *plan, const struct weights *weights, struct tfm_error *err);
/* plan: zeroed, then those.  A file that may not be written is refused here already. */
int dump_create(struct dump_plan *plan, const struct graph *graph, const tfm_tap *tap, size_t count,
                struct tfm_error *err);
void dump_plan_finish(struct dump_plan *plan);
/* Forget what was collected. */
void dump_clear(struct dump *dump);
/* What exec_watch sees goes here. */
int dump_collect(struct dump *dump, uint32_t pass, int32_t value, int32_t node, int32_t tap,
                 const tfm_tensor *tensor, struct tfm_error *err);
extern const char dump_mark[]; /* the last member of a dump's header */
/* Where a dump to path goes, links followed, on the heap (dump_file.c). */
int dump_place(const struct dump_plan *plan, const char *path, char **out, struct tfm_error *err);
/* Write every file.  A value of pass 0 has its own name, of pass n NAME@n. */
int dump_write(const struct dump *dump, struct tfm_error *err);

#endif
