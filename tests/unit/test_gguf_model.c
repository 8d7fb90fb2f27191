/* Fixtures as GGUF files: the same tensors, sizes and token ids as from the Hugging
 * Face directory.  With a directory as argument it only writes the files there, for
 * tests/e2e/gguf.sh. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp in runtime.h */
#endif
#include "checkpoint/gguf/config.h"
#include "tests/unit/gguf_fixture.h"
#include "tokenizer/tokenizer.h"

static const char *const names[] = {"llama-gqa", "llama-tied",  "llama-bias",
                                    "gpt2-tied", "gpt2-untied", "bert-model"};

static json_t *fixture_json(const char *name, const char *file) {
  struct buffer path;
  json_t *root = NULL;
  buffer_init(&path);
  buffer_printf(&path, "%s/%s", name, file);
  char *whole = test_fixture(path.data);
  CHECK_OK(json_read(whole, 1 << 24, 64, TFM_ERROR_CHECKPOINT, &root, err));
  buffer_finish(&path);
  free(whole);
  return root;
}

static struct buffer convert(const char *name, bool packed) {
  struct gguf_build b;
  struct weights *weights;
  char *path = test_fixture(name);
  json_t *config = fixture_json(name, "config.json");
  CHECK_OK(weights_open(path, &weights, err));
  gguf_build_init(&b);
  gguf_fixture_keys(&b, config);
  gguf_fixture_tensors(&b, config, weights, packed);
  weights_close(weights);
  json_decref(config);
  free(path);
  return gguf_build_finish(&b);
}

/* The tensor as the model sees it, in F32, row after row. */
static float *widen(const struct weights_tensor *t) {
  size_t count = 1;
  for (uint32_t i = 0; i < t->rank; i++)
    count *= (size_t)t->shape[i];
  float *flat = malloc(count * sizeof *flat), *out = malloc(count * sizeof *out);
  CHECK_OK(weights_copy(t, DTYPE_F32, flat, err));
  int64_t columns = t->rank == 2 ? t->shape[1] : 1, rows = (int64_t)count / columns;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      out[i * columns + j] = flat[t->transposed ? j * rows + i : i * columns + j];
  free(flat);
  return out;
}

/* step: how far a packed value may be off, as a part of the largest one. */
static void compare(const struct weights_tensor *want, const struct weights_tensor *got,
                    float step) {
  size_t count = 1;
  float most = 0;
  ck_assert_msg(got != NULL, "no %s", want->name);
  ck_assert_uint_eq(want->rank, got->rank);
  for (uint32_t i = 0; i < want->rank; i++) {
    ck_assert_msg(want->shape[i] == got->shape[i], "%s", want->name);
    count *= (size_t)want->shape[i];
  }
  float *a = widen(want), *b = widen(got);
  for (size_t i = 0; i < count; i++)
    most = fmaxf(most, fabsf(a[i]));
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(fabsf(a[i] - b[i]) <= step * most, "%s[%zu]: %g, %g", want->name, i, (double)a[i],
                  (double)b[i]);
  free(a);
  free(b);
}

static const char *hugging_face(const char *name) {
  if (strncmp(name, "transformer.", 12) == 0)
    return name + 12;
  return strncmp(name, "bert.", 5) == 0 ? name + 5 : name;
}

static void check_tensors(const char *name, bool packed, float step) {
  struct buffer bytes = convert(name, packed);
  char *dir = test_dir(), *file = file_join(dir, "model.gguf"), *path = test_fixture(name),
       out[128];
  struct weights *want, *got;
  size_t kept = 0;
  json_t *config = fixture_json(name, "config.json");
  test_write(dir, "model.gguf", bytes.data, bytes.length);
  CHECK_OK(weights_open(path, &want, err));
  CHECK_OK(weights_open(file, &got, err));
  for (size_t i = 0; i < weights_count(want); i++) {
    const struct weights_tensor *t = &weights_tensors(want)[i];
    if (t->alias ||
        !gguf_fixture_name(json_string_value(json_object_get(config, "model_type")), t->name, out))
      continue;
    compare(t, weights_find(got, hugging_face(t->name)), step);
    kept++;
  }
  ck_assert_uint_eq(kept, weights_count(got));
  weights_close(want);
  weights_close(got);
  json_decref(config);
  buffer_finish(&bytes);
  free(path);
  free(file);
  test_remove(dir);
}

START_TEST(test_tensors) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    check_tensors(names[i], false, 0);
}
END_TEST

/* Half a step of 127, and what f16 rounds. */
START_TEST(test_packed) {
  check_tensors("llama-llama3", true, 0.5f / 127 + 0x1p-10f);
  check_tensors("gpt2-inner", true, 0.5f / 127 + 0x1p-10f);
}
END_TEST

static void check_config(const char *name) {
  static const char *const keys[] = {"model_type",
                                     "hidden_size",
                                     "num_hidden_layers",
                                     "num_attention_heads",
                                     "n_embd",
                                     "n_layer",
                                     "n_head",
                                     "num_key_value_heads",
                                     "n_positions",
                                     "rms_norm_eps",
                                     "layer_norm_eps",
                                     "layer_norm_epsilon",
                                     "rope_theta",
                                     "vocab_size",
                                     "type_vocab_size",
                                     "max_position_embeddings",
                                     "head_dim",
                                     "architectures",
                                     "intermediate_size",
                                     "n_inner"};
  struct buffer bytes = convert(name, false);
  struct gguf file;
  json_t *want = fixture_json(name, "config.json"), *got;
  CHECK_OK(gguf_parse(&file, "x.gguf", (const unsigned char *)bytes.data, bytes.length, err));
  CHECK_OK(gguf_config(&file, &got, err));
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    const json_t *a = json_object_get(want, keys[i]), *b = json_object_get(got, keys[i]);
    if (a && json_is_number(a))
      ck_assert_msg(json_number_value(a) == json_number_value(b), "%s %s: %g", name, keys[i],
                    json_number_value(b));
    else if (a && !json_is_null(a))
      ck_assert_msg(json_equal(a, b), "%s %s", name, keys[i]);
  }
  const json_t *tied = json_object_get(want, "tie_word_embeddings");
  if (json_is_boolean(tied))
    ck_assert_int_eq(json_is_true(tied), json_is_true(json_object_get(got, "tie_word_embeddings")));
  json_decref(want);
  json_decref(got);
  gguf_finish(&file);
  buffer_finish(&bytes);
}

START_TEST(test_config) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    check_config(names[i]);
}
END_TEST

static void config_fails(struct gguf_build *b, const char *says) {
  struct gguf file;
  json_t *config;
  struct buffer bytes = gguf_build_finish(b);
  CHECK_OK(gguf_parse(&file, "x.gguf", (const unsigned char *)bytes.data, bytes.length, err));
  CHECK_FAILS(gguf_config(&file, &config, err), TFM_ERROR_CHECKPOINT, says);
  gguf_finish(&file);
  buffer_finish(&bytes);
}

static void begin(struct gguf_build *b) {
  gguf_build_init(b);
  gguf_build_text(b, "general.architecture", "llama");
  gguf_build_u32(b, "llama.embedding_length", 64);
  gguf_build_u32(b, "llama.attention.head_count", 4);
}

START_TEST(test_config_refused) {
  struct gguf_build b;
  static const int64_t eight = 8;
  static const float odd[8] = {1, 1, 1, 1, 1, 1, 3, 8};
  gguf_build_init(&b);
  config_fails(&b, "general.architecture");
  begin(&b);
  gguf_build_array(&b, "llama.attention.head_count_kv", GGUF_U32, 2);
  gguf_put(&b.keys, 4, 4);
  gguf_put(&b.keys, 2, 4);
  config_fails(&b, "several values");
  begin(&b);
  gguf_build_text(&b, "llama.block_count", "two");
  config_fails(&b, "no number");
  begin(&b);
  gguf_build_f32(&b, "llama.rope.freq_base", INFINITY);
  config_fails(&b, "no finite number");
  begin(&b);
  gguf_build_u32(&b, "llama.rope.dimension_count", 8);
  config_fails(&b, "a part of each head");
  begin(&b);
  gguf_build_text(&b, "llama.rope.scaling.type", "yarn");
  config_fails(&b, "found: `yarn`");
  begin(&b);
  gguf_build_text(&b, "llama.rope.scaling.type", "linear");
  config_fails(&b, "scaling factor above 0");
  begin(&b);
  gguf_build_tensor(&b, "rope_freqs.weight", 0, 1, &eight, odd, sizeof odd);
  config_fails(&b, "not those of llama3");
  begin(&b);
  gguf_build_tensor(&b, "rope_freqs.weight", 1, 1, &eight, odd, 16); /* F16 */
  config_fails(&b, "have divisors that are no row of F32");
  begin(&b);
  gguf_build_u32(&b, "llama.rope.scaling.original_context_length", 0);
  config_fails(&b, "are for a context that is out of reach");
  gguf_build_init(&b);
  gguf_build_text(&b, "general.architecture", "mine");
  gguf_build_u32(&b, "mine.part", 1);
  gguf_build_u32(&b, "mine.part.width", 2);
  config_fails(&b, "does not fit with the other keys");
}
END_TEST

/* A file whose tensors cannot be what a model file wants. */
static void tensors_fail(struct gguf_build *b, const char *says) {
  struct buffer bytes = gguf_build_finish(b);
  char *dir = test_dir(), *file = file_join(dir, "model.gguf");
  struct weights *weights = NULL;
  test_write(dir, "model.gguf", bytes.data, bytes.length);
  CHECK_FAILS(weights_open(file, &weights, err), TFM_ERROR_CHECKPOINT, says);
  buffer_finish(&bytes);
  free(file);
  test_remove(dir);
}

START_TEST(test_tensors_refused) {
  struct gguf_build b;
  static const int64_t odd[] = {3, 2}, one[] = {1};
  static const float value[8];
  begin(&b); /* four heads, three rows */
  gguf_build_tensor(&b, "blk.0.attn_q.weight", 0, 2, odd, value, 24);
  tensors_fail(&b, "cannot be put in order");
  gguf_build_init(&b);
  gguf_build_text(&b, "general.architecture", "mine");
  gguf_build_tensor(&b, "a", 0, 1, one, value, 4);
  gguf_build_tensor(&b, "a", 0, 1, one, value, 4);
  tensors_fail(&b, "is there twice");
}
END_TEST

/* llama3's divisors tell its factor; without a table keys stay as they are. */
START_TEST(test_config_other) {
  struct gguf_build b;
  struct gguf file;
  json_t *config;
  static const int64_t eight = 8;
  float divisor[8];
  for (int i = 0; i < 8; i++) {
    double wave = 2 * 3.14159265358979323846 * pow(500000, i / 8.0), kept = (8192 / wave - 1) / 3;
    divisor[i] = (float)(wave < 2048 ? 1 : wave > 8192 ? 32 : 1 / ((1 - kept) / 32 + kept));
  }
  begin(&b);
  gguf_build_f32(&b, "llama.rope.freq_base", 500000);
  gguf_build_tensor(&b, "rope_freqs.weight", 0, 1, &eight, divisor, sizeof divisor);
  struct buffer bytes = gguf_build_finish(&b);
  CHECK_OK(gguf_parse(&file, "x.gguf", (const unsigned char *)bytes.data, bytes.length, err));
  CHECK_OK(gguf_config(&file, &config, err));
  json_t *scaling = json_object_get(config, "rope_scaling");
  ck_assert_str_eq(json_string_value(json_object_get(scaling, "rope_type")), "llama3");
  ck_assert(json_number_value(json_object_get(scaling, "factor")) == 32);
  json_decref(config);
  gguf_finish(&file);
  buffer_finish(&bytes);

  gguf_build_init(&b);
  gguf_build_text(&b, "general.architecture", "mine");
  gguf_build_u32(&b, "mine.attention.head_count", 4);
  gguf_build_u32(&b, "tokenizer.ggml.eos_token_id", 2);
  gguf_build_u32(&b, "tokenizer.ggml.eot_token_id", 3);
  bytes = gguf_build_finish(&b);
  CHECK_OK(gguf_parse(&file, "x.gguf", (const unsigned char *)bytes.data, bytes.length, err));
  CHECK_OK(gguf_config(&file, &config, err));
  json_t *attention = json_object_get(config, "attention");
  ck_assert_int_eq(json_integer_value(json_object_get(attention, "head_count")), 4);
  ck_assert_uint_eq(json_array_size(json_object_get(config, "eos_token_id")), 2);
  json_decref(config);
  gguf_finish(&file);
  buffer_finish(&bytes);
}
END_TEST

/* ------------------------------------------------------------------- tokenizers */

static struct tokenizer *open_built(struct gguf_build *b, const char *says) {
  char *dir = test_dir(), *file = file_join(dir, "model.gguf");
  struct buffer bytes = gguf_build_finish(b);
  struct tokenizer *tokenizer = NULL;
  test_write(dir, "model.gguf", bytes.data, bytes.length);
  if (says)
    CHECK_FAILS(tokenizer_open(file, &tokenizer, err), TFM_ERROR_TOKENIZER, says);
  else
    CHECK_OK(tokenizer_open(file, &tokenizer, err));
  buffer_finish(&bytes);
  free(file);
  test_remove(dir);
  return tokenizer;
}

/* kind NULL: none.  tokens: separated by spaces. */
static void tokens(struct gguf_build *b, const char *kind, const char *pre, const char *list) {
  json_t *array = json_array();
  gguf_build_init(b);
  if (kind)
    gguf_build_text(b, "tokenizer.ggml.model", kind);
  if (pre)
    gguf_build_text(b, "tokenizer.ggml.pre", pre);
  for (size_t n; *list; list += n + (list[n] == ' ')) {
    n = strcspn(list, " ");
    json_array_append_new(array, json_stringn(list, n));
  }
  gguf_fixture_texts(b, "tokenizer.ggml.tokens", array);
  json_decref(array);
}

static void types(struct gguf_build *b, const char *digits) {
  gguf_build_array(b, "tokenizer.ggml.token_type", GGUF_I32, strlen(digits));
  for (; *digits; digits++)
    gguf_put(&b->keys, (uint64_t)(*digits - '0'), 4);
}

static void scores(struct gguf_build *b, size_t count) {
  gguf_build_array(b, "tokenizer.ggml.scores", GGUF_F32, count);
  for (size_t i = 0; i < count; i++) {
    float score = -(float)i;
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    gguf_put(&b->keys, bits, 4);
  }
}

static void encodes(struct tokenizer *tokenizer, const char *text, const char *want) {
  struct encoding e;
  struct buffer ids;
  buffer_init(&ids);
  CHECK_OK(tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, true, &e, err));
  for (size_t i = 0; i < e.count; i++)
    buffer_printf(&ids, "%s%d", i ? " " : "", (int)e.ids[i]);
  ck_assert_msg(strcmp(buffer_text(&ids), want) == 0, "`%s`: %s", text, buffer_text(&ids));
  buffer_finish(&ids);
  encoding_finish(&e);
}

START_TEST(test_tokenizer_llama) {
  struct gguf_build b;
  tokens(&b, "llama", "default",
         "<unk> <s> </s> \xe2\x96\x81"
         "ab ab \xe2\x96\x81 a b <x> <0x63>");
  types(&b, "2331111146");
  scores(&b, 10);
  gguf_build_u32(&b, "tokenizer.ggml.bos_token_id", 1);
  gguf_build_u32(&b, "tokenizer.ggml.eos_token_id", 2);
  struct tokenizer *t = open_built(&b, NULL);
  encodes(t, "ab ab", "1 3 3");
  encodes(t, "abc", "1 3 9");
  encodes(t, "a<x>ab", "1 5 6 8 3");
  ck_assert_int_eq(tokenizer_roles(t)->bos, 1);
  ck_assert_int_eq(tokenizer_roles(t)->eos, 2);
  tokenizer_destroy(t);
}
END_TEST

START_TEST(test_tokenizer_gpt2) {
  struct gguf_build b;
  tokens(&b, "gpt2", "gpt-2",
         "a b ab \xc4\xa0 \xc4\xa0"
         "a <end>");
  types(&b, "111113");
  json_t *merges = json_pack("[s, s]", "a b", "\xc4\xa0 a");
  gguf_fixture_texts(&b, "tokenizer.ggml.merges", merges);
  gguf_build_u32(&b, "tokenizer.ggml.eos_token_id", 5);
  struct tokenizer *t = open_built(&b, NULL);
  encodes(t, "ab a<end>b", "2 4 5 1");
  ck_assert_int_eq(tokenizer_roles(t)->eos, 5);
  tokenizer_destroy(t);
  tokens(&b, "gpt2", "llama-bpe", "a b ab 1 2 12 <b>");
  types(&b, "1111113");
  json_array_clear(merges);
  json_array_append_new(merges, json_string("a b"));
  gguf_fixture_texts(&b, "tokenizer.ggml.merges", merges);
  gguf_build_u32(&b, "tokenizer.ggml.bos_token_id", 6);
  t = open_built(&b, NULL);
  encodes(t, "ab12", "6 2 5"); /* whole words before merges */
  tokenizer_destroy(t);
  json_decref(merges);
}
END_TEST

/* How the names of llama.cpp cut numbers, newlines and what is not composed: as the
 * tokenizer.json of their models.  Their published vectors agree (47 texts each). */
START_TEST(test_tokenizer_pres) {
  static const struct {
    const char *pre, *numbers, *newlines, *mark;
  } rows[] = {{"gpt-2", "4 5", "8", "10 11 12"},
              {"mpt", "4 5", "8", "9"},
              {"falcon", "6 3", "8", "10 11 12"},
              {"refact", "0 1 2 3", "8", "10 11 12"},
              {"smollm", "0 1 2 3", "8", "10 11 12"},
              {"starcoder", "0 1 2 3", "8", "10 11 12"},
              {"command-r", "0 1 2 3", "8", "9"},
              {"qwen2", "0 1 2 3", "8", "9"},
              {"qwen35", "0 1 2 3", "8", "10 11 12"},
              {"deepseek-llm", "0 1 2 3", "7 7", "10 11 12"},
              {"deepseek-coder", "0 1 2 3", "7 7", "10 11 12"}};
  json_t *merges =
      json_pack("[s, s, s, s, s]", "1 2", "3 4", "12 3", "\xc4\x8a \xc4\x8a", "\xc3\x83 \xc2\xa9");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct gguf_build b;
    tokens(&b, "gpt2", rows[i].pre,
           "1 2 3 4 12 34 123 \xc4\x8a \xc4\x8a\xc4\x8a \xc3\x83\xc2\xa9 e \xc3\x8c \xc4\xa3 "
           "\xc3\x83 \xc2\xa9");
    gguf_fixture_texts(&b, "tokenizer.ggml.merges", merges);
    struct tokenizer *t = open_built(&b, NULL);
    encodes(t, "1234", rows[i].numbers);
    encodes(t, "\n\n", rows[i].newlines);
    encodes(t, "e\xcc\x81", rows[i].mark);
    tokenizer_destroy(t);
  }
  json_decref(merges);
}
END_TEST

/* An unknown token of type control, named; a separator that is none. */
START_TEST(test_tokenizer_named) {
  struct gguf_build b;
  tokens(&b, "llama", NULL, "<unk> <s> a [PAD1] [PAD2]");
  types(&b, "33122");
  scores(&b, 5);
  gguf_build_u32(&b, "tokenizer.ggml.unknown_token_id", 0);
  gguf_build_u32(&b, "tokenizer.ggml.seperator_token_id", UINT32_MAX);
  struct tokenizer *t = open_built(&b, NULL);
  encodes(t, "zz", "0");
  ck_assert_int_eq(tokenizer_roles(t)->unk, 0);
  ck_assert_int_eq(tokenizer_roles(t)->sep, -1);
  tokenizer_destroy(t);
}
END_TEST

#define M "\xe2\x96\x81"
START_TEST(test_tokenizer_bert) {
  struct gguf_build b;
  tokens(&b, "bert", NULL, "[PAD] [UNK] [CLS] [SEP] " M "tea ing " M "a");
  struct tokenizer *t = open_built(&b, NULL);
  encodes(t, "Teaing a b", "2 4 5 6 1 3");
  tokenizer_destroy(t);
  tokens(&b, "bert", NULL, "[PAD] [UNK] [CLS] [SEP] " M "Tea ing " M "a");
  t = open_built(&b, NULL);
  encodes(t, "Teaing tea", "2 4 5 1 3");
  tokenizer_destroy(t);
}
END_TEST

START_TEST(test_tokenizer_refused) {
  struct gguf_build b;
  tokens(&b, NULL, NULL, "a");
  open_built(&b, "no tokenizer in it");
  tokens(&b, "rwkv", NULL, "a");
  open_built(&b, "is `rwkv`");
  tokens(&b, "gpt2", "tekken", "a");
  open_built(&b, "`tekken`");
  tokens(&b, "gpt2", NULL, "a");
  open_built(&b, "is missing");
  tokens(&b, "gpt2", "gpt-2", "a");
  open_built(&b, "merges");
  tokens(&b, "gpt2", "gpt-2", "a a");
  open_built(&b, "is there twice");
  tokens(&b, "gpt2", "gpt-2", "");
  open_built(&b, "array of 1");
  tokens(&b, "llama", NULL, "a");
  open_built(&b, "scores");
  tokens(&b, "llama", NULL, "a");
  scores(&b, 1);
  open_built(&b, "type unknown");
  tokens(&b, "llama", NULL, "a b");
  types(&b, "2");
  open_built(&b, "one type for each");
  tokens(&b, "llama", NULL, "a");
  types(&b, "7");
  open_built(&b, "unknown type");
  tokens(&b, "bert", NULL, "a");
  gguf_build_u32(&b, "tokenizer.ggml.mask_token_id", 1);
  open_built(&b, "is no token");
}
END_TEST

static const char *write_to;

/* A test, so that checks work. */
START_TEST(test_write_files) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct buffer bytes = convert(names[i], false), name;
    buffer_init(&name);
    buffer_printf(&name, "%s.gguf", names[i]);
    test_write(write_to, name.data, bytes.data, bytes.length);
    buffer_finish(&name);
    buffer_finish(&bytes);
  }
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {test_tensors,
                                test_packed,
                                test_config,
                                test_config_refused,
                                test_config_other,
                                test_tokenizer_llama,
                                test_tokenizer_gpt2,
                                test_tokenizer_pres,
                                test_tokenizer_named,
                                test_tokenizer_bert,
                                test_tokenizer_refused,
                                test_tensors_refused};
  const TTest *const writing[] = {test_write_files};
  if (argc == 2) {
    write_to = argv[1];
    return unit_run("gguf_files", writing, 1);
  }
  return unit_run("gguf_model", tests, sizeof tests / sizeof tests[0]);
}
