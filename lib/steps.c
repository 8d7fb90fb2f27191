/* steps.c - many sessions of one model by one step: each runs what it has not run yet, a
 * prompt or the last token, and is given the next token.
 *
 *     session   0   prompt of 90         -> its first token
 *               1   1 token              -> the next
 *               2   nothing to do
 *               3   12 that were appended -> its first of this turn
 *
 * A step that fails leaves all as they were.  Where one session's logits are no numbers it
 * fails alone: it is broken, and the others have gone on. */
#include "lib/caller.h"
#include "lib/conversation.h"
#include "lib/task.h"

#include <stdlib.h>

/* No token may follow what does not fit the model either: there is nothing to run. */
static bool is_full(const tfm_session *session) {
  int64_t most = session->model->max_tokens;
  return session->text.limit <= 0 && most > 0 && session->count > (uint64_t)most;
}

/* Its row of the step.  A text whose last token was run already runs it again: the same
 * logits come of it. */
static int make_row(tfm_session *session, struct step_row *row, struct tfm_error *err) {
  size_t run = 0;
  if (session->sequence) {
    run = (size_t)session->sequence->length;
    if (run >= session->count &&
        sequence_truncate(session->sequence, (int64_t)(run = session->count - 1), err) != 0)
      return -1;
  }
  session->fed = (uint32_t)(session->count - run);
  *row = (struct step_row){.sequence = session->sequence,
                           .ids = session->ids + run,
                           .count = session->fed,
                           .source = session->source};
  return 0;
}

/* The next token, from the row's last logits. */
static int advance(tfm_session *session, const float *logits, size_t vocabulary,
                   struct tfm_error *err) {
  size_t before = session->count;
  if (generation_advance(&session->text, &logits, vocabulary, err) != 0)
    return -1;
  const struct hypothesis *own = &session->text.hypothesis[0];
  if (own->count == before)
    return 0;
  if (session->room == before) {
    int32_t *grown = realloc(session->ids, before * 2 * sizeof *grown);
    if (!grown)
      return error_oom(err);
    session->ids = grown;
    session->room = before * 2;
  }
  session->ids[session->count++] = own->ids[before];
  return 0;
}

static void count_time(tfm_session *session, uint64_t begin) {
  tfm_timing *timing = &session->result->timing;
  uint64_t now = model_clock_ns();
  if (session->first) {
    timing->prompt_ns = now - begin;
    timing->prompt_tokens = session->fed;
    timing->first_token_ns = now - session->begun_ns;
  } else {
    timing->decode_ns += now - begin;
    timing->decode_tokens++;
  }
  session->first = false;
}

/* Everybody's logits are there: choose.  The first session that fails is told of. */
static int advance_all(struct task_run *run, tfm_session *const *session, size_t count,
                       uint64_t begin, struct tfm_error *err) {
  struct task_output out;
  size_t row = 0;
  int status = 0;
  if (task_output(run, "logits", &out, err) != 0)
    return -1;
  size_t places = (size_t)out.shape[1], vocabulary = (size_t)out.shape[2];
  for (size_t i = 0; i < count; i++) {
    tfm_session *s = session[i];
    struct tfm_error cause = {0};
    if (!s->fed)
      continue;
    size_t last = places > 1 ? s->fed - 1 : 0;
    const float *logits = task_row(&out, row++) + last * vocabulary;
    count_time(s, begin);
    s->result->timing.activation_bytes = session_activation_bytes(run->engine->session);
    s->result->timing.state_bytes = session_state_bytes(run->engine->session);
    if (advance(s, logits, vocabulary, &cause) == 0)
      continue;
    s->broken = true;
    if (status == 0)
      *err = cause;
    status = -1;
  }
  return status;
}

/* Those of the sessions that have something to do. */
static int step_rows(struct engine *engine, tfm_session *const *session, size_t count,
                     struct step_row *row, struct tfm_error *err) {
  struct rows rows = {0};
  struct task_run run = {.engine = engine, .model = engine->model, .rows = &rows};
  uint64_t begin = model_clock_ns();
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    session[i]->fed = 0;
    if (!conversation_works(session[i]))
      continue;
    if (is_full(session[i])) {
      if (generation_advance(&session[i]->text, NULL, 0, err) != 0)
        return -1;
    } else if (make_row(session[i], &row[used++], err) != 0) {
      return -1;
    }
  }
  if (used == 0)
    return 0;
  int status = engine_pass(engine, row, used, err);
  return status ? status : advance_all(&run, session, count, begin, err);
}

int conversation_step(struct engine *engine, tfm_session *const *session, size_t count,
                      struct tfm_error *err) {
  if (count > engine->row_room) {
    free(engine->row);
    engine->row = calloc(count, sizeof *engine->row);
    engine->row_room = engine->row ? count : 0;
  }
  int status = engine->row ? step_rows(engine, session, count, engine->row, err) : error_oom(err);
  return model_settle(engine->model, status, err);
}

/* ---------------------------------------------------------------------- call */

static void leave_all(tfm_session *const *session, size_t count) {
  for (size_t i = 0; i < count; i++)
    conversation_leave(session[i]);
}

/* Every session is there, once, of one model, and no other call's. */
static int take_all(tfm_session *const *session, size_t count, struct tfm_error *err) {
  for (size_t i = 0; i < count; i++) {
    if (!session[i])
      error_set(err, TFM_ERROR_USAGE, "tfm_sessions_step: session[%zu] is NULL", i);
    else if (session[i]->model != session[0]->model)
      error_set(err, TFM_ERROR_USAGE, "tfm_sessions_step: session[%zu] is of another model", i);
    else if (!conversation_take(session[i]))
      error_set(err, TFM_ERROR_USAGE,
                "tfm_sessions_step: session[%zu] is used by another call, "
                "or is there twice",
                i);
    else
      continue;
    return leave_all(session, i), -1;
  }
  return 0;
}

static int step_taken(tfm_session *const *session, size_t count, size_t *working,
                      struct tfm_error *err) {
  struct engine *engine = engine_enter(session[0]->model, "tfm_sessions_step", err);
  if (!engine)
    return -1;
  engine_begin(engine);
  int status = conversation_step(engine, session, count, err);
  for (size_t i = 0; working && i < count; i++)
    *working += conversation_works(session[i]);
  engine_leave(engine);
  return status;
}

int tfm_sessions_step(tfm_session *const *session, size_t count, size_t *working,
                      tfm_error *error) {
  struct tfm_error own = {0};
  int status = 0;
  if (working)
    *working = 0;
  if (count)
    status = caller_need(session, "tfm_sessions_step", "session", &own);
  if (count && status == 0)
    status = take_all(session, count, &own);
  if (count && status == 0) {
    status = step_taken(session, count, working, &own);
    leave_all(session, count);
  }
  if (error)
    *error = own;
  return status;
}
