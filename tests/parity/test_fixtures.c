/* test_fixtures.c - every checkpoint of tests/fixtures against transformers.
 *
 * For each: the cases `one`, `right` and `left` through --feed (ids, positions,
 * mask, types as transformers got them), all logits and last hidden states
 * at real places within TOLERANCE; the rows of `right` again as a ragged batch
 * of ids, and alone: the same bits; 32 greedy tokens equal; and the logits of
 * the last step equal to a fresh run over the whole sequence, to the bit.
 *
 * TOLERANCE: the expected values are float32 themselves and off by up to 4e-6
 * from float64; ours sum in another order.  The wrong GELU moves 5e-4. */
#include "tests/parity/tensors.h"
#include "tfm/tfm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TOLERANCE = 2e-5;

enum {
  ROOT = 1024,
  PATH = ROOT + 128,
  FILE_PATH = PATH + 64,
  MAX_FEEDS = 4,
  MAX_DUMPS = 3,
  GREEDY = 32
};

struct fixture {
  const char *name, *task;
  char directory[PATH], model[PATH], expected_path[FILE_PATH], dump_path[PATH];
  const char *hidden; /* the value that is the last hidden state */
  struct tensors expected;
  bool encoder;
};

static int failures, checks;
static tfm_error *error;
static const char *plugin_dir;

static void check(bool ok, const char *format, const char *a, const char *b, double value) {
  checks++;
  if (ok)
    return;
  failures++;
  printf("not ok: %s %s: ", a, b);
  printf(format, value);
  printf("\n");
}

static void report_error(const struct fixture *f, const char *what) {
  failures++;
  printf("not ok: %s %s: %s\n%s\n", f->name, what, tfm_error_message(error),
         tfm_error_notes(error));
}

static void message(void *arg, int severity, const char *text) {
  (void)arg;
  if (severity > 0)
    printf("%s\n", text);
}

static tfm_model *open_task(const struct fixture *f, const char *task, const tfm_tap *feed,
                            size_t feeds, const tfm_tap *dump, size_t dumps, uint32_t threads,
                            uint32_t flags) {
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = flags,
                           .model = f->model,
                           .weights = f->directory,
                           .task = task,
                           .threads = threads,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0,
                           .feed = feed,
                           .feed_count = feeds,
                           .dump = dump,
                           .dump_count = dumps,
                           .message = message};
  return tfm_model_open(&open, error);
}

static tfm_model *open_model(const struct fixture *f, const tfm_tap *feed, size_t feeds,
                             const tfm_tap *dump, size_t dumps, uint32_t threads, uint32_t flags) {
  return open_task(f, NULL, feed, feeds, dump, dumps, threads, flags);
}

/* The largest difference where the mask is 1; mask has one entry for each of
 * the leading rows * columns places (or is NULL). */
static double largest_difference(const struct tensor *a, const struct tensor *b,
                                 const struct tensor *mask) {
  double most = 0;
  if (a->count != b->count)
    return INFINITY;
  size_t places = mask && a->count % mask->count == 0 && a->count >= mask->count ? mask->count : 1;
  size_t width = a->count / places;
  for (size_t i = 0; i < a->count; i++) {
    double d = fabs(a->value[i] - b->value[i]);
    if (places > 1 && mask->value[i / width] == 0)
      continue;
    most = d > most || isnan(d) ? d : most;
  }
  return most;
}

/* Compare dumped `value` with expected `CASE.what`, if that was stored. */
static void compare(const struct fixture *f, const char *name, const char *value,
                    const char *what) {
  struct tensors dumped;
  struct tensor got = {0}, want = {0}, mask = {0};
  char key[128], label[192];
  snprintf(key, sizeof key, "%s.%s", name, what);
  snprintf(label, sizeof label, "%s (%s)", key, value);
  if (!tensors_get(&f->expected, key, &want))
    return;
  snprintf(key, sizeof key, "%s.attention_mask", name);
  tensors_get(&f->expected, key, &mask);
  bool pooled = want.rank == 2 && want.count % mask.count != 0;
  if (!tensors_read(f->dump_path, &dumped)) {
    check(false, "no dump %g", f->name, label, 0);
  } else {
    bool found = tensors_get(&dumped, value, &got);
    check(found, "not in the dump %g", f->name, label, 0);
    if (found) {
      double most = largest_difference(&got, &want, pooled ? NULL : &mask);
      check(most <= TOLERANCE, "off by %.3g", f->name, label, most);
    }
    tensors_finish(&dumped);
  }
  tensor_finish(&got);
  tensor_finish(&want);
  tensor_finish(&mask);
}

static void run_case(const struct fixture *f, const char *name, uint32_t flags) {
  static const char *const value[] = {"ids", "real", "pos", "types"};
  static const char *const stored[] = {"input_ids", "attention_mask", "position_ids",
                                       "token_type_ids"};
  bool qa = strcmp(f->task, "qa") == 0, embed = strcmp(f->task, "embed") == 0;
  char key[MAX_FEEDS][64];
  tfm_tap feed[MAX_FEEDS], dump[MAX_DUMPS];
  size_t feeds = 0, dumps = 0;
  bool bert = f->encoder;
  for (size_t i = 0; i < MAX_FEEDS; i++) {
    if (strcmp(value[i], "types") == 0 && !bert)
      continue;
    snprintf(key[feeds], sizeof key[feeds], "%s.%s", name, stored[i]);
    feed[feeds] = (tfm_tap){sizeof(tfm_tap), value[i], f->expected_path, key[feeds]};
    feeds++;
  }
  dump[dumps++] = (tfm_tap){sizeof(tfm_tap), f->hidden, f->dump_path, NULL};
  dump[dumps++] = (tfm_tap){sizeof(tfm_tap),
                            qa      ? "start"
                            : embed ? "vector"
                                    : "logits",
                            f->dump_path, NULL};
  if (qa)
    dump[dumps++] = (tfm_tap){sizeof(tfm_tap), "end", f->dump_path, NULL};
  unlink(f->dump_path);
  tfm_model *model = open_model(f, feed, feeds, dump, dumps, 1, flags);
  tfm_result *result = NULL;
  if (!model || tfm_model_run(model, NULL, 0, NULL, &result, error) != 0) {
    report_error(f, name);
  } else {
    compare(f, name, f->hidden, "last_hidden_state");
    compare(f, name, "logits", "logits");
    compare(f, name, "start", "start_logits");
    compare(f, name, "end", "end_logits");
    compare(f, name, "vector", "vector");
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

/* Row r of case `right` as ids, without its padding. */
static size_t row_ids(const struct fixture *f, const char *name, size_t r, int32_t *ids) {
  struct tensor all, mask;
  char key[64];
  size_t count = 0;
  snprintf(key, sizeof key, "%s.input_ids", name);
  if (!tensors_get(&f->expected, key, &all))
    return 0;
  snprintf(key, sizeof key, "%s.attention_mask", name);
  bool masked = tensors_get(&f->expected, key, &mask);
  size_t width = (size_t)all.shape[1];
  for (size_t t = 0; t < width; t++)
    if (!masked || mask.value[r * width + t] != 0)
      ids[count++] = (int32_t)all.value[r * width + t];
  tensor_finish(&all);
  tensor_finish(&mask);
  return count;
}

/* The dumped hidden states of a run over these inputs, one block of rows.  Ids have no
 * context to be answered from: in place of qa another head of the same body is run. */
static bool run_inputs(const struct fixture *f, const tfm_input *input, size_t count,
                       uint32_t threads, struct tensor *hidden) {
  tfm_tap dump = {sizeof dump, f->hidden, f->dump_path, NULL};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = -2};
  tfm_result *result = NULL;
  struct tensors dumped;
  bool ok = false;
  unlink(f->dump_path);
  const char *task = strcmp(f->task, "qa") == 0 ? "embed" : NULL;
  tfm_model *model = open_task(f, task, NULL, 0, &dump, 1, threads, 0);
  if (!model || tfm_model_run(model, input, count, &run, &result, error) != 0) {
    report_error(f, "batch");
  } else if (tensors_read(f->dump_path, &dumped)) {
    ok = tensors_get(&dumped, f->hidden, hidden);
    tensors_finish(&dumped);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  return ok;
}

/* Three rows of unequal length: each as it is alone, with 1 and 2 threads. */
static void check_same_bits(const struct fixture *f) {
  int32_t ids[3][64];
  tfm_input input[7];
  struct tensor batch, alone;
  for (size_t i = 0; i < 7; i++)
    input[i] = (tfm_input){.struct_size = sizeof(tfm_input),
                           .ids = ids[i % 3],
                           .id_count = row_ids(f, "right", i % 3, ids[i % 3])};
  for (uint32_t threads = 1; threads <= 2; threads++) {
    if (!run_inputs(f, input, 7, threads, &batch)) {
      check(false, "no result %g", f->name, "batch of 7", 0);
      return;
    }
    size_t row = (size_t)(batch.shape[1] * batch.shape[2]);
    for (size_t i = 0; i < 3; i++) {
      if (!run_inputs(f, &input[i], 1, 1, &alone)) {
        check(false, "no result %g", f->name, "alone", 0);
        continue;
      }
      for (size_t at = i; at < 7; at += 3)
        check(memcmp(alone.value, batch.value + at * row, alone.count * sizeof(double)) == 0,
              "other bits than alone, threads %g", f->name, "batch of 7", threads);
      tensor_finish(&alone);
    }
    tensor_finish(&batch);
  }
}

/* The logits of the last place, from the dump. */
static bool last_logits(const struct fixture *f, const char *value, struct tensor *out) {
  struct tensors dumped;
  bool ok = tensors_read(f->dump_path, &dumped);
  if (ok) {
    ok = tensors_get(&dumped, value, out);
    tensors_finish(&dumped);
  }
  return ok;
}

static bool greedy_run(const struct fixture *f, const int32_t *prompt, size_t count, int64_t tokens,
                       int32_t *ids) {
  tfm_tap dump = {sizeof dump, "logits", f->dump_path, NULL};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = tokens, .ignore_stop = 1};
  tfm_input input = {.struct_size = sizeof input, .ids = prompt, .id_count = count};
  tfm_result *result = NULL;
  unlink(f->dump_path);
  tfm_model *model = open_model(f, NULL, 0, &dump, 1, 2, 0);
  bool ok = model && tfm_model_run(model, &input, 1, &run, &result, error) == 0;
  if (!ok)
    report_error(f, "greedy");
  const tfm_answer *answer = tfm_result_answer(result, 0);
  if (ok)
    memcpy(ids, answer->ids, answer->id_count * sizeof *ids);
  ok = ok && answer->id_count == (size_t)tokens;
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  return ok;
}

static void check_greedy(const struct fixture *f) {
  struct tensor want, logits, cached, fresh;
  int32_t all[128], ids[GREEDY + 1];
  char step[32];
  size_t count = row_ids(f, "greedy", 0, all);
  if (!tensors_get(&f->expected, "greedy.ids", &want))
    return;
  bool same = greedy_run(f, all, count, GREEDY, ids);
  for (size_t i = 0; same && i < GREEDY; i++)
    same = ids[i] == (int32_t)want.value[i];
  check(same, "32 greedy tokens differ %g", f->name, "greedy", 0);
  snprintf(step, sizeof step, "logits@%d", GREEDY - 1);
  if (same && last_logits(f, step, &cached)) {
    size_t vocabulary = (size_t)cached.shape[cached.rank - 1];
    tensors_get(&f->expected, "greedy.logits", &logits);
    double most = largest_difference(&cached, &logits, NULL);
    check(most <= TOLERANCE, "last logits off by %.3g", f->name, "greedy", most);
    memcpy(all + count, ids, (GREEDY - 1) * sizeof *ids);
    greedy_run(f, all, count + GREEDY - 1, 1, ids);
    if (last_logits(f, "logits", &fresh)) {
      const double *end = fresh.value + fresh.count - vocabulary;
      check(memcmp(end, cached.value, vocabulary * sizeof(double)) == 0,
            "cached decoding is not recomputing %g", f->name, "greedy", 0);
      tensor_finish(&fresh);
    }
    tensor_finish(&cached);
    tensor_finish(&logits);
  } else {
    check(false, "no logits of the last step %g", f->name, "greedy", 0);
  }
  tensor_finish(&want);
}

static void run_fixture(const char *root, const char *models, json_t *entry) {
  struct fixture f = {.name = json_string_value(json_object_get(entry, "name")),
                      .task = json_string_value(json_object_get(entry, "task"))};
  const char *model = json_string_value(json_object_get(entry, "model"));
  snprintf(f.directory, sizeof f.directory, "%s/%s", root, f.name);
  snprintf(f.model, sizeof f.model, "%s/%s", models, model);
  snprintf(f.expected_path, sizeof f.expected_path, "%s/expected.safetensors", f.directory);
  snprintf(f.dump_path, sizeof f.dump_path, "parity-%s.safetensors", f.name);
  f.encoder = strcmp(f.task, "generate") != 0;
  f.hidden = f.encoder ? "x" : strcmp(model, "gpt2.tfm") == 0 ? "ln_f" : "norm";
  if (!tensors_read(f.expected_path, &f.expected)) {
    check(false, "cannot be read %g", f.name, "expected.safetensors", 0);
    return;
  }
  int before = failures;
  run_case(&f, "one", 0);
  run_case(&f, "right", 0);
  run_case(&f, "left", 0);
  run_case(&f, "one", TFM_OPEN_NO_FUSE);
  run_case(&f, "right", TFM_OPEN_REFERENCE);
  check_same_bits(&f);
  if (!f.encoder)
    check_greedy(&f);
  printf("%s %s\n", failures == before ? "ok:" : "not ok:", f.name);
  unlink(f.dump_path);
  tensors_finish(&f.expected);
}

int main(int argc, char **argv) {
  const char *source = getenv("TFM_SRCDIR");
  char path[FILE_PATH], models[ROOT], root[ROOT];
  json_t *entry;
  size_t i;
  plugin_dir = getenv("TFM_PLUGIN_DIR");
  snprintf(root, sizeof root, "%s/tests/fixtures", source ? source : ".");
  snprintf(models, sizeof models, "%s/models", source ? source : ".");
  snprintf(path, sizeof path, "%s/manifest.json", root);
  json_t *manifest = json_load_file(path, 0, NULL);
  error = tfm_error_create();
  if (!manifest || !error)
    return fprintf(stderr, "cannot read %s\n", path), 99;
  json_array_foreach(json_object_get(manifest, "fixtures"), i, entry) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    if (argc < 2 || strstr(name, argv[1]))
      run_fixture(root, models, entry);
  }
  printf("%d checks, %d failed\n", checks, failures);
  tfm_error_destroy(error);
  json_decref(manifest);
  return failures ? 1 : checks == 0 ? 99 : 0;
}
