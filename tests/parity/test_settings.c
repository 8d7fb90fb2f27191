/* test_settings.c - one setting of config.json, or one tensor, that differs:
 * every checkpoint of tests/fixtures/config against transformers.
 *
 * Their files are made by tests/fixtures/settings.py, which sees to it that a
 * setting moves the logits by 0.01 or more, or not at all.  TOLERANCE: as in
 * test_fixtures.c; these logits are up to 10. */
#include "tests/parity/tensors.h"
#include "tfm/tfm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TOLERANCE = 5e-5;
static const char DUMP[] = "parity-settings.safetensors";
enum { PATH = 1024 };

static tfm_error *error;

/* The logits for what is fed; false after an error, which is printed. */
static bool run(const char *name, const char *directory, const char *models, const char *expected,
                struct tensor *logits) {
  static const char *const value[] = {"ids", "real", "pos", "types"};
  static const char *const stored[] = {"input_ids", "attention_mask", "position_ids",
                                       "token_type_ids"};
  char model_path[PATH + 160];
  const char *plugin_dir = getenv("TFM_PLUGIN_DIR");
  snprintf(model_path, sizeof model_path, "%s/%.*s.tfm", models, (int)strcspn(name, "-"), name);
  tfm_tap dump = {.struct_size = sizeof dump, .value = "logits", .file = DUMP}, feed[4];
  for (size_t i = 0; i < 4; i++)
    feed[i] = (tfm_tap){sizeof *feed, value[i], expected, stored[i]};
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = model_path,
                           .weights = directory,
                           .threads = 1,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0,
                           .feed = feed,
                           .feed_count = strncmp(name, "bert", 4) == 0 ? 4 : 3,
                           .dump = &dump,
                           .dump_count = 1};
  tfm_result *result = NULL;
  struct tensors dumped;
  unlink(DUMP);
  tfm_model *model = tfm_model_open(&open, error);
  bool ok = model && tfm_model_run(model, NULL, 0, NULL, &result, error) == 0;
  if (!ok)
    printf("not ok: %s: %s\n%s\n", name, tfm_error_message(error), tfm_error_notes(error));
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  if (!ok || !tensors_read(DUMP, &dumped))
    return false;
  ok = tensors_get(&dumped, "logits", logits);
  tensors_finish(&dumped);
  return ok;
}

static bool check(const char *root, const char *models, const char *name) {
  char directory[PATH + 160], path[PATH + 200];
  struct tensors expected;
  struct tensor want = {0}, got = {0};
  double most = INFINITY;
  snprintf(directory, sizeof directory, "%s/tests/fixtures/config/%s", root, name);
  snprintf(path, sizeof path, "%s/expected.safetensors", directory);
  if (tensors_read(path, &expected)) {
    if (tensors_get(&expected, "logits", &want) && run(name, directory, models, path, &got) &&
        got.count == want.count) {
      most = 0;
      for (size_t i = 0; i < got.count; i++) {
        double off = fabs(got.value[i] - want.value[i]);
        most = off <= most ? most : off;
      }
    }
    tensors_finish(&expected);
  }
  tensor_finish(&want);
  tensor_finish(&got);
  bool ok = most <= TOLERANCE;
  printf("%s %s: off by %.3g\n", ok ? "ok:" : "not ok:", name, most);
  return ok;
}

int main(void) {
  const char *source = getenv("TFM_SRCDIR");
  char path[PATH], models[PATH], name[128];
  int failures = 0, count = 0;
  error = tfm_error_create();
  snprintf(models, sizeof models, "%s/models", source ? source : ".");
  snprintf(path, sizeof path, "%s/tests/fixtures/config/cases.txt", source ? source : ".");
  FILE *file = fopen(path, "r");
  if (!file || !error)
    return 99;
  while (fgets(name, sizeof name, file)) {
    name[strcspn(name, "\n")] = '\0';
    failures += !check(source ? source : ".", models, name);
    count++;
  }
  fclose(file);
  unlink(DUMP);
  tfm_error_destroy(error);
  printf("%d settings, %d failed\n", count, failures);
  return failures || count == 0;
}
