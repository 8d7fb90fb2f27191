/* run_options.c - the command line of tfmrun. */
#include "tools/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* VALUE=FILE, or VALUE=FILE:TENSOR.  Cuts the argument in place. */
static bool parse_tap(const struct cli *cli, const char *option, char *text, bool with_tensor,
                      tfm_tap **list, size_t *count) {
  tfm_tap tap = {.struct_size = sizeof tap, .value = text};
  char *equals = strchr(text, '=');
  char *colon = equals && with_tensor ? strrchr(equals, ':') : NULL;
  if (!equals || equals == text || !equals[1] || (with_tensor && (!colon || !colon[1]))) {
    cli_usage_error(cli, "%s needs VALUE=FILE.safetensors%s, not '%s'", option,
                    with_tensor ? ":TENSOR" : "", text);
    return false;
  }
  *equals = '\0';
  tap.file = equals + 1;
  if (colon) {
    *colon = '\0';
    tap.tensor = colon + 1;
  }
  cli_keep(cli, list, count, &tap, sizeof tap);
  return true;
}

static bool call_dump(const struct cli *cli, void *values, const char *option, char *argument) {
  struct options *o = values;
  return parse_tap(cli, option, argument, false, &o->dump, &o->dump_count);
}

static bool call_feed(const struct cli *cli, void *values, const char *option, char *argument) {
  struct options *o = values;
  return parse_tap(cli, option, argument, true, &o->feed, &o->feed_count);
}

/* 0 is the library's word for its default. */
static bool call_tokens(const struct cli *cli, void *values, const char *option, char *argument) {
  struct options *o = values;
  int64_t whole;
  if (!cli_int(cli, option, argument, -1, INT32_MAX, &whole))
    return false;
  o->run.max_new_tokens = whole == 0 ? -2 : whole;
  return true;
}

static bool call_group(const struct cli *cli, void *values, const char *option, char *argument) {
  static const char *const word[] = {"none", "simple", "first", "average", "max"};
  struct options *o = values;
  o->run.group = TFM_GROUP_SIMPLE;
  if (!argument)
    return true;
  for (uint32_t i = 0; i < sizeof word / sizeof *word; i++)
    if (strcmp(argument, word[i]) == 0) {
      o->run.group = i;
      return true;
    }
  cli_usage_error(cli, "%s is none, simple, first, average or max, not '%s'", option, argument);
  return false;
}

static bool call_early(const struct cli *cli, void *values, const char *option, char *argument) {
  struct options *o = values;
  o->run.early_stopping = argument ? TFM_EARLY_NEVER : TFM_EARLY_STOP;
  if (!argument || strcmp(argument, "never") == 0)
    return true;
  cli_usage_error(cli, "%s is alone, or is never, not '%s'", option, argument);
  return false;
}

static bool read_ids(const struct cli *cli, const char *option, const char *text,
                     struct id_list *list) {
  free(list->ids);
  *list = (struct id_list){NULL, 0};
  return cli_ids(cli, option, text, &list->ids, &list->count);
}

static bool call_suppress(const struct cli *cli, void *values, const char *option, char *argument) {
  return read_ids(cli, option, argument, &((struct options *)values)->suppress);
}

static bool call_begin_suppress(const struct cli *cli, void *values, const char *option,
                                char *argument) {
  return read_ids(cli, option, argument, &((struct options *)values)->begin_suppress);
}

static bool call_forced_last(const struct cli *cli, void *values, const char *option,
                             char *argument) {
  return read_ids(cli, option, argument, &((struct options *)values)->forced_last);
}

static bool call_prefix(const struct cli *cli, void *values, const char *option, char *argument) {
  return read_ids(cli, option, argument, &((struct options *)values)->prefix);
}

static bool call_forced_first(const struct cli *cli, void *values, const char *option,
                              char *argument) {
  struct options *o = values;
  if (!read_ids(cli, option, argument, &o->forced_first))
    return false;
  if (o->forced_first.count == 1)
    return true;
  cli_usage_error(cli, "%s is one token id, not '%s'", option, argument);
  return false;
}

static bool call_bad_word(const struct cli *cli, void *values, const char *option, char *argument) {
  struct options *o = values;
  struct id_list word = {NULL, 0};
  if (!read_ids(cli, option, argument, &word))
    return false;
  cli_keep(cli, &o->bad_word, &o->bad_word_count, &word, sizeof word);
  return true;
}

/* 0 is the library's word for its default. */
static bool call_stride(const struct cli *cli, void *values, const char *option, char *argument) {
  struct options *o = values;
  if (!cli_int(cli, option, argument, 0, 1000000, &o->run.stride))
    return false;
  o->run.stride = o->run.stride == 0 ? -1 : o->run.stride;
  return true;
}

#define FIELD(field) OPTION_FIELD(struct options, field)

static const struct option_row rows[] = {
    OPTION_HEAD("Model"),
    OPTION_USE("MODEL.tfm"),
    OPTION_USE("DIR, org/model"),
    OPTION_USE("weights"),
    {OPTION_TEXT, "model", 'm', "MODEL", NULL, FIELD(model)}, /* of other programs */
    OPTION_USE_FOR(OPTION_ALL_TASKS, "task", "one of these, or a head"),
    {OPTION_TEXT, "dtype", 0, "f32", "what to compute in", FIELD(common.open.dtype)},
    OPTION_USE("threads"),
    OPTION_HEAD(""),
    OPTION_HEAD("Input"),
    {OPTION_TEXT, "input", 'i', "TEXT|-", "the text; -, or a pipe: one input a line, batched",
     FIELD(input), .also = "prompt text"},
    {OPTION_TEXT, "pair", 0, "TEXT", "a second text beside each input", FIELD(pair),
     .also = "text-pair"},
    {OPTION_TEXT, "context", 0, "TEXT", "where an answer is looked for (the same as --pair)",
     FIELD(pair)},
    {OPTION_FLAG, "tabs", .help = "a line of the input is text, tab, second text", FIELD(tabs)},
    {OPTION_TEXT, "query", 0, "TEXT", "the query; lines are documents (else the first is it)",
     FIELD(query), .tasks = OPTION_TASK(RERANK)},
    {OPTION_TEXT, "prompt-name", 0, "NAME",
     "the checkpoint's prompt before each text (default: as it says)", FIELD(run.prompt_name),
     .tasks = OPTION_TASK(EMBED) | OPTION_TASK(EMBED_SPARSE)},
    {OPTION_CALL, "stride", 0, "N",
     "tokens that windows of a long context share (default 128, at most half a window)",
     .call = call_stride, .tasks = OPTION_TASK(QA)},
    {OPTION_TEXT, "ids", 0, "1,2,3|-", "token ids instead of text", FIELD(ids)},
    {OPTION_BITS, "plain-special", .help = "special tokens that are written in the text are text",
     FIELD(run.flags), .bits = TFM_RUN_PLAIN_SPECIAL},
    {OPTION_BITS, "truncate",
     .help = "a text that is too long is cut as its tokenizer says, and told", FIELD(run.flags),
     .bits = TFM_RUN_TRUNCATE},
    {OPTION_FLAG, "keep-going",
     .help = "a line that cannot be run is told, and does not end the job", FIELD(keep_going)},
    OPTION_HEAD(""),
    OPTION_HEAD_FOR(OPTION_TASK(GENERATE), "Generation"),
    {OPTION_CALL, "tokens", 'n', "N", "at most N new tokens (default 128; -1 as many as fit)",
     .call = call_tokens, .also = "max-new-tokens max-tokens n-predict num-predict"},
    {OPTION_REAL, "temp", 0, "X", "sample at temperature X (default 0: the likeliest token)",
     FIELD(run.temperature), .high = 1000000, .also = "temperature"},
    {OPTION_INT, "top-k", 0, "K", "sample only from the K likeliest tokens (default 0: all)",
     FIELD(run.top_k), .high = INT32_MAX},
    {OPTION_REAL, "top-p", 0, "P", "only from the likeliest that make up P (default 0: all)",
     FIELD(run.top_p), .high = 1},
    {OPTION_REAL, "min-p", 0, "P", "only from those of at least P times the best (default 0: all)",
     FIELD(run.min_p), .high = 1},
    {OPTION_REAL, "repetition-penalty", 0, "R",
     "divide the logits of tokens that were there, the prompt's too (default 1: off)",
     FIELD(run.repetition_penalty), .high = 1000, .also = "repeat-penalty"},
    {OPTION_REAL, "presence-penalty", 0, "X", "taken from the logits of tokens already made",
     FIELD(run.presence_penalty), .low = -1000, .high = 1000},
    {OPTION_REAL, "frequency-penalty", 0, "X", "taken once for each time that a token was made",
     FIELD(run.frequency_penalty), .low = -1000, .high = 1000},
    {OPTION_INT, "no-repeat-ngram", 0, "N", "no run of N tokens comes twice (default 0: off)",
     FIELD(run.no_repeat_ngram), .high = INT32_MAX, .also = "no-repeat-ngram-size"},
    {OPTION_INT, "min-tokens", 0, "N", "no stop before N new tokens", FIELD(run.min_new_tokens),
     .high = INT32_MAX, .also = "min-new-tokens"},
    {OPTION_INT, "min-length", 0, "N", "no stop before N tokens with the prompt's",
     FIELD(run.min_length), .high = INT32_MAX},
    {OPTION_CALL, "suppress", 0, "1,2,3", "token ids that never come", .call = call_suppress,
     .also = "suppress-tokens"},
    {OPTION_CALL, "begin-suppress", 0, "1,2,3", "token ids that do not come first",
     .call = call_begin_suppress, .also = "begin-suppress-tokens"},
    {OPTION_CALL, "bad-word", 0, "1,2,3", "token ids that never come in a row; may be repeated",
     .call = call_bad_word, .also = "bad-words"},
    {OPTION_CALL, "forced-first", 0, "ID",
     "the first token after a prompt of one (default: as the model says)",
     .call = call_forced_first, .also = "forced-bos"},
    {OPTION_CALL, "forced-last", 0, "1,2,3",
     "what the last place that is left may hold (default: as the model says)",
     .call = call_forced_last, .also = "forced-eos"},
    {OPTION_CALL, "prefix", 0, "1,2,3",
     "an encoder-decoder: what its text has behind the start (default: as the model says)",
     .call = call_prefix},
    {OPTION_LIST, "stop", 0, "TEXT", "the text ends before TEXT; may be repeated", FIELD(stop),
     .also = "stop-string"},
    {OPTION_INT, "beams", 0, "N", "beam search with N beams (default 1: none)", FIELD(run.beams),
     .low = 1, .high = 1024, .also = "num-beams beam-size"},
    {OPTION_REAL, "length-penalty", 0, "X",
     "a text's score is the sum by its length to the power X (default 1)", FIELD(length_penalty),
     .low = -1000, .high = 1000},
    {OPTION_CALL, "early-stopping", 0, "[=never]",
     "beams end with as many texts as beams, or only where none can be better", .call = call_early},
    {OPTION_INT, "samples", 'N', "N",
     "N texts of each input: by the seeds S, S + 1, ..., or the N best of the beams",
     FIELD(samples), .low = 1, .high = 1024, .also = "num-return-sequences"},
    {OPTION_FLAG, "generation-config",
     .help = "sample as generation_config.json says, where nothing else is given",
     FIELD(generation_config)},
    {OPTION_INT, "seed", 0, "S", "of the sampler (default 0)", FIELD(run.seed), .high = INT64_MAX},
    {OPTION_BITS, "ignore-stop", .help = "go on past the stop token", FIELD(run.ignore_stop),
     .bits = 1, .also = "ignore-eos"},
    OPTION_HEAD(""),
    OPTION_HEAD("Output"),
    {OPTION_FLAG, "json", .help = "one JSON object an input", FIELD(json)},
    {OPTION_INT, "logprobs", 0, "N",
     "with --json: log probabilities of each new token and of the N best", FIELD(run.logprobs),
     .low = 1, .high = 1000, .tasks = OPTION_TASK(GENERATE)},
    {OPTION_INT, "top", 0, "N", "how many answers (default 5; labels, spans 1; weights all)",
     FIELD(run.top), .low = 1, .high = 1000000,
     .tasks = OPTION_TASK(FILL_MASK) | OPTION_TASK(CLASSIFY) | OPTION_TASK(RERANK) |
              OPTION_TASK(QA) | OPTION_TASK(EMBED_SPARSE)},
    {OPTION_CALL, "group", 0, "[=HOW]",
     "join B-X and I-X to X; HOW is simple (default), first, average or max", .call = call_group,
     .tasks = OPTION_TASK(CLASSIFY_TOKENS)},
    {OPTION_BITS, "null-answer", .help = "an empty answer where the context has none (SQuAD 2)",
     FIELD(run.flags), .bits = TFM_RUN_NULL_ANSWER, .tasks = OPTION_TASK(QA)},
    {OPTION_CALL, "dump", 0, "VALUE=FILE.safetensors",
     "write a value of the graph; may be repeated", .call = call_dump},
    {OPTION_CALL, "feed", 0, "VALUE=FILE.safetensors:TENSOR",
     "put a value in its place; may be repeated", .call = call_feed},
    {OPTION_TEXT, "session", 0, "FILE", "go on from the text in FILE, and keep it there",
     FIELD(session), .tasks = OPTION_TASK(GENERATE)},
    {OPTION_TEXT, "compare", 0, "FILE.safetensors",
     "where the run parts from a reference run, which tools/reference.py writes",
     FIELD(common.open.compare)},
    {OPTION_TEXT, "attention", 0, "FILE.html|-",
     "what the model looks at: a page of heat maps, or text", FIELD(attention)},
    OPTION_USE("profile"),
    OPTION_USE("quiet"),
    OPTION_HEAD(""),
    {OPTION_FLAG, "check", .help = "check all files, names and shapes, run nothing", FIELD(check)},
    {OPTION_FLAG, "check-tensors", .help = "the same, and look for NaN and Inf in all tensors",
     FIELD(check_tensors)},
    OPTION_USE("plugin-dir"),
    OPTION_USE("model-dir"),
    OPTION_USE("kernels"),
    OPTION_USE("no-fuse"),
    OPTION_USE("completion"),
    OPTION_USE("help"),
    OPTION_USE("version"),
};

static const struct option_set set = {
    "Usage: tfmrun MODEL.tfm|DIR [OPTION]... --input TEXT\n"
    "Run a Transformer that is a text file on an unconverted Hugging Face checkpoint.\n\n",
    rows, sizeof rows / sizeof *rows, common_exit_codes};

/* 0, or a usage error. */
static int check_usage(const struct cli *cli, struct options *o, int words) {
  if (words + (o->model != NULL) != 1)
    return cli_usage_error(cli, words == 0 && !o->model
                                    ? "which model? give a .tfm file or a directory"
                                    : "one model at a time; quote the input text");
  if (o->input && o->ids)
    return cli_usage_error(cli, "--input and --ids are two ways to say the same; give one");
  if (o->tabs && (o->pair || o->ids))
    return cli_usage_error(cli, "with --tabs each line has both texts: no --pair, no --ids");
  if (o->tabs && o->input && strcmp(o->input, "-") != 0)
    return cli_usage_error(cli, "--tabs is for lines through a pipe; --pair gives a second text");
  if (o->query && o->input)
    return cli_usage_error(cli, "--query and --input are two ways to say the same; give one");
  if (o->run.repetition_penalty == 0)
    return cli_usage_error(cli, "--repetition-penalty needs a number above 0; 1 is off");
  if (o->run.logprobs && !o->json)
    return cli_usage_error(cli, "--logprobs is for --json");
  if (o->common.open.compare && o->input && strcmp(o->input, "-") == 0)
    return cli_usage_error(cli, "--compare is for one run: give --input TEXT, --ids, or nothing");
  if (o->attention && (!(o->input || o->ids) || (o->input && strcmp(o->input, "-") == 0)))
    return cli_usage_error(cli, "--attention is for one input: give --input TEXT or --ids");
  if (o->session && ((!o->input && !o->ids) || (o->input && strcmp(o->input, "-") == 0) ||
                     (o->ids && strcmp(o->ids, "-") == 0) || o->samples > 1 || o->attention ||
                     o->common.open.compare))
    return cli_usage_error(cli, "--session is one text: give --input TEXT or --ids, and no "
                                "--samples, --attention or --compare");
  if (!o->input && !o->ids && !o->check && o->feed_count == 0 && !o->common.open.compare) {
    if (isatty(STDIN_FILENO))
      return cli_usage_error(cli, "no input: give --input TEXT, or lines through a pipe");
    o->input = "-";
  }
  return 0;
}

/* The lists of ids, as the library wants them. */
static bool take_lists(struct options *o) {
  tfm_run_options *run = &o->run;
  run->suppress = (tfm_ids){o->suppress.ids, o->suppress.count};
  run->begin_suppress = (tfm_ids){o->begin_suppress.ids, o->begin_suppress.count};
  run->forced_first = o->forced_first.ids;
  o->forced_last_ids = (tfm_ids){o->forced_last.ids, o->forced_last.count};
  run->forced_last = o->forced_last.ids ? &o->forced_last_ids : NULL;
  o->prefix_ids = (tfm_ids){o->prefix.ids, o->prefix.count};
  run->prefix = o->prefix.ids ? &o->prefix_ids : NULL;
  o->bad_words = calloc(o->bad_word_count + 1, sizeof *o->bad_words);
  for (size_t i = 0; o->bad_words && i < o->bad_word_count; i++)
    o->bad_words[i] = (tfm_ids){o->bad_word[i].ids, o->bad_word[i].count};
  run->bad_words = o->bad_words;
  run->bad_word_count = o->bad_word_count;
  return o->bad_words != NULL;
}

bool run_parse(struct cli *cli, struct options *o, int argc, char **argv, int *status) {
  run_leave_open(o);
  int word = options_parse(cli, &set, o, argc, argv, status);
  if (word < 0)
    return false;
  o->check = o->check || o->check_tensors;
  *status = check_usage(cli, o, argc - word);
  if (*status != 0)
    return false;
  common_apply(&o->common, cli);
  tfm_open_options *open = &o->common.open;
  open->model = o->model ? o->model : argv[word];
  open->dump = o->dump;
  open->dump_count = o->dump_count;
  open->feed = o->feed;
  open->feed_count = o->feed_count;
  o->run.stop = o->stop.item;
  o->run.stop_count = o->stop.count;
  if (!take_lists(o)) {
    *status = cli_no_memory(cli);
    return false;
  }
  if (o->check)
    open->flags |= TFM_OPEN_CHECK_ONLY;
  if (o->attention)
    open->flags |= TFM_OPEN_KEEP_ATTENTION;
  return true;
}

void run_options_finish(struct options *o) {
  common_finish(&o->common);
  free(o->stop.item);
  free(o->suppress.ids);
  free(o->begin_suppress.ids);
  free(o->forced_first.ids);
  free(o->forced_last.ids);
  free(o->prefix.ids);
  for (size_t i = 0; i < o->bad_word_count; i++)
    free(o->bad_word[i].ids);
  free(o->bad_word);
  free(o->bad_words);
  free(o->dump);
  free(o->feed);
}
