/* inspect.c - what is installed, as text: model files, plugins, ops and their kernels; which
 * kernel serves each node of a model, and why the others do not. */
#include "tfm/tfm.h"

#include "lib/caller.h"
#include "lib/model.h"
#include "runtime/cpu.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A full stop and a blank, but for that of "et al.". */
static bool ends_sentence(const char *text, size_t at) {
  return text[at] == '.' && text[at + 1] == ' ' &&
         !(at >= 2 && memcmp(text + at - 2, "al", 2) == 0);
}

/* The first line of a doc comment without its `##`; of a schema that begins with one. */
static void put_first_line(struct buffer *out, const char *doc) {
  doc += strspn(doc, "# ");
  size_t length = strcspn(doc, "\n"), sentence = 0;
  while (sentence + 1 < length && !ends_sentence(doc, sentence))
    sentence++;
  buffer_append(out, doc, sentence + 1 < length ? sentence + 1 : length);
}

static const char *result_of(const char *schema) {
  const char *arrow = strstr(schema, "->");
  return arrow ? arrow + 2 + strspn(arrow + 2, " \n") : "";
}

enum kind { KIND_MASK, KIND_BIAS, KIND_OP, KIND_COUNT };

static enum kind kind_of(const struct registry_op *op) {
  const char *result = result_of(op->desc->schema);
  return strncmp(result, "mask", 4) == 0   ? KIND_MASK
         : strncmp(result, "bias", 4) == 0 ? KIND_BIAS
                                           : KIND_OP;
}

/* ----------------------------------------------------------------- all of it */

static void put_file(const char *path, struct buffer *out) {
  struct compile_summary summary;
  struct diag diag;
  struct tfm_error why = {0};
  diag_init(&diag);
  if (compile_summarize(path, &summary, &diag, &why) == 0) {
    if (summary.model_type_count)
      buffer_printf(out, "  %-14s %-28s ", summary.name, file_basename(path));
    else
      buffer_printf(out, "  %-14s %-28s ", file_basename(path), "(library)");
    put_first_line(out, summary.doc);
    for (size_t i = 0; i < summary.model_type_count; i++)
      buffer_printf(out, "%s%s", i == 0 ? " [for " : ", ", summary.model_type[i]);
    for (size_t i = 0; i < summary.task_count; i++)
      buffer_printf(out, "%s%s", i == 0 ? "; " : " ", summary.task[i]);
    buffer_puts(out, summary.model_type_count ? "]\n" : "\n");
    compile_summary_finish(&summary);
  } else {
    buffer_printf(out, "  %-14s %s\n", file_basename(path), why.message);
  }
  diag_finish(&diag);
}

static int put_models(const tfm_open_options *options, struct buffer *out, struct tfm_error *err) {
  struct path_list dirs = {0};
  int status = paths_model_dirs(options->model_dir, options->model_dir_count, &dirs, err);
  for (size_t i = 0; status == 0 && i < dirs.count; i++) {
    struct path_list files = {0};
    status = paths_list_models(dirs.path[i], &files, err);
    if (status == 0 && files.count)
      buffer_printf(out, "model files of %s\n", dirs.path[i]);
    for (size_t f = 0; status == 0 && f < files.count; f++)
      put_file(files.path[f], out);
    path_list_finish(&files);
  }
  path_list_finish(&dirs);
  return status;
}

static void put_ops(const struct registry *registry, enum kind kind, struct buffer *out) {
  static const char *const title[KIND_COUNT] = {"masks", "biases", "ops"};
  size_t count;
  const char *const *name = registry_op_names(registry, &count);
  buffer_printf(out, "%s\n", title[kind]);
  for (size_t i = 0; i < count; i++) {
    const struct registry_op *op = registry_find_op(registry, name[i]);
    if (kind_of(op) != kind)
      continue;
    buffer_printf(out, "  %-20s ", name[i]);
    put_first_line(out, op->desc->schema);
    size_t kernels;
    const struct registry_kernel *kernel = registry_kernels(registry, name[i], &kernels);
    for (size_t k = 0; k < kernels; k++)
      buffer_printf(out, "%s%s", k == 0 ? " [" : " ", kernel[k].desc->name);
    buffer_puts(out, kernels ? "]\n" : "\n");
  }
}

/* Each once, by the ops and kernels that it has. */
static void put_plugins(const struct registry *registry, struct buffer *out) {
  size_t refused;
  const struct registry_refusal *refusal = registry_refusals(registry, &refused);
  buffer_puts(out, "plugins\n");
  for (size_t i = 0; i < registry_plugin_count(registry); i++) {
    const struct registry_plugin *plugin = registry_plugin_at(registry, i);
    buffer_printf(out, "  %-14s %-8s %s (%s)\n", plugin->name, plugin->desc->version,
                  plugin->desc->summary ? plugin->desc->summary : "", plugin->file);
  }
  for (size_t i = 0; i < refused; i++)
    buffer_printf(out, "  %-14s not taken: %s (%s)\n", refusal[i].plugin,
                  refusal[i].shadowed ? "an earlier folder has one of that name"
                                      : refusal[i].reason,
                  refusal[i].file);
}

/* ---------------------------------------------------------------- one of them */

static void put_op(const struct registry *registry, const struct registry_op *op,
                   struct buffer *out) {
  size_t count;
  const struct registry_kernel *kernel = registry_kernels(registry, op->name, &count);
  uint64_t cpu[4];
  cpu_features(cpu);
  buffer_printf(out, "%s, version %" PRIu32 ", of the plugin %s (%s)\n", op->name,
                op->desc->version, op->plugin->name, op->plugin->file);
  buffer_puts(out, op->desc->schema);
  if (out->length && out->data[out->length - 1] != '\n')
    buffer_putc(out, '\n');
  for (size_t i = 0; i < count; i++) {
    const tfm_kernel_desc *k = kernel[i].desc;
    bool runs = true;
    for (size_t w = 0; w < 4; w++)
      runs = runs && (k->cpu_need[w] & ~cpu[w]) == 0;
    buffer_printf(out, "kernel %s of %s: %s, score %" PRId32 "%s%s%s\n", k->name,
                  kernel[i].plugin->name, k->device, k->score,
                  k->flags & TFM_KERNEL_REFERENCE ? ", the meaning of the op" : "",
                  k->flags & TFM_KERNEL_KNOWS_ROWS ? ", all rows at once" : "",
                  runs ? "" : ", not for this processor");
  }
}

static int put_one(const struct registry *registry, const char *name, struct buffer *out,
                   struct tfm_error *err) {
  const struct registry_op *op = registry_find_op(registry, name);
  if (op)
    return put_op(registry, op, out), 0;
  error_set(err, TFM_ERROR_USAGE, "there is no op `%.128s`", name);
  registry_note_missing(registry, name, err);
  error_note(err, "help: without a name everything is listed");
  return -1;
}

static int inspect(struct tfm_model *model, const tfm_open_options *options, const char *name,
                   struct buffer *out, struct tfm_error *err) {
  if (model_load_plugins(model, options, err) != 0)
    return -1;
  if (name)
    return put_one(model->registry, name, out, err);
  if (put_models(options, out, err) != 0)
    return -1;
  put_ops(model->registry, KIND_OP, out);
  put_ops(model->registry, KIND_MASK, out);
  put_ops(model->registry, KIND_BIAS, out);
  put_plugins(model->registry, out);
  return 0;
}

/* The text on the heap, or NULL. */
static char *take(struct buffer *out, int status, struct tfm_error *err) {
  if (status == 0 && out->failed)
    status = error_oom(err);
  char *text = status == 0 ? buffer_take(out) : NULL;
  buffer_finish(out);
  return text;
}

char *tfm_inspect(const tfm_open_options *options, const char *op, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct caller_options read;
  struct buffer out;
  error_clear(err);
  buffer_init(&out);
  int status = caller_options(options, &read, err);
  tfm_model *model = status == 0 ? model_create(&read.full, err) : NULL;
  status = model ? inspect(model, &read.full, op, &out, err) : -1;
  tfm_model_destroy(model);
  caller_options_finish(&read);
  return take(&out, status, err);
}

char *tfm_model_explain(const tfm_model *model, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct buffer out;
  error_clear(err);
  if (caller_need(model, "tfm_model_explain", "model", err) != 0)
    return NULL;
  if (!model->program)
    return error_set(err, TFM_ERROR_USAGE, "this model was opened to be checked, not run"), NULL;
  buffer_init(&out);
  return take(&out, program_explain(model->program, &out, err), err);
}
