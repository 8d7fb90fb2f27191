/* test_answers.c - final answers against transformers' own pipelines.
 *
 * tests/parity/answers/answers.json holds sets: a fixture, the tensors that are its
 * head, inputs, and for each of a hundred seeds what the pipelines answer when the
 * head is filled from the seed (number() of make.py there, fill_tensor() here: the
 * same bits).  Texts, ids and places must be equal, scores and vectors within
 * TOLERANCE, and no score outside [0, 1]. */
#include "tfm/tfm.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TOLERANCE = 1e-5;

enum { PATH = 1280, MAX_INPUTS = 4, MAX_SHOWN = 20 };

struct bytes {
  unsigned char *data;
  size_t size;
};

/* One set, and what is being compared in it. */
struct set {
  const char *name, *fixture;
  char directory[64];
  struct bytes weights;
  json_t *header, *heads, *inputs;
  int64_t new_tokens, seed, input;
};

static int failures, checks;
static tfm_error *error;
static const char *plugin_dir;
static char root[1024], models[1024];

static void check(bool ok, const struct set *set, const char *what, double got, double want) {
  checks++;
  if (ok)
    return;
  if (++failures <= MAX_SHOWN)
    printf("not ok: %s, seed %lld, input %lld: %s: %.9g, expected %.9g\n", set->name,
           (long long)set->seed, (long long)set->input, what, got, want);
}

static void check_text(const struct set *set, const char *what, const char *got, size_t length,
                       const json_t *want) {
  bool same = got && length == json_string_length(want) &&
              memcmp(got, json_string_value(want), length) == 0;
  checks++;
  if (same)
    return;
  if (++failures <= MAX_SHOWN)
    printf("not ok: %s, seed %lld, input %lld: %s: \"%s\", expected \"%s\"\n", set->name,
           (long long)set->seed, (long long)set->input, what, got ? got : "(none)",
           json_is_string(want) ? json_string_value(want) : "(none)");
}

static void check_number(const struct set *set, const char *what, size_t got, const json_t *want) {
  check(json_is_integer(want) && got == (size_t)json_integer_value(want), set, what, (double)got,
        (double)json_integer_value(want));
}

static void check_score(const struct set *set, const char *what, double got, const json_t *want) {
  double score = json_number_value(want);
  check(got >= 0 && got <= 1, set, "a score outside [0, 1]", got, score);
  check(json_is_number(want) && fabs(got - score) <= TOLERANCE, set, what, got, score);
}

/* ----------------------------------------------------------------- heads */

static bool read_bytes(const char *path, struct bytes *out) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return false;
  fseek(file, 0, SEEK_END);
  out->size = (size_t)ftell(file);
  rewind(file);
  out->data = malloc(out->size + 1);
  bool ok = out->data && fread(out->data, 1, out->size, file) == out->size;
  fclose(file);
  return ok;
}

static bool write_bytes(const char *directory, const char *name, struct bytes bytes) {
  char path[PATH];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  unlink(path);
  FILE *file = fopen(path, "wb");
  bool ok = file && fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
  return file && fclose(file) == 0 && ok;
}

/* number() of make.py. */
static void fill_tensor(struct set *set, const char *name, double scale, uint32_t number) {
  json_t *at = json_object_get(json_object_get(set->header, name), "data_offsets");
  size_t begin = (size_t)json_integer_value(json_array_get(at, 0));
  size_t end = (size_t)json_integer_value(json_array_get(at, 1)), data = 0;
  for (int i = 7; i >= 0; i--)
    data = data << 8 | set->weights.data[i];
  data += 8;
  uint32_t state = (uint32_t)set->seed * 2654435761U + number * 40503U + 1;
  check(end > begin && data + end <= set->weights.size, set, name, (double)begin, (double)end);
  for (; begin < end && data + end <= set->weights.size; begin += sizeof(float)) {
    state = state * 1664525U + 1013904223U;
    float value = (float)(((double)(state >> 8) - 8388608) / 8388608 * scale);
    memcpy(set->weights.data + data + begin, &value, sizeof value);
  }
}

static tfm_model *open_head(struct set *set) {
  char model[PATH];
  size_t i;
  json_t *head;
  json_array_foreach(set->heads, i, head) fill_tensor(
      set, json_string_value(json_array_get(head, 0)), json_number_value(json_array_get(head, 1)),
      (uint32_t)json_integer_value(json_array_get(head, 2)));
  const char *kind = strncmp(set->fixture, "bert", 4) == 0   ? "bert"
                     : strncmp(set->fixture, "gpt2", 4) == 0 ? "gpt2"
                                                             : "llama";
  snprintf(model, sizeof model, "%s/%s.tfm", models, kind);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = model,
                           .weights = set->directory,
                           .threads = 1,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0};
  return write_bytes(set->directory, "model.safetensors", set->weights)
             ? tfm_model_open(&open, error)
             : NULL;
}

/* --------------------------------------------------------------- answers */

static void check_qa(const struct set *set, const tfm_answer *answer, const json_t *want) {
  check_text(set, "answer", answer->text, answer->text_length, json_array_get(want, 0));
  check(answer->place_count == 1, set, "places", (double)answer->place_count, 1);
  if (answer->place_count != 1)
    return;
  check_number(set, "begin", answer->place->begin, json_array_get(want, 1));
  check_number(set, "end", answer->place->end, json_array_get(want, 2));
  check(answer->place->sequence == 1, set, "sequence", answer->place->sequence, 1);
  check_score(set, "score", answer->place->choice->score, json_array_get(want, 3));
}

static void check_mask(const struct set *set, const tfm_place *place, const json_t *want) {
  const json_t *words = json_array_get(want, 3), *word;
  size_t i;
  check_number(set, "sequence", place->sequence, json_array_get(want, 0));
  check_number(set, "begin", place->begin, json_array_get(want, 1));
  check_number(set, "end", place->end, json_array_get(want, 2));
  check(place->choice_count >= json_array_size(words), set, "choices", (double)place->choice_count,
        (double)json_array_size(words));
  json_array_foreach(words, i, word) {
    if (i >= place->choice_count)
      break;
    const tfm_choice *choice = &place->choice[i];
    check_number(set, "id", (size_t)choice->id, json_array_get(word, 0));
    check_text(set, "word", choice->text, strlen(choice->text), json_array_get(word, 1));
    check_score(set, "score", choice->score, json_array_get(word, 2));
  }
}

static void check_fill_mask(const struct set *set, const tfm_answer *answer, const json_t *want) {
  const json_t *pair = json_array_get(want, 1), *places = json_array_get(want, 2);
  check_text(set, "text", answer->text, answer->text_length, json_array_get(want, 0));
  check((answer->pair == NULL) == json_is_null(pair), set, "a pair", answer->pair != NULL,
        !json_is_null(pair));
  if (answer->pair)
    check_text(set, "pair", answer->pair, answer->pair_length, pair);
  check(answer->place_count == json_array_size(places), set, "masks", (double)answer->place_count,
        (double)json_array_size(places));
  for (size_t p = 0; p < answer->place_count && p < json_array_size(places); p++)
    check_mask(set, &answer->place[p], json_array_get(places, p));
}

static void check_classify(const struct set *set, const tfm_answer *answer, const json_t *want) {
  const json_t *one;
  size_t i;
  check_text(set, "label", answer->text, answer->text_length,
             json_array_get(json_array_get(want, 0), 0));
  check(answer->place_count == 1 && answer->place->choice_count == json_array_size(want), set,
        "labels", (double)answer->place->choice_count, (double)json_array_size(want));
  json_array_foreach(want, i, one) {
    if (i >= answer->place->choice_count)
      break;
    const tfm_choice *choice = &answer->place->choice[i];
    check_text(set, "label", choice->text, strlen(choice->text), json_array_get(one, 0));
    check_score(set, "score", choice->score, json_array_get(one, 1));
  }
}

static void check_classify_tokens(const struct set *set, const tfm_answer *answer,
                                  const json_t *want) {
  const json_t *one;
  size_t i;
  check(answer->place_count == json_array_size(want), set, "words", (double)answer->place_count,
        (double)json_array_size(want));
  json_array_foreach(want, i, one) {
    if (i >= answer->place_count)
      break;
    const tfm_place *place = &answer->place[i];
    check_number(set, "begin", place->begin, json_array_get(one, 0));
    check_number(set, "end", place->end, json_array_get(one, 1));
    check_text(set, "label", place->choice->text, strlen(place->choice->text),
               json_array_get(one, 2));
    check_score(set, "score", place->choice->score, json_array_get(one, 3));
  }
}

static void check_embed(const struct set *set, const tfm_answer *answer, const json_t *want) {
  const json_t *one;
  size_t i;
  check(answer->vector_count == json_array_size(want), set, "width", (double)answer->vector_count,
        (double)json_array_size(want));
  json_array_foreach(want, i, one) if (i < answer->vector_count)
      check(fabs((double)answer->vector[i] - json_number_value(one)) <= TOLERANCE, set, "vector",
            (double)answer->vector[i], json_number_value(one));
}

static void check_generate(const struct set *set, const tfm_answer *answer, const json_t *want) {
  const json_t *ids = json_array_get(want, 0), *stop = json_array_get(want, 2);
  check(answer->id_count == json_array_size(ids), set, "tokens", (double)answer->id_count,
        (double)json_array_size(ids));
  for (size_t i = 0; i < answer->id_count && i < json_array_size(ids); i++)
    check_number(set, "id", (size_t)answer->ids[i], json_array_get(ids, i));
  check_text(set, "text", answer->text, answer->text_length, json_array_get(want, 1));
  check_text(set, "stop", answer->stop, strlen(answer->stop), stop);
}

static const struct {
  const char *name;
  void (*check)(const struct set *set, const tfm_answer *answer, const json_t *want);
} kinds[] = {{"qa", check_qa},
             {"fill_mask", check_fill_mask},
             {"fill_masks", check_fill_mask},
             {"fill_mask_pair", check_fill_mask},
             {"classify", check_classify},
             {"classify_tokens", check_classify_tokens},
             {"embed", check_embed},
             {"generate", check_generate}};

/* ------------------------------------------------------------------ runs */

static tfm_input input_of(const json_t *texts) {
  const json_t *text = json_is_array(texts) ? json_array_get(texts, 0) : texts;
  const json_t *pair = json_is_array(texts) ? json_array_get(texts, 1) : NULL;
  return (tfm_input){.struct_size = sizeof(tfm_input),
                     .text = json_string_value(text),
                     .text_length = json_string_length(text),
                     .pair = json_string_value(pair),
                     .pair_length = json_string_length(pair)};
}

static void run_head(struct set *set, const json_t *answers, size_t kind) {
  tfm_input input[MAX_INPUTS];
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = set->new_tokens};
  tfm_result *result = NULL;
  size_t count = json_array_size(answers);
  for (size_t i = 0; i < count && i < MAX_INPUTS; i++)
    input[i] = input_of(json_array_get(
        set->inputs, (size_t)json_integer_value(json_array_get(json_array_get(answers, i), 0))));
  tfm_model *model = count <= MAX_INPUTS ? open_head(set) : NULL;
  bool ran = model && tfm_model_run(model, input, count, &run, &result, error) == 0;
  check(ran, set, tfm_error_message(error), 0, 0);
  for (size_t i = 0; ran && i < count; i++) {
    const json_t *one = json_array_get(answers, i);
    set->input = json_integer_value(json_array_get(one, 0));
    kinds[kind].check(set, tfm_result_answer(result, i), json_array_get(one, 1));
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

static const char *const copied[] = {"config.json", "tokenizer.json", "tokenizer_config.json",
                                     "vocab.json",  "merges.txt",     "vocab.txt"};

/* The fixture's files in a directory of their own, where the weights can be changed. */
static bool copy_fixture(struct set *set) {
  char path[PATH];
  for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
    struct bytes bytes = {0};
    snprintf(path, sizeof path, "%s/%s/%s", root, set->fixture, copied[i]);
    bool there = read_bytes(path, &bytes);
    bool ok = !there || write_bytes(set->directory, copied[i], bytes);
    free(bytes.data);
    if (!ok)
      return false;
  }
  snprintf(path, sizeof path, "%s/%s/model.safetensors", root, set->fixture);
  if (!read_bytes(path, &set->weights) || set->weights.size < 8)
    return false;
  size_t length = (size_t)set->weights.data[0] | (size_t)set->weights.data[1] << 8 |
                  (size_t)set->weights.data[2] << 16;
  set->header =
      json_loadb((const char *)set->weights.data + 8, length, JSON_DISABLE_EOF_CHECK, NULL);
  return set->header != NULL;
}

static void remove_fixture(struct set *set) {
  char path[PATH];
  for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
    snprintf(path, sizeof path, "%s/%s", set->directory, copied[i]);
    unlink(path);
  }
  snprintf(path, sizeof path, "%s/model.safetensors", set->directory);
  unlink(path);
  rmdir(set->directory);
  free(set->weights.data);
  json_decref(set->header);
}

static void run_set(const json_t *entry, int64_t new_tokens) {
  struct set set = {.name = json_string_value(json_object_get(entry, "name")),
                    .fixture = json_string_value(json_object_get(entry, "fixture")),
                    .directory = "/tmp/tfm-answers-XXXXXX",
                    .heads = json_object_get(entry, "heads"),
                    .inputs = json_object_get(entry, "inputs"),
                    .new_tokens = new_tokens};
  const json_t *answers = json_object_get(entry, "answers"), *one;
  size_t kind = 0, i, count = sizeof kinds / sizeof *kinds;
  int before = failures;
  while (kind < count && strcmp(kinds[kind].name, set.name) != 0)
    kind++;
  bool ready = kind < count && mkdtemp(set.directory) && copy_fixture(&set);
  check(ready, &set, "the set cannot be made ready", 0, 0);
  check(json_array_size(answers) >= 100, &set, "heads", (double)json_array_size(answers), 100);
  json_array_foreach(answers, i, one) {
    set.seed = json_integer_value(json_array_get(one, 0));
    if (ready)
      run_head(&set, json_array_get(one, 1), kind);
  }
  remove_fixture(&set);
  printf("%s %s on %s: %zu heads\n", failures == before ? "ok:" : "not ok:", set.name, set.fixture,
         json_array_size(answers));
}

int main(int argc, char **argv) {
  const char *source = getenv("TFM_SRCDIR");
  char path[PATH];
  json_t *entry;
  size_t i;
  plugin_dir = getenv("TFM_PLUGIN_DIR");
  snprintf(root, sizeof root, "%s/tests/fixtures", source ? source : ".");
  snprintf(models, sizeof models, "%s/models", source ? source : ".");
  snprintf(path, sizeof path, "%s/tests/parity/answers/answers.json", source ? source : ".");
  json_t *all = json_load_file(path, JSON_ALLOW_NUL, NULL);
  error = tfm_error_create();
  if (!all || !error)
    return fprintf(stderr, "cannot read %s\n", path), 99;
  json_array_foreach(json_object_get(all, "sets"), i, entry) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    if (argc < 2 || strcmp(name, argv[1]) == 0)
      run_set(entry, json_integer_value(json_object_get(all, "new_tokens")));
  }
  printf("%d checks, %d failed\n", checks, failures);
  tfm_error_destroy(error);
  json_decref(all);
  return failures ? 1 : checks == 0 ? 99 : 0;
}
