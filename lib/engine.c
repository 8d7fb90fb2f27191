/* engine.c - engines are made, taken, left and cancelled; the last user takes the model
 * with it. */
#include "lib/engine.h"

#include "lib/model.h"

#include <stdlib.h>

/* The engine that this thread runs: a call on its model comes from a callback. */
static _Thread_local struct engine *innermost;

struct model_use *model_use_create(struct tfm_error *err) {
  struct model_use *use = calloc(1, sizeof *use);
  if (!use)
    return error_oom(err), NULL;
  atomic_store(&use->users, 1);
  pthread_mutex_init(&use->lock, NULL);
  pthread_cond_init(&use->left, NULL);
  pthread_mutex_init(&use->message_lock, NULL);
  return use;
}

static void engine_destroy(struct engine *engine) {
  if (!engine)
    return;
  dump_clear(&engine->dump);
  free(engine->compared);
  free(engine->row);
  attention_free(engine->attention);
  session_destroy(engine->session);
  free(engine);
}

void model_use_destroy(struct model_use *use) {
  if (!use)
    return;
  for (size_t i = 0; i < ENGINES_MAX; i++)
    engine_destroy(atomic_load(&use->engine[i]));
  pthread_mutex_destroy(&use->message_lock);
  pthread_cond_destroy(&use->left);
  pthread_mutex_destroy(&use->lock);
  free(use);
}

static int watch(void *arg, int32_t value, int32_t node, int32_t tap, const tfm_tensor *tensor,
                 struct tfm_error *err) {
  struct engine *engine = arg;
  if (engine->compared && engine->pass == 0 && tap < 0 &&
      compare_see(&engine->model->compare, engine->compared, value, tensor, err) != 0)
    return -1;
  if (engine->attention && engine->pass == 0 && tap >= 0 &&
      attention_see(engine->attention, engine->model->graph, node, tap, tensor, err) != 0)
    return -1;
  return dump_collect(&engine->dump, engine->pass, value, node, tap, tensor, err);
}

static struct engine *engine_create(struct tfm_model *model, bool busy, struct tfm_error *err) {
  struct engine *engine = calloc(1, sizeof *engine);
  if (!engine)
    return error_oom(err), NULL;
  struct session_options session = {.cancel = &engine->cancel,
                                    .cache = model->cache,
                                    .profile = (model->flags & TFM_OPEN_PROFILE) != 0};
  engine->model = model;
  engine->dump.plan = &model->dump;
  atomic_store(&engine->busy, busy);
  int status = session_create(model->program, &session, &engine->session, err);
  if (status == 0 && model->compare.count)
    status = (engine->compared = compare_rows(&model->compare, err)) ? 0 : -1;
  if (status == 0 && (model->flags & TFM_OPEN_KEEP_ATTENTION))
    status = attention_create(&engine->attention, err);
  if (status == 0 && (model->dump.target_count || engine->compared || engine->attention))
    session_set_watch(engine->session, watch, engine);
  for (size_t i = 0; status == 0 && i < model->feed_count; i++)
    status = session_feed(engine->session, model->feed[i].name, &model->feed[i].tensor, err);
  if (status == 0)
    return engine;
  engine_destroy(engine);
  return NULL;
}

/* Into the first place that nobody has; false = there is none. */
static bool add(struct model_use *use, struct engine *engine) {
  for (size_t i = 0; i < ENGINES_MAX; i++) {
    struct engine *none = NULL;
    if (atomic_compare_exchange_strong(&use->engine[i], &none, engine))
      return true;
  }
  return false;
}

int engine_add(struct tfm_model *model, struct tfm_error *err) {
  struct engine *engine = engine_create(model, false, err);
  if (engine && !add(model->use, engine))
    engine_destroy(engine);
  return engine ? 0 : -1;
}

/* One that is free, now taken. */
static struct engine *find(struct model_use *use) {
  for (size_t i = 0; i < ENGINES_MAX; i++) {
    struct engine *engine = atomic_load(&use->engine[i]);
    if (!engine)
      break;
    if (!atomic_load(&engine->busy) && !atomic_exchange(&engine->busy, true))
      return engine;
  }
  return NULL;
}

static struct engine *await(struct model_use *use) {
  struct engine *engine;
  pthread_mutex_lock(&use->lock);
  atomic_fetch_add(&use->waiting, 1);
  while (!(engine = find(use)))
    pthread_cond_wait(&use->left, &use->lock);
  atomic_fetch_sub(&use->waiting, 1);
  pthread_mutex_unlock(&use->lock);
  return engine;
}

/* One that is free, else a new one, else the first that is left. */
static struct engine *take(struct tfm_model *model, struct tfm_error *err) {
  struct engine *engine = find(model->use);
  if (engine || atomic_load(&model->use->engine[ENGINES_MAX - 1]))
    return engine ? engine : await(model->use);
  engine = engine_create(model, true, err);
  if (!engine || add(model->use, engine))
    return engine;
  engine_destroy(engine);
  return await(model->use);
}

static bool is_inside(const struct tfm_model *model) {
  for (const struct engine *e = innermost; e; e = e->outer)
    if (e->model == model)
      return true;
  return false;
}

static int check_place(const struct tfm_model *model, const char *call, struct tfm_error *err) {
  if (is_inside(model)) {
    error_set(err, TFM_ERROR_USAGE, "%s: the model is running already", call);
    error_note(err, "help: a callback opens a model of its own, or leaves it to another thread");
    return -1;
  }
  if (pool_is_inside(model->pool)) /* what it has in its scratch memory would be lost */
    return error_set(err, TFM_ERROR_USAGE, "%s: a kernel is running on this thread", call);
  return 0;
}

struct engine *engine_enter(struct tfm_model *model, const char *call, struct tfm_error *err) {
  if (check_place(model, call, err) != 0)
    return NULL;
  atomic_fetch_add(&model->use->users, 1);
  struct engine *engine = take(model, err);
  if (!engine) {
    model_release(model);
    return NULL;
  }
  atomic_store(&engine->cancel, 0);
  engine->outer = innermost;
  innermost = engine;
  return engine;
}

void engine_leave(struct engine *engine) {
  struct tfm_model *model = engine->model;
  struct model_use *use = model->use;
  innermost = engine->outer;
  atomic_store(&engine->busy, false);
  if (atomic_load(&use->waiting) > 0) {
    pthread_mutex_lock(&use->lock);
    pthread_cond_signal(&use->left);
    pthread_mutex_unlock(&use->lock);
  }
  model_release(model);
}

void tfm_model_cancel(tfm_model *model) {
  for (size_t i = 0; model && i < ENGINES_MAX; i++) {
    struct engine *engine = atomic_load(&model->use->engine[i]);
    if (!engine)
      break;
    atomic_store(&engine->cancel, 1);
  }
}
