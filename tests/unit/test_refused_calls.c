/* Calls of tfm.h that are refused for what their arguments hold, each with what is said. */
#include "tests/unit/foretold.h"

static const int32_t ids[] = {CLS, A, B, SEP};

static tfm_input of_ids(void) {
  return (tfm_input){.struct_size = sizeof(tfm_input), .ids = ids, .id_count = 4};
}

static tfm_run_options options_of(void) {
  return (tfm_run_options){.struct_size = sizeof(tfm_run_options), .max_new_tokens = 2};
}

static void says(const struct foretold *f, int code, const char *words) {
  const char *message = tfm_error_message(f->error), *notes = tfm_error_notes(f->error);
  ck_assert_msg(tfm_error_code(f->error) == code &&
                    (strstr(message, words) != NULL || strstr(notes, words) != NULL),
                "not %d, %s: %d: %s\n%s", code, words, tfm_error_code(f->error), message, notes);
}

static void run_says(struct foretold *f, const tfm_input *input, const tfm_run_options *options,
                     int code, const char *words) {
  foretold_batch(f, input, 1, options);
  says(f, code, words);
}

/* ------------------------------------------------------------------ inputs */

START_TEST(test_inputs) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  foretold_open(&f);
  const struct {
    tfm_input input;
    const char *words;
  } row[] = {
      {{.struct_size = sizeof(tfm_input), .text_length = 2},
       "tfm_input[0].text is NULL, its length is 2"},
      {{.struct_size = sizeof(tfm_input), .text = "a", .text_length = 1, .pair_length = 3},
       "tfm_input[0].pair is NULL, its length is 3"},
      {{.struct_size = sizeof(tfm_input), .id_count = 4},
       "tfm_input[0].ids is NULL, its count is 4"},
      {{.struct_size = sizeof(tfm_input), .pair = "a", .pair_length = 1, .ids = ids, .id_count = 4},
       "help: ids hold both texts; a pair goes with a text only"},
      {{.text = "a", .text_length = 1}, "struct_size is not set"},
      {{.struct_size = 8, .text = "a", .text_length = 1}, "struct_size is 8"},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    run_says(&f, &row[i].input, NULL, TFM_CODE_USAGE, row[i].words);
  ck_assert_int_eq(tfm_model_run(f.model, NULL, 2, NULL, &f.result, f.error), -1);
  says(&f, TFM_CODE_USAGE, "input is NULL, its count is 2");
  foretold_close(&f);
}
END_TEST

/* ------------------------------------------------------------- run options */

static char long_text[5000];

START_TEST(test_run_options) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  static const char *const empty[] = {""}, *const not_utf8[] = {"\xff"},
                           *const too_long[] = {long_text};
  tfm_input input = of_ids();
  memset(long_text, 'a', sizeof long_text - 1);
  foretold_open(&f);
  struct row {
    tfm_run_options set;
    int code;
    const char *words;
  } row[] = {
      {{.flags = 1u << 30}, TFM_CODE_USAGE, "tfm_run_options.flags has 0x40000000"},
      {{.temperature = -1}, TFM_CODE_USAGE, "the temperature must be a number from 0 on"},
      {{.temperature = (double)NAN}, TFM_CODE_USAGE, "the temperature must be"},
      {{.temperature = 1, .top_k = -1}, TFM_CODE_USAGE, "top-k must be 0 (off) or more"},
      {{.temperature = 1, .top_p = 1.5}, TFM_CODE_USAGE, "top-p must be between 0 and 1"},
      {{.temperature = 1, .min_p = -0.5}, TFM_CODE_USAGE, "min-p must be between 0 and 1"},
      {{.repetition_penalty = -1}, TFM_CODE_USAGE, "the repetition penalty must be a number"},
      {{.presence_penalty = INFINITY}, TFM_CODE_USAGE, "the presence penalty must be a finite"},
      {{.frequency_penalty = (double)NAN}, TFM_CODE_USAGE, "the frequency penalty must be"},
      {{.max_new_tokens = -3}, TFM_CODE_USAGE, "tfm_run_options.max_new_tokens is -3"},
      {{.max_length = -1}, TFM_CODE_USAGE, "tfm_run_options.max_length is -1"},
      {{.stop_count = 1}, TFM_CODE_USAGE, "tfm_run_options.stop is NULL, stop_count is not 0"},
      {{.stop = empty, .stop_count = 1}, TFM_CODE_USAGE, "a stop text is empty"},
      {{.stop = not_utf8, .stop_count = 1}, TFM_CODE_USAGE, "a stop text is not UTF-8 at byte 1"},
      {{.stop = too_long, .stop_count = 1}, TFM_CODE_LIMIT, "a stop text is 4999 bytes long"},
      {{.max_length = 3}, TFM_CODE_LIMIT, "the input is 4 tokens long, max_length is 3"},
      {{.prompt_name = "query"}, TFM_CODE_USAGE, "the task generate takes no prompt by name"},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    row[i].set.struct_size = sizeof row[i].set;
    run_says(&f, &input, &row[i].set, row[i].code, row[i].words);
  }
  foretold_close(&f);
}
END_TEST

START_TEST(test_options_of_tasks) {
  tfm_run_options options = options_of();
  tfm_input input = of_ids(), text = foretold_text("a", NULL);
  struct foretold tags = {.task = "classify_tokens", .columns = 3};
  foretold_open(&tags);
  options.group = TFM_GROUP_MAX + 1;
  run_says(&tags, &text, &options, TFM_CODE_USAGE, "group is none of TFM_GROUP_");
  options.group = TFM_GROUP_MAX;
  run_says(&tags, &input, &options, TFM_CODE_USAGE, "groups are of a text's words");
  foretold_close(&tags);

  struct foretold rerank = {.task = "rerank", .columns = 1};
  foretold_open(&rerank);
  run_says(&rerank, &text, NULL, TFM_CODE_USAGE, "rerank needs a document beside the query");
  foretold_close(&rerank);

  struct foretold embed = {.task = "embed", .columns = 3};
  options = options_of();
  options.prompt_name = "nothing";
  foretold_open(&embed);
  run_says(&embed, &text, &options, TFM_CODE_USAGE, "the checkpoint has no prompt `nothing`");
  says(&embed, TFM_CODE_USAGE, "it has: ");
  foretold_close(&embed);

  struct foretold bare = {.task = "generate", .columns = WORDS, .flags = FORETOLD_NO_TOKENIZER};
  static const char *const stop[] = {"a"};
  options = options_of();
  options.stop = stop;
  options.stop_count = 1;
  foretold_open(&bare);
  run_says(&bare, &input, &options, TFM_CODE_USAGE, "stop texts need a tokenizer");
  foretold_close(&bare);
}
END_TEST

START_TEST(test_windows) {
  struct foretold f = {.task = "qa", .columns = 2};
  char question[400] = "", context[400] = "";
  for (int i = 0; i < 190; i++) {
    strcat(question, "a ");
    strcat(context, "b ");
  }
  tfm_input full = foretold_text(question, "b"), long_context = foretold_text("a", context);
  tfm_run_options options = options_of();
  foretold_open(&f);
  run_says(&f, &full, NULL, TFM_CODE_LIMIT, "no room for the context");
  options.stride = 159;
  run_says(&f, &long_context, &options, TFM_CODE_USAGE,
           "a stride of 159 tokens is not below the 156 of the context in a window");
  foretold_close(&f);
}
END_TEST

/* ------------------------------------------------------------------ scores */

START_TEST(test_scores) {
  struct foretold f = {.task = "generate", .columns = WORDS, .flags = FORETOLD_ALL_LOGITS};
  const uint32_t place[] = {1}, beyond[] = {4};
  const int32_t target[] = {A}, no_word[] = {WORDS}, negative[] = {-1};
  tfm_score score;
  const struct {
    const uint32_t *place;
    const int32_t *target;
    const char *words;
  } row[] = {{beyond, target, "place 4 of input 1 is beyond its 4 ids"},
             {place, no_word, "target 34 of input 1 is not in the vocabulary (0 to 33)"},
             {place, negative, "target -1 of input 1 is not in the vocabulary"},
             {NULL, target, "tfm_score_input[0].place is NULL"},
             {place, NULL, "tfm_score_input[0].target is NULL"}};
  for (int i = 0; i < WORDS; i++)
    f.table[B][i] = NAN;
  foretold_open(&f);
  tfm_score_input input = {
      .struct_size = sizeof input, .ids = ids, .id_count = 4, .target_count = 1};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    input.place = row[i].place;
    input.target = row[i].target;
    ck_assert_int_eq(tfm_model_score(f.model, &input, 1, &score, f.error), -1);
    says(&f, TFM_CODE_USAGE, row[i].words);
  }
  input.place = (uint32_t[]){2}; /* of B, whose logits are NaN */
  input.target = target;
  ck_assert_int_eq(tfm_model_score(f.model, &input, 1, &score, f.error), -1);
  says(&f, TFM_CODE_RUN, "the model gives target 1 of the input no probability");
  foretold_close(&f);
}
END_TEST

START_TEST(test_last_logits) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  tfm_score_input input = {.struct_size = sizeof input,
                           .ids = ids,
                           .id_count = 4,
                           .place = (uint32_t[]){1},
                           .target = ids,
                           .target_count = 1};
  tfm_score score;
  foretold_open(&f);
  ck_assert_int_eq(tfm_model_score(f.model, &input, 1, &score, f.error), -1);
  says(&f, TFM_CODE_USAGE, "the model was not opened with TFM_OPEN_ALL_LOGITS");
  foretold_close(&f);
}
END_TEST

START_TEST(test_logits_of_nan) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  tfm_input input = of_ids();
  for (int i = 0; i < WORDS; i++)
    f.table[SEP][i] = NAN;
  foretold_open(&f);
  run_says(&f, &input, NULL, TFM_CODE_RUN, "is not finite");
  foretold_close(&f);
}
END_TEST

/* ------------------------------------------------------------------ opening */

static void open_says(struct foretold *f, tfm_open_options open, int code, const char *words) {
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  open.struct_size = sizeof open;
  open.plugin_dir = &plugins;
  open.plugin_dir_count = plugins != NULL;
  tfm_model *model = tfm_model_open(&open, f->error);
  ck_assert_msg(model == NULL, "opened, not: %s", words);
  says(f, code, words);
}

START_TEST(test_open) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  char model[128];
  const tfm_tap dump[] = {{.struct_size = sizeof *dump, .value = "none", .file = "/tmp/tfm-none"}};
  foretold_open(&f);
  snprintf(model, sizeof model, "%s/foretold.tfm", f.directory);
  tfm_open_options sound = {.model = model, .weights = f.directory, .threads = 1}, o;
  o = sound, o.model = NULL;
  open_says(&f, o, TFM_CODE_USAGE, "no model is named");
  o = sound, o.dtype = "f16";
  open_says(&f, o, TFM_CODE_USAGE, "cannot compute in f16");
  o = sound, o.flags = 1u << 20;
  open_says(&f, o, TFM_CODE_USAGE, "tfm_open_options.flags has 0x100000");
  o = sound, o.kernels = "linear";
  open_says(&f, o, TFM_CODE_USAGE, "kernels are chosen as OP=NAME,...");
  o = sound, o.kernels = "nothing=reference";
  open_says(&f, o, TFM_CODE_USAGE, "there is no op `nothing` to choose a kernel for");
  o = sound, o.kernels = "embedding=fastest";
  open_says(&f, o, TFM_CODE_PLUGIN, "op `embedding` has no kernel `fastest`, which was asked for");
  o = sound, o.threads = 100000;
  open_says(&f, o, TFM_CODE_LIMIT, "100000 threads asked for");
  o = sound, o.dump = dump, o.dump_count = 1;
  open_says(&f, o, TFM_CODE_USAGE, "dump: the graph has no value `none`");
  o = sound, o.task = "embed";
  open_says(&f, o, TFM_CODE_USAGE, "E215: no head of the file is named `embed`");
  foretold_close(&f);
}
END_TEST

START_TEST(test_feeds) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  char model[128], weights[128];
  foretold_open(&f);
  snprintf(model, sizeof model, "%s/foretold.tfm", f.directory);
  snprintf(weights, sizeof weights, "%s/model.safetensors", f.directory);
  tfm_tap feed = {.struct_size = sizeof feed, .value = "ids", .file = weights, .tensor = "none"};
  tfm_open_options open = {
      .model = model, .weights = f.directory, .threads = 1, .feed = &feed, .feed_count = 1};
  open_says(&f, open, TFM_CODE_USAGE, "has no tensor `none`");
  feed.value = "none";
  feed.tensor = "table";
  open_says(&f, open, TFM_CODE_USAGE, "feed: the graph has no value `none`");
  foretold_close(&f);
}
END_TEST

/* A model that is only checked neither runs nor scores. */
START_TEST(test_check_only) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  char path[128];
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  tfm_input input = of_ids();
  tfm_score_input scored = {.struct_size = sizeof scored, .ids = ids, .id_count = 4};
  tfm_score score;
  foretold_open(&f);
  tfm_model_destroy(f.model);
  snprintf(path, sizeof path, "%s/foretold.tfm", f.directory);
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = TFM_OPEN_CHECK_ONLY,
                           .model = path,
                           .weights = f.directory,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = plugins != NULL};
  f.model = tfm_model_open(&open, f.error);
  ck_assert_ptr_nonnull(f.model);
  run_says(&f, &input, NULL, TFM_CODE_USAGE, "this model was opened to be checked, not run");
  ck_assert_int_eq(tfm_model_score(f.model, &scored, 1, &score, f.error), -1);
  says(&f, TFM_CODE_USAGE, "this model was opened to be checked, not run");
  foretold_close(&f);
}
END_TEST

/* ------------------------------------------------------------ the tokenizer */

START_TEST(test_encode) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  tfm_encoding *encoding = NULL;
  char *text = NULL;
  foretold_open(&f);
  const tfm_tokenizer *tokenizer = tfm_model_tokenizer(f.model, f.error);
  tfm_input input = foretold_text("a", NULL), no_text = of_ids();
  ck_assert_int_eq(tfm_tokenizer_encode_with(tokenizer, &input, 64, &encoding, f.error), -1);
  says(&f, TFM_CODE_USAGE, "tfm_tokenizer_encode: flags has 0x40, which is no flag");
  ck_assert_int_eq(tfm_tokenizer_decode(tokenizer, ids, 4, 64, &text, NULL, f.error), -1);
  says(&f, TFM_CODE_USAGE, "tfm_tokenizer_decode: flags has 0x40, which is no flag");
  ck_assert_int_eq(tfm_tokenizer_encode(tokenizer, &no_text, &encoding, f.error), -1);
  says(&f, TFM_CODE_USAGE, "there is no text to cut into tokens");
  ck_assert_ptr_null(tfm_tokenizer_open(NULL, f.error));
  says(&f, TFM_CODE_USAGE, "which tokenizer?");
  ck_assert_ptr_null(tfm_weights_open(NULL, f.error));
  says(&f, TFM_CODE_USAGE, "which checkpoint?");
  foretold_close(&f);
}
END_TEST

START_TEST(test_scan) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  tfm_weight_scan scan;
  foretold_open(&f);
  tfm_weights *weights = tfm_weights_open(f.directory, f.error);
  ck_assert_ptr_nonnull(weights);
  ck_assert_int_eq(tfm_weights_scan(weights, 7, &scan, f.error), -1);
  says(&f, TFM_CODE_USAGE, "the checkpoint has no tensor number 7");
  tfm_weights_destroy(weights);
  foretold_close(&f);
}
END_TEST

/* ------------------------------------------------- generation_config.json */

static void config_says(const char *config, const char *words) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  char path[128];
  tfm_run_options options = options_of();
  foretold_open(&f);
  snprintf(path, sizeof path, "%s/generation_config.json", f.directory);
  text_file_write(path, config, strlen(config));
  tfm_model_destroy(f.model);
  tfm_open_options open = {.struct_size = sizeof open, .weights = f.directory, .threads = 1};
  char model[128];
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  snprintf(model, sizeof model, "%s/foretold.tfm", f.directory);
  open.model = model;
  open.plugin_dir = &plugins;
  open.plugin_dir_count = plugins != NULL;
  f.model = tfm_model_open(&open, f.error);
  if (f.model != NULL)
    ck_assert_int_eq(tfm_model_generation(f.model, &options, f.error), -1);
  says(&f, TFM_CODE_CHECKPOINT, words);
  unlink(path);
  foretold_close(&f);
}

START_TEST(test_generation_config) {
  config_says("[]", "generation_config.json is not a JSON object");
  config_says("{\"do_sample\": 1}", "`do_sample` is not true or false");
  config_says("{\"do_sample\": true, \"temperature\": \"hot\"}",
              "`temperature` is not a number from");
  config_says("{\"do_sample\": true, \"top_p\": 2}", "`top_p` is not a number from 0 to 1");
  config_says("{\"do_sample\": true, \"top_k\": 1.5}", "`top_k` is not a whole number");
  config_says("{\"typical_p\": 0.5}", "`typical_p` is not supported");
  config_says("{\"num_beams\": 4, \"do_sample\": true}", "`num_beams` with `do_sample`");
  config_says("{\"num_beams\": 4, \"early_stopping\": 3}", "`early_stopping` is not true, false");
  config_says("{\"num_beams\": 4, \"renormalize_logits\": true}", "`renormalize_logits` of beams");
  config_says("{\"suppress_tokens\": [-1]}", "`suppress_tokens` is not what it may be");
  config_says("{\"bad_words_ids\": [[]]}", "`bad_words_ids` is not what it may be");
}
END_TEST

/* --------------------------------------------------------- from a callback */

struct nested {
  struct foretold *outer;
  tfm_error *error;
  unsigned refused;
};

static int call_again(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct nested *nested = arg;
  tfm_input input = of_ids();
  tfm_result *result = NULL;
  (void)row, (void)id, (void)text, (void)length;
  if (tfm_model_run(nested->outer->model, &input, 1, NULL, &result, nested->error) == -1 &&
      strstr(tfm_error_message(nested->error), "the model is running already") != NULL &&
      strstr(tfm_error_notes(nested->error), "opens a model of its own") != NULL)
    nested->refused++;
  return 0;
}

START_TEST(test_nested_run) {
  struct foretold f = {.task = "generate", .columns = WORDS};
  struct nested nested = {&f, tfm_error_create(), 0};
  tfm_input input = of_ids();
  tfm_run_options options = options_of();
  options.ignore_stop = 1;
  options.token = call_again;
  options.token_arg = &nested;
  foretold_open(&f);
  ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), TFM_CODE_OK);
  ck_assert_uint_eq(nested.refused, 2); /* once a token */
  ck_assert_uint_eq(tfm_result_answer(f.result, 0)->id_count, 2);
  tfm_error_destroy(nested.error);
  foretold_close(&f);
}
END_TEST

/* Names are those of model files; a number that is no task has none. */
START_TEST(test_task_names) {
  ck_assert_str_eq(tfm_task_name(TFM_TASK_FILL_MASK), "fill_mask");
  ck_assert_str_eq(tfm_task_name(TFM_TASK_RERANK), "rerank");
  for (int task = TFM_TASK_GENERATE; task <= TFM_TASK_EMBED_SPARSE; task++)
    ck_assert_ptr_nonnull(tfm_task_name(task));
  static const int none[] = {TFM_TASK_NONE, -1, 1000};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    ck_assert_ptr_null(tfm_task_name(none[i]));
}
END_TEST

UNIT_MAIN("refused_calls", test_nested_run, test_task_names, test_inputs, test_run_options,
          test_options_of_tasks, test_windows, test_scores, test_last_logits, test_logits_of_nan,
          test_open, test_feeds, test_check_only, test_encode, test_scan, test_generation_config)
