/* exec_private.h - what exec.c (the loop), fit.c (sizes), apart.c (a row at a time) and
 * show.c (rectangles for whoever looks) share. */
#ifndef TFM_RUNTIME_EXEC_PRIVATE_H
#define TFM_RUNTIME_EXEC_PRIVATE_H

#include "runtime/device.h"
#include "runtime/exec.h"

struct step {
  const struct program_node *node;
  uint32_t dims;  /* run-time dimensions that a shape of it depends on */
  bool has_state; /* reads a state, whose capacity may change */
  bool watched;   /* has outputs or taps to show */
  bool view;      /* its output is its input: no kernel is run */
  tfm_run run;
  struct host_taps taps;
  struct apart *apart; /* NULL = all rows at once */
};

/* Where the rows of a value begin, in bytes: [rows + 1]. */
struct row_offsets {
  size_t *at;
  uint32_t rows; /* that there is room for */
};

/* What an entry was last fitted to. */
struct fit {
  bool done, state_changed;
  uint32_t rows, room;       /* room: rows that memory holds */
  struct ragged_batch batch; /* its begins point into memory */
  int64_t *memory;           /* [DIM_VARIABLES][room + 1]    */
  tfm_rows view;
};

/* A value as it is shown: the rectangle. */
struct shown {
  tfm_tensor tensor;
  struct device_block block; /* empty where the value's own memory is the rectangle */
};

struct exec {
  struct arena arena; /* steps, tensors */
  const struct program *program;
  const struct graph *graph;
  const struct ragged *ragged;
  struct exec_options options;
  struct plan *plan;
  struct host host;
  exec_watch *watch;
  void *watch_arg;
  tfm_tensor *tensor;         /* one a value */
  struct step *step;          /* one a node of the graph */
  struct device_block *kept;  /* one a value; empty unless PLAN_KEPT */
  struct row_offsets *offset; /* one a value; of an APART one */
  struct device_block *image; /* one a value; of one that is not in the host's memory */
  struct shown *shown;        /* one a value; what was asked for */
  struct device_block activations, workspace, staging;
  size_t kept_bytes;
  struct fit *fit;              /* one an entry */
  struct exec_profile *profile; /* one a node of the graph */
};

/* The sizes that a value has: those of its entry. */
const struct fit *exec_fit_of(const struct exec *exec, int32_t value);

/* Where a value lies.  A mask's formula is the host's; so is what a state's tensor points to,
 * but its blocks are not. */
const struct device *exec_device_of(const struct exec *exec, int32_t value);
/* A buffer of its own, in place of a part of the arena. */
bool exec_is_kept(const struct exec *exec, int32_t value);

/* Room for size bytes on the block's device; the contents are lost when it moves. */
int exec_grow(struct exec *exec, struct device_block *block, size_t size, const char *what,
              struct tfm_error *err);
int exec_failed(struct exec *exec, const struct step *step, tfm_status status,
                struct tfm_error *err);
/* A kernel's workspace for this call, into run->workspace_size. */
int exec_workspace(struct exec *exec, const struct step *step, tfm_run *run, struct tfm_error *err);

/* Does the node make a mask that later entries read? */
bool exec_leaves_mask(const struct exec *exec, uint32_t node);

/* apart.c */
int apart_create(struct exec *exec, struct step *step, struct tfm_error *err);
void apart_destroy(struct step *step);
/* Bytes of workspace and of staging that the step needs for any of the rows. */
int apart_fit(struct exec *exec, struct step *step, const struct fit *fit, size_t *workspace,
              size_t *staging, struct tfm_error *err);
int apart_run(struct exec *exec, struct step *step, const struct fit *fit, struct tfm_error *err);
/* A tap's rectangle, from what the rows left; false when none was filled. */
int apart_show_tap(struct exec *exec, const struct step *step, uint32_t tap, bool *filled,
                   struct shown *shown, struct tfm_error *err);

/* show.c */
int show_inputs(struct exec *exec, uint32_t entry, struct tfm_error *err);
int show_step(struct exec *exec, struct step *step, struct tfm_error *err);
/* Zeroed memory for the shape, as a contiguous tensor. */
int show_blank(struct exec *exec, struct shown *shown, tfm_dtype dtype, uint32_t rank,
               const int64_t *shape, struct tfm_error *err);
/* Put a row where it belongs along the axis: its place is row number times the share that a
 * row has of the rectangle. */
void show_put(const tfm_tensor *rectangle, uint32_t axis, int64_t at, const tfm_tensor *row);

/* image.c: the tensor, a part of the value, where the host may read it: itself, or a copy in
 * memory that the value keeps.  fetch: with its contents. */
int image_of(struct exec *exec, int32_t value, bool fetch, tfm_tensor *part, struct tfm_error *err);

#endif
