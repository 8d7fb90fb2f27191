/* keep.c - a session to a file and back: its ids, and what its sequence keeps.
 *
 *     ids            i32 [n]      all tokens of the text
 *     model          u64 [1]      which model it is of, see mark_of
 *     run            u64 [1]      how many of the tokens were run
 *     past[0].keys   f32 [run, W] and so on: runtime/snapshot.h
 *
 * A safetensors file, written as dumps are: through one beside it, and over nothing but an
 * earlier one. */
#include "base/buffer.h"
#include "checkpoint/weights.h"
#include "lib/caller.h"
#include "lib/conversation.h"
#include "lib/dump.h"
#include "runtime/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 3 }; /* ids, model, run */

/* ----------------------------------------------------------- which model it is */

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const void *data, size_t size) {
  const unsigned char *byte = data;
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
  return hash;
}

/* Of a tensor's bytes a few from all over it: a page each, so that a large checkpoint is not
 * read for it. */
static uint64_t mix_weight(uint64_t hash, const struct weights_tensor *t) {
  enum { PIECES = 8, PIECE = 64 };
  hash = mix(hash, &t->dtype, sizeof t->dtype);
  hash = mix(hash, t->shape, t->rank * sizeof *t->shape);
  for (size_t i = 0; i < PIECES; i++) {
    size_t at = t->size / PIECES * i;
    hash = mix(hash, t->data + at, t->size - at < PIECE ? t->size - at : PIECE);
  }
  return hash;
}

/* What its graph computes, and of which weights: another model's keys and values, or another
 * checkpoint's, would be taken for its own. */
static int mark_of(const struct tfm_model *model, uint64_t *mark, struct tfm_error *err) {
  const struct graph *graph = model->graph;
  struct buffer text;
  buffer_init(&text);
  graph_print(graph, &text);
  bool failed = text.failed;
  *mark = mix(UINT64_C(0xcbf29ce484222325), text.data, text.length);
  buffer_finish(&text);
  if (failed)
    return error_oom(err);
  for (uint32_t i = 0; model->weights && i < graph->weight_count; i++) {
    const struct weights_tensor *t =
        graph->weight[i].tensor ? weights_find(model->weights, graph->weight[i].tensor) : NULL;
    *mark = t ? mix_weight(*mark, t) : *mark;
  }
  return 0;
}

/* ----------------------------------------------------------------------- save */

static char *name_of(const struct graph *graph, const struct snapshot_part *part) {
  struct buffer name;
  buffer_init(&name);
  buffer_printf(&name, "%s%s", graph->state[part->state].name, part->ending);
  return buffer_take(&name);
}

/* One more tensor of the file: its name (taken over; NULL = no memory), and room for it. */
static void *add(struct dump_plan *plan, struct dump *dump, char *name, const char *path,
                 tfm_dtype dtype, uint32_t rank, const int64_t *shape, size_t size) {
  struct dump_target *target = &plan->target[plan->target_count];
  struct dump_entry *entry = &dump->entry[dump->entry_count];
  *target = (struct dump_target){.name = name, .file = strdup(path)};
  plan->target_count++;
  *entry = (struct dump_entry){.target = target, .size = size};
  dump->entry_count++;
  entry->tensor = (tfm_tensor){.dtype = dtype, .rank = rank, .data = malloc(size ? size : 1)};
  memcpy(entry->tensor.shape, shape, rank * sizeof *shape);
  return name && target->file ? entry->tensor.data : NULL;
}

static int add_parts(const tfm_session *session, const char *path, struct dump_plan *plan,
                     struct dump *dump, struct tfm_error *err) {
  const struct graph *graph = session->model->graph;
  int64_t count = (int64_t)session->count, one = 1;
  uint64_t run = session->sequence ? (uint64_t)session->sequence->length : 0, mark;
  struct snapshot_part part;
  if (mark_of(session->model, &mark, err) != 0)
    return -1;
  void *at[NAMED] = {
      add(plan, dump, strdup("ids"), path, TFM_I32, 1, &count, session->count * sizeof(int32_t)),
      add(plan, dump, strdup("model"), path, TFM_U64, 1, &one, sizeof mark),
      add(plan, dump, strdup("run"), path, TFM_U64, 1, &one, sizeof run)};
  if (!at[0] || !at[1] || !at[2])
    return error_oom(err);
  if (count)
    memcpy(at[0], session->ids, session->count * sizeof(int32_t));
  memcpy(at[1], &mark, sizeof mark);
  memcpy(at[2], &run, sizeof run);
  for (uint32_t i = 0; run > 0 && snapshot_part(graph, i, (int64_t)run, &part); i++) {
    void *to =
        add(plan, dump, name_of(graph, &part), path, TFM_F32, part.rank, part.shape, part.size);
    if (!to)
      return error_oom(err);
    snapshot_read(graph, session->sequence, &part, to);
  }
  return 0;
}

static int save(const tfm_session *session, const char *path, struct tfm_error *err) {
  if (session->model->two_texts)
    return error_set(
        err, TFM_ERROR_USAGE,
        "a session of an encoder-decoder is not saved: what was read is no part of it");
  size_t most = NAMED + 2 * (size_t)session->model->graph->state_count;
  struct dump_plan plan = {.target = calloc(most, sizeof *plan.target)};
  struct dump dump = {.plan = &plan, .entry = calloc(most, sizeof *dump.entry)};
  int status =
      plan.target && dump.entry ? dump_use(&plan, session->model->model_path, err) : error_oom(err);
  if (status == 0 && session->model->weights)
    status = dump_use_weights(&plan, session->model->weights, err);
  if (status == 0)
    status = add_parts(session, path, &plan, &dump, err);
  if (status == 0)
    status = dump_write(&dump, err);
  dump_clear(&dump);
  dump_plan_finish(&plan);
  return status;
}

int tfm_session_save(tfm_session *session, const char *path, tfm_error *error) {
  static const char call[] = "tfm_session_save";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  error_clear(err);
  if (caller_need(session, call, "session", err) != 0 ||
      caller_need(path, call, "path", err) != 0 || conversation_take_idle(session, call, err) != 0)
    return -1;
  int status = model_settle(session->model, save(session, path, err), err);
  conversation_leave(session);
  return status;
}

/* ----------------------------------------------------------------------- load */

static int refuse(const char *path, const char *why, struct tfm_error *err) {
  return error_set(err, TFM_ERROR_CHECKPOINT, "%s is no session of this model: %s", path, why);
}

static const struct weights_tensor *find(const struct weights *file, const char *name,
                                         enum dtype dtype, uint32_t rank, const int64_t *shape) {
  const struct weights_tensor *t = name ? weights_find(file, name) : NULL;
  if (!t || t->dtype != dtype || t->rank != rank || !weights_is_plain(t))
    return NULL;
  for (uint32_t d = 0; d < rank; d++)
    if (shape[d] >= 0 && t->shape[d] != shape[d])
      return NULL;
  return t;
}

static bool read_number(const struct weights *file, const char *name, uint64_t *out) {
  const struct weights_tensor *t = find(file, name, DTYPE_U64, 1, &(int64_t){1});
  if (t)
    memcpy(out, t->data, sizeof *out);
  return t != NULL;
}

static int read_ids(tfm_session *session, const struct weights *file, const char *path,
                    struct tfm_error *err) {
  const struct weights_tensor *t = find(file, "ids", DTYPE_I32, 1, &(int64_t){-1});
  int64_t rows = model_id_rows(session->model), most = session->model->max_tokens;
  if (!t)
    return refuse(path, "it has no tensor `ids`", err);
  if (most > 0 && t->shape[0] > most + 1) /* the last is made, and not run */
    return refuse(path, "it is longer than the model takes", err);
  int32_t id;
  for (int64_t i = 0; i < t->shape[0]; i++) {
    memcpy(&id, t->data + (size_t)i * sizeof id, sizeof id);
    if (id < 0 || (rows > 0 && id >= rows))
      return refuse(path, "it has an id that the model does not", err);
    if (conversation_push(session, &id, 1, err) != 0)
      return -1;
  }
  return 0;
}

static int read_parts(tfm_session *session, const struct weights *file, int64_t run,
                      const char *path, struct tfm_error *err) {
  const struct graph *graph = session->model->graph;
  struct snapshot_part part;
  if (sequence_reserve(session->sequence, run, err) != 0)
    return -1;
  for (uint32_t i = 0; snapshot_part(graph, i, run, &part); i++) {
    char *name = name_of(graph, &part);
    const struct weights_tensor *t = find(file, name, DTYPE_F32, part.rank, part.shape);
    void *plain = t ? malloc(part.size ? part.size : 1) : NULL;
    int status = !name || (t && !plain) ? error_oom(err)
                 : !t                   ? refuse(path, "a tensor of its state is not there", err)
                                        : weights_copy(t, DTYPE_F32, plain, err);
    if (status == 0)
      snapshot_write(graph, session->sequence, run, &part, plain);
    free(plain);
    free(name);
    if (status != 0)
      return -1;
  }
  sequence_advance(session->sequence, run);
  return 0;
}

static int load(tfm_session *session, const struct weights *file, const char *path,
                struct tfm_error *err) {
  uint64_t mark, saved, run;
  if (session->model->two_texts)
    return refuse(path, "those of an encoder-decoder are not kept", err);
  if (mark_of(session->model, &mark, err) != 0)
    return -1;
  if (!read_number(file, "model", &saved) || !read_number(file, "run", &run))
    return refuse(path, "it was not made by tfm_session_save", err);
  if (saved != mark) {
    refuse(path, "it is of another model file or checkpoint, or one that was opened otherwise",
           err);
    error_note(err, "help: begin a session, and append the text");
    return -1;
  }
  if (read_ids(session, file, path, err) != 0)
    return -1;
  if (run > session->count || (run > 0 && !session->sequence))
    return refuse(path, "more tokens were run than it has", err);
  if (run > 0 && read_parts(session, file, (int64_t)run, path, err) != 0)
    return -1;
  return weights_check(file, true, err);
}

tfm_session *tfm_session_load(tfm_model *model, const char *path, tfm_error *error) {
  static const char call[] = "tfm_session_load";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct weights *file;
  error_clear(err);
  if (caller_need(model, call, "model", err) != 0 || caller_need(path, call, "path", err) != 0)
    return NULL;
  tfm_session *session = tfm_session_create(model, err);
  if (!session)
    return NULL;
  int status = weights_open(path, &file, err);
  if (status == 0) {
    status = load(session, file, path, err);
    weights_close(file);
  }
  if (model_settle(model, status, err) == 0)
    return session;
  tfm_session_destroy(session);
  return NULL;
}
