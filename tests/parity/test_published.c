/* test_published.c - trained checkpoints whose figures others have published.
 *
 *   stories260K         200 greedy ids and their text, byte for byte; the
 *                       logits after 16 tokens
 *   gpt-nano-sort       every published intermediate of three inputs within
 *                       5e-6; all 729 inputs sorted
 *   bert-tiny-sst2-body both logits within 1e-5, from sentences that are
 *                       embedded already
 *   bart-g2p-us         letters to sounds: what the encoder leaves, the logits of
 *                       each step; the reference's own output of 400 words, of
 *                       which 267 are right
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

/* Theirs and ours, from the ids on; q, k and v are published a head at a time. */
static const char *const pairs[][2] = {{"idx", "ids"},
                                       {"tok_emb", "wte"},
                                       {"pos_emb", "wpe"},
                                       {"x", "add"},
                                       {"ln1", "h.0.ln_1"},
                                       {"qkv", "h.0.attn.c_attn"},
                                       {"q", "h.0.q"},
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
                                       {"block0", "h.0"},
                                       {"block1", "h.1"},
                                       {"block2", "h.2"},
                                       {"ln_f", "ln_f"},
                                       {"lm_head", "logits"}};
enum { PAIRS = sizeof pairs / sizeof *pairs, SORT = 11, SORT_WIDTH = 48, HEAD = 16 };

/* Where element i of a published [B, heads, T, head] lies in our [B, T, heads, head]. */
static size_t by_head(size_t i) {
  size_t column = i % HEAD, t = i / HEAD % SORT, head = i / (HEAD * SORT) % 3,
         b = i / (HEAD * SORT * 3);
  return (b * SORT + t) * SORT_WIDTH + head * HEAD + column;
}

static double intermediate_difference(const struct tensor *want, const struct tensor *got) {
  bool heads = want->rank == 4 && got->rank == 4 && got->shape[1] == SORT;
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

static void compare_intermediates(const struct tensors *golden, const struct tensors *dumped) {
  struct tensor want, got;
  char what[96];
  for (size_t i = 0; i < PAIRS; i++) {
    const char *const *published = pairs[i];
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

static void check_intermediates(const char *directory) {
  char path[FILE_PATH];
  struct tensors golden, dumped;
  struct tensor idx;
  tfm_tap dump[PAIRS];
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
  for (size_t i = 0; i < PAIRS; i++)
    if (i == 0 || strcmp(pairs[i][1], pairs[i - 1][1]) != 0)
      dump[dumps++] = (tfm_tap){sizeof(tfm_tap), pairs[i][1], dump_file, NULL};
  tfm_model *model = open_model("gpt2.tfm", directory, NULL, 0, dump, dumps);
  if (!model || tfm_model_run(model, input, 3, &run, &result, error) != 0)
    fail_with_error("gpt-nano-sort");
  else if (tensors_read(dump_file, &dumped)) {
    compare_intermediates(&golden, &dumped);
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

/* ------------------------------------------------------------- bart-g2p-us */

enum { WORDS = 400, LETTERS = 64, START = 1, END = 2, UNKNOWN = 3, ALPHABET = 128 };

/* An alphabet: the character with index i is the id i. */
struct alphabet {
  const char *letter[ALPHABET + 1]; /* where each begins, and the last ends */
  size_t count;
};

static void read_alphabet(const json_t *config, const char *key, struct alphabet *out) {
  const char *text = json_string_value(json_object_get(config, key));
  out->count = 0;
  for (; text && *text && out->count < ALPHABET; text++)
    if (((unsigned char)*text & 0xc0) != 0x80)
      out->letter[out->count++] = text;
  out->letter[out->count] = text;
}

/* A word of a line as ids, between those of its begin and end. */
static size_t spell(const struct alphabet *letters, const char *word, size_t length, int32_t *ids) {
  size_t count = 0;
  ids[count++] = START;
  for (size_t at = 0; at < length && count + 1 < LETTERS; at++) {
    size_t id = UNKNOWN + 1;
    while (id < letters->count && *letters->letter[id] != word[at])
      id++;
    ids[count++] = id < letters->count ? (int32_t)id : UNKNOWN;
  }
  ids[count++] = END;
  return count;
}

static void sounds_of(const struct alphabet *sounds, const tfm_answer *answer, char *out,
                      size_t room) {
  size_t used = 0;
  for (size_t i = 0; i < answer->id_count; i++) {
    size_t id = (size_t)answer->ids[i];
    if (id <= UNKNOWN || id >= sounds->count)
      continue;
    size_t length = (size_t)(sounds->letter[id + 1] - sounds->letter[id]);
    if (used + length >= room)
      break;
    memcpy(out + used, sounds->letter[id], length);
    used += length;
  }
  out[used] = '\0';
}

/* All 400 words as one batch: how many are as the reference writes them, and how many right. */
static void check_words(const char *directory, const json_t *config) {
  static char line[WORDS][256];
  static int32_t ids[WORDS][LETTERS];
  static tfm_input input[WORDS];
  char path[FILE_PATH], made[256];
  struct alphabet letters, sounds;
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = -1};
  tfm_result *result = NULL;
  size_t words = 0, same = 0, right = 0;
  read_alphabet(config, "grapheme_chars", &letters);
  read_alphabet(config, "phoneme_chars", &sounds);
  snprintf(path, sizeof path, "%s/eval_400.tsv", directory);
  FILE *file = fopen(path, "r");
  bool more = file && fgets(line[0], sizeof line[0], file);
  while (more && words < WORDS && fgets(line[words], sizeof line[0], file)) {
    line[words][strcspn(line[words], "\n")] = '\0';
    size_t count = spell(&letters, line[words], strcspn(line[words], "\t"), ids[words]);
    input[words] = (tfm_input){.struct_size = sizeof *input, .ids = ids[words], .id_count = count};
    words++;
  }
  if (file)
    fclose(file);
  tfm_model *model = open_model("bart.tfm", directory, NULL, 0, NULL, 0);
  if (!model || tfm_model_run(model, input, words, &run, &result, error) != 0)
    fail_with_error("bart-g2p-us");
  for (size_t i = 0; result && i < words; i++) {
    const char *gold = strchr(line[i], '\t') + 1, *greedy = strchr(gold, '\t') + 1;
    sounds_of(&sounds, tfm_result_answer(result, i), made, sizeof made);
    same += strcmp(made, greedy) == 0;
    right += strlen(made) + 1 == (size_t)(greedy - gold) && memcmp(made, gold, strlen(made)) == 0;
  }
  check(same == WORDS, "bart-g2p-us: words as the reference writes them, of 400", (double)same);
  check(right == 267, "bart-g2p-us: words that are right, of which there are 267", (double)right);
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

/* Greedy ids begin with the start, which is no part of an answer, and end with the stop. */
static void check_steps(const struct tensors *dumped, const json_t *golden, size_t steps) {
  const json_t *first = json_object_get(golden, "first_step_logits");
  const json_t *best = json_object_get(golden, "step_logits_argmax_value");
  const json_t *ids = json_object_get(golden, "greedy_ids");
  double most = 0;
  for (size_t s = 0; s < steps; s++) {
    char name[32];
    struct tensor logits;
    snprintf(name, sizeof name, s ? "logits@%zu" : "logits", s);
    if (!tensors_get(dumped, name, &logits)) {
      check(false, "bart-g2p-us: a step's logits", (double)s);
      return;
    }
    size_t chosen = (size_t)json_integer_value(json_array_get(ids, s + 1));
    double want = json_number_value(json_array_get(best, s));
    most = fmax(most, chosen < logits.count ? fabs(logits.value[chosen] - want) : INFINITY);
    for (size_t i = 0; s == 0 && i < logits.count; i++)
      most = fmax(most, fabs(logits.value[i] - json_number_value(json_array_get(first, i))));
    tensor_finish(&logits);
  }
  /* The reference is printed with six digits: half a unit of the last, and ours. */
  check(most < 1e-4, "bart-g2p-us: the logits of each step", most);
}

static void check_memory(const struct tensors *dumped, const json_t *golden) {
  const json_t *want = json_object_get(golden, "encoder_last_row_first8");
  struct tensor memory;
  double most = INFINITY;
  if (tensors_get(dumped, "memory", &memory)) {
    size_t width = (size_t)memory.shape[2], last = memory.count - width;
    most = 0;
    for (size_t i = 0; i < 8; i++)
      most = fmax(most, fabs(memory.value[last + i] - json_number_value(json_array_get(want, i))));
    tensor_finish(&memory);
  }
  check(most < 2e-6, "bart-g2p-us: what the encoder leaves", most);
}

static void check_word(const char *directory, const json_t *golden) {
  const json_t *from = json_object_get(golden, "input_ids"),
               *greedy = json_object_get(golden, "greedy_ids");
  tfm_tap dump[] = {{sizeof *dump, "logits", dump_file, NULL},
                    {sizeof *dump, "memory", dump_file, NULL}};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = -1};
  tfm_result *result = NULL;
  struct tensors dumped;
  int32_t ids[LETTERS];
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = json_array_size(from)};
  for (size_t i = 0; i < input.id_count && i < LETTERS; i++)
    ids[i] = (int32_t)json_integer_value(json_array_get(from, i));
  tfm_model *model = open_model("bart.tfm", directory, NULL, 0, dump, 2);
  if (!model || tfm_model_run(model, &input, 1, &run, &result, error) != 0) {
    fail_with_error("bart-g2p-us");
  } else if (tensors_read(dump_file, &dumped)) {
    const tfm_answer *answer = tfm_result_answer(result, 0);
    size_t steps = json_array_size(greedy) - 1;
    bool same = answer->id_count + 1 == steps && strcmp(answer->stop, "stop") == 0;
    for (size_t i = 0; same && i < answer->id_count; i++)
      same = answer->ids[i] == json_integer_value(json_array_get(greedy, i + 1));
    check(same, "bart-g2p-us: the reference's ids", (double)answer->id_count);
    check_steps(&dumped, golden, steps);
    check_memory(&dumped, golden);
    tensors_finish(&dumped);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

static void test_sounds(void) {
  char directory[PATH], path[FILE_PATH];
  if (!checkpoint("bart-g2p-us", directory))
    return;
  snprintf(path, sizeof path, "%s/golden.json", directory);
  json_t *golden = json_load_file(path, 0, NULL);
  snprintf(path, sizeof path, "%s/config.json", directory);
  json_t *config = json_load_file(path, 0, NULL);
  check(golden && config, "bart-g2p-us: its JSON cannot be read", 0);
  if (golden && config) {
    check_word(directory, golden);
    check_words(directory, config);
  }
  json_decref(config);
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
    check_intermediates(directory);
    check_sorting(directory);
  }
  test_sst2();
  test_sounds();
  unlink(dump_file);
  tfm_error_destroy(error);
  printf("%d checks, %d failed, %d checkpoints skipped\n", checks, failures, skipped);
  return failures ? 1 : checks == 0 ? 77 : 0;
}
