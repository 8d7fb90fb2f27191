/* open.c - the stages of opening a model, in order. */
#include "lib/model.h"

#include "checkpoint/foreign.h"
#include "checkpoint/gguf/config.h"
#include "compiler/codes.h"
#include "runtime/cpu.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONFIG_LIMIT = 16 << 20, CONFIG_DEPTH = 64 };

uint64_t model_clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* dir/name, parsed; a file that is absent leaves root NULL. */
static int load_json(const char *dir, const char *name, struct model_json *out,
                     struct tfm_error *err) {
  out->path = file_join(dir, name);
  if (!out->path)
    return error_oom(err);
  if (!file_is_there(out->path))
    return 0;
  if (file_read(out->path, CONFIG_LIMIT, TFM_ERROR_CHECKPOINT, &out->text, err) != 0 ||
      json_parse(out->path, out->text.data, out->text.size, CONFIG_DEPTH, TFM_ERROR_CHECKPOINT,
                 &out->root, err) != 0)
    return -1;
  if (!json_is_object(out->root))
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s is not a JSON object", out->path);
  return 0;
}

/* Weights that are to be added to those that lie here. */
static int refuse_adapter(const char *dir, struct tfm_error *err) {
  char *path = file_join(dir, "adapter_config.json");
  if (!path)
    return error_oom(err);
  if (file_is_there(path)) {
    error_set(err, TFM_ERROR_CHECKPOINT, "%s: adapters are not applied", path);
    error_note(err,
               "help: merge it into the weights (peft: merge_and_unload), or take the file away");
  }
  free(path);
  return err->code == TFM_ERROR_NONE ? 0 : -1;
}

int model_load_config(struct tfm_model *model, struct tfm_error *err) {
  if (!model->weights_path)
    return 0;
  if (gguf_is_path(model->weights_path)) {
    model->config.path = strdup(model->weights_path);
    return model->config.path ? gguf_config_read(model->weights_path, &model->config.root, err)
                              : error_oom(err);
  }
  if (refuse_adapter(model->weights_path, err) != 0 ||
      load_json(model->weights_path, "config.json", &model->config, err) != 0 ||
      load_json(model->weights_path, "generation_config.json", &model->generation, err) != 0 ||
      generation_keys_read(&model->keys, model->generation.root, err) != 0 ||
      modules_load(model->weights_path, &model->modules, err) != 0)
    return -1;
  if (model->config.root)
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "%s has no config.json", model->weights_path);
  error_note(err, "help: give a Hugging Face directory: config.json beside its *.safetensors");
  if (model->modules.root)
    error_note(err, "help: it has a modules.json; its Transformer has to lie beside that");
  return -1;
}

/* The default checkpoint that the model file names.  A file that does not parse
 * names none: its errors are shown here, with carets, and are the answer. */
static int default_weights(struct tfm_model *model, const tfm_open_options *options,
                           struct tfm_error *err) {
  struct compile_summary summary = {0};
  struct diag diag;
  diag_init(&diag);
  int status = compile_summarize(model->model_path, &summary, &diag, err);
  if (status != 0) {
    model_send_diagnostics(&diag, options);
  } else if (summary.checkpoint) {
    status = paths_find_checkpoint(&model->dirs, model->model_path, summary.checkpoint,
                                   &model->weights_path, err);
  } else {
    status =
        error_set(err, TFM_ERROR_USAGE, "%s names no checkpoint of its own", model->model_path);
    error_note(err, "help: give the weights: --weights DIR");
  }
  compile_summary_finish(&summary);
  diag_finish(&diag);
  return status;
}

/* A model file on the path that does not parse may be the one that was meant, and so may
 * one that comes later. */
static void tell_passed(void *arg, const char *path, const char *taken,
                        const struct tfm_error *why) {
  const tfm_open_options *options = arg;
  struct buffer text;
  if (!options->message)
    return;
  buffer_init(&text);
  if (why)
    buffer_printf(&text, "warning: passed over on the model path: %.*s\n  help: tfmc check %s",
                  (int)strcspn(why->message, "\n"), why->message, path);
  else
    buffer_printf(&text,
                  "warning: two model files are for this model_type: %s is taken\n"
                  "  the other, later on the model path: %s\n"
                  "  help: name the one that is meant: MODEL.tfm --weights DIR",
                  taken, path);
  if (!text.failed)
    options->message(options->message_arg, 1, buffer_text(&text));
  buffer_finish(&text);
}

int model_find_weights(struct tfm_model *model, const char *given, struct tfm_error *err) {
  char *directory = NULL;
  if (paths_find_weights(given, &model->weights_path, err) != 0 ||
      paths_of_file(model->weights_path, &directory, err) != 0)
    return -1;
  if (directory) {
    free(model->weights_path);
    model->weights_path = directory;
  }
  return 0;
}

int model_find_files(struct tfm_model *model, const tfm_open_options *options,
                     struct tfm_error *err) {
  const char *weights = options->weights;
  if (!options->model)
    return error_set(err, TFM_ERROR_USAGE, "no model is named");
  if (paths_model_dirs(options->model_dir, options->model_dir_count, &model->dirs, err) != 0)
    return -1;
  char *found;
  if (paths_find_directory(&model->dirs, options->model, &found, err) != 0)
    return -1;
  bool directory = found != NULL;
  model->weights_path = found;
  if (weights) {
    free(found);
    model->weights_path = NULL;
    if (model_find_weights(model, weights, err) != 0)
      return -1;
    found = model->weights_path;
  }
  if (found && !file_is_directory(found) && !gguf_is_path(found))
    return paths_refuse_file(found, false, err);
  if (!directory && file_exists(options->model) &&
      paths_refuse_file(options->model, true, err) != 0)
    return -1;
  if (!directory && paths_find_model(&model->dirs, options->model, &model->model_path, err) != 0)
    return -1;
  if (!directory && !weights && default_weights(model, options, err) != 0)
    return -1;
  if (model_load_config(model, err) != 0)
    return -1;
  if (directory &&
      paths_match_model(&model->dirs, model->config.path, model->config.root, tell_passed,
                        (void *)(uintptr_t)options, &model->model_path, err) != 0)
    return -1;
  return 0;
}

int model_load_plugins(struct tfm_model *model, const tfm_open_options *options,
                       struct tfm_error *err) {
  if (options->context) {
    context_share(options->context);
    model->context = options->context;
    if (pool_is_inside(model->context->pool))
      return error_set(err, TFM_ERROR_USAGE,
                       "a message of a kernel is no place to open a model of the same context");
  } else if (context_open(options->plugin_dir, options->plugin_dir_count, model_log, model,
                          &model->context, err) != 0) {
    return -1;
  }
  model->registry = model->context->registry;
  return 0;
}

int model_load_weights(struct tfm_model *model, struct tfm_error *err) {
  if (model->flags & TFM_OPEN_RANDOM_WEIGHTS)
    return 0;
  if (!model->weights_path)
    return error_set(err, TFM_ERROR_USAGE, "no weights are named");
  if (weights_open(model->weights_path, &model->weights, err) != 0 ||
      modules_add_weights(&model->modules, model->weights, err) != 0)
    return -1;
  size_t count = weights_count(model->weights);
  const struct weights_tensor *tensor = weights_tensors(model->weights);
  model->tensors = calloc(count ? count : 1, sizeof *model->tensors);
  if (!model->tensors)
    return error_oom(err);
  for (size_t i = 0; i < count; i++) {
    struct compile_tensor *out = &model->tensors[i];
    out->name = tensor[i].name;
    out->dtype = tensor[i].dtype;
    out->rank = tensor[i].rank;
    memcpy(out->shape, tensor[i].shape, sizeof out->shape);
  }
  return 0;
}

static const tfm_op_desc *find_op(void *context, const char *name) {
  const struct tfm_model *model = context;
  const struct registry_op *op = registry_find_op(model->registry, name);
  return op ? op->desc : NULL;
}

static const struct compile_plugin *find_plugin(void *context, const char *name) {
  static _Thread_local struct compile_plugin found;
  const struct tfm_model *model = context;
  const struct registry_plugin *plugin = registry_find_plugin(model->registry, name);
  if (!plugin)
    return NULL;
  found = (struct compile_plugin){plugin->name, plugin->desc->schema_major};
  return &found;
}

/* The first file of that name: the others come after it, and are refused as well. */
static bool find_refusal(void *context, const char *name, const char **file, const char **reason) {
  const struct tfm_model *model = context;
  size_t count;
  const struct registry_refusal *r = registry_refusals(model->registry, &count);
  for (size_t i = 0; i < count; i++)
    if (!r[i].shadowed && strcmp(r[i].plugin, name) == 0) {
      *file = r[i].file;
      *reason = r[i].reason ? r[i].reason : "it is not sound";
      return true;
    }
  return false;
}

static struct compile_json compile_json(const struct model_json *json, const char *name) {
  if (json->path && gguf_is_path(json->path))
    name = file_basename(json->path);
  return (struct compile_json){name, json->text.data, json->text.size, json->root};
}

void model_compile_options(struct tfm_model *model, const tfm_open_options *options,
                           const char *const *feed, const char *const *dump,
                           struct compile_options *out) {
  *out = (struct compile_options){
      .path = model->model_path,
      .model_path = (const char *const *)model->dirs.path,
      .model_path_count = model->dirs.count,
      .config = compile_json(&model->config, "config.json"),
      .generation = compile_json(&model->generation, "generation_config.json"),
      .modules = {.name = "modules.json", .root = model->modules.root},
      .modules_notes = model->modules.refusal.notes,
      .modules_refusal =
          model->modules.refusal.code != TFM_ERROR_NONE ? model->modules.refusal.message : NULL,
      .tensor = model->tensors,
      .tensor_count = model->weights ? weights_count(model->weights) : 0,
      .has_checkpoint = model->weights != NULL,
      .task = options->task,
      .likely_task = modules_task(&model->modules),
      .feed = feed,
      .feed_count = options->feed_count,
      .dump = dump,
      .dump_count = options->dump_count,
      .all_logits = (model->flags & TFM_OPEN_ALL_LOGITS) != 0 || options->compare,
      .fuse = (model->flags & TFM_OPEN_NO_FUSE) == 0 && !options->compare,
      .find_op = find_op,
      .find_plugin = find_plugin,
      .find_refusal = find_refusal,
      .log = model_log,
      .context = model,
  };
  out->op_names = registry_op_names(model->registry, &out->op_name_count);
  for (size_t i = 0; i < options->dump_count; i++)
    out->all_logits = out->all_logits || strcmp(dump[i], "logits") == 0;
}

void model_send_diagnostics(const struct diag *diag, const tfm_open_options *options) {
  struct buffer text;
  if (!options->message || (diag->errors == 0 && diag->warnings == 0))
    return;
  buffer_init(&text);
  if (options->flags & TFM_OPEN_JSON_MESSAGES)
    diag_render_json(diag, &text);
  else
    diag_render_text(diag, options->colour != 0, &text);
  while (text.length && text.data[text.length - 1] == '\n')
    text.data[--text.length] = '\0';
  options->message(options->message_arg, diag->errors ? 2 : 1, buffer_text(&text));
  buffer_finish(&text);
}

bool model_no_task(const struct diag *diag, const tfm_open_options *options) {
  enum { CODE_HEAD_CHOICE = 215 };
  return options->task && diag->first && diag->first->code == CODE_HEAD_CHOICE;
}

/* The names of taps as a list of their own. */
static const char **tap_values(const tfm_tap *tap, size_t count) {
  const char **list = calloc(count ? count : 1, sizeof *list);
  for (size_t i = 0; list && i < count; i++)
    list[i] = tap[i].value;
  return list;
}

int model_compile(struct tfm_model *model, const tfm_open_options *options, struct tfm_error *err) {
  const char **feed = tap_values(options->feed, options->feed_count);
  const char **dump = tap_values(options->dump, options->dump_count);
  struct compile_options compile;
  if (!feed || !dump)
    return free(feed), free(dump), error_oom(err);
  diag_init(&model->written);
  model_compile_options(model, options, feed, dump, &compile);
  model->graph = compile_model(&compile, &model->written, err);
  model_send_diagnostics(&model->written, options);
  bool no_such_task = model_no_task(&model->written, options);
  free(feed);
  free(dump);
  if (model->graph)
    return 0;
  if (no_such_task)
    err->code = TFM_ERROR_USAGE;
  size_t refused;
  registry_refusals(model->registry, &refused);
  if (err->code == TFM_ERROR_PLUGIN || refused || compile.op_name_count == 0)
    registry_note_missing(model->registry, "", err);
  return -1;
}

/* The tensor, copied: the model stays as it is, whatever becomes of the file. */
static int copy_feed(const struct weights_tensor *found, const char *name, struct model_feed *feed,
                     struct tfm_error *err) {
  feed->name = name;
  feed->tensor = (tfm_tensor){.dtype = (tfm_dtype)found->dtype, .rank = found->rank};
  int64_t stride = (int64_t)dtype_size(found->dtype);
  for (uint32_t i = found->rank; i-- > 0;) {
    feed->tensor.shape[i] = found->shape[i];
    feed->tensor.stride[i] = stride;
    stride *= found->shape[i];
  }
  size_t size = (size_t)stride;
  feed->tensor.data = malloc(size ? size : 1);
  if (!feed->tensor.data)
    return error_oom(err);
  memcpy(feed->tensor.data, found->data, size);
  return 0;
}

/* One feed: the named tensor of a file. */
static int feed_one(const struct tfm_model *model, const tfm_tap *tap, struct model_feed *feed,
                    struct tfm_error *err) {
  struct weights *file;
  if (weights_open(tap->file, &file, err) != 0)
    return -1;
  const struct weights_tensor *found = weights_find(file, tap->tensor);
  int32_t value = graph_find_value(model->graph, tap->value);
  int status = -1;
  if (!found) {
    error_set(err, TFM_ERROR_USAGE, "%s has no tensor `%s`", tap->file, tap->tensor);
  } else if (!weights_is_plain(found)) {
    error_set(err, TFM_ERROR_USAGE, "%s: tensor `%s` is packed; feed it from a safetensors file",
              tap->file, tap->tensor);
  } else if (value == GRAPH_NONE) {
    error_set(err, TFM_ERROR_USAGE, "the graph has no value `%s` to feed", tap->value);
    error_note(err, "help: tfmc --emit=graph lists the names");
  } else {
    status = copy_feed(found, model->graph->value[value].name, feed, err);
    if (status == 0)
      status = weights_check(file, true, err);
  }
  weights_close(file);
  return status;
}

static int read_feeds(struct tfm_model *model, const tfm_open_options *options,
                      struct tfm_error *err) {
  model->feed = calloc(options->feed_count ? options->feed_count : 1, sizeof *model->feed);
  if (!model->feed)
    return error_oom(err);
  for (; model->feed_count < options->feed_count; model->feed_count++) {
    struct model_feed *feed = &model->feed[model->feed_count];
    if (feed_one(model, &options->feed[model->feed_count], feed, err) != 0)
      return free(feed->tensor.data), -1;
  }
  return 0;
}

/* "op=kernel,...", each op one that there is: a misspelt one would do nothing. */
static int check_kernels(const struct registry *registry, const char *kernels,
                         struct tfm_error *err) {
  char op[128];
  for (const char *at = kernels;; at++) {
    size_t item = strcspn(at, ","), length = strcspn(at, "=,");
    if (length == 0 || item < length + 2 || length >= sizeof op)
      return error_set(err, TFM_ERROR_USAGE, "kernels are chosen as OP=NAME,..., not as `%s`",
                       kernels),
             error_note(err, "help: `reference` alone takes the plain ones everywhere"), -1;
    memcpy(op, at, length);
    op[length] = '\0';
    if (!registry_find_op(registry, op))
      return error_set(err, TFM_ERROR_USAGE, "there is no op `%s` to choose a kernel for", op),
             error_note(err, "help: tfmc --emit=graph lists the ops of a model"), -1;
    at += item;
    if (!*at)
      return 0;
  }
}

static int prepare_dump(struct tfm_model *model, const tfm_open_options *options,
                        struct tfm_error *err) {
  int status = dump_use(&model->dump, model->model_path, err);
  if (status == 0 && model->weights)
    status = dump_use_weights(&model->dump, model->weights, err);
  for (size_t i = 0; status == 0 && i < options->feed_count; i++)
    status = dump_use(&model->dump, options->feed[i].file, err);
  return status ? status
                : dump_create(&model->dump, model->graph, options->dump, options->dump_count, err);
}

/* A kernel that refuses its node: the line that the node is from. */
static void show_refused(struct tfm_model *model, const tfm_open_options *options, int32_t node,
                         const struct tfm_error *err) {
  struct diag *diag = &model->written;
  struct span span = model->graph->node[node].span;
  if (span.source >= diag->source_count)
    return;
  diag->first = diag->last = NULL; /* what was there is said */
  diag->errors = diag->warnings = 0;
  struct diag_item *item =
      diag_report(diag, DIAG_ERROR, CODE_REFUSED, span, "`%s` cannot be prepared for `%s`",
                  model->graph->node[node].op, model->graph->node[node].name);
  diag_note(diag, item, "%.*s", (int)strcspn(err->message, "\n"), err->message);
  model_send_diagnostics(diag, options);
}

static int make_program(struct tfm_model *model, const tfm_open_options *options,
                        const struct program_options *program, struct tfm_error *err) {
  int32_t failed = GRAPH_NONE;
  int status = program_create(model->graph, model->registry, model->binding, model->pool, program,
                              &model->program, &failed, err);
  if (status != 0 && failed != GRAPH_NONE)
    show_refused(model, options, failed, err);
  diag_finish(&model->written);
  diag_init(&model->written);
  return status;
}

int model_prepare(struct tfm_model *model, const tfm_open_options *options, struct tfm_error *err) {
  struct binding_options binding = {.random = (model->flags & TFM_OPEN_RANDOM_WEIGHTS) != 0};
  bool reference = options->kernels && strcmp(options->kernels, "reference") == 0;
  struct program_options program = {.reference_only =
                                        reference || (model->flags & TFM_OPEN_REFERENCE) != 0,
                                    .kernels = reference ? NULL : options->kernels,
                                    .log = model_log,
                                    .log_arg = model};
  struct registry_policy policy = {.reference_only = program.reference_only,
                                   .overrides = program.kernels};
  cpu_features(policy.cpu);
  if (model->flags & TFM_OPEN_KEEP_ATTENTION)
    attention_watch(model->graph);
  if (options->compare &&
      compare_create(&model->compare, options->compare, model->graph, &model->written, err) != 0)
    return -1;
  binding.registry = model->registry;
  binding.policy = &policy;
  if (program.kernels && check_kernels(model->registry, program.kernels, err) != 0)
    return -1;
  if (!model->context->pool && pool_create(options->threads, &model->context->pool, err) != 0)
    return -1;
  model->pool = model->context->pool;
  if (binding_create(model->graph, model->weights, &binding, &model->binding, err) != 0 ||
      make_program(model, options, &program, err) != 0 ||
      session_cache_create(model->program, 0, &model->cache, err) != 0 ||
      prepare_dump(model, options, err) != 0 || read_feeds(model, options, err) != 0 ||
      engine_add(model, err) != 0)
    return -1;
  model_load_tokenizer(model);
  model->max_tokens = session_limit(atomic_load(&model->use->engine[0])->session);
  model->source_tokens = session_source_limit(atomic_load(&model->use->engine[0])->session);
  int64_t limit;
  if (model_embedder_limit(model, &limit, err) != 0)
    return -1;
  if (limit > 0 && (model->max_tokens == 0 || limit < model->max_tokens))
    model->max_tokens = limit;
  if (!model->two_texts)
    model->source_tokens = model->max_tokens;
  model->vocabulary = json_integer_value(json_object_get(model->config.root, "vocab_size"));
  model->target_vocabulary =
      json_integer_value(json_object_get(model->config.root, "decoder_vocab_size"));
  if (model->target_vocabulary == 0)
    model->target_vocabulary = model->vocabulary;
  return 0;
}
