/* exec.h - run the nodes of a program, one after the other.
 *
 * An exec is one session's memory and a flat array of steps, each with its
 * kernel, instance and tensors resolved.  Tensors sit in one table, a row for
 * each value of the graph; steps point into it, so a change of shapes only
 * touches the table.  exec_fit does all sizing and allocation; exec_run
 * allocates nothing (taps aside). */
#ifndef TFM_RUNTIME_EXEC_H
#define TFM_RUNTIME_EXEC_H

#include "base/buffer.h"
#include "base/error.h"
#include "runtime/plan.h"
#include "runtime/program.h"

#include <stdbool.h>
#include <stdint.h>

struct exec;

/* Called right after a node ran, for each of its outputs that is to be
 * dumped (tap = -1, value is it; a rectangle) and each tap that was filled (value =
 * GRAPH_NONE), and before the first node for each dumped graph input (node =
 * GRAPH_NONE).  The tensor is valid during the call.  Nonzero = stop with err
 * set. */
typedef int exec_watch(void *arg, int32_t value, int32_t node, int32_t tap,
                       const tfm_tensor *tensor, struct tfm_error *err);

struct exec_options {
  uint64_t memory_limit;    /* bytes of arena, kept values and workspace; 0 = none */
  const atomic_int *cancel; /* nonzero = stop between nodes; may be NULL */
  bool profile;
};

int exec_create(const struct program *program, const struct exec_options *options,
                struct exec **out, struct tfm_error *err);
void exec_destroy(struct exec *exec);
void exec_set_watch(struct exec *exec, exec_watch *watch, void *arg);

/* Make room for these dimensions (-1 = not known, then no value of the entry may need it) and
 * settle every shape.  A kept value that outgrows its buffer loses its contents. */
int exec_fit(struct exec *exec, uint32_t entry, const struct ragged_batch *batch,
             struct tfm_error *err);

/* Does later entries' work need what this value's entry has left there? */
bool exec_leaves(const struct exec *exec, int32_t value);
/* The same without running it, as it would be left for these dimensions: the caller then
 * writes the values that it leaves, by exec_open_row, all but masks, which exec_remake makes
 * of them.  Before the entry runs again it is fitted again. */
int exec_adopt(struct exec *exec, uint32_t entry, const struct ragged_batch *batch,
               struct tfm_error *err);
int exec_remake(struct exec *exec, uint32_t entry, struct tfm_error *err);

/* A row's part of a value, as it is for that row alone: [1, T, D] of [B, T, D].  All of a value
 * that no row has a part of.  It lies on its value's device: the host may look where device is 0.
 */
void exec_row(const struct exec *exec, int32_t value, uint32_t row, tfm_tensor *out);
/* The same in the host's memory, and contiguous: a row of an output, after exec_run until the
 * next one. */
int exec_read_row(struct exec *exec, int32_t value, uint32_t row, tfm_tensor *out,
                  struct tfm_error *err);
/* A row of an input, after exec_fit: what the caller writes into it is there once it is
 * closed. */
int exec_open_row(struct exec *exec, int32_t value, uint32_t row, tfm_tensor *out,
                  struct tfm_error *err);
void exec_close_row(struct exec *exec, int32_t value, const tfm_tensor *row);

/* A value's shape as a rectangle, without the data. */
void exec_shape(const struct exec *exec, int32_t value, tfm_tensor *out);

/* Values as callers give and see them: rectangles, [B, T, D] with T of the longest row.  A
 * rectangle that is shown is zero where a row ends before it; it stays until the value is asked
 * for again, or the next exec_fit.  NULL with err set: no memory. */
const tfm_tensor *exec_rectangle(struct exec *exec, int32_t value, struct tfm_error *err);
int exec_give(struct exec *exec, int32_t value, const tfm_tensor *rectangle, struct tfm_error *err);

/* One layer of a state as kernels see it, a tfm_kv or tfm_state, and the dims of its tensor;
 * owned by the caller.  Before exec_fit, and again whenever its memory or capacity changed. */
void exec_set_state(struct exec *exec, int32_t value, const void *state, const int64_t *shape);

int exec_run(struct exec *exec, uint32_t entry, struct tfm_error *err);

/* Bytes of arena, kept values and workspace. */
uint64_t exec_bytes(const struct exec *exec);

struct exec_profile {
  const char *name, *op, *kernel, *plugin;
  uint32_t node; /* of the graph */
  uint64_t calls, nanoseconds;
};
/* One for each node, in the graph's order; NULL without profile. */
const struct exec_profile *exec_profiles(const struct exec *exec, uint32_t *count);

#endif
