/* test_zoo.c - every family that ships, against transformers.
 *
 * tests/fixtures/zoo/manifest.json lists small random checkpoints; families.py there says
 * what each is for, make.py what expected.safetensors holds.  A directory alone is given:
 * the model file is found by its model_type, the head by its architecture.  For each:
 *
 *     the logits of three rows of unequal length, also unfused, also by the reference
 *     kernels; each row has the bits that it has alone, with one thread and two
 *     32 greedy tokens, and the logits of the last
 *     the best of four beams and its score
 *     of an encoder-decoder: what it writes for each row, greedily and by four beams
 *
 * A logit may be off by TOLERANCE, or by TOLERANCE times the largest logit. */
#include "tests/parity/tensors.h"
#include "tfm/tfm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TOLERANCE = 2e-5;

enum { ROOT = 1024, PATH = ROOT + 256, ROWS = 3, LONGEST = 64 };

struct family {
  const char *name, *task;
  char directory[PATH], dump[PATH];
  struct tensors expected;
  int32_t ids[ROWS][LONGEST];
  size_t count[ROWS];
  size_t width; /* of the longest row */
};

static int failures, checks;
static tfm_error *error;
static const char *plugin_dir, *model_dir;

static bool check(bool ok, const struct family *f, const char *what, const char *format,
                  double value) {
  checks++;
  if (!ok) {
    failures++;
    printf("not ok: %s: %s: ", f->name, what);
    printf(format, value);
    printf("\n");
  }
  return ok;
}

static bool check_call(bool ok, const struct family *f, const char *what) {
  checks++;
  if (!ok) {
    failures++;
    printf("not ok: %s: %s: %s\n%s\n", f->name, what, tfm_error_message(error),
           tfm_error_notes(error));
  }
  return ok;
}

static tfm_model *open_family(const struct family *f, const tfm_tap *dump, size_t dumps,
                              uint32_t threads, uint32_t flags) {
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = flags,
                           .model = f->directory,
                           .threads = threads,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0,
                           .model_dir = &model_dir,
                           .model_dir_count = model_dir ? 1 : 0,
                           .dump = dump,
                           .dump_count = dumps};
  return tfm_model_open(&open, error);
}

/* Rows first, first + 1, ... of the family as inputs. */
static void make_inputs(const struct family *f, size_t first, size_t count, tfm_input *input) {
  for (size_t i = 0; i < count; i++)
    input[i] = (tfm_input){
        .struct_size = sizeof *input, .ids = f->ids[first + i], .id_count = f->count[first + i]};
}

/* What the head gives under this name for the rows from first on. */
static bool run_rows(const struct family *f, const char *value, size_t first, size_t count,
                     uint32_t threads, uint32_t flags, struct tensor *out) {
  bool causal = strcmp(f->task, "generate") == 0;
  tfm_tap dump = {sizeof dump, value, f->dump, NULL};
  tfm_run_options run = {.struct_size = sizeof run,
                         .max_new_tokens = causal ? 1 : 0,
                         .ignore_stop = causal,
                         .flags = causal ? 0 : TFM_RUN_PASS_ONLY};
  tfm_input input[ROWS];
  tfm_result *result = NULL;
  struct tensors dumped;
  make_inputs(f, first, count, input);
  unlink(f->dump);
  tfm_model *model = open_family(f, &dump, 1, threads, flags);
  bool ok = model && tfm_model_run(model, input, count, &run, &result, error) == 0;
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  if (!check_call(ok, f, value) || !check(tensors_read(f->dump, &dumped), f, value, "no dump", 0))
    return false;
  ok = tensors_get(&dumped, value, out);
  tensors_finish(&dumped);
  return check(ok, f, value, "not in the dump", 0);
}

static double largest(const struct tensor *t) {
  double most = 1;
  for (size_t i = 0; i < t->count; i++)
    most = fabs(t->value[i]) > most ? fabs(t->value[i]) : most;
  return most;
}

/* The largest difference at the places of the rows, by the size of what is wanted. */
static double difference(const struct family *f, const struct tensor *got,
                         const struct tensor *want, bool placed) {
  double most = 0;
  if (got->count != want->count)
    return INFINITY;
  size_t each = want->count / (placed ? ROWS * f->width : ROWS);
  for (size_t i = 0; i < want->count; i++) {
    size_t place = i / each;
    double d = fabs(got->value[i] - want->value[i]);
    if (placed && place % f->width >= f->count[place / f->width])
      continue;
    most = d > most || isnan(d) ? d : most;
  }
  return most / largest(want);
}

/* A batch of all rows, row by row the bits of each alone. */
static void check_alone(const struct family *f, const char *value, const struct tensor *batch,
                        bool placed) {
  for (size_t r = 0; r < ROWS; r++) {
    struct tensor alone;
    if (!run_rows(f, value, r, 1, 1, 0, &alone))
      return;
    size_t row = batch->count / ROWS;
    size_t own = placed ? row / f->width * f->count[r] : row;
    bool same = alone.count >= own &&
                memcmp(alone.value, batch->value + r * row, own * sizeof(double)) == 0;
    check(same, f, value, "row %g has other bits alone", (double)r);
    tensor_finish(&alone);
  }
}

static void check_value(const struct family *f, const char *value) {
  static const uint32_t flags[] = {0, TFM_OPEN_NO_FUSE, TFM_OPEN_REFERENCE};
  static const char *const form[] = {"fused", "unfused", "by reference kernels"};
  struct tensor want, got, two;
  bool placed = strcmp(f->task, "classify") != 0;
  if (!tensors_get(&f->expected, value, &want))
    return;
  for (size_t i = 0; i < 3; i++) {
    if (!run_rows(f, value, 0, ROWS, 1, flags[i], &got))
      break;
    double most = difference(f, &got, &want, placed);
    check(most <= TOLERANCE, f, form[i], "off by %.3g", most);
    if (i == 0) {
      check_alone(f, value, &got, placed);
      if (run_rows(f, value, 0, ROWS, 2, 0, &two)) {
        check(memcmp(got.value, two.value, got.count * sizeof(double)) == 0, f, value,
              "%g threads give other bits", 2);
        tensor_finish(&two);
      }
    }
    tensor_finish(&got);
  }
  tensor_finish(&want);
}

/* The ids of an answer are those of a row of `want`, which ends with the row or at -1. */
static bool same_ids(const tfm_answer *answer, const double *want, size_t count) {
  size_t length = 0;
  while (length < count && want[length] >= 0)
    length++;
  if (!answer || answer->id_count > length)
    return false;
  for (size_t i = 0; i < answer->id_count; i++)
    if (answer->ids[i] != (int32_t)want[i])
      return false;
  /* Whether the stop is one of an answer's ids or not is not what is tested here. */
  return answer->id_count + 1 >= length;
}

static void check_greedy(const struct family *f) {
  struct tensor want, last, got;
  struct tensors dumped;
  tfm_input input;
  tfm_result *result = NULL;
  tfm_tap dump = {sizeof dump, "logits", f->dump, NULL};
  char step[32];
  if (!tensors_get(&f->expected, "greedy.ids", &want))
    return;
  tfm_run_options run = {
      .struct_size = sizeof run, .max_new_tokens = (int64_t)want.count, .ignore_stop = 1};
  make_inputs(f, 0, 1, &input);
  unlink(f->dump);
  tfm_model *model = open_family(f, &dump, 1, 2, 0);
  bool ok = model && tfm_model_run(model, &input, 1, &run, &result, error) == 0;
  if (check_call(ok, f, "greedy")) {
    check(same_ids(tfm_result_answer(result, 0), want.value, want.count), f, "greedy",
          "not the %g tokens", (double)want.count);
    snprintf(step, sizeof step, "logits@%zu", want.count - 1);
    if (tensors_get(&f->expected, "greedy.logits", &last)) {
      if (tensors_read(f->dump, &dumped)) {
        if (check(tensors_get(&dumped, step, &got), f, step, "not in the dump", 0)) {
          double most = 0;
          for (size_t i = 0; i < last.count && i < got.count; i++)
            most = fmax(most, fabs(got.value[got.count - last.count + i] - last.value[i]));
          check(most <= TOLERANCE * largest(&last), f, step, "off by %.3g", most);
          tensor_finish(&got);
        }
        tensors_finish(&dumped);
      }
      tensor_finish(&last);
    }
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  tensor_finish(&want);
}

/* What is written after, or for, the first rows: as one batch, each the same as alone. */
static void check_texts(const struct family *f, const tfm_run_options *run, size_t rows,
                        const char *ids, const char *scores) {
  struct tensor want, score = {0};
  tfm_input input[ROWS];
  tfm_result *result = NULL, *alone = NULL;
  if (!tensors_get(&f->expected, ids, &want))
    return;
  bool scored = scores && tensors_get(&f->expected, scores, &score);
  size_t width = want.count / rows;
  make_inputs(f, 0, rows, input);
  tfm_model *model = open_family(f, NULL, 0, 2, 0);
  bool ok = model && tfm_model_run(model, input, rows, run, &result, error) == 0;
  for (size_t r = 0; check_call(ok, f, ids) && r < rows; r++) {
    const tfm_answer *answer = tfm_result_answer(result, r);
    check(same_ids(answer, want.value + r * width, width), f, ids, "not those of row %g",
          (double)r);
    if (scored)
      check(fabs(answer->score - score.value[r]) <= 1e-4, f, scores, "is %.9g", answer->score);
    ok = tfm_model_run(model, &input[r], 1, run, &alone, error) == 0;
    if (ok) {
      const tfm_answer *own = tfm_result_answer(alone, 0);
      check(own->id_count == answer->id_count && own->score == answer->score &&
                memcmp(own->ids, answer->ids, own->id_count * sizeof *own->ids) == 0,
            f, ids, "row %g is another alone", (double)r);
    }
    tfm_result_destroy(alone);
    alone = NULL;
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  tensor_finish(&want);
  if (scored)
    tensor_finish(&score);
}

/* Greedily, and the best of four beams.  Marian never writes its padding: what it begins with. */
static void check_written(const struct family *f, const json_t *entry) {
  char path[PATH + 32];
  snprintf(path, sizeof path, "%s/config.json", f->directory);
  json_t *config = json_load_file(path, 0, NULL);
  int32_t pad = (int32_t)json_integer_value(json_object_get(config, "pad_token_id"));
  bool marian = strcmp(json_string_value(json_object_get(entry, "type")), "marian") == 0;
  const tfm_ids word = {&pad, 1};
  tfm_run_options run = {.struct_size = sizeof run,
                         .max_new_tokens = 20,
                         .bad_words = &word,
                         .bad_word_count = marian ? 1 : 0};
  check_texts(f, &run, ROWS, "texts.ids", NULL);
  run.beams = 4;
  check_texts(f, &run, ROWS, "texts.beam", "texts.score");
  run.max_new_tokens = 16;
  check_texts(f, &run, 1, "beam.ids", "beam.score");
  json_decref(config);
}

static void run_family(const char *root, const json_t *entry) {
  struct family f = {.name = json_string_value(json_object_get(entry, "name")),
                     .task = json_string_value(json_object_get(entry, "task"))};
  struct tensor ids, mask;
  char path[PATH + 32];
  int before = failures;
  snprintf(f.directory, sizeof f.directory, "%s/%s", root, f.name);
  snprintf(f.dump, sizeof f.dump, "zoo-%s.safetensors", f.name);
  snprintf(path, sizeof path, "%s/expected.safetensors", f.directory);
  if (!check(tensors_read(path, &f.expected), &f, "expected.safetensors", "cannot be read", 0))
    return;
  bool ok = tensors_get(&f.expected, "ids", &ids) && tensors_get(&f.expected, "mask", &mask) &&
            ids.shape[0] == ROWS && ids.shape[1] <= LONGEST;
  if (check(ok, &f, "ids", "not three rows", 0)) {
    f.width = (size_t)ids.shape[1];
    for (size_t i = 0; i < ids.count; i++)
      if (mask.value[i] != 0)
        f.ids[i / f.width][f.count[i / f.width]++] = (int32_t)ids.value[i];
    tensor_finish(&ids);
    tensor_finish(&mask);
    check_value(&f, "logits");
    check_value(&f, "start");
    check_value(&f, "end");
    check_greedy(&f);
    check_written(&f, entry);
  }
  unlink(f.dump);
  tensors_finish(&f.expected);
  printf("%s %s\n", failures == before ? "ok:" : "not ok:", f.name);
}

int main(int argc, char **argv) {
  const char *source = getenv("TFM_SRCDIR");
  const char *given = getenv("TFM_ZOO"); /* checkpoints that lie elsewhere */
  char path[PATH], models[PATH], root[ROOT];
  json_t *entry;
  size_t i;
  plugin_dir = getenv("TFM_PLUGIN_DIR");
  snprintf(models, sizeof models, "%s/models", source ? source : ".");
  model_dir = models;
  if (given)
    snprintf(root, sizeof root, "%s", given);
  else
    snprintf(root, sizeof root, "%s/tests/fixtures/zoo", source ? source : ".");
  snprintf(path, sizeof path, "%s/manifest.json", root);
  json_t *manifest = json_load_file(path, 0, NULL);
  error = tfm_error_create();
  if (!manifest || !error)
    return fprintf(stderr, "cannot read %s\n", path), 99;
  json_array_foreach(manifest, i, entry) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    if (argc < 2 || strstr(name, argv[1]))
      run_family(root, entry);
  }
  printf("%d checks, %d failed\n", checks, failures);
  tfm_error_destroy(error);
  json_decref(manifest);
  return failures ? 1 : checks == 0 ? 99 : 0;
}
