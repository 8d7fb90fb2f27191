/* conversation.c - sessions are made, appended to, forked, cut, begun and finished.
 *
 * Nothing is computed here; steps.c does. */
#include "lib/conversation.h"

#include "lib/caller.h"
#include "lib/stop_text.h"

#include <stdlib.h>
#include <string.h>

static void session_free(tfm_session *session) {
  if (session->writing)
    generation_free(&session->text);
  tfm_result_destroy(session->result);
  sequence_destroy(session->sequence);
  source_release(session->source);
  model_release(session->model);
  free(session->ids);
  free(session);
}

bool conversation_take(tfm_session *session) {
  int idle = CONVERSATION_IDLE;
  return atomic_compare_exchange_strong(&session->use, &idle, CONVERSATION_BUSY);
}

void conversation_leave(tfm_session *session) {
  int busy = CONVERSATION_BUSY;
  if (!atomic_compare_exchange_strong(&session->use, &busy, CONVERSATION_IDLE))
    session_free(session);
}

void tfm_session_destroy(tfm_session *session) {
  if (session && atomic_exchange(&session->use, CONVERSATION_DOOMED) == CONVERSATION_IDLE)
    session_free(session);
}

static int take(tfm_session *session, const char *call, struct tfm_error *err) {
  if (conversation_take(session))
    return 0;
  return error_set(err, TFM_ERROR_USAGE, "%s: another call is using the session", call);
}

int conversation_take_idle(tfm_session *session, const char *call, struct tfm_error *err) {
  if (take(session, call, err) != 0)
    return -1;
  if (!session->writing)
    return 0;
  conversation_leave(session);
  error_set(err, TFM_ERROR_USAGE, "%s: the session is being written on", call);
  error_note(err, "help: tfm_session_finish ends it, at any step");
  return -1;
}

/* -------------------------------------------------------------------- making */

static int check_model(const struct tfm_model *model, struct tfm_error *err) {
  if (!model->program)
    return error_set(err, TFM_ERROR_USAGE, "this model was opened to be checked, not run");
  if (model->graph->task != GRAPH_TASK_GENERATE)
    return error_set(err, TFM_ERROR_USAGE, "the task %s writes no text that could go on",
                     graph_task_name(model->graph->task));
  if (model->dump.target_count || model->feed_count || model->compare.count)
    return error_set(err, TFM_ERROR_USAGE,
                     "a model whose values are dumped or fed has no sessions");
  return 0;
}

static tfm_session *create(struct tfm_model *model, struct tfm_error *err) {
  tfm_session *session = calloc(1, sizeof *session);
  if (!session)
    return error_oom(err), NULL;
  atomic_fetch_add(&model->use->users, 1);
  session->model = model;
  return session;
}

tfm_session *tfm_session_create(tfm_model *model, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  error_clear(err);
  if (caller_need(model, "tfm_session_create", "model", err) != 0 || check_model(model, err) != 0)
    return NULL;
  tfm_session *session = create(model, err);
  if (!session)
    return NULL;
  if (!model->cache || sequence_create(model->cache, &session->sequence, err) == 0)
    return session;
  session_free(session);
  return NULL;
}

int conversation_push(tfm_session *session, const int32_t *ids, size_t count,
                      struct tfm_error *err) {
  if (count > session->room - session->count) {
    size_t room = session->room ? session->room : 64;
    while (room < session->count + count)
      room *= 2;
    int32_t *grown = realloc(session->ids, room * sizeof *grown);
    if (!grown)
      return error_oom(err);
    session->ids = grown;
    session->room = room;
  }
  if (count)
    memcpy(session->ids + session->count, ids, count * sizeof *ids);
  session->count += count;
  return 0;
}

tfm_session *tfm_session_fork(tfm_session *session, tfm_error *error) {
  static const char call[] = "tfm_session_fork";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  error_clear(err);
  if (caller_need(session, call, "session", err) != 0 ||
      conversation_take_idle(session, call, err) != 0)
    return NULL;
  tfm_session *made = create(session->model, err);
  int status = made ? conversation_push(made, session->ids, session->count, err) : -1;
  if (made)
    made->source = source_share(session->source);
  if (status == 0 && session->sequence)
    status = sequence_fork(session->sequence, &made->sequence, err);
  conversation_leave(session);
  if (status == 0)
    return made;
  if (made)
    session_free(made);
  return NULL;
}

/* What is begun is dropped. */
static void drop_writing(tfm_session *session) {
  if (session->writing)
    generation_free(&session->text);
  tfm_result_destroy(session->result);
  session->result = NULL;
  session->writing = session->broken = false;
}

/* --------------------------------------------------------------------- text */

size_t tfm_session_length(const tfm_session *session) {
  return session ? session->count : 0;
}

const int32_t *tfm_session_ids(const tfm_session *session) {
  return session ? session->ids : NULL;
}

static int check_room(const tfm_session *session, size_t more, struct tfm_error *err) {
  int64_t most = session->model->max_tokens;
  if (most <= 0 || session->count + more <= (uint64_t)most)
    return 0;
  error_set(err, TFM_ERROR_LIMIT, "%zu tokens after %zu are more than the %lld the model takes",
            more, session->count, (long long)most);
  error_note(err, "help: cut the session back, or begin another one");
  return -1;
}

static int append(tfm_session *session, const tfm_input *input, uint32_t flags,
                  struct tfm_error *err) {
  struct rows rows = {0};
  uint32_t known = TFM_RUN_PLAIN_SPECIAL;
  if (flags & ~known)
    return error_set(err, TFM_ERROR_USAGE, "tfm_session_append: flags has 0x%x, which is no flag",
                     (unsigned)(flags & ~known));
  if (input->pair)
    return error_set(err, TFM_ERROR_USAGE, "a session takes one text after the other, no pair");
  if (session->model->two_texts && !session->source)
    return error_set(err, TFM_ERROR_USAGE,
                     "the session has nothing to write about: tfm_session_read comes first");
  if (session->count > 0)
    flags |= ROWS_NO_SPECIAL;
  if (rows_create(session->model, &(struct prompt){0}, input, 1, flags, &rows, err) != 0)
    return -1;
  int status = check_room(session, rows.row[0].count, err);
  if (status == 0)
    status = conversation_push(session, rows.row[0].ids, rows.row[0].count, err);
  rows_finish(&rows);
  return status;
}

int tfm_session_append(tfm_session *session, const tfm_input *input, uint32_t flags,
                       tfm_error *error) {
  static const char call[] = "tfm_session_append";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  tfm_input full;
  error_clear(err);
  if (caller_need(session, call, "session", err) != 0 ||
      caller_need(input, call, "input", err) != 0 || caller_input(input, &full, err) != 0 ||
      conversation_take_idle(session, call, err) != 0)
    return -1;
  int status = append(session, &full, flags, err);
  conversation_leave(session);
  return status;
}

/* The encoder's pass over the one text. */
static int encode(struct tfm_model *model, const struct row *row, struct source **out,
                  struct tfm_error *err) {
  const struct step_row step = {
      .ids = row->ids, .types = row->types, .count = (uint32_t)row->count, .skip = row->skip};
  struct engine *engine = engine_enter(model, "tfm_session_read", err);
  if (!engine)
    return -1;
  engine_begin(engine);
  int status = model_settle(model, engine_encode(engine, &step, 1, out, err), err);
  engine_leave(engine);
  return status;
}

/* What was written goes, and what is written next begins as the head says. */
static int begin_target(tfm_session *session, struct tfm_error *err) {
  const struct tfm_model *model = session->model;
  session->count = 0;
  if ((session->sequence && sequence_truncate(session->sequence, 0, err) != 0) ||
      conversation_push(session, &model->start, 1, err) != 0 ||
      conversation_push(session, model->prefix.ids, model->prefix.count, err) != 0)
    return -1;
  return rows_check_target(model, session->ids, session->count, err);
}

static int read_source(tfm_session *session, const tfm_input *input, uint32_t flags,
                       struct tfm_error *err) {
  struct rows rows = {0};
  struct source *source = NULL;
  uint32_t known = TFM_RUN_PLAIN_SPECIAL | TFM_RUN_TRUNCATE;
  if (flags & ~known)
    return error_set(err, TFM_ERROR_USAGE, "tfm_session_read: flags has 0x%x, which is no flag",
                     (unsigned)(flags & ~known));
  if (!session->model->two_texts)
    return error_set(err, TFM_ERROR_USAGE,
                     "`%s` is no encoder-decoder: a text is given by tfm_session_append",
                     session->model->graph->model);
  if (rows_create(session->model, &(struct prompt){0}, input, 1, flags, &rows, err) != 0)
    return -1;
  int status = encode(session->model, &rows.row[0], &source, err);
  rows_finish(&rows);
  if (status != 0)
    return -1;
  source_release(session->source);
  session->source = source;
  return begin_target(session, err);
}

int tfm_session_read(tfm_session *session, const tfm_input *input, uint32_t flags,
                     tfm_error *error) {
  static const char call[] = "tfm_session_read";
  struct tfm_error own = {0};
  tfm_input full;
  int status = -1;
  if (caller_need(session, call, "session", &own) == 0 &&
      caller_need(input, call, "input", &own) == 0 && caller_input(input, &full, &own) == 0 &&
      conversation_take_idle(session, call, &own) == 0) {
    status = read_source(session, &full, flags, &own);
    conversation_leave(session);
  }
  if (error)
    *error = own;
  return status;
}

int tfm_session_cut(tfm_session *session, size_t length, tfm_error *error) {
  static const char call[] = "tfm_session_cut";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  error_clear(err);
  if (caller_need(session, call, "session", err) != 0 ||
      conversation_take_idle(session, call, err) != 0)
    return -1;
  int status = 0;
  if (length > session->count)
    status = error_set(err, TFM_ERROR_USAGE, "a session of %zu tokens cannot be cut to %zu",
                       session->count, length);
  else if (session->sequence && session->sequence->length > (int64_t)length)
    status = sequence_truncate(session->sequence, (int64_t)length, err);
  if (status == 0)
    session->count = length;
  conversation_leave(session);
  return status;
}

/* ------------------------------------------------------------ begin and end */

bool conversation_works(const struct tfm_session *session) {
  return session->writing && !session->broken && !session->text.stop &&
         atomic_load(&session->use) != CONVERSATION_DOOMED;
}

int tfm_session_working(const tfm_session *session) {
  return session && conversation_works(session);
}

/* What the options point to must last until finish: the caller's, as the callback's arg is. */
static int begin(tfm_session *session, const tfm_run_options *options, struct tfm_error *err) {
  const struct tfm_model *model = session->model;
  if (model->two_texts && !session->source)
    return error_set(err, TFM_ERROR_USAGE,
                     "the session has nothing to write about: tfm_session_read comes first");
  if (session->count == 0)
    return error_set(err, TFM_ERROR_USAGE, "the session is empty: there is nothing to run on");
  if (options->prefix)
    return error_set(err, TFM_ERROR_USAGE, "a session's prefix is what is appended to it");
  if (stop_text_check(options, model->tokenizer != NULL, err) != 0)
    return -1;
  if (decode_width(options) > 1)
    return error_set(err, TFM_ERROR_USAGE, "a session is written on by one hypothesis");
  if (options->max_length > 0 && (uint64_t)options->max_length < session->count)
    return error_set(err, TFM_ERROR_LIMIT, "the session is %zu tokens long, max_length is %lld",
                     session->count, (long long)options->max_length);
  session->result = result_create(1, err);
  if (!session->result)
    return -1;
  session->options = *options;
  struct generation_start start = {.model = model,
                                   .options = &session->options,
                                   .result = session->result,
                                   .answer = &session->result->answer[0],
                                   .ids = session->ids,
                                   .count = session->count,
                                   .name = "the session",
                                   .seed = options->seeds ? options->seeds[0] : options->seed};
  session->writing = session->first = true;
  session->begun_ns = model_clock_ns();
  generation_warn(model, options);
  if (generation_begin(&session->text, &start, err) == 0)
    return 0;
  drop_writing(session);
  return -1;
}

int tfm_session_begin(tfm_session *session, const tfm_run_options *options, tfm_error *error) {
  static const char call[] = "tfm_session_begin";
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  tfm_run_options full;
  error_clear(err);
  if (caller_need(session, call, "session", err) != 0 ||
      caller_run_options(options, &full, err) != 0 ||
      conversation_take_idle(session, call, err) != 0)
    return -1;
  int status = begin(session, &full, err);
  conversation_leave(session);
  return status;
}

static void fill_answer(tfm_session *session) {
  struct tfm_result *result = session->result;
  result->answer[0].prompt_count = session->text.prompt;
  result->timing.total_ns = model_clock_ns() - session->begun_ns;
  if (result->timing.first_token_ns == 0)
    result->timing.first_token_ns = result->timing.total_ns;
}

static int finish(tfm_session *session, tfm_result **out, struct tfm_error *err) {
  int status = -1;
  if (!session->writing)
    return error_set(err, TFM_ERROR_USAGE, "tfm_session_finish: the session was not begun");
  if (!session->text.stop)
    session->text.stop = "caller";
  if (session->broken)
    error_set(err, TFM_ERROR_RUN, "tfm_session_finish: a step of the session has failed");
  else
    status = generation_finish(&session->text, err);
  if (status == 0) {
    fill_answer(session);
    *out = session->result;
    session->result = NULL;
  }
  drop_writing(session);
  return status;
}

int tfm_session_finish(tfm_session *session, tfm_result **result, tfm_error *error) {
  static const char call[] = "tfm_session_finish";
  struct tfm_error own = {0};
  if (result)
    *result = NULL;
  int status = -1;
  if (caller_need(session, call, "session", &own) == 0 &&
      caller_need(result, call, "result", &own) == 0 && take(session, call, &own) == 0) {
    status = finish(session, result, &own);
    conversation_leave(session);
  }
  if (error)
    *error = own;
  return status;
}

/* One run of the model from begin to finish: cancelled between two steps it ends too. */
static int write_to_end(tfm_session *session, const tfm_run_options *options, tfm_result **result,
                        struct tfm_error *err) {
  struct engine *engine = engine_enter(session->model, "tfm_session_generate", err);
  if (!engine)
    return -1;
  engine_begin(engine);
  int status = begin(session, options, err);
  while (status == 0 && conversation_works(session))
    status = conversation_step(engine, &session, 1, err);
  if (status == 0)
    status = finish(session, result, err);
  drop_writing(session);
  engine_leave(engine);
  return status;
}

int tfm_session_generate(tfm_session *session, const tfm_run_options *options, tfm_result **result,
                         tfm_error *error) {
  static const char call[] = "tfm_session_generate";
  struct tfm_error own = {0};
  tfm_run_options full;
  int status = -1;
  if (result)
    *result = NULL;
  if (caller_need(session, call, "session", &own) == 0 &&
      caller_need(result, call, "result", &own) == 0 &&
      caller_run_options(options, &full, &own) == 0 &&
      conversation_take_idle(session, call, &own) == 0) {
    status = write_to_end(session, &full, result, &own);
    conversation_leave(session);
  }
  if (error)
    *error = own;
  return status;
}
