/* From model files to graphs: the models against every fixture, what is fused,
 * fed, dumped, moved and named, and the forms that weights can have. */
#include "compiler/codes.h"
#include "tests/unit/compiling.h"
#include "tests/unit/text_file.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <time.h>

/* ---------------------------------------------------------------------- helpers */

/* Compile; what is wrong fails the test.  The text of the graph, which must
 * read back to itself. */
static char *graph_text(const struct compile_options *options) {
  struct diag diag;
  struct buffer out, again;
  struct tfm_error err = {0};
  diag_init(&diag);
  buffer_init(&out);
  buffer_init(&again);
  struct graph *graph = compile_model(options, &diag, &err);
  diag_render_text(&diag, false, &out);
  ck_assert_msg(graph != NULL, "%s\n%s", err.message, buffer_text(&out));
  buffer_clear(&out);
  graph_print(graph, &out);
  struct graph *copy = graph_parse("graph", buffer_text(&out), out.length, &err);
  ck_assert_msg(copy != NULL && graph_verify(copy, &err) == 0, "%s", err.message);
  graph_print(copy, &again);
  ck_assert_str_eq(buffer_text(&out), buffer_text(&again));
  graph_destroy(copy);
  graph_destroy(graph);
  buffer_finish(&again);
  diag_finish(&diag);
  return buffer_take(&out);
}

/* The first error's code, 0 = none. */
static unsigned error_of(const struct compile_options *options) {
  struct diag diag;
  struct tfm_error err = {0};
  diag_init(&diag);
  struct graph *graph = compile_model(options, &diag, &err);
  const struct diag_item *item = diag.first;
  while (item != NULL && item->level != DIAG_ERROR)
    item = item->next;
  unsigned code = item == NULL ? 0 : item->code;
  ck_assert_msg((graph == NULL) == (err.code != TFM_ERROR_NONE), "%s", err.message);
  graph_destroy(graph);
  diag_finish(&diag);
  return code;
}

/* A model's text with a config and tensors as in compiling_tensors. */
struct written {
  struct compiling k;
  char path[64];
  char *tensors;
};

static void write_model(struct written *w, const char *text, const char *config,
                        const char *tensors) {
  snprintf(w->path, sizeof w->path, "/tmp/tfm-compile-XXXXXX");
  int file = mkstemp(w->path);
  ck_assert_int_ge(file, 0);
  ck_assert_int_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
  close(file);
  compiling_init(&w->k, w->path);
  w->k.config = json_loads(config, 0, NULL);
  ck_assert_ptr_nonnull(w->k.config);
  w->k.options.config.root = w->k.config;
  w->tensors = calloc(1, strlen(tensors) + 1);
  ck_assert_ptr_nonnull(w->tensors);
  memcpy(w->tensors, tensors, strlen(tensors));
  compiling_tensors(&w->k, w->tensors);
}

static void finish_written(struct written *w) {
  unlink(w->path);
  free(w->tensors);
  compiling_finish(&w->k);
}

#define HEADER                                                                                     \
  "tfm 1\nmodel m for \"m\"\ndim B, T\ninput ids: i32[B, T] = tokens.ids\n"                        \
  "param D = config.width\n"
#define BODY(statements)                                                                           \
  "graph encode {\n  x = embedding(ids) @words\n" statements "  return x\n}\n"                     \
  "head h(x): classify_tokens for \"M\" { return logits = x }\n"

/* The graph has the text, or does not when it begins with "!". */
static void expect(const char *model, const char *tensors, const char *const *wanted) {
  struct written w;
  write_model(
      &w, model,
      "{\"width\": 4, \"layers\": 2, \"none\": null, \"tie\": true, \"architectures\": [\"M\"]}",
      tensors);
  char *text = graph_text(&w.k.options);
  for (; *wanted != NULL; wanted++) {
    bool absent = (*wanted)[0] == '!';
    ck_assert_msg((strstr(text, *wanted + absent) == NULL) == absent, "want %s in:\n%s", *wanted,
                  text);
  }
  free(text);
  finish_written(&w);
}
#define EXPECT(model, tensors, ...) expect(model, tensors, (const char *const[]){__VA_ARGS__, NULL})

static void expect_error(const char *model, const char *tensors, unsigned code) {
  struct written w;
  write_model(
      &w, model,
      "{\"width\": 4, \"layers\": 2, \"none\": null, \"tie\": true, \"architectures\": [\"M\"]}",
      tensors);
  unsigned found = error_of(&w.k.options);
  ck_assert_msg(found == code, "E%u, not E%u:\n%s", found, code, model);
  finish_written(&w);
}

/* ----------------------------------------------------------------------- models */

static const char *model_for(const char *fixture) {
  static char path[64];
  snprintf(path, sizeof path, "models/%.*s.tfm", (int)strcspn(fixture, "-"), fixture);
  return path;
}

static void use_fixture(struct compiling *k, char **path, const char *fixture, bool checkpoint) {
  char relative[128];
  *path = text_file_source(model_for(fixture));
  compiling_init(k, *path);
  snprintf(relative, sizeof relative, "tests/fixtures/%s", fixture);
  char *directory = text_file_source(relative);
  ck_assert_msg(compiling_config(k, directory), "%s", fixture);
  if (checkpoint)
    ck_assert_msg(compiling_checkpoint(k, directory), "%s", fixture);
  free(directory);
}

START_TEST(golden_graphs) {
  static const char *const fixtures[] = {"gpt2-tied", "bert-mlm", "llama-gqa"};
  for (size_t i = 0; i < 6; i++) {
    struct compiling k;
    char *path, golden[64];
    const char *fixture = fixtures[i / 2];
    use_fixture(&k, &path, fixture, true);
    k.options.fuse = i % 2 == 1;
    char *text = graph_text(&k.options);
    snprintf(golden, sizeof golden, "tests/lang/%.*s.%sgraph", (int)strcspn(fixture, "-"), fixture,
             k.options.fuse ? "fused." : "");
    text_file_golden(golden, text);
    free(text);
    compiling_finish(&k);
    free(path);
  }
}
END_TEST

/* Every fixture in one file, with its checkpoint and from config.json alone. */
START_TEST(all_fixtures) {
  char *root = text_file_source("tests/fixtures");
  DIR *dir = opendir(root);
  unsigned seen = 0;
  ck_assert_ptr_nonnull(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char file[1024];
    snprintf(file, sizeof file, "%s/%s/model.safetensors", root, entry->d_name);
    if (access(file, R_OK) != 0)
      continue;
    /* A classifier's width is nowhere in config.json. */
    bool alone = strstr(entry->d_name, "classify") == NULL &&
                 strstr(entry->d_name, "tags") == NULL && strstr(entry->d_name, "qa") == NULL;
    for (int pass = 0; pass < 2; pass++) {
      struct compiling k;
      char *path;
      use_fixture(&k, &path, entry->d_name, pass == 0);
      k.options.fuse = true;
      if (pass == 0 || alone)
        free(graph_text(&k.options));
      compiling_finish(&k);
      free(path);
    }
    seen++;
  }
  closedir(dir);
  free(root);
  ck_assert_uint_gt(seen, 10);
}
END_TEST

START_TEST(checks_alone) {
  static const char *const names[] = {"gpt2", "bert", "llama"};
  for (size_t i = 0; i < 3; i++) {
    struct compiling k;
    struct diag diag;
    struct tfm_error err = {0};
    char *path = text_file_source(model_for(names[i]));
    diag_init(&diag);
    compiling_init(&k, path);
    ck_assert_msg(compile_check(&k.options, &diag, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(error_of(&k.options), CODE_CONFIG_MISSING);
    diag_finish(&diag);
    compiling_finish(&k);
    free(path);
  }
}
END_TEST

/* ------------------------------------------------------------------ feed and dump */

START_TEST(feeding) {
  static const char *const feed[] = {"embeddings.LayerNorm"};
  struct compiling k;
  char *path;
  use_fixture(&k, &path, "bert-classify", true);
  size_t kept = 0;
  for (size_t i = 0; i < k.options.tensor_count; i++) /* none of the embeddings is there */
    if (strstr(k.tensor[i].name, "embeddings") == NULL)
      k.tensor[kept++] = k.tensor[i];
  ck_assert_uint_lt(kept, k.options.tensor_count);
  k.options.tensor_count = kept;
  ck_assert_uint_eq(error_of(&k.options), CODE_TENSOR_MISSING);
  k.options.feed = feed;
  k.options.feed_count = 1;
  char *text = graph_text(&k.options);
  ck_assert_msg(strstr(text, "embeddings.LayerNorm = feed : f32[B,T,24]") != NULL, "%s", text);
  ck_assert_ptr_null(strstr(text, "tokens.ids"));
  ck_assert_ptr_null(strstr(text, "position"));
  free(text);
  compiling_finish(&k);
  free(path);
}
END_TEST

static void expect_usage(struct compiling *k, const char *message) {
  struct diag diag;
  struct tfm_error err = {0};
  diag_init(&diag);
  ck_assert_ptr_null(compile_model(&k->options, &diag, &err));
  ck_assert_int_eq(err.code, TFM_ERROR_USAGE);
  ck_assert_msg(strstr(err.message, message) != NULL, "%s", err.message);
  diag_finish(&diag);
}

START_TEST(dumping) {
  const char *dump[] = {"h.0.attention.probs", "h.1.attn.c_proj", "x", "h.0.q"};
  struct compiling k;
  char *path;
  use_fixture(&k, &path, "gpt2-tied", true);
  k.options.fuse = true;
  char *text = graph_text(&k.options);
  ck_assert_ptr_null(strstr(text, "@h.1.attn.c_proj"));
  free(text);
  k.options.dump = dump;
  k.options.dump_count = 4;
  text = graph_text(&k.options);
  ck_assert_msg(strstr(text, "taps(scores, probs!)") != NULL, "%s", text);
  ck_assert_ptr_nonnull(strstr(text, "@h.1.attn.c_proj !")); /* kept from fusing */
  ck_assert_ptr_nonnull(strstr(text, "@h.0.split | h.0.q | h.0.asked !"));
  ck_assert_ptr_nonnull(strstr(text, "@ln_f | x#4 | x !"));
  free(text);
  dump[0] = "h.0.attention.prob";
  expect_usage(&k, "`h.0.attention.prob`");
  dump[0] = "h.0.causal";
  expect_usage(&k, "no tensor");
  compiling_finish(&k);
  free(path);
}
END_TEST

/* One piece of a split is fed, the others are computed. */
START_TEST(feeding_a_piece) {
  static const char *const feed[] = {"h.0.k"};
  struct compiling k;
  char *path;
  use_fixture(&k, &path, "gpt2-tied", true);
  k.options.feed = feed;
  k.options.feed_count = 1;
  char *text = graph_text(&k.options);
  ck_assert_msg(strstr(text, "h.0.split:1 = feed : f32[B,T,2,12] @h.0.split:1 | h.0.k") != NULL, "%s",
                text);
  ck_assert_ptr_nonnull(strstr(text, "@h.0.split:1#computed"));
  free(text);
  compiling_finish(&k);
  free(path);
}
END_TEST

/* ----------------------------------------------------------------------- choosing */

START_TEST(choosing_heads) {
  struct compiling k;
  char *path;
  use_fixture(&k, &path, "bert-mlm", true);
  static const char *const tasks[][2] = {{NULL, "fill_mask mlm"},
                                         {"embed", "embed sentence"},
                                         {"sentence", "embed sentence"},
                                         {"fill_mask", "fill_mask mlm"}};
  for (size_t i = 0; i < 4; i++) {
    k.options.task = tasks[i][0];
    char *text = graph_text(&k.options);
    ck_assert_msg(strstr(text, tasks[i][1]) != NULL, "%s", text);
    free(text);
  }
  k.options.task = "nothing";
  ck_assert_uint_eq(error_of(&k.options), CODE_HEAD_CHOICE);
  compiling_finish(&k);
  free(path);
}
END_TEST

/* Of several heads of a task the first serves, where no architecture says which. */
START_TEST(first_head_of_a_task) {
  struct written w;
  write_model(&w,
              HEADER "graph encode { return x = embedding(ids) @words }\n"
                     "head one(x): classify_tokens for \"A\" { return logits = x }\n"
                     "head two(x): classify_tokens for \"B\" { return logits = 2 * x }\n",
              "{\"width\": 4}", "words.weight F32 9 4\n");
  w.k.options.task = "classify_tokens";
  char *text = graph_text(&w.k.options);
  ck_assert_msg(strstr(text, "classify_tokens one") != NULL, "%s", text);
  free(text);
  finish_written(&w);
}
END_TEST

START_TEST(last_token) {
  struct compiling k;
  char *path;
  use_fixture(&k, &path, "llama-gqa", true);
  char *text = graph_text(&k.options);
  ck_assert_ptr_nonnull(strstr(text, "last_token("));
  ck_assert_ptr_nonnull(strstr(text, "last = tokens.last : i32[B]"));
  free(text);
  k.options.all_logits = true;
  text = graph_text(&k.options);
  ck_assert_ptr_null(strstr(text, "last"));
  free(text);
  compiling_finish(&k);
  free(path);
}
END_TEST

/* ------------------------------------------------------------------------- stages */

static const char pair_tensors[] =
    "words.weight F32 10 8\n"
    "encoder.0.q.weight F32 8 8\nencoder.0.k.weight F32 8 8\n"
    "encoder.0.v.weight F32 8 8\nencoder.0.o.weight F32 8 8\n"
    "decoder.0.own.q.weight F32 8 8\ndecoder.0.own.k.weight F32 8 8\n"
    "decoder.0.own.v.weight F32 8 8\ndecoder.0.own.o.weight F32 8 8\n"
    "decoder.0.cross.q.weight F32 8 8\ndecoder.0.cross.k.weight F32 8 8\n"
    "decoder.0.cross.v.weight F32 8 8\ndecoder.0.cross.o.weight F32 8 8\n";

START_TEST(two_graphs) {
  char *path = text_file_source("tests/lang/pair.tfm"), *model = text_file_read(path);
  struct written w;
  write_model(&w, model, "{\"width\": 8, \"layers\": 1, \"heads\": 2}", pair_tensors);
  w.k.options.all_logits = true;
  char *text = graph_text(&w.k.options);
  text_file_golden("tests/lang/pair.graph", text);
  char *decode = strstr(text, "\ndecode\n%");
  ck_assert_ptr_nonnull(decode);
  char *key = strstr(text, "@decoder.0.cross.k"), *query = strstr(text, "@decoder.0.cross.q");
  ck_assert(key != NULL && key < decode);
  ck_assert(query != NULL && query > decode);
  free(text);
  finish_written(&w);
  free(model);
  free(path);
}
END_TEST

/* ------------------------------------------------------------------------ weights */

START_TEST(weight_forms) {
  EXPECT(HEADER BODY("  x = linear(x, weight: @a ?? @b)\n"), "words.weight F32 9 4\nb F32 4 4\n",
         "linear(%1; $b, _)");
  EXPECT(HEADER BODY("  x = linear(x, weight: if config.tie then @a else @b)\n"),
         "words.weight F32 9 4\na F32 4 4\nb F32 1\n", "linear(%1; $a, _)", "!weight $b");
  EXPECT(HEADER BODY("  x = linear(x, weight: transpose(@a), bias: none)\n"),
         "words.weight F32 9 4\na BF16 4 4\n",
         "weight $a{transpose} : bf16[4,4] = transpose($a; 0, 0, 0)");
  EXPECT(HEADER BODY("  x = linear(x, weight: split(@a, parts: 3, index: 1))\n"),
         "words.weight F32 9 4\na F32 12 4\n", ": f32[4,4] = split($a; 0, 3, 1)");
  EXPECT(HEADER BODY("  x = linear(x, weight: slice(@a, from: 2, count: D))\n"),
         "words.weight F32 9 4\na F32 12 4\n", ": f32[4,4] = slice($a; 0, 4, 2)");
  EXPECT(HEADER BODY("  x = linear(x, weight: slice(@a, axis: -1, from: -4))\n"),
         "words.weight F32 9 4\na F32 4 9\n", ": f32[4,4] = slice($a; 1, 4, 5)");
  EXPECT(HEADER BODY("  x = linear(x, weight: split(@a, sizes: [2, D, 6], index: 1))\n"),
         "words.weight F32 9 4\na F32 12 4\n", ": f32[4,4] = slice($a; 0, 4, 2)");
  EXPECT(HEADER BODY("  x = linear(x, weight: reshape(transpose(@a, axes: [2, 0, 1]), "
                     "shape: [_, D]))\n"),
         "words.weight F32 9 4\na F32 2 2 4\n", ": f32[4,2,2] = transpose($a; 0, 3, 66)",
         ": f32[4,4] = reshape(");
  EXPECT(HEADER BODY("  x = linear(linear(x, weight: concat(@a, @b)), weight: transpose(@a))\n"),
         "words.weight F32 9 4\na F32 4 4\nb F32 0 4\n", ": f32[4,4] = concat($a, $b; 0, 0, 0)");
  EXPECT(HEADER BODY("  x = linear(x, weight: reshape(@a, shape: [D, D]))\n"),
         "words.weight F32 9 4\na F32 16\n", ": f32[4,4] = reshape($a; 0, 0, 0)");
  EXPECT(HEADER
         "weight w: [D, D] = @a\nweight v = transpose(w)\n" BODY("  x = linear(x, weight: v)\n"),
         "words.weight F32 9 4\na F32 4 4\n", "%2 = linear(%1; $a{transpose}, _)", "@v");
}
END_TEST

/* Numbers order the pieces of a stack: 10 comes after 2. */
START_TEST(stacking) {
  struct written w;
  write_model(
      &w,
      HEADER "weight all: [_, D] = stack(@e.*.w)\n" BODY("  x = x + embedding(ids, weight: all)\n"),
      "{\"width\": 4}", "words.weight F32 9 4\ne.10.w F32 4\ne.2.w F32 4\ne.0.w F32 4\n");
  char *text = graph_text(&w.k.options);
  ck_assert_msg(strstr(text, ": f32[3,4] = stack($e.0.w, $e.2.w, $e.10.w; 0, 0, 0)") != NULL, "%s",
                text);
  free(text);
  finish_written(&w);
}
END_TEST

START_TEST(groups) {
  static const char tensors[] = "words.weight F32 9 4\nup.weight F32 8 4\nup.bias F32 8\n"
                                "down.weight F32 8 4\ndown.bias F32 4\n";
  EXPECT(HEADER BODY("  x = ffn(x, kind: \"relu\", up: @up, down: transpose(@down))\n"), tensors,
         "ffn(%1; $up.weight, $up.bias, $down.weight{transpose}, $down.bias; kind: \"relu\")");
  static const char below[] = "words.weight F32 9 4\nf.up.weight F32 8 4\nf.down.weight F32 4 8\n";
  EXPECT(HEADER BODY("  x = ffn(x, kind: \"relu\") @f\n"), below,
         "ffn(%1; $f.up.weight, _, $f.down.weight, _; kind: \"relu\")", "@f |");
}
END_TEST

/* The rules go in order; what they ignore may be left over. */
START_TEST(rules) {
  EXPECT(HEADER "weights {\n rename \"m.*\" to \"*\"\n rename \"*.gamma\" to \"*.weight\"\n"
                " ignore \"*.junk\", \"one\"\n}\n" BODY("  x = rms_norm(x) @n\n"),
         "m.words.weight F32 9 4\nm.n.gamma F32 4\nm.a.junk I64 1\none F32\n",
         "weight $n.weight : f32[4] = \"m.n.gamma\"");
  expect_error(HEADER "weights { rename \"a*\" to \"b\" }\n" BODY(""),
               "words.weight F32 9 4\na1 F32 1\na2 F32 1\n", CODE_RENAME_CLASH);
  expect_error(HEADER BODY(""), "words.weight F32 9 4\nmore F32 1\n", CODE_TENSOR_UNUSED);
  /* Named where nothing runs: a branch, another head, a weight, an alternative. */
  EXPECT(
      HEADER "weight spare = @spare\n" BODY(
          "  x = if config.tie then x else linear(x) @branch.{D}\n") "head g(x): embed { return "
                                                                     "vector = linear(x, weight: "
                                                                     "@first ?? @other) @head }\n"
                                                                     "head k(x): embed { return "
                                                                     "vector = below(x) }\n"
                                                                     "block below(x) { return "
                                                                     "linear(x) @below }\n"
                                                                     "assert true, \"\"\n",
      "words.weight F32 9 4\nspare F32 1\nbranch.4.weight F32 4 4\nhead.bias F32 4\n"
      "other F32 4 4\nbelow.weight F32 4 4\n",
      "!spare");
}
END_TEST

/* Heads beyond the first are chosen by name here. */
START_TEST(optional_slots) {
  static const char layers[] = "  repeat 2 as i { x = linear(x) @l.{i} }\n";
  struct written w;
  char model[1024];
  snprintf(model, sizeof model, HEADER BODY("%s"), layers);
  write_model(&w, model, "{\"width\": 4}",
              "words.weight F32 9 4\nl.0.weight F32 4 4\nl.1.weight F32 4 4\n");
  char *text = graph_text(&w.k.options);
  ck_assert_ptr_nonnull(strstr(text, "linear(%2; $l.1.weight, _)"));
  free(text);
  finish_written(&w);
  write_model(&w, model, "{\"width\": 4}",
              "words.weight F32 9 4\nl.0.weight F32 4 4\nl.1.weight F32 4 4\nl.0.bias F32 4\n");
  ck_assert_uint_eq(error_of(&w.k.options), CODE_TENSOR_SOME_LAYERS);
  finish_written(&w);
}
END_TEST

/* -------------------------------------------------------------------- expressions */

START_TEST(constants) {
  static const struct {
    const char *expr, *value;
  } cases[] = {
      {"1 + 2 * 3 - 4", "by: 3.0"},
      {"D / 2", "by: 2.0"},
      {"1 / 4.0", "by: 0.25"},
      {"-(2)", "by: -2.0"},
      {"config.none ?? 7", "by: 7.0"},
      {"config.absent ?? config.none ?? D", "by: 4.0"},
      {"if D > 3 and not (D == 5 or D < 1) then 1 else 2", "by: 1.0"},
      {"if config.none == none then 1 else 2", "by: 1.0"},
      {"if \"a\" < \"b\" then 1 else 2", "by: 1.0"},
      {"if config.absent != none and 1 / 0 == 1 then 1 else 2", "by: 2.0"},
      {"[1, 5, 9][1]", "by: 5.0"},
      {"if 9007199254740993 > 9007199254740992 then 1 else 2", "by: 1.0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char model[1024];
    snprintf(model, sizeof model, HEADER BODY("  x = scale(x, by: %s)\n"), cases[i].expr);
    EXPECT(model, "words.weight F32 9 4\n", cases[i].value);
  }
}
END_TEST

START_TEST(arithmetic_on_tensors) {
  EXPECT(HEADER BODY("  x = 2 * x / 4 - (x * x) / x\n  x = -x\n"), "words.weight F32 9 4\n",
         "scale(%1;; by: 2.0)", "scale(%2;; by: 0.25)", "mul(%1, %1)", "div(%4, %1)", "sub(%3, %5)",
         "scale(%6;; by: -1.0)");
}
END_TEST

/* Dims of 1, and those that are not there, are repeated; what repeats is not fused. */
START_TEST(repeated_dims) {
  EXPECT(HEADER BODY("  x = x * @v - @s\n"), "words.weight F32 9 4\nv F32 4\ns BF16 1 1 1\n",
         "%2 = constant(; $v) : f32[4] @v", "mul(%1, %2) : f32[B,T,4]",
         "constant(; $s) : f32[1,1,1]");
  EXPECT(HEADER BODY("  x = 2 - x + 1 / x\n"), "words.weight F32 9 4\n",
         "constant(; _; value: 2.0) : f32[1]", "div(%", "sub(%2, %1) : f32[B,T,4]");
  EXPECT(HEADER BODY("  x = embedding(2 * ids + 2 - ids, weight: @p) + embedding(-ids) @words\n"),
         "words.weight F32 9 4\np F32 40 4\n", "constant(; _; value: 2) : i32[1]",
         ": i32[B,T] @add", "constant(; _; value: -1) : i32[1]");
  EXPECT(HEADER BODY("  x = linear(x) @a + @v\n"),
         "words.weight F32 9 4\na.weight F32 4 4\nv F32 4\n", "= linear(", "= add(");
  expect_error(HEADER BODY("  x = x * @v\n"), "words.weight F32 9 4\nv F32 3\n", CODE_SHAPE);
  expect_error(HEADER BODY("  x = x * @v\n"), "words.weight F32 9 4\nv F32 2 4\n", CODE_SHAPE);
  expect_error(HEADER BODY("  x = x * @v\n"), "words.weight F32 9 4\nv I64 4\n", CODE_TENSOR_DTYPE);
  expect_error(HEADER BODY("  x = embedding(ids + 0.5) @words\n"), "words.weight F32 9 4\n",
               CODE_DTYPE);
  expect_error(HEADER BODY("  x = embedding(ids / 2) @words\n"), "words.weight F32 9 4\n",
               CODE_DTYPE);
  expect_error(HEADER BODY("  x = embedding(ids + 4294967296) @words\n"), "words.weight F32 9 4\n",
               CODE_ARITHMETIC);
  expect_error(HEADER BODY("  x = x / 0\n"), "words.weight F32 9 4\n", CODE_ARITHMETIC);
  expect_error(HEADER BODY("  x = x + causal()\n"), "words.weight F32 9 4\n", CODE_DTYPE);
  expect_error(HEADER BODY("  y = causal() * 2\n"), "words.weight F32 9 4\n", CODE_KIND);
}
END_TEST

/* Arithmetic of weights is one weight, made once and read in a slot. */
START_TEST(computed_weights) {
  static const char norm[] = "words.weight F32 9 4\nn.weight BF16 4\n";
  EXPECT(HEADER BODY("  x = rms_norm(x, weight: 1 + @n.weight)\n"
                     "  x = rms_norm(x, weight: 1 + @n.weight)\n"),
         norm, "weight $\"(1 + n.weight)\" : f32[4] = add(${1}, $n.weight; 0, 0, 0)",
         "$\"(1 + n.weight)\"; eps: 1e-06) : f32[B,T,4] @n", "!{1:");
  EXPECT(HEADER "weight w: [D] = -@n.weight / 2\n" BODY("  x = rms_norm(x, weight: w)\n"), norm,
         "weight $\"((-1 * n.weight) / 2)\" : f32[4]");
  EXPECT(HEADER BODY("  x = x * (@n.weight * @n.weight)\n"), norm,
         "constant(; $\"(n.weight * n.weight)\") : f32[4]");
  EXPECT(HEADER BODY("  x = rms_norm(x, weight: 1 + (@n.weight ?? @words.weight))\n"), norm,
         "(1 + n.weight)");
  expect_error(HEADER BODY("  x = rms_norm(x, weight: @n.weight + @words.weight)\n"),
               "words.weight F32 9 5\nn.weight F32 4\n", CODE_WEIGHT_VIEW);
  expect_error(HEADER BODY("  x = rms_norm(x, weight: @n.weight / 0)\n"), norm, CODE_ARITHMETIC);
  expect_error(HEADER BODY("  x = rms_norm(x, weight: 1 + @n.weight)\n"),
               "words.weight F32 9 4\nn.weight I32 4\n", CODE_WEIGHT_VIEW);
}
END_TEST

/* Experts are a list of tensors, in the order of their numbers, or one tensor, or a view of it. */
START_TEST(experts) {
  static const char two[] = "words.weight F32 9 4\ng.weight F32 2 4\n"
                            "e.0.up.weight F32 6 4\ne.1.up.weight F32 6 4\n"
                            "e.0.down.weight F32 4 6\ne.1.down.weight F32 4 6\n";
  static const char fused[] = "words.weight F32 9 4\ng.weight F32 2 4\n"
                              "e.both F32 2 12 4\ne.down F32 2 4 6\ne.down.bias F32 2 4\n";
#define ROUTED(gate, up, down)                                                                     \
  "  c, s = top_k(linear(x) @g, k: 1)\n  x = expert_ffn(x, c, s, kind: \"relu\", experts: 2, "     \
  "inner: 6, gate: " gate ", up: " up ", down: " down ")\n"
  EXPECT(HEADER BODY(ROUTED("none", "@e.*.up", "@e.*.down")), two,
         "weight $\"e.*.up.weight\" : f32[2,6,4] = list($e.0.up.weight, $e.1.up.weight; 0, 0, 0)",
         "expert_ffn(%1, %3, %4; _, _, $\"e.*.up.weight\", _, $\"e.*.down.weight\", _;", "!stack");
  EXPECT(HEADER BODY(ROUTED("none", "stack(@e.*.up)", "stack(@e.0.down, @e.1.down)")), two,
         "= list($e.0.up.weight", "= list($e.0.down.weight", "!stack");
  EXPECT(HEADER BODY(ROUTED("split(@e.both, parts: 2, index: 0, axis: 1)",
                            "split(@e.both, parts: 2, index: 1, axis: 1)", "@e.down")),
         fused, ": f32[2,6,4] = split($e.both; 1, 2, 1)", "$e.down, $e.down.bias;", "!list");
  expect_error(HEADER BODY(ROUTED("none", "@e.*.upp", "@e.*.down")), two, CODE_TENSOR_MISSING);
  expect_error(HEADER BODY(ROUTED("none", "transpose(@e.*.up)", "@e.*.down")), two, CODE_PATH);
  expect_error(HEADER BODY("  x = linear(x, weight: @e.*.up.weight)\n"), two, CODE_PATH);
  expect_error(HEADER BODY(ROUTED("none", "@e.*.up", "@e.*.down")),
               "words.weight F32 9 4\ng.weight F32 2 4\ne.0.up.weight F32 6 4\n"
               "e.1.up.weight F32 5 4\ne.0.down.weight F32 4 6\ne.1.down.weight F32 4 6\n",
               CODE_WEIGHT_VIEW);
  expect_error(HEADER BODY(ROUTED("none", "@e.*.up", "@e.*.down")),
               "words.weight F32 9 4\ng.weight F32 2 4\ne.0.up.weight F32 6 4\n"
               "e.1.up.weight F32 6 4\ne.0.down.weight F32 4 6\n",
               CODE_WEIGHT_SLOT);
}
END_TEST

/* A norm needs no weight, but a scope names something. */
START_TEST(norms_without_weights) {
  EXPECT(HEADER BODY("  x = layer_norm(rms_norm(x), eps: 0.5)\n"), "words.weight F32 9 4\n",
         "rms_norm(%1; _; eps: 1e-06)", "layer_norm(%2; _, _; eps: 0.5)");
  EXPECT(HEADER BODY("  x = layer_norm(x) @n\n"), "words.weight F32 9 4\nn.bias F32 4\n",
         "layer_norm(%1; _, $n.bias; eps: 1e-05)");
  expect_error(HEADER BODY("  x = layer_norm(x) @m\n"), "words.weight F32 9 4\n",
               CODE_TENSOR_MISSING);
}
END_TEST

/* An operator is the op that has its role; where there is none, it is refused. */
START_TEST(roles) {
  static const char *const exprs[] = {"x + x", "x - x", "x * x", "x / x", "-x", "x * 0.5", "1 - x"};
  for (size_t i = 0; i < sizeof exprs / sizeof exprs[0]; i++) {
    struct written w;
    char model[1024], tensors[] = "words.weight F32 9 4\n";
    snprintf(model, sizeof model, HEADER BODY("  x = %s\n"), exprs[i]);
    write_model(&w, model, "{\"width\": 4}", tensors);
    ck_assert_uint_eq(error_of(&w.k.options), 0);
    w.k.options.op_name_count = 0;
    ck_assert_uint_eq(error_of(&w.k.options), CODE_UNKNOWN_OP);
    finish_written(&w);
  }
}
END_TEST

/* A default, an argument that is none, a block of a block, names of results. */
START_TEST(blocks) {
  EXPECT(HEADER
         "block two(x, by = 2.0) { return scale(x, by: by), x }\n"
         "block one(x, by = none) {\n  a, b = two(x, by: by ?? 3.0)\n  return y = a + b\n}\n" BODY(
             "  x = one(x) @here\n  x = one(x, 5.0)\n"),
         "words.weight F32 9 4\n", "by: 3.0", "by: 5.0", "@here.add | here.y | here | x#2",
         "@here.scale | here.a", "@add | y | x#3 | x");
}
END_TEST

/* What is computed of constants: each assert holds, or the graph is refused. */
START_TEST(computing) {
  static const char holds[] = HEADER
      "param none_there = config.some ?? [], list = [1, 2.5, \"a\", [3]], o = config.object\n"
      "assert 2 ** 3 ** 2 == 512 and -2 ** 2 == -4 and 2 ** -1 == 0.5, \"powers\"\n"
      "assert 0 ** 0 == 1 and (-3) ** 3 == -27 and 2 ** 62 == 4611686018427387904, \"ints\"\n"
      "assert 7 // 2 == 3 and -7 // 2 == -4 and 7 // -2 == -4, \"quotients\"\n"
      "assert 7 % 3 == 1 and -7 % 3 == 2 and 7 % -3 == -2 and -6 % 3 == 0, \"remainders\"\n"
      "assert 1 / sqrt(D) == 0.5 and sqrt(2.25) == 1.5, \"roots\"\n"
      "assert floor(-1.5) == -2 and floor(D) == 4 and floor(7 / 2.0) == 3, \"floor\"\n"
      "assert min(3, 2.5, D) == 2.5 and max(3, D) == 4 and max([1, 9, 2]) == 9, \"extremes\"\n"
      "assert len([]) == 0 and len(config.list) == 3 and len(o) == 1, \"len\"\n"
      "assert none_there == [] and list != [] and [D, [1]] == [4.0, [1]], \"lists\"\n"
      "assert config.list == [0, 2, 4] and [] + config.list + [5] == [0, 2, 4, 5], \"json\"\n"
      "assert D in config.list and \"a\" in list and [3] in list and not 1 in [], \"in\"\n"
      "assert not \"1\" in [1] and [none] != [false] and config.object == o, \"kinds\"\n"
      "assert (list[4] ?? 7) == 7 and (config.list[9] ?? o.k) == 3, \"no element\"\n"
      "assert (o[\"k\"] ?? 1) == 3 and (o[\"l\"] ?? 1) == 1, \"members\"\n"
      "assert (config.list[5].x ?? config.gone[0] ?? none[2] ?? 6) == 6, \"of nothing\"\n"
      "assert [10, 20, 30][D % 3 + 1] == 30 and config.list[7 // 4] == 2, \"computed\"\n"
      "block two(x) { return x, x * 2.0 }\n" BODY(
          "  n = 0\n  odd = []\n"
          "  repeat 3 as a { repeat 2 as b { repeat 2 as c { repeat 2 as d {\n"
          "    n = n + a * 8 + b * 4 + c * 2 + d\n"
          "    odd = if n % 2 == 1 then odd + [n] else odd\n"
          "  } } } }\n"
          "  assert n == 276 and len(odd) == 12, \"loops\"\n"
          "  _, x = two(x)\n");
  struct written w;
  write_model(&w, holds, "{\"width\": 4, \"list\": [0, 2, 4], \"object\": {\"k\": 3}}",
              "words.weight F32 9 4\n");
  char *text = graph_text(&w.k.options);
  ck_assert(strstr(text, "by: 2.0") != NULL);
  free(text);
  finish_written(&w);
  EXPECT(HEADER "block sqrt(x) { return x * 3.0 }\n" BODY("  x = sqrt(x)\n"),
         "words.weight F32 9 4\n", "by: 3.0"); /* a block hides a function */
}
END_TEST

/* Arithmetic on numbers makes no node, however often; what makes none ends all the same. */
START_TEST(numbers_are_no_nodes) {
  EXPECT(HEADER BODY("  repeat 256 as i {\n    k = i + 1\n"
                     "    repeat 256 as j { m = k * j + k * i - min(k, j) * i }\n  }\n"),
         "words.weight F32 9 4\n", "!add(");
  expect_error(HEADER BODY("  repeat 256 as i { repeat 257 as j { x = x + x } }\n"),
               "words.weight F32 9 4\n", CODE_LIMIT_NODES);
  static const char forever[] =
      "  repeat 1024 as a { repeat 1024 as b { repeat 1024 as c { repeat 1024 as d {";
  char model[1024];
  snprintf(model, sizeof model, "%s%s }\n  } } }\n  return x\n}\n",
           HEADER "graph encode {\n  x = embedding(ids) @words\n", forever);
  expect_error(model, "words.weight F32 9 4\n", CODE_LIMIT_STEPS);
  snprintf(model, sizeof model, "%s%s l = l + l } } } }\n  return x\n}\n",
           HEADER "graph encode {\n  x = embedding(ids) @words\n  l = [D]\n", forever);
  expect_error(model, "words.weight F32 9 4\n", CODE_ARITHMETIC);
}
END_TEST

START_TEST(rebinding_and_scopes) {
  expect_error(HEADER BODY("  repeat 2 as i { y = x }\n  x = y\n"), "words.weight F32 9 4\n",
               CODE_UNKNOWN_NAME);
  EXPECT(HEADER BODY("  y = x\n  repeat 2 as i { y = y + x }\n  x = y\n"), "words.weight F32 9 4\n",
         "add(%2, %1)", "layer 1", "@add#2 | y#3 | y | x#2 | x");
}
END_TEST

/* ----------------------------------------------------------------------- fusing */

/* As expect, of the fused graph. */
static void expect_fused(const char *model, const char *tensors, const char *dump,
                         const char *const *wanted) {
  struct written w;
  write_model(&w, model, "{\"width\": 4, \"architectures\": [\"M\"]}", tensors);
  w.k.options.fuse = true;
  w.k.options.dump = &dump;
  w.k.options.dump_count = dump != NULL;
  char *text = graph_text(&w.k.options);
  for (; *wanted != NULL; wanted++) {
    bool absent = (*wanted)[0] == '!';
    ck_assert_msg((strstr(text, *wanted + absent) == NULL) == absent, "want %s in:\n%s", *wanted,
                  text);
  }
  free(text);
  finish_written(&w);
}
#define FUSED(model, tensors, dump, ...)                                                           \
  expect_fused(model, tensors, dump, (const char *const[]){__VA_ARGS__, NULL})

#define THREE "words.weight F32 9 4\na.weight F32 4 4\nb.weight F32 4 4\nc.weight F32 4 4\n"

/* Three layers of one input are one, if they are of one layer of the model. */
START_TEST(fusing_three) {
  FUSED(HEADER BODY("  x = linear(x) @a + linear(x) @b * linear(x) @c\n"), THREE, NULL,
        "= linear3(%1; $a.weight, _, $b.weight, _, $c.weight, _)", "! linear(");
  FUSED(HEADER BODY("  y = linear(x) @a\n  x = y + linear(x) @b * linear(y) @c\n"), THREE, NULL,
        "!linear3");
  FUSED(HEADER BODY("  y = x\n  repeat 3 as i { y = y * linear(x) @l.{i} }\n  x = y\n"),
        "words.weight F32 9 4\nl.0.weight F32 4 4\nl.1.weight F32 4 4\nl.2.weight F32 4 4\n", NULL,
        "!linear3", "linear(%1; $l.2.weight, _)");
}
END_TEST

/* A sum goes into the layer before it, unless somebody else reads or sees what that gives. */
START_TEST(fusing_sums) {
  static const char one[] = "words.weight F32 9 4\na.weight F32 4 4\n";
  FUSED(HEADER BODY("  x = x + linear(x) @a\n"), one, NULL, "= linear_add(%1, %1; $a.weight, _)",
        "! add(");
  FUSED(HEADER BODY("  y = 2 * x\n  x = linear(x) @a + y\n"), one, NULL,
        "= linear_add(%1, %2; $a.weight, _)", "! add(");
  FUSED(HEADER BODY("  y = linear(x) @a\n  x = x + y * y\n"), one, NULL, "!linear_add");
  FUSED(HEADER BODY("  y = linear(x) @a\n  x = (x + y) * y\n"), one, NULL, "!linear_add", "= add(");
  FUSED(HEADER BODY("  y = linear(x) @a\n  x = (y + x) * y\n"), one, NULL, "!linear_add", "= add(");
  FUSED(HEADER BODY("  x = x + linear(x) @a\n"), one, "a", "!linear_add", "= add(");
}
END_TEST

/* The sum and its norm are both results, in this order, and the norm's settings stay. */
START_TEST(fusing_norms) {
  static const char norm[] = "words.weight F32 9 4\nn.weight F32 4\nn.bias F32 4\n";
  FUSED(HEADER BODY("  y = x + 2 * x\n  x = y * layer_norm(y, eps: 0.25) @n\n"), norm, NULL,
        "%3, %4 = add_layer_norm(%1, %2; $n.weight, $n.bias; eps: 0.25)", "= mul(%3, %4)");
  FUSED(HEADER BODY("  y = x + 2 * x\n  x = y * rms_norm(y, eps: 0.25) @n\n"),
        "words.weight F32 9 4\nn.weight F32 4\n", NULL,
        "%3, %4 = add_rms_norm(%1, %2; $n.weight; eps: 0.25)", "= mul(%3, %4)");
}
END_TEST

/* --------------------------------------------------------------------- imports */

START_TEST(libraries) {
  char directory[] = "/tmp/tfm-compile-XXXXXX", path[128], part[128];
  struct compiling k;
  ck_assert_ptr_nonnull(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/m.tfm", directory);
  snprintf(part, sizeof part, "%s/parts.tfm", directory);
  static const char model[] =
      HEADER "import \"parts.tfm\" as parts\n" BODY("  x = parts.around(x, 2 * parts.K) @r\n");
  static const char parts[] = "tfm 1\nlibrary parts\ndim B, T\nparam K = config.width / 2\n"
                              "block inner(x: [B, T, 2 * K]) { return linear(x) @inner }\n"
                              "block around(x, by) { return scale(x, by: by) + inner(x) }\n";
  static char tensors[] = "words.weight F32 9 4\nr.inner.weight F32 4 4\n";
  text_file_write(path, model, strlen(model));
  text_file_write(part, parts, strlen(parts));
  compiling_init(&k, path);
  k.config = json_loads("{\"width\": 4}", 0, NULL);
  k.options.config.root = k.config;
  compiling_tensors(&k, tensors);
  char *text = graph_text(&k.options);
  ck_assert_msg(strstr(text, "by: 4.0") != NULL, "%s", text);
  ck_assert_ptr_nonnull(strstr(text, "@r.inner"));
  free(text);
  compiling_finish(&k);
  unlink(path);
  unlink(part);
  rmdir(directory);
}
END_TEST

/* ---------------------------------------------------------------------- hostile */

static void expect_fast(const char *model, unsigned code) {
  struct written w;
  write_model(&w, model, "{\"width\": 4}", "words.weight F32 9 4\n");
  clock_t start = clock();
  unsigned found = error_of(&w.k.options);
  double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  ck_assert_msg(found == code, "E%u, not E%u", found, code);
  ck_assert_msg(seconds < 60, "%f s", seconds); /* well under 1 s; the rest is for valgrind */
  finish_written(&w);
}

static char *many(const char *before, const char *line, size_t count, const char *after) {
  struct buffer text;
  buffer_init(&text);
  buffer_puts(&text, before);
  for (size_t i = 0; i < count && text.length < (1 << 20) - 4096; i++)
    buffer_printf(&text, line, i, i);
  buffer_puts(&text, after);
  return buffer_take(&text);
}

/* Long files of each kind end soon, and with a named error if with one. */
START_TEST(hostile) {
  static const struct {
    const char *before, *line, *after;
    unsigned code;
  } cases[] = {
      {HEADER "graph encode {\n  x = embedding(ids) @words\n", "  a%zu = x\n",
       "  return x\n}\nhead h(x): classify_tokens { return logits = x }\n", CODE_LIMIT_STEPS},
      {HEADER "graph encode {\n  x = embedding(ids) @words\n", "  x = x + x\n",
       "  return x\n}\nhead h(x): classify_tokens { return logits = x }\n", CODE_LIMIT_NODES},
      {HEADER "graph encode {\n  x = embedding(ids) @words\n", "  y = u%zu\n",
       "  return x\n}\nhead h(x): classify_tokens { return logits = x }\n", CODE_UNKNOWN_NAME},
      {HEADER "graph encode {\n  x = embedding(ids) @words\n", "  y = linear(x) @q%zu\n",
       "  return x\n}\nhead h(x): classify_tokens { return logits = x }\n", 0},
      {HEADER "graph encode { return x = embedding(ids) @words }\nhead h(x): classify_tokens { "
              "return logits = "
              "x }\n",
       "param p%zu = D\n", "", 0},
      {HEADER "graph encode { return x = embedding(ids) @words }\nhead h(x): classify_tokens { "
              "return logits = "
              "x }\nblock b(x) { return x }\n",
       "block b%zu(x) { return b%zu(x) }\n", "", CODE_BLOCK_CYCLE},
      {HEADER "graph encode { return x = embedding(ids) @words }\nhead h(x): classify_tokens { "
              "return logits = "
              "x }\nweights {\n",
       "  rename \"a%zu\" to \"b\"\n", "}\n", 0},
      {HEADER "graph encode { return x = embedding(ids) @words }\nhead h(x): classify_tokens { "
              "return logits = "
              "x }\nweights {\n",
       "  ignore \"*a*a*a*a*a*a*a*a*a*a*a*%zu\"\n", "}\n", 0},
      {HEADER "graph encode { return x = embedding(ids) @words }\nhead h(x): classify_tokens { "
              "return logits = "
              "x }\n",
       "weight w%zu = @words.weight\n", "", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t count = getenv("TFM_VALGRIND") != NULL ? 500 : 100000;
    if (count == 500 && cases[i].code > 600)
      continue;
    char *model = many(cases[i].before, cases[i].line, count, cases[i].after);
    expect_fast(model, cases[i].code);
    free(model);
  }
}
END_TEST

/* Deep chains: of weights, and of blocks whose calls stand deep in expressions. */
START_TEST(deep) {
  struct buffer text;
  buffer_init(&text);
  buffer_puts(&text, HEADER "weight w0 = @words.weight\n");
  for (int i = 1; i < 20000; i++)
    buffer_printf(&text, "weight w%d = w%d\n", i, i - 1);
  buffer_puts(&text, BODY("  y = embedding(ids, weight: w19999)\n"));
  expect_fast(buffer_text(&text), CODE_LIMIT_STEPS);
  buffer_clear(&text);
  buffer_puts(&text, HEADER BODY("  x = b15(x)\n") "block b0(x) { return x }\n");
  for (int i = 1; i < 16; i++) {
    buffer_printf(&text, "block b%d(x) { return ", i);
    for (int k = 0; k < 240; k++)
      buffer_puts(&text, "-(");
    buffer_printf(&text, "b%d(x)", i - 1);
    for (int k = 0; k < 240; k++)
      buffer_puts(&text, ")");
    buffer_puts(&text, " }\n");
  }
  expect_fast(buffer_text(&text), 0);
  buffer_finish(&text);
}
END_TEST

/* weight a = b, weight b = a */
START_TEST(circles) {
  expect_error(HEADER "weight a = b\nweight b = a\n" BODY("  x = linear(x, weight: a)\n"),
               "words.weight F32 9 4\n", CODE_UNKNOWN_NAME);
  expect_error(HEADER "param P = Q, Q = P\n" BODY(""), "words.weight F32 9 4\n", CODE_UNKNOWN_NAME);
}
END_TEST

UNIT_MAIN("compile", golden_graphs, all_fixtures, checks_alone, feeding, dumping, feeding_a_piece,
          choosing_heads, first_head_of_a_task, last_token, two_graphs, weight_forms, stacking,
          groups, rules, optional_slots, constants, arithmetic_on_tensors, roles, blocks, computing,
          numbers_are_no_nodes, repeated_dims, computed_weights, experts, norms_without_weights,
          rebinding_and_scopes, libraries, fusing_three, fusing_sums, fusing_norms, hostile, deep,
          circles)
