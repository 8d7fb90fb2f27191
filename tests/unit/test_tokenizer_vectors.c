/* Ids equal to Hugging Face's on real vocabularies: the committed vectors, and, where
 * shared data is, 47 nasty texts for four tokenizers, 10,570 questions, a story, and a
 * SentencePiece model beside its tokenizer.json. */
#include "base/json.h"
#include "tests/unit/tokenizer_dir.h"
#include "tests/unit/unit.h"
#include "tokenizer/tokenizer.h"

enum { FILE_LIMIT = 64 * 1024 * 1024 };

static struct tokenizer *open_path(const char *path) {
  struct tfm_error err = {0};
  struct tokenizer *tokenizer;
  int status = tokenizer_open(path, &tokenizer, &err);
  ck_assert_msg(status == 0, "%s", err.message);
  return tokenizer;
}

static json_t *read_json(const char *path) {
  struct tfm_error err = {0};
  json_t *json;
  int status = json_read(path, FILE_LIMIT, 16, TFM_ERROR_TOKENIZER, &json, &err);
  ck_assert_msg(status == 0, "%s", err.message);
  return json;
}

static struct encoding encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                              const json_t *pair, bool special) {
  struct tfm_error err = {0};
  struct encoding encoding;
  int status = tokenizer_encode(tokenizer, text, length, json_string_value(pair),
                                json_string_length(pair), special, &encoding, &err);
  ck_assert_msg(status == 0, "%s", err.message);
  return encoding;
}

static void ids_equal(const char *name, const char *text, const json_t *wanted, const int32_t *ids,
                      size_t count) {
  ck_assert_msg(json_array_size(wanted) == count, "%s: %zu ids, not %zu: %s", name, count,
                json_array_size(wanted), text);
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(json_integer_value(json_array_get(wanted, i)) == ids[i],
                  "%s: id %zu is %d, not %lld: %s", name, i, (int)ids[i],
                  (long long)json_integer_value(json_array_get(wanted, i)), text);
}

/* Decoded at once and as a stream. */
static void text_equals(const struct tokenizer *tokenizer, const char *name, const json_t *wanted,
                        const struct encoding *encoding) {
  struct tfm_error err = {0};
  struct token_stream *stream;
  struct buffer out;
  buffer_init(&out);
  ck_assert_int_eq(tokenizer_decode(tokenizer, encoding->ids, encoding->count, true, &out, &err),
                   0);
  ck_assert_msg(strcmp(buffer_text(&out), json_string_value(wanted)) == 0, "%s: decoded %s, not %s",
                name, buffer_text(&out), json_string_value(wanted));
  buffer_clear(&out);
  ck_assert_int_eq(token_stream_create(tokenizer, false, true, &stream, &err), 0);
  for (size_t i = 0; i < encoding->count; i++)
    ck_assert_int_eq(token_stream_push(stream, encoding->ids[i], &out, &err), 0);
  ck_assert_int_eq(token_stream_finish(stream, &out, &err), 0);
  ck_assert_str_eq(buffer_text(&out), json_string_value(wanted));
  token_stream_destroy(stream);
  buffer_finish(&out);
}

static void check_row(const struct tokenizer *tokenizer, const char *name, const json_t *row) {
  const json_t *text = json_object_get(row, "text"), *pair = json_object_get(row, "pair");
  const char *bytes = json_string_value(text);
  struct encoding whole = encode(tokenizer, bytes, json_string_length(text), pair, true);
  ids_equal(name, bytes, json_object_get(row, "ids"), whole.ids, whole.count);
  if (pair != NULL)
    ids_equal(name, bytes, json_object_get(row, "type_ids"), whole.types, whole.count);
  encoding_finish(&whole);
  if (pair != NULL)
    return;
  struct encoding plain = encode(tokenizer, bytes, json_string_length(text), NULL, false);
  ids_equal(name, bytes, json_object_get(row, "ids_plain"), plain.ids, plain.count);
  text_equals(tokenizer, name, json_object_get(row, "decoded"), &plain);
  encoding_finish(&plain);
}

START_TEST(test_fixtures) {
  static const char *const names[] = {"bert-cased", "bert-uncased",    "gpt2",  "gpt2-files",
                                      "llama",      "llama-metaspace", "llama3"};
  for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
    char *forms = fixture_path("tokenizers"), *path = file_join(forms, names[n]);
    char *vectors = file_join(path, "tokenizer_vectors.json");
    struct tokenizer *tokenizer = open_path(path);
    json_t *rows = read_json(vectors);
    ck_assert_uint_gt(json_array_size(rows), 40);
    for (size_t i = 0; i < json_array_size(rows); i++)
      check_row(tokenizer, names[n], json_array_get(rows, i));
    json_decref(rows);
    tokenizer_destroy(tokenizer);
    free(vectors);
    free(path);
    free(forms);
  }
}
END_TEST

/* True if the path is there; else say what is skipped. */
static bool have(const char *path) {
  if (file_exists(path) || file_is_directory(path))
    return true;
  printf("skipped: %s is not there\n", path);
  return false;
}

/* One line of ids, "[1, 2]" or "1 2". */
static json_t *line_ids(const char *line, const char *end) {
  json_t *ids = json_array();
  while (line < end) {
    char *after;
    long id = strtol(line, &after, 10);
    if (after == line || after > end)
      break;
    json_array_append_new(ids, json_integer(id));
    line = after;
  }
  return ids;
}

static void check_texts(const char *directory, const char *name) {
  static const char mark[] = "\n__ggml_vocab_test__\n";
  char file[64];
  struct tfm_error err = {0};
  struct file_bytes texts, ids;
  snprintf(file, sizeof file, "data/tokenizers/%s", directory);
  char *path = shared_path(file);
  snprintf(file, sizeof file, "data/tokenizers/vectors/%s.inp", name);
  char *in = shared_path(file);
  snprintf(file, sizeof file, "data/tokenizers/vectors/%s.out", name);
  char *out = shared_path(file);
  if (have(path) && have(in) && have(out)) {
    struct tokenizer *tokenizer = open_path(path);
    ck_assert_int_eq(file_read(in, FILE_LIMIT, TFM_ERROR_TOKENIZER, &texts, &err), 0);
    ck_assert_int_eq(file_read(out, FILE_LIMIT, TFM_ERROR_TOKENIZER, &ids, &err), 0);
    const char *text = texts.data, *line = ids.data;
    size_t count = 0;
    for (; *line != '\0'; count++) {
      const char *end = strchr(line, '\n'), *stop = strstr(text, mark);
      ck_assert_ptr_nonnull(end);
      size_t length = stop == NULL ? strlen(text) : (size_t)(stop - text);
      json_t *wanted = line_ids(line, end);
      struct encoding got = encode(tokenizer, text, length, NULL, false);
      ids_equal(name, text, wanted, got.ids, got.count);
      encoding_finish(&got);
      json_decref(wanted);
      line = end + 1;
      text += length + (stop == NULL ? 0 : strlen(mark));
    }
    ck_assert_uint_ge(count, 46);
    file_bytes_finish(&texts);
    file_bytes_finish(&ids);
    tokenizer_destroy(tokenizer);
  }
  free(path);
  free(in);
  free(out);
}

START_TEST(test_texts) {
  check_texts("gpt2", "gpt-2");
  check_texts("bert-uncased", "bert-bge");
  check_texts("roberta-base", "roberta-bpe");
  check_texts("phi-3-mini/tokenizer.json", "phi-3"); /* alone: LlamaTokenizer makes others */
}
END_TEST

/* One text through two tokenizers: everything the same. */
static void same(const struct tokenizer *a, const struct tokenizer *b, const char *text,
                 size_t length) {
  struct encoding x = encode(a, text, length, NULL, true), y = encode(b, text, length, NULL, true);
  ck_assert_msg(x.count == y.count && memcmp(x.ids, y.ids, x.count * sizeof *x.ids) == 0 &&
                    memcmp(x.begin, y.begin, x.count * sizeof *x.begin) == 0 &&
                    memcmp(x.end, y.end, x.count * sizeof *x.end) == 0,
                "%.*s", (int)length, text);
  encoding_finish(&x);
  encoding_finish(&y);
}

/* spiece.model stands for the tokenizer.json that was made of it, line for line. */
START_TEST(test_spiece) {
  static const char *const texts[] = {"data/tokenizers/vectors/gpt-2.inp",
                                      "data/corpora/ko/kim_yujeong_dongbaek.txt",
                                      "data/corpora/en/GrimmsFairyTales.txt"};
  char *json = shared_path("data/tokenizers/t5-small");
  char *model = shared_path("data/tokenizers/t5-small/spiece.model");
  for (size_t i = 0; have(json) && have(model) && i < sizeof texts / sizeof texts[0]; i++) {
    char *path = shared_path(texts[i]);
    struct tfm_error err = {0};
    struct file_bytes bytes;
    if (have(path)) {
      struct tokenizer *a = open_path(json), *b = open_path(model);
      ck_assert_uint_eq(tokenizer_vocabulary(a), tokenizer_vocabulary(b));
      ck_assert_int_eq(file_read(path, FILE_LIMIT, TFM_ERROR_TOKENIZER, &bytes, &err), 0);
      size_t most = bytes.size;
      if (getenv("TFM_VALGRIND") != NULL && most > 2000)
        most = 2000;
      for (const char *at = bytes.data, *end = at + most; at < end; at++) {
        size_t length = strcspn(at, "\n");
        same(a, b, at, length);
        at += length;
      }
      same(a, b, "<extra_id_7> a<unk></s>", 23);
      file_bytes_finish(&bytes);
      tokenizer_destroy(a);
      tokenizer_destroy(b);
    }
    free(path);
  }
  free(json);
  free(model);
}
END_TEST

/* The content of an .xz file; NULL if there is no xz. */
static json_t *read_xz(const char *path) {
  char command[512];
  snprintf(command, sizeof command, "xz -dc '%s' 2>/dev/null", path);
  FILE *pipe = popen(command, "r");
  struct buffer text;
  char part[65536];
  size_t size;
  ck_assert_ptr_nonnull(pipe);
  buffer_init(&text);
  while ((size = fread(part, 1, sizeof part, pipe)) > 0)
    buffer_append(&text, part, size);
  json_t *json = NULL;
  if (pclose(pipe) == 0)
    json = json_loadb(text.data, text.length, 0, NULL);
  else
    printf("skipped: no xz to read %s\n", path);
  buffer_finish(&text);
  return json;
}

/* The words of the basic level: pieces without "##", joined, unless unknown. */
static void check_words(const struct tokenizer *tokenizer, const struct encoding *got,
                        const json_t *words, const char *text) {
  struct buffer word;
  size_t count = 0;
  buffer_init(&word);
  for (size_t i = 0; i < got->count; i++) {
    const char *token = tokenizer_token(tokenizer, got->ids[i]);
    buffer_puts(&word, strncmp(token, "##", 2) == 0 ? token + 2 : token);
    if (i + 1 < got->count && got->word[i + 1] == got->word[i])
      continue;
    const char *wanted = json_string_value(json_array_get(words, count++));
    ck_assert_msg(wanted != NULL && (strcmp(buffer_text(&word), wanted) == 0 ||
                                     strcmp(buffer_text(&word), "[UNK]") == 0),
                  "squad: word %zu is %s: %s", count, buffer_text(&word), text);
    buffer_clear(&word);
  }
  ck_assert_msg(count == json_array_size(words), "squad: %zu words: %s", count, text);
  buffer_finish(&word);
}

/* One question at all three levels. */
static void check_question(const struct tokenizer *tokenizer, const json_t *row,
                           const json_t *ids) {
  const json_t *text = json_object_get(row, "original"),
               *pieces = json_object_get(row, "wordpiece");
  const char *bytes = json_string_value(text);
  struct encoding got = encode(tokenizer, bytes, json_string_length(text), NULL, false);
  ids_equal("squad", bytes, ids, got.ids, got.count);
  ck_assert_msg(json_array_size(pieces) == got.count, "squad: %s", bytes);
  for (size_t i = 0; i < got.count; i++)
    ck_assert_msg(strcmp(tokenizer_token(tokenizer, got.ids[i]),
                         json_string_value(json_array_get(pieces, i))) == 0,
                  "squad: token %zu of %s", i, bytes);
  check_words(tokenizer, &got, json_object_get(row, "basic"), bytes);
  encoding_finish(&got);
}

static void check_questions(const char *path, const json_t *rows, const json_t *ids) {
  struct tokenizer *tokenizer = open_path(path);
  ck_assert_uint_eq(json_array_size(rows), 10570);
  ck_assert_uint_eq(json_array_size(ids), 10570);
  for (size_t i = 0; i < json_array_size(rows); i++)
    check_question(tokenizer, json_array_get(rows, i), json_array_get(ids, i));
  tokenizer_destroy(tokenizer);
}

START_TEST(test_questions) {
  if (getenv("TFM_VALGRIND") != NULL) {
    printf("skipped: the questions, under valgrind\n");
    return;
  }
  char *path = shared_path("data/tokenizers/bert-uncased");
  char *rows_path = shared_path("data/tokenizers/bert-uncased/question_tokens.json.xz");
  char *ids_path = shared_path("data/tokenizers/bert-uncased/tokenized_questions.json.xz");
  if (have(path) && have(rows_path) && have(ids_path)) {
    json_t *rows = read_xz(rows_path), *ids = read_xz(ids_path);
    if (rows != NULL && ids != NULL)
      check_questions(path, rows, ids);
    json_decref(rows);
    json_decref(ids);
  }
  free(path);
  free(rows_path);
  free(ids_path);
}
END_TEST

/* What a model said after its start token: the first space stays. */
START_TEST(test_story) {
  char *path = shared_path("data/checkpoints/stories260K");
  char *golden_path = shared_path("data/checkpoints/stories260K/golden.json");
  if (have(path) && have(golden_path)) {
    struct tokenizer *tokenizer = open_path(path);
    json_t *golden = read_json(golden_path), *ids = json_object_get(golden, "greedy_ids");
    struct tfm_error err = {0};
    struct token_stream *stream;
    struct buffer out;
    buffer_init(&out);
    ck_assert_int_eq(token_stream_create(tokenizer, true, true, &stream, &err), 0);
    for (size_t i = 1; i < json_array_size(ids); i++)
      ck_assert_int_eq(token_stream_push(
                           stream, (int32_t)json_integer_value(json_array_get(ids, i)), &out, &err),
                       0);
    ck_assert_int_eq(token_stream_finish(stream, &out, &err), 0);
    ck_assert_str_eq(buffer_text(&out), json_string_value(json_object_get(golden, "greedy_text")));
    token_stream_destroy(stream);
    buffer_finish(&out);
    json_decref(golden);
    tokenizer_destroy(tokenizer);
  }
  free(path);
  free(golden_path);
}
END_TEST

/* T5's map takes a cluster of few bytes whole: a mark after what it maps is gone,
 * one of Unicode 17 too. */
START_TEST(test_clusters) {
  char *path = shared_path("data/tokenizers/t5-small");
  if (have(path)) {
    struct tokenizer *tokenizer = open_path(path);
    static const char marked[] = "\xc2\xb3\xe1\xab\xa9x";
    struct encoding plain = encode(tokenizer, "3x", 2, NULL, false);
    struct encoding got = encode(tokenizer, marked, sizeof marked - 1, NULL, false);
    ck_assert_uint_eq(got.count, plain.count);
    for (size_t i = 0; i < got.count; i++)
      ck_assert_int_eq(got.ids[i], plain.ids[i]);
    encoding_finish(&plain);
    encoding_finish(&got);
    tokenizer_destroy(tokenizer);
  }
  free(path);
}
END_TEST

UNIT_MAIN("tokenizer_vectors", test_fixtures, test_texts, test_questions, test_story, test_spiece,
          test_clusters)
