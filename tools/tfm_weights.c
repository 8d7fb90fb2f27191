/* tfm_weights.c - what a checkpoint holds, and which model files would take it.
 *
 * Everything in a checkpoint is a stranger's: names go out escaped, so that
 * they cannot talk to the terminal. */
#include "tools/check.h"
#include "tools/common.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum sort { SORT_PLACE, SORT_NAME, SORT_SIZE };

struct options {
  struct common common; /* first */
  const char *path;
  char *const *pattern;
  size_t pattern_count;
  enum sort sort;
  bool json, check, no_models;
};

/* What is shown: the tensors that a pattern takes, sorted. */
struct shown {
  const tfm_weight **tensor;
  size_t count;
  uint64_t elements, bytes;
  size_t name_width, dtype_width, shape_width;
  bool files; /* they lie in more than one */
};

/* ------------------------------------------------------------------ choosing */

static bool is_asked(const struct options *o, const char *name) {
  for (size_t i = 0; i < o->pattern_count; i++)
    if (fnmatch(o->pattern[i], name, 0) == 0)
      return true;
  return o->pattern_count == 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(const tfm_weight *const *)a)->name, (*(const tfm_weight *const *)b)->name);
}

static int by_size(const void *a, const void *b) {
  const tfm_weight *x = *(const tfm_weight *const *)a, *y = *(const tfm_weight *const *)b;
  if (x->bytes != y->bytes)
    return x->bytes > y->bytes ? -1 : 1;
  return strcmp(x->name, y->name);
}

static size_t wider(size_t a, size_t b) {
  return a > b ? a : b;
}

static void format_shape(const tfm_weight *tensor, char *out, size_t size) {
  size_t at = (size_t)snprintf(out, size, "[");
  for (uint32_t i = 0; i < tensor->rank && at + 24 < size; i++)
    at += (size_t)snprintf(out + at, size - at, "%s%" PRId64, i ? ", " : "", tensor->shape[i]);
  snprintf(out + at, size - at, "]");
}

/* 0, or out of memory. */
static int choose(const struct options *o, const tfm_weights_info *info, struct shown *shown) {
  char shape[400];
  shown->tensor = calloc(info->tensor_count + 1, sizeof *shown->tensor);
  if (!shown->tensor)
    return TFM_CODE_LIMIT;
  for (size_t i = 0; i < info->tensor_count; i++) {
    const tfm_weight *t = &info->tensor[i];
    if (!is_asked(o, t->name))
      continue;
    shown->tensor[shown->count++] = t;
    format_shape(t, shape, sizeof shape);
    shown->name_width = wider(shown->name_width, cli_width(t->name));
    shown->dtype_width = wider(shown->dtype_width, strlen(t->dtype));
    shown->shape_width = wider(shown->shape_width, strlen(shape));
    shown->files = shown->files || strcmp(t->file, info->tensor[0].file) != 0;
    shown->elements += t->alias ? 0 : t->elements;
    shown->bytes += t->alias ? 0 : t->bytes;
  }
  if (o->sort != SORT_PLACE)
    qsort(shown->tensor, shown->count, sizeof *shown->tensor,
          o->sort == SORT_NAME ? by_name : by_size);
  return 0;
}

/* ---------------------------------------------------------------------- text */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static const char *human(uint64_t bytes, char out[32]) {
  static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = (double)bytes;
  size_t u = 0;
  for (; size >= 1024 && u < 4; u++)
    size /= 1024;
  snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", size, unit[u]);
  return out;
}

static void print_padded(const char *text, size_t width) {
  cli_escaped(stdout, text);
  for (size_t n = cli_width(text); n < width; n++)
    putchar(' ');
}

static void print_tensor(const struct shown *shown, const tfm_weight *t) {
  char shape[400], size[32];
  format_shape(t, shape, sizeof shape);
  print_padded(t->name, shown->name_width);
  printf("  %-*s  %-*s  %10s", (int)shown->dtype_width, t->dtype, (int)shown->shape_width, shape,
         human(t->bytes, size));
  if (shown->files) {
    fputs("  ", stdout);
    cli_escaped(stdout, base_name(t->file));
  }
  if (t->alias) {
    fputs("  the same as ", stdout);
    cli_escaped(stdout, t->alias);
  }
  putchar('\n');
}

/* "28 tensors, 61234 values, 239.2 KiB; f32 26, u8 2" */
static void print_totals(const struct shown *shown) {
  char size[32];
  printf("%zu tensors, %" PRIu64 " values, %s", shown->count, shown->elements,
         human(shown->bytes, size));
  for (size_t i = 0; i < shown->count; i++) {
    const char *dtype = shown->tensor[i]->dtype;
    size_t count = 0, first = 0;
    while (strcmp(shown->tensor[first]->dtype, dtype) != 0)
      first++;
    for (size_t j = i; first == i && j < shown->count; j++)
      count += strcmp(shown->tensor[j]->dtype, dtype) == 0;
    if (count)
      printf("%s %s %zu", i ? "," : ";", dtype, count);
  }
  putchar('\n');
}

static void print_models(const tfm_weights_info *info, const tfm_candidate *list, size_t count) {
  const char *type = info->model_type;
  bool taken = false, named = false;
  for (size_t i = 0; i < count; i++) {
    taken = taken || list[i].task;
    named = named || list[i].named;
    if (!list[i].task)
      continue;
    fputs("taken by ", stdout);
    cli_escaped(stdout, list[i].path);
    printf(" (%s)\n", list[i].task);
  }
  for (size_t i = 0; i < count; i++)
    if (list[i].named && !list[i].task) {
      fputs("not taken by ", stdout);
      cli_escaped(stdout, list[i].path);
      fputs(", though it is for ", stdout);
      cli_escaped(stdout, type);
      fputs(": ", stdout);
      cli_escaped(stdout, list[i].why);
      putchar('\n');
    }
  if (!taken && !named) {
    printf("taken by none of %zu model files", count);
    if (type) {
      fputs("; its model_type is ", stdout);
      cli_escaped(stdout, type);
    } else if (count) {
      fputs(": ", stdout);
      cli_escaped(stdout, list[0].why);
    }
    putchar('\n');
  }
}

/* ---------------------------------------------------------------------- JSON */

static json_t *tensor_json(const tfm_weight *t) {
  json_t *shape = json_array();
  for (uint32_t i = 0; i < t->rank; i++)
    json_array_append_new(shape, json_integer(t->shape[i]));
  json_t *object = json_pack("{s:s, s:s, s:o, s:I, s:I, s:s}", "name", t->name, "dtype", t->dtype,
                             "shape", shape, "elements", (json_int_t)t->elements, "bytes",
                             (json_int_t)t->bytes, "file", base_name(t->file));
  if (object && t->alias)
    json_object_set_new(object, "alias", json_string(t->alias));
  return object;
}

static json_t *model_json(const tfm_candidate *c) {
  json_t *object =
      json_pack("{s:s, s:b, s:b}", "model", c->path, "takes", c->task != NULL, "named", c->named);
  if (object)
    json_object_set_new(object, c->task ? "task" : "why", json_string(c->task ? c->task : c->why));
  return object;
}

/* 0, or out of memory. */
static int print_json(const struct options *o, const tfm_weights_info *info,
                      const struct shown *shown, const tfm_candidate *list, size_t count) {
  json_t *tensors = json_array(), *models = json_array();
  bool ok = tensors && models;
  for (size_t i = 0; ok && i < shown->count; i++)
    ok = json_array_append_new(tensors, tensor_json(shown->tensor[i])) == 0;
  for (size_t i = 0; ok && i < count; i++)
    ok = json_array_append_new(models, model_json(&list[i])) == 0;
  json_t *root = json_pack("{s:s, s:s?, s:I, s:I, s:o}", "path", info->path, "model_type",
                           info->model_type, "elements", (json_int_t)shown->elements, "bytes",
                           (json_int_t)shown->bytes, "tensors", tensors);
  if (root && !o->no_models)
    json_object_set(root, "models", models);
  json_decref(models);
  char *text = ok && root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  json_decref(root);
  if (!text)
    return TFM_CODE_LIMIT;
  puts(text);
  free(text);
  return 0;
}

/* ----------------------------------------------------------------------- run */

static int show(const struct cli *cli, const struct options *o, const tfm_weights *weights,
                tfm_error *error) {
  tfm_weights_info info = {.struct_size = sizeof info};
  struct shown shown = {0};
  tfm_candidate *list = NULL;
  size_t count = 0;
  tfm_weights_describe(weights, &info);
  int status = choose(o, &info, &shown);
  if (status != 0)
    cli_no_memory(cli);
  if (status == 0 && !o->no_models &&
      tfm_weights_models(weights, &o->common.open, &list, &count, error) != 0)
    status = cli_fail(cli, error);
  if (status == 0 && o->json) {
    status = print_json(o, &info, &shown, list, count);
    if (status != 0)
      cli_no_memory(cli);
  } else if (status == 0) {
    for (size_t i = 0; i < shown.count; i++)
      print_tensor(&shown, shown.tensor[i]);
    print_totals(&shown);
    if (!o->no_models)
      print_models(&info, list, count);
  }
  fflush(stdout);
  if (status == 0 && o->check)
    status = check_tensors(cli, weights, error);
  if (status == 0 && o->check && !o->json)
    puts("no NaN, no Inf");
  tfm_free(list);
  free(shown.tensor);
  return status;
}

static bool call_sort(const struct cli *cli, void *values, const char *option, char *argument) {
  struct options *o = values;
  if (strcmp(argument, "name") == 0)
    o->sort = SORT_NAME;
  else if (strcmp(argument, "size") == 0)
    o->sort = SORT_SIZE;
  else
    return cli_usage_error(cli, "%s needs name or size, not '%s'", option, argument), false;
  return true;
}

#define FIELD(field) OPTION_FIELD(struct options, field)

static const struct option_row rows[] = {
    OPTION_ARGUMENT("CHECKPOINT",
                    "a directory, a .safetensors or .gguf file, or a name of the Hugging Face "
                    "cache: org/model, org/model@revision"),
    OPTION_ARGUMENT("PATTERN", "only tensors of such names; * is any text, ? any letter"),
    OPTION_HEAD(""),
    {OPTION_CALL, "sort", 0, "name|size",
     "by name, or the largest first (default: as they are stored)", .call = call_sort},
    {OPTION_FLAG, "check-tensors", .help = "read all values, and say where there is NaN or Inf",
     FIELD(check)},
    {OPTION_FLAG, "no-models", .help = "try no model files", FIELD(no_models)},
    OPTION_USE_AS("task", "what the model files shall do (default: by config.json)"),
    {OPTION_FLAG, "json", .help = "one JSON object", FIELD(json)},
    OPTION_USE_AS("quiet", "no progress"),
    OPTION_USE("plugin-dir"),
    OPTION_USE("model-dir"),
    OPTION_USE("completion"),
    OPTION_USE("help"),
    OPTION_USE("version"),
};

static const struct option_set set = {
    "Usage: tfm-weights CHECKPOINT [OPTION]... [PATTERN]...\n"
    "List a checkpoint's tensors, and the model files that would take it.\n\n",
    rows, sizeof rows / sizeof *rows,
    "Exit status: 0 done, 1 run time, 2 usage, 4 checkpoint, 7 limit or memory.\n"};

static int run(const struct cli *cli, const struct options *o) {
  tfm_error *error = tfm_error_create();
  tfm_weights *weights = error ? tfm_weights_open(o->path, error) : NULL;
  int status = weights ? show(cli, o, weights, error)
               : error ? cli_fail(cli, error)
                       : TFM_CODE_LIMIT;
  tfm_weights_destroy(weights);
  tfm_error_destroy(error);
  return status;
}

/* A pattern that is a file was meant as another checkpoint. */
static int check_patterns(const struct cli *cli, char *const *word, int count) {
  for (int i = 1; i < count; i++)
    if (access(word[i], F_OK) == 0)
      return cli_usage_error(cli,
                             "one checkpoint at a time: %s is a file, not the name of a tensor; "
                             "for it: tfm-weights %s",
                             word[i], word[i]);
  return 0;
}

int main(int argc, char **argv) {
  struct cli cli;
  struct options o = {0};
  int status;
  cli_init(&cli, "tfm-weights");
  int word = options_parse(&cli, &set, &o, argc, argv, &status);
  if (word >= 0 && word == argc) {
    status = cli_usage_error(&cli, "which checkpoint? give a directory or a file");
  } else if (word >= 0 && (status = check_patterns(&cli, argv + word, argc - word)) == 0) {
    common_apply(&o.common, &cli);
    o.path = argv[word];
    o.pattern = argv + word + 1;
    o.pattern_count = (size_t)(argc - word - 1);
    status = cli_finish_output(&cli, run(&cli, &o));
  }
  common_finish(&o.common);
  return status;
}
