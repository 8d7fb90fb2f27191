/* test_score.c - tfm_model_score and tfm_tokenizer_encode, as a program calls them.
 *
 * Scores of a fixture's sequence are the softmax of the logits that transformers
 * gave; the same bits in a batch; and what cannot be asked is refused. */
#include "tests/parity/tensors.h"
#include "tfm/tfm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };
static const double TOLERANCE = 2e-5;
static int failures, checks;
static tfm_error *error;
static char fixtures[1024];

static void check(int ok, const char *what) {
  checks++;
  failures += !ok;
  if (!ok)
    printf("not ok: %s (%s)\n", what, tfm_error_message(error));
}

static tfm_model *open_fixture(const char *name, uint32_t flags) {
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", fixtures, name);
  tfm_open_options options = {.struct_size = sizeof options,
                              .model = path,
                              .flags = flags,
                              .plugin_dir = &plugins,
                              .plugin_dir_count = plugins != NULL};
  tfm_model *model = tfm_model_open(&options, error);
  check(model != NULL, name);
  return model;
}

/* One sequence, and its targets: the tokens that stand there. */
struct sequence {
  int32_t ids[MOST], target[MOST];
  uint32_t place[MOST];
  tfm_score_input input;
};

static void sequence_init(struct sequence *s, const double *ids, size_t count, size_t shift) {
  for (size_t i = 0; i < count; i++) {
    s->ids[i] = (int32_t)ids[i];
    s->place[i] = (uint32_t)i;
    s->target[i] = (int32_t)ids[i + shift < count ? i + shift : 0];
  }
  s->input = (tfm_score_input){.struct_size = sizeof(tfm_score_input),
                               .ids = s->ids,
                               .id_count = count,
                               .place = s->place,
                               .target = s->target,
                               .target_count = count};
}

/* What the logits of one place say of a target. */
static tfm_score expected_score(const double *logits, size_t vocabulary, size_t target) {
  double highest = logits[0], sum = 0;
  int64_t rank = 0;
  for (size_t i = 0; i < vocabulary; i++) {
    highest = fmax(highest, logits[i]);
    rank += logits[i] > logits[target];
  }
  for (size_t i = 0; i < vocabulary; i++)
    sum += exp(logits[i] - highest);
  return (tfm_score){logits[target] - highest - log(sum), rank};
}

static void check_scores(tfm_model *model, const char *name, size_t shift, struct sequence *s) {
  struct tensors file;
  struct tensor ids, logits;
  tfm_score score[MOST];
  char path[1300];
  snprintf(path, sizeof path, "%s/%s/expected.safetensors", fixtures, name);
  check(tensors_read(path, &file) && tensors_get(&file, "one.input_ids", &ids) &&
            tensors_get(&file, "one.logits", &logits),
        path);
  size_t count = (size_t)ids.shape[1], vocabulary = (size_t)logits.shape[2];
  check(count > 3 && count <= MOST, "a sequence that fits");
  sequence_init(s, ids.value, count, shift);
  check(tfm_model_score(model, &s->input, 1, score, error) == 0, "tfm_model_score");
  for (size_t i = 0; i < count; i++) {
    tfm_score want =
        expected_score(logits.value + i * vocabulary, vocabulary, (size_t)s->target[i]);
    check(fabs(score[i].log_probability - want.log_probability) < TOLERANCE, "log_probability");
    check(score[i].rank == want.rank, "rank");
  }
  tensor_finish(&ids);
  tensor_finish(&logits);
  tensors_finish(&file);
}

/* Beside a shorter sequence, with fewer targets: the same bits. */
static void check_batch(tfm_model *model, const struct sequence *s) {
  struct sequence small = *s;
  tfm_score alone[2 * MOST], both[3 * MOST];
  size_t count = s->input.target_count;
  small.input = (tfm_score_input){.struct_size = sizeof(tfm_score_input),
                                  .ids = small.ids,
                                  .id_count = 2,
                                  .place = small.place,
                                  .target = small.target,
                                  .target_count = 1};
  tfm_score_input pair[3] = {small.input, s->input, small.input};
  pair[2].target_count = 0;
  check(tfm_model_score(model, &small.input, 1, alone, error) == 0, "alone");
  check(tfm_model_score(model, &s->input, 1, alone + 1, error) == 0, "alone");
  check(tfm_model_score(model, pair, 3, both, error) == 0, "a batch");
  for (size_t i = 0; i < count + 1; i++)
    check(alone[i].rank == both[i].rank &&
              memcmp(&alone[i].log_probability, &both[i].log_probability, sizeof(double)) == 0,
          "the same bits in a batch");
}

static void refuse(tfm_model *model, const tfm_score_input *input, int code, const char *part) {
  tfm_score score[MOST];
  check(tfm_model_score(model, input, 1, score, error) == -1, part);
  check(tfm_error_code(error) == code && strstr(tfm_error_message(error), part) != NULL, part);
}

static void check_refusals(tfm_model *model, const struct sequence *s) {
  struct sequence wrong = *s;
  int32_t many[MOST * 4] = {0};
  wrong.input.place = wrong.place;
  wrong.input.target = wrong.target;
  wrong.place[1] = (uint32_t)s->input.id_count;
  refuse(model, &wrong.input, TFM_CODE_USAGE, "is beyond its");
  wrong.place[1] = 1;
  wrong.target[1] = -1;
  refuse(model, &wrong.input, TFM_CODE_USAGE, "target -1 of input 1 is not in the vocabulary");
  wrong.target[1] = 1 << 30;
  refuse(model, &wrong.input, TFM_CODE_USAGE, "is not in the vocabulary");
  tfm_score_input longer = {.struct_size = sizeof longer, .ids = many, .id_count = MOST * 4};
  refuse(model, &longer, TFM_CODE_LIMIT, "256 tokens long");
  tfm_score_input empty = {.struct_size = sizeof empty, .ids = many};
  refuse(model, &empty, TFM_CODE_USAGE, "is empty");
}

static void check_encoding(tfm_model *model) {
  static const char text[] = "나는 [MASK]를";
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = sizeof text - 1};
  const tfm_tokenizer *tokenizer = tfm_model_tokenizer(model, error);
  tfm_encoding *encoding = NULL;
  tfm_model_info info = {.struct_size = sizeof info};
  tfm_model_describe(model, &info);
  check(tokenizer && tfm_tokenizer_encode(tokenizer, &input, &encoding, error) == 0, "encode");
  if (!encoding)
    return;
  size_t last = encoding->count - 1, masks = 0;
  check(encoding->count > 4, "tokens");
  check(encoding->kind[0] == TFM_TOKEN_ADDED && encoding->end[0] == 0, "[CLS] is added");
  check(encoding->kind[last] == TFM_TOKEN_ADDED, "[SEP] is added");
  check(encoding->kind[1] == TFM_TOKEN_TEXT && encoding->begin[1] == 0, "a piece of the text");
  check(encoding->end[last - 1] == sizeof text - 1, "the last piece ends the text");
  for (size_t i = 0; i < encoding->count; i++)
    if (encoding->kind[i] == TFM_TOKEN_MARKER) {
      masks++;
      check(encoding->ids[i] == info.mask, "the mask token");
      check(encoding->begin[i] <= 7 && encoding->end[i] == 13, "where the mask stands");
    }
  check(masks == 1, "one token is written as a special one");
  check(tfm_tokenizer_id(tokenizer, "[MASK]") == info.mask && info.mask > 0, "tfm_tokenizer_id");
  check(tfm_tokenizer_id(tokenizer, "no such token") == -1, "a token that is not there");
  tfm_encoding_destroy(encoding);
}

int main(void) {
  struct sequence sequence;
  const char *source = getenv("TFM_SRCDIR");
  snprintf(fixtures, sizeof fixtures, "%s/tests/fixtures", source ? source : ".");
  error = tfm_error_create();
  tfm_model *gpt = open_fixture("gpt2-tied", TFM_OPEN_ALL_LOGITS);
  tfm_model *last = open_fixture("gpt2-tied", 0), *mlm = open_fixture("bert-mlm", 0);
  tfm_model *classes = open_fixture("bert-classify", 0);
  if (gpt && last && mlm && classes) {
    check_scores(mlm, "bert-mlm", 0, &sequence);
    check_batch(mlm, &sequence);
    check_scores(gpt, "gpt2-tied", 1, &sequence);
    check_batch(gpt, &sequence);
    check_refusals(gpt, &sequence);
    refuse(last, &sequence.input, TFM_CODE_USAGE, "TFM_OPEN_ALL_LOGITS");
    refuse(classes, &sequence.input, TFM_CODE_USAGE, "classify gives tokens no probability");
    check_encoding(mlm);
  }
  tfm_model_destroy(gpt);
  tfm_model_destroy(last);
  tfm_model_destroy(mlm);
  tfm_model_destroy(classes);
  tfm_error_destroy(error);
  printf("%d checks, %d failed\n", checks, failures);
  return failures != 0;
}
