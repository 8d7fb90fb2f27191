/* test_published.c - trained checkpoints whose figures others have published.
 *
 *   stories260K         200 greedy ids and their text, byte for byte; the
 *                       logits after 16 tokens
 *   gpt-nano-sort       every published intermediate of three inputs within
 *                       5e-6; all 729 inputs sorted
 *   bert-tiny-sst2-body both logits within 1e-5, from sentences that are
 *                       embedded already
 *
 * They lie outside the project, in $TFM_SHARED/data/checkpoints; what is not
 * there is named and skipped. */
#include "tests/parity/tensors.h"
#include "tfm/tfm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOT = 1024, PATH = ROOT + 128, FILE_PATH = PATH + 64 };

static int failures, checks, skipped;
static tfm_error *error;
static const char *plugin_dir;
static char checkpoints[ROOT], models[ROOT];
static const char dump_file[] = "published.safetensors";

static void check(bool ok, const char *what, double value) {
  checks++;
  failures += !ok;
  if (!ok)
    printf("not ok: %s (%.9g)\n", what, value);
}

static void fail_with_error(const char *what) {
  checks++;
  failures++;
  printf("not ok: %s: %s\n%s\n", what, tfm_error_message(error), tfm_error_notes(error));
}

static void message(void *arg, int severity, const char *text) {
  (void)arg;
  if (severity > 0)
    printf("%s\n", text);
}

/* The directory of a checkpoint; false when it is not there. */
static bool checkpoint(const char *name, char out[PATH]) {
  snprintf(out, PATH, "%s/%s", checkpoints, name);
  if (access(out, R_OK) == 0)
    return true;
  printf("skipped: %s is not there\n", name);
  skipped++;
  return false;
}

static tfm_model *open_model(const char *model, const char *directory, const tfm_tap *feed,
                             size_t feeds, const tfm_tap *dump, size_t dumps) {
  char path[FILE_PATH];
  snprintf(path, sizeof path, "%s/%s", models, model);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = path,
                           .weights = directory,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0,
                           .feed = feed,
                           .feed_count = feeds,
                           .dump = dump,
                           .dump_count = dumps,
                           .message = message};
  return tfm_model_open(&open, error);
}

/* ------------------------------------------------------------- stories260K */

static void check_story(tfm_model *model, json_t *golden) {
  const char *text = json_string_value(json_object_get(golden, "greedy_text"));
  json_t *ids = json_object_get(golden, "greedy_ids");
  size_t count = json_array_size(ids);
  tfm_input input = {.struct_size = sizeof input, .text = "", .text_length = 0};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = (int64_t)count - 1};
  tfm_result *result = NULL;
  if (tfm_model_run(model, &input, 1, &run, &result, error) != 0) {
    fail_with_error("stories260K");
    return;
  }
  const tfm_answer *answer = tfm_result_answer(result, 0);
  bool same = answer->id_count == count - 1;
  for (size_t i = 0; same && i < answer->id_count; i++)
    same = answer->ids[i] == json_integer_value(json_array_get(ids, i + 1));
  check(same, "stories260K: the published ids", (double)answer->id_count);
  check(strcmp(answer->text, text) == 0, "stories260K: the published text",
        (double)answer->text_length);
  tfm_result_destroy(result);
}

static void check_story_logits(const char *directory, json_t *golden) {
  json_t *want = json_object_get(golden, "prefix16_logits_last");
  json_t *all = json_object_get(golden, "greedy_ids");
  tfm_tap dump = {sizeof dump, "logits", dump_file, NULL};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = -2};
  struct tensors dumped;
  struct tensor got;
  tfm_result *result = NULL;
  int32_t ids[16];
  for (size_t i = 0; i < 16; i++)
    ids[i] = (int32_t)json_integer_value(json_array_get(all, i));
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 16};
  tfm_model *model = open_model("llama.tfm", directory, NULL, 0, &dump, 1);
  if (!model || tfm_model_run(model, &input, 1, &run, &result, error) != 0) {
    fail_with_error("stories260K logits");
  } else if (tensors_read(dump_file, &dumped)) {
    double most = INFINITY;
    if (tensors_get(&dumped, "logits", &got)) {
      size_t vocabulary = json_array_size(want);
      most = 0;
      for (size_t i = 0; i < vocabulary; i++) {
        double d =
            fabs(got.value[15 * vocabulary + i] - json_number_value(json_array_get(want, i)));
        most = d > most ? d : most;
      }
      tensor_finish(&got);
    }
    /* The reference is printed with six digits: half a unit of the last, and ours. */
    check(most < 7e-5, "stories260K: logits after 16 tokens", most);
    tensors_finish(&dumped);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

static void test_stories(void) {
  char directory[PATH], path[FILE_PATH];
  if (!checkpoint("stories260K", directory))
    return;
  snprintf(path, sizeof path, "%s/golden.json", directory);
  json_t *golden = json_load_file(path, 0, NULL);
  tfm_model *model = open_model("llama.tfm", directory, NULL, 0, NULL, 0);
  if (!model || !golden) {
    fail_with_error("stories260K");
  } else {
    check_story(model, golden);
    check_story_logits(directory, golden);
  }
  tfm_model_destroy(model);
  json_decref(golden);
}

/* ----------------------------------------------------------- gpt-nano-sort */

/* The published run had a bias in c_attn that the published weights lack (ours
 * and theirs differ by one constant a column there), so the run is compared in
 * stages, each from the published value that the one before cannot reach:
 * up to ln1; from qkv to the end of block 0; from block 2 to the logits.
 * block1 and block2 follow from biases that nobody has. */
struct stage {
  const char *feed, *from; /* our name and theirs; NULL = from the ids */
  const char *pair[16][2]; /* theirs, ours; q, k and v are published a head at a time */
};

static const struct stage stages[] = {
    {NULL,
     NULL,
     {{"idx", "ids"}, {"tok_emb", "wte"}, {"pos_emb", "wpe"}, {"x", "add"}, {"ln1", "h.0.ln_1"}}},
    {"h.0.attn.c_attn",
     "qkv",
     {{"q", "h.0.q"},
      {"k", "h.0.k"},
      {"v", "h.0.v"},
      {"att", "h.0.attention.scores"},
      {"attSm", "h.0.attention.probs"},
      {"y", "h.0.attention"},
      {"yProj", "h.0.attn.c_proj"},
      {"attnResid", "h.0.x"},
      {"ln2", "h.0.ln_2"},
      {"fc", "h.0.ffn.up"},
      {"gelu", "h.0.ffn.act"},
      {"mlp", "h.0.ffn"},
      {"mlpResid", "h.0"},
      {"block0", "h.0"}}},
    {"h.2", "block2", {{"ln_f", "ln_f"}, {"lm_head", "logits"}}},
};
enum { PAIRS = 16, SORT = 11, SORT_WIDTH = 48, HEAD = 16 };

/* Where element i of a published [B, heads, T, head] lies in our [B, T, width]. */
static size_t by_head(size_t i) {
  size_t column = i % HEAD, t = i / HEAD % SORT, head = i / (HEAD * SORT) % 3,
         b = i / (HEAD * SORT * 3);
  return (b * SORT + t) * SORT_WIDTH + head * HEAD + column;
}

static double intermediate_difference(const struct tensor *want, const struct tensor *got) {
  bool heads = want->rank == 4 && got->rank == 3;
  double most = 0;
  if (got->count < want->count)
    return INFINITY;
  for (size_t i = 0; i < want->count; i++) {
    double ours = got->value[heads ? by_head(i) : i];
    double d = isinf(want->value[i]) ? (ours == want->value[i] ? 0 : INFINITY)
                                     : fabs(ours - want->value[i]);
    most = d > most || isnan(d) ? d : most;
  }
  return most;
}

static double probability_difference(const struct tensor *want, const struct tensor *logits) {
  double most = 0;
  for (size_t i = 0; i + 2 < want->count; i += 3) {
    double sum = 0;
    for (size_t j = 0; j < 3; j++)
      sum += exp(logits->value[i + j]);
    for (size_t j = 0; j < 3; j++) {
      double d = fabs(exp(logits->value[i + j]) / sum - want->value[i + j]);
      most = d > most ? d : most;
    }
  }
  return most;
}

static void compare_stage(const struct stage *stage, const struct tensors *golden,
                          const struct tensors *dumped) {
  struct tensor want, got;
  char what[96];
  for (size_t i = 0; i < PAIRS && stage->pair[i][0]; i++) {
    const char *const *published = stage->pair[i];
    double most = INFINITY;
    if (tensors_get(golden, published[0], &want) && tensors_get(dumped, published[1], &got)) {
      most = intermediate_difference(&want, &got);
      tensor_finish(&got);
    }
    tensor_finish(&want);
    snprintf(what, sizeof what, "gpt-nano-sort: %s", published[0]);
    check(most <= 5e-6, what, most);
  }
  if (tensors_get(dumped, "logits", &got)) {
    double most = INFINITY;
    if (tensors_get(golden, "probs", &want))
      most = probability_difference(&want, &got);
    check(most <= 5e-6, "gpt-nano-sort: probs", most);
    tensor_finish(&want);
    tensor_finish(&got);
  }
}

static void check_stage(const char *directory, const struct stage *stage) {
  char path[FILE_PATH];
  struct tensors golden, dumped;
  struct tensor idx;
  tfm_tap dump[PAIRS], feed = {sizeof feed, stage->feed, path, stage->from};
  size_t dumps = 0;
  tfm_input input[3];
  int32_t ids[3][SORT];
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = -2};
  tfm_result *result = NULL;
  snprintf(path, sizeof path, "%s/golden.safetensors", directory);
  if (!tensors_read(path, &golden) || !tensors_get(&golden, "idx", &idx)) {
    check(false, "gpt-nano-sort: golden.safetensors cannot be read", 0);
    return;
  }
  for (size_t r = 0; r < 3; r++) {
    for (size_t t = 0; t < SORT; t++)
      ids[r][t] = (int32_t)idx.value[r * SORT + t];
    input[r] = (tfm_input){.struct_size = sizeof(tfm_input), .ids = ids[r], .id_count = SORT};
  }
  for (size_t i = 0; i < PAIRS && stage->pair[i][0]; i++)
    dump[dumps++] = (tfm_tap){sizeof(tfm_tap), stage->pair[i][1], dump_file, NULL};
  tfm_model *model = open_model("gpt2.tfm", directory, &feed, stage->feed ? 1 : 0, dump, dumps);
  if (!model || tfm_model_run(model, input, 3, &run, &result, error) != 0)
    fail_with_error("gpt-nano-sort");
  else if (tensors_read(dump_file, &dumped)) {
    compare_stage(stage, &golden, &dumped);
    tensors_finish(&dumped);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  tensor_finish(&idx);
  tensors_finish(&golden);
}

/* Six letters of three kinds: the six tokens that follow are they, sorted. */
static void check_sorting(const char *directory) {
  enum { LETTERS = 6, INPUTS = 729 };
  static int32_t ids[INPUTS][LETTERS];
  static tfm_input input[INPUTS];
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = LETTERS, .ignore_stop = 1};
  tfm_result *result = NULL;
  int sorted = 0;
  for (int n = 0; n < INPUTS; n++) {
    for (int i = 0, rest = n; i < LETTERS; i++, rest /= 3)
      ids[n][i] = rest % 3;
    input[n] = (tfm_input){.struct_size = sizeof(tfm_input), .ids = ids[n], .id_count = LETTERS};
  }
  tfm_model *model = open_model("gpt2.tfm", directory, NULL, 0, NULL, 0);
  if (!model || tfm_model_run(model, input, INPUTS, &run, &result, error) != 0)
    fail_with_error("gpt-nano-sort");
  for (size_t n = 0; result && n < INPUTS; n++) {
    const tfm_answer *answer = tfm_result_answer(result, n);
    int counts[3] = {0};
    bool good = answer->id_count == LETTERS;
    for (size_t i = 0; i < LETTERS; i++)
      counts[ids[n][i]]++;
    for (size_t i = 0; good && i < LETTERS; i++) {
      int letter = (int)i < counts[0] ? 0 : (int)i < counts[0] + counts[1] ? 1 : 2;
      good = answer->ids[i] == letter;
    }
    sorted += good;
  }
  check(sorted == INPUTS, "gpt-nano-sort: inputs sorted, of 729", sorted);
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

/* ----------------------------------------------------- bert-tiny-sst2-body */

static void check_sentence(const char *directory, json_t *golden, const char *name) {
  char inputs[FILE_PATH], tensor[64];
  tfm_result *result = NULL;
  struct tensors dumped;
  struct tensor got;
  snprintf(inputs, sizeof inputs, "%s/inputs.safetensors", directory);
  snprintf(tensor, sizeof tensor, "%s.inputs_embeds", name);
  tfm_tap feed = {sizeof feed, "embeddings.LayerNorm", inputs, tensor},
          dump = {sizeof dump, "logits", dump_file, NULL};
  json_t *want = json_object_get(json_object_get(golden, name), "logits_true_layernorm_float64");
  tfm_model *model = open_model("bert.tfm", directory, &feed, 1, &dump, 1);
  if (!model || tfm_model_run(model, NULL, 0, NULL, &result, error) != 0) {
    fail_with_error("bert-tiny-sst2-body");
  } else if (tensors_read(dump_file, &dumped)) {
    bool there = tensors_get(&dumped, "logits", &got) && got.count == 2;
    for (size_t i = 0; i < 2; i++) {
      double d = there ? fabs(got.value[i] - json_number_value(json_array_get(want, i))) : INFINITY;
      check(d <= 1e-5, "bert-tiny-sst2-body: logit", d);
    }
    tensor_finish(&got);
    tensors_finish(&dumped);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

static void test_sst2(void) {
  char directory[PATH], path[FILE_PATH];
  if (!checkpoint("bert-tiny-sst2-body", directory))
    return;
  snprintf(path, sizeof path, "%s/golden.json", directory);
  json_t *golden = json_load_file(path, 0, NULL);
  check_sentence(directory, golden, "sentence0");
  check_sentence(directory, golden, "sentence1");
  json_decref(golden);
}

int main(void) {
  const char *source = getenv("TFM_SRCDIR"), *shared = getenv("TFM_SHARED");
  char directory[PATH];
  plugin_dir = getenv("TFM_PLUGIN_DIR");
  snprintf(models, sizeof models, "%s/models", source ? source : ".");
  if (shared)
    snprintf(checkpoints, sizeof checkpoints, "%s/data/checkpoints", shared);
  else
    snprintf(checkpoints, sizeof checkpoints, "%s/../shared/data/checkpoints",
             source ? source : ".");
  error = tfm_error_create();
  test_stories();
  if (checkpoint("gpt-nano-sort", directory)) {
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
      check_stage(directory, &stages[i]);
    check_sorting(directory);
  }
  test_sst2();
  unlink(dump_file);
  tfm_error_destroy(error);
  printf("%d checks, %d failed, %d checkpoints skipped\n", checks, failures, skipped);
  return failures ? 1 : checks == 0 ? 77 : 0;
}
