/* foretold.h - for the tests of lib/: a model whose logits are known beforehand.
 *
 * Its graph is one table, a row of `columns` numbers for each token: what the
 * model says at a place depends on the token there alone.  The vocabulary is
 *
 *     0 [UNK]  1 [CLS]  2 [SEP]  3 [MASK]  4 a ... 29 z  30 ##x  31 ##y  32 A  33 B
 *
 * and a text is "[CLS] text [SEP]", or "[CLS] text [SEP] pair [SEP]". */
#ifndef TFM_TESTS_UNIT_FORETOLD_H
#define TFM_TESTS_UNIT_FORETOLD_H

#include "tests/unit/text_file.h"
#include "tests/unit/unit.h"
#include "tfm/tfm.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { UNK, CLS, SEP, MASK, A, B, C, D, E, F, G, Z = 29, PIECE_X, PIECE_Y, BIG_A, BIG_B, WORDS };

enum {
  FORETOLD_NO_TOKENIZER = 1,
  FORETOLD_BARE = 2,      /* a tokenizer that adds nothing; [CLS] is its bos */
  FORETOLD_ALL_LOGITS = 4 /* as TFM_OPEN_ALL_LOGITS */
};

/* What a test says of its model before it is opened; the table starts as zeros. */
struct foretold {
  const char *task;
  unsigned columns, flags;
  const char *config;     /* more of config.json: ", \"id2label\": [...]"; NULL = nothing */
  const char *tokenizer;  /* tokenizer_config.json; NULL = nothing in it */
  const char *attributes; /* of the head: "stop: config.stop"; NULL = none */
  float table[WORDS][WORDS];
  char directory[64];
  tfm_model *model;
  tfm_error *error;
  tfm_result *result;
};

static const char *const foretold_files[] = {"foretold.tfm", "config.json", "model.safetensors",
                                             "tokenizer.json", "tokenizer_config.json"};

static inline void foretold_write(const struct foretold *f, int file, const char *text,
                                  size_t size) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", f->directory, foretold_files[file]);
  text_file_write(path, text, size);
}

static inline void foretold_model(const struct foretold *f) {
  static const struct {
    const char *task, *graph, *returns;
  } kind[] = {{"generate", "decode", "logits = x"},
              {"fill_mask", "encode", "logits = x"},
              {"classify", "encode", "logits = select(x, axis: 1, index: 1)"},
              {"rerank", "encode", "logits = select(x, axis: 1, index: 1)"},
              {"classify_tokens", "encode", "logits = x"},
              {"qa", "encode", "start, end = split(x, parts: 2)"},
              {"embed", "encode", "vector = select(x, axis: 1, index: 1)"}};
  char text[1024];
  size_t k = 0;
  while (strcmp(kind[k].task, f->task) != 0)
    k++;
  int size =
      snprintf(text, sizeof text,
               "tfm 1\nmodel foretold for \"foretold\"\n"
               "param V = config.vocab_size, N = config.columns\n"
               "dim B, T <= 160\n"
               "input ids: i32[B, T] = tokens.ids\n"
               "weight table: [V, N] = @table\n"
               "graph %s { return embedding(ids, weight: table) }\n"
               "head only(x): %s%s%s%s for \"Foretold\" { return %s }\n",
               kind[k].graph, f->task, f->attributes ? "(" : "", f->attributes ? f->attributes : "",
               f->attributes ? ")" : "", kind[k].returns);
  foretold_write(f, 0, text, (size_t)size);
}

static inline void foretold_config(const struct foretold *f) {
  char text[1024];
  int size = snprintf(text, sizeof text,
                      "{\"model_type\": \"foretold\", \"architectures\": [\"Foretold\"], "
                      "\"vocab_size\": %d, \"columns\": %u%s}",
                      WORDS, f->columns, f->config ? f->config : "");
  foretold_write(f, 1, text, (size_t)size);
}

static inline void foretold_weights(const struct foretold *f) {
  size_t row = f->columns * sizeof(float), size = WORDS * row;
  char *text = calloc(1, 512 + size);
  ck_assert_ptr_nonnull(text);
  int header = snprintf(text + 8, 504,
                        "{\"table\":{\"dtype\":\"F32\",\"shape\":[%d,%u],"
                        "\"data_offsets\":[0,%zu]}}",
                        WORDS, f->columns, size);
  text[0] = (char)(header & 255);
  text[1] = (char)(header >> 8);
  for (size_t w = 0; w < WORDS; w++)
    memcpy(text + 8 + header + w * row, f->table[w], row);
  foretold_write(f, 2, text, 8 + (size_t)header + size);
  free(text);
}

static inline void foretold_tokenizer(const struct foretold *f) {
  static const char *const added[] = {"[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  static const char special[] =
      "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"
      "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"[SEP]\","
      "\"type_id\":0}}],\"pair\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"
      "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"[SEP]\","
      "\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},{\"SpecialToken\":{\"id\":"
      "\"[SEP]\",\"type_id\":1}}],\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[1],"
      "\"tokens\":[\"[CLS]\"]},\"[SEP]\":{\"id\":\"[SEP]\",\"ids\":[2],\"tokens\":[\"[SEP]\"]}}";
  static const char config[] = "{\"bos_token\": \"[CLS]\"}";
  bool bare = f->flags & FORETOLD_BARE;
  char text[4096];
  size_t at = 0, room = sizeof text;
  at += (size_t)snprintf(text, room, "{\"version\":\"1.0\",\"added_tokens\":[");
  for (int i = 0; i < 4; i++)
    at += (size_t)snprintf(text + at, room - at,
                           "%s{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":%s,"
                           "\"rstrip\":false,\"normalized\":false,\"special\":true}",
                           i ? "," : "", i, added[i], i == MASK ? "true" : "false");
  at += (size_t)snprintf(text + at, room - at,
                         "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Whitespace\"},"
                         "\"post_processor\":%s%s%s,\"decoder\":{\"type\":\"WordPiece\","
                         "\"prefix\":\"##\",\"cleanup\":false},\"model\":{\"type\":\"WordPiece\","
                         "\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                         "\"max_input_chars_per_word\":9,\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,"
                         "\"[SEP]\":2,\"[MASK]\":3",
                         bare ? "" : "{\"type\":", bare ? "null" : special, bare ? "" : "}");
  for (int i = A; i <= Z; i++)
    at += (size_t)snprintf(text + at, room - at, ",\"%c\":%d", 'a' + i - A, i);
  at += (size_t)snprintf(text + at, room - at, ",\"##x\":30,\"##y\":31,\"A\":32,\"B\":33}}}");
  ck_assert_uint_lt(at, room);
  foretold_write(f, 3, text, at);
  const char *settings = f->tokenizer ? f->tokenizer : bare ? config : "{}";
  foretold_write(f, 4, settings, strlen(settings));
}

static inline void foretold_message(void *arg, int severity, const char *text) {
  (void)arg;
  if (severity > 1)
    fprintf(stderr, "%s\n", text);
}

/* f->model is NULL if it is refused. */
static inline void foretold_try(struct foretold *f) {
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  char path[128];
  strcpy(f->directory, "/tmp/tfm-foretold-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(f->directory));
  snprintf(path, sizeof path, "%s/foretold.tfm", f->directory);
  foretold_model(f);
  foretold_config(f);
  foretold_weights(f);
  if (!(f->flags & FORETOLD_NO_TOKENIZER))
    foretold_tokenizer(f);
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = f->flags & FORETOLD_ALL_LOGITS ? TFM_OPEN_ALL_LOGITS : 0,
                           .model = path,
                           .weights = f->directory,
                           .threads = 1,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = plugins ? 1 : 0,
                           .message = foretold_message};
  f->error = tfm_error_create();
  f->model = tfm_model_open(&open, f->error);
}

static inline void foretold_open(struct foretold *f) {
  foretold_try(f);
  ck_assert_msg(f->model != NULL, "%s\n%s", tfm_error_message(f->error), tfm_error_notes(f->error));
}

static inline void foretold_close(struct foretold *f) {
  char path[128];
  tfm_result_destroy(f->result);
  tfm_model_destroy(f->model);
  tfm_error_destroy(f->error);
  for (size_t i = 0; i < sizeof foretold_files / sizeof *foretold_files; i++) {
    snprintf(path, sizeof path, "%s/%s", f->directory, foretold_files[i]);
    unlink(path);
  }
  rmdir(f->directory);
}

static inline tfm_input foretold_text(const char *text, const char *pair) {
  return (tfm_input){.struct_size = sizeof(tfm_input),
                     .text = text,
                     .text_length = text ? strlen(text) : 0,
                     .pair = pair,
                     .pair_length = pair ? strlen(pair) : 0};
}

/* Run and give the code; the answers are those of f->result. */
static inline int foretold_batch(struct foretold *f, const tfm_input *input, size_t count,
                                 const tfm_run_options *options) {
  tfm_result_destroy(f->result);
  f->result = NULL;
  int status = tfm_model_run(f->model, input, count, options, &f->result, f->error);
  ck_assert_int_eq(status == 0, f->result != NULL);
  return tfm_error_code(f->error);
}

/* The answer for one input; a failure is the test's. */
static inline const tfm_answer *foretold_ask(struct foretold *f, const char *text,
                                             const char *pair) {
  tfm_input input = foretold_text(text, pair);
  int code = foretold_batch(f, &input, 1, NULL);
  ck_assert_msg(code == 0, "%s", tfm_error_message(f->error));
  return tfm_result_answer(f->result, 0);
}

/* One input that must fail, with words of its message. */
static inline void foretold_refuses(struct foretold *f, tfm_input input, int code,
                                    const char *words) {
  int got = foretold_batch(f, &input, 1, NULL);
  const char *message = tfm_error_message(f->error);
  ck_assert_msg(got == code && strstr(message, words), "%d: %s", got, message);
}

static inline double foretold_share(const float *logits, size_t count, size_t own) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += exp((double)logits[i] - (double)logits[own]);
  return 1 / sum;
}

#define ck_near(a, b) ck_assert_msg(fabs((a) - (b)) < 1e-6, "%.9g is not %.9g", (a), (b))

#endif
