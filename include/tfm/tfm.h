/* tfm/tfm.h - run Transformers that are text files, from a C program.
 *
 *     tfm_error *error = tfm_error_create();
 *     tfm_open_options open = {.struct_size = sizeof open,
 *                              .model = "gpt2.tfm", .weights = "gpt2/"};
 *     tfm_model *model = tfm_model_open(&open, error);
 *     tfm_input input = {.struct_size = sizeof input,
 *                        .text = "Once upon a time", .text_length = 16};
 *     tfm_result *result = NULL;
 *     if (model && tfm_model_run(model, &input, 1, NULL, &result, error) == 0)
 *       puts(tfm_result_answer(result, 0)->text);
 *     else
 *       fputs(tfm_error_message(error), stderr);
 *     tfm_result_destroy(result);
 *     tfm_model_destroy(model);
 *     tfm_error_destroy(error);
 *
 * Errors are values: a call that can fail takes a tfm_error and returns NULL
 * or -1; a NULL where something is needed is such an error, TFM_CODE_USAGE.
 * Text is UTF-8.
 *
 * Structs that start with struct_size grow at their end: set it to sizeof, in
 * an array in every element, and leave the rest zero for the defaults.  A
 * program built with an older header goes on working; one built with a newer
 * one is refused where it sets a field that this library does not know.
 * Structs that the library hands out by pointer (tfm_answer, tfm_encoding,
 * tfm_timing) grow at their end too; all others never change.
 *
 * Any number of threads may use a model at once, each result is what it is alone.
 * 64 runs of one are possible at a time, one more waits; each has activations and
 * a cache of its own, which stay with the model.  A call that runs a model, from a
 * callback of a run of the same one, is refused.  A child after fork(), made while
 * no other thread is inside a call, has the models of its parent, and may run and
 * destroy them.  Nothing here prints, exits, or touches signals or the locale. */
#ifndef TFM_TFM_H
#define TFM_TFM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

const char *tfm_version(void); /* "0.1.0" */

/* ------------------------------------------------------------------ errors */

/* Also the exit codes of the tools. */
enum {
  TFM_CODE_OK = 0,
  TFM_CODE_RUN = 1,
  TFM_CODE_USAGE = 2,
  TFM_CODE_MODEL = 3,
  TFM_CODE_CHECKPOINT = 4,
  TFM_CODE_TOKENIZER = 5,
  TFM_CODE_PLUGIN = 6,
  TFM_CODE_LIMIT = 7,
  TFM_CODE_INTERRUPTED = 130
};

typedef struct tfm_error tfm_error;

tfm_error *tfm_error_create(void); /* NULL = out of memory */
void tfm_error_destroy(tfm_error *error);
/* What the last failed call left; texts live until the next call with error. */
int tfm_error_code(const tfm_error *error);
const char *tfm_error_message(const tfm_error *error); /* one line */
const char *tfm_error_notes(const tfm_error *error);   /* "expected: ...\nhelp: ...", or "" */

/* ------------------------------------------------------------------- model */

typedef struct tfm_model tfm_model;

/* Flags of tfm_open_options. */
enum {
  TFM_OPEN_NO_FUSE = 1u,         /* one kernel for each op as written            */
  TFM_OPEN_REFERENCE = 2u,       /* the plain reference kernels everywhere       */
  TFM_OPEN_ALL_LOGITS = 4u,      /* generate: logits of every position           */
  TFM_OPEN_RANDOM_WEIGHTS = 8u,  /* weights need only hold config.json: benchmarks */
  TFM_OPEN_CHECK_ONLY = 16u,     /* compile and check all names and shapes; cannot run */
  TFM_OPEN_PROFILE = 32u,        /* keep time by node                            */
  TFM_OPEN_JSON_MESSAGES = 64u,  /* diagnostics as one JSON array                */
  TFM_OPEN_KEEP_ATTENTION = 128u /* results say what attention looked at: tfm_result_attentions */
};

/* A value of the graph to write to, or read from, a safetensors file.  To write makes
 * the file or replaces an earlier dump or an empty file, links followed; a device, a pipe,
 * a file of another kind, or one that this run reads is refused (TFM_CODE_USAGE). */
typedef struct tfm_tap {
  uint32_t struct_size;
  const char *value; /* "h.0.ln_1", "logits", "h.0.attention.probs" */
  const char *file;
  const char *tensor; /* feed: its name in the file; dump: NULL = value */
} tfm_tap;

/* Diagnostics of a model file, and what plugins say, as they arise: while a model
 * is opened, and while it runs.  severity 0 note, 1 warning, 2 error; text has no
 * final newline.  May come from any thread of the model, one at a time. */
typedef void tfm_message(void *arg, int severity, const char *text);

/* ----------------------------------------------------------------- context */

/* What models of a process may share: plugins, loaded once, and the threads that compute.
 * A model without one has its own, which costs as many threads again.  Runs of all models
 * of a context may be in progress at once: one has its threads at a time, the others
 * compute on the threads that call. */
typedef struct tfm_context tfm_context;

typedef struct tfm_context_options {
  uint32_t struct_size;
  uint32_t threads;              /* 0 = one a core */
  const char *const *plugin_dir; /* searched first */
  size_t plugin_dir_count;
  tfm_message *message; /* what plugins say while they are loaded; may be NULL; with its arg,
                           lives as long as the context */
  void *message_arg;
} tfm_context_options;

/* options NULL = the defaults. */
tfm_context *tfm_context_create(const tfm_context_options *options, tfm_error *error);
/* Models that are open in it go on; it goes with the last of them.  Any thread. */
void tfm_context_destroy(tfm_context *context);

/* ------------------------------------------------------------------ opening */

typedef struct tfm_open_options {
  uint32_t struct_size, flags;
  const char *model;             /* a .tfm file, or a directory with a config.json      */
  const char *weights;           /* a Hugging Face directory, a .gguf; NULL = default    */
  const char *task;              /* "generate", "fill_mask", ... or a head; NULL = by config.json */
  const char *dtype;             /* "f32"; NULL = f32                                   */
  uint32_t threads;              /* 0 = one a core                                      */
  uint32_t colour;               /* nonzero: diagnostics with terminal colours          */
  const char *const *plugin_dir; /* searched first                            */
  size_t plugin_dir_count;
  const char *const *model_dir; /* searched for model files first             */
  size_t model_dir_count;
  const tfm_tap *dump, *feed;
  size_t dump_count, feed_count;
  tfm_message *message; /* may be NULL; with its arg, lives as long as the model */
  void *message_arg;
  const char *kernels;  /* "op=kernel,...": the user's choice; NULL = the best */
  tfm_context *context; /* NULL = one of its own; else threads and plugin_dir are its, not these */
  /* A safetensors file of what a reference run gave: each run is compared with it
   * (tfm_result_differences), unfused.  A run without inputs reads the ids of that run. */
  const char *compare;
} tfm_open_options;

/* Compile the model file, map the weights, prepare the kernels. */
tfm_model *tfm_model_open(const tfm_open_options *options, tfm_error *error);
/* Runs that are in progress are cancelled, one too whose callback this is called from; the
 * model goes at the end of the last. */
void tfm_model_destroy(tfm_model *model);

enum {
  TFM_TASK_NONE,
  TFM_TASK_GENERATE,
  TFM_TASK_FILL_MASK,
  TFM_TASK_CLASSIFY,
  TFM_TASK_CLASSIFY_TOKENS,
  TFM_TASK_QA,
  TFM_TASK_EMBED,
  TFM_TASK_RERANK, /* text: the query, pair: a document; the answer's one score says how well it
                      answers */
  TFM_TASK_EMBED_SPARSE /* place[0] has a choice for each token of the vocabulary that has a weight:
                           score is the weight */
};

/* As model files and tfm_open_options.task have it: that of TFM_TASK_FILL_MASK is "fill_mask".
 * NULL = no task has this number; TFM_TASK_NONE is none. */
const char *tfm_task_name(int task);

typedef struct tfm_model_info {
  uint32_t struct_size;
  int task;
  const char *name, *task_name, *model_path, *weights_path;
  uint64_t parameters, weight_bytes;
  uint64_t load_ns;
  int64_t max_tokens; /* the longest sequence, 0 = no bound stated */
  int64_t vocabulary; /* token ids are below this (config.json vocab_size); 0 = unknown */
  uint32_t threads, has_tokenizer;
  int32_t stop, mask; /* the head's (first) stop token, the mask token; -1 = none */
} tfm_model_info;
/* Texts live as long as the model.  -1 = nothing was written: a NULL, or no struct_size. */
int tfm_model_describe(const tfm_model *model, tfm_model_info *info);

/* Ask all runs in progress to stop: they fail with TFM_CODE_INTERRUPTED.  May be
 * called from any thread and from a signal handler. */
void tfm_model_cancel(tfm_model *model);

/* A checkpoint is mapped, and reading what another program has cut off it
 * raises SIGBUS.  The library leaves signals alone; a program that wants an
 * error in place of its end hands the address on from a handler of its own:
 *
 *     static void on_bus(int number, siginfo_t *info, void *context) {
 *       if (!tfm_mapped_fault(info->si_addr))
 *         signal(number, SIG_DFL);
 *     }
 *
 * 1 = it lay in a checkpoint: reading goes on with zeros, and the call that
 * reads fails with TFM_CODE_CHECKPOINT.  0 = it did not.  Any thread. */
int tfm_mapped_fault(const void *address);
/* The plugin's file that is being loaded just now, NULL = none: for a handler of SIGSEGV and its
 * like, to name what ends the process.  What is loaded is a program; tfm looks at what the loader
 * reads of it, but not at its code. */
const char *tfm_plugin_loading(void);

/* --------------------------------------------------------------------- run */

/* One input: text or ids. */
typedef struct tfm_input {
  uint32_t struct_size;
  const char *text; /* NULL = use ids */
  size_t text_length;
  const char *pair; /* a second text, the context of a question; NULL = none */
  size_t pair_length;
  const int32_t *ids; /* taken as they are */
  size_t id_count;
} tfm_input;

/* Flags of tfm_run_options. */
enum {
  /* A text (with its pair) that is longer than the model takes is truncated as its
   * tokenizer says: at the end that its files name, else at the right, so that the
   * special tokens around it stay; the longer of two texts first.  Ids are not. */
  TFM_RUN_TRUNCATE = 1u,
  /* "</s>" in a text is four characters, no special token. */
  TFM_RUN_PLAIN_SPECIAL = 2u,
  /* Run the graph, and answer nothing: to measure, or to dump.  Not for generate. */
  TFM_RUN_PASS_ONLY = 4u,
  /* qa: that there is no answer, as SQuAD 2 has it, is one of the answers: text "". */
  TFM_RUN_NULL_ANSWER = 8u
};

/* How classify_tokens joins labels (docs/answers.md); the names are those of transformers'
 * aggregation_strategy.  B-X and the I-X that follow are one place, labelled X; O is none. */
enum {
  TFM_GROUP_NONE,    /* each word on its own, by its first token's label */
  TFM_GROUP_SIMPLE,  /* tokens are joined as they are */
  TFM_GROUP_FIRST,   /* a word has the label of its first token */
  TFM_GROUP_AVERAGE, /* the best of its tokens' mean probabilities */
  TFM_GROUP_MAX      /* that of its surest token */
};

/* A list of token ids. */
typedef struct tfm_ids {
  const int32_t *ids;
  size_t count;
} tfm_ids;

/* When a beam search ends that has as many texts as beams, as transformers' early_stopping has
 * it: false, true, "never". */
enum {
  TFM_EARLY_GUESS, /* when those that go on are no better, scored as if they ended now */
  TFM_EARLY_STOP,  /* at once */
  TFM_EARLY_NEVER  /* when they are no better at the length that favours them most */
};

typedef struct tfm_run_options {
  uint32_t struct_size;
  uint32_t top;           /* fill_mask, classify, qa: how many answers; 0 = 5, of qa 1 */
  int64_t max_new_tokens; /* generate; 0 = 128, -1 = as many as the model allows; -2 = none */
  double temperature;     /* 0 = greedy                                          */
  int32_t top_k;          /* 0 = off                                             */
  uint32_t ignore_stop;   /* nonzero: go on past the stop token                  */
  double top_p, min_p;    /* 0 = off                                             */
  uint64_t seed;
  /* generate: each piece of text as it is made, whole UTF-8 sequences only
   * (length may be 0 while one is incomplete).  Nonzero return = stop. */
  int (*token)(void *arg, size_t row, int32_t id, const char *text, size_t length);
  void *token_arg;
  /* generate: the logits are changed before anything is chosen (docs/generation.md).
   * repetition: those of all tokens so far, the prompt's included, are divided by it if
   * positive, else multiplied; 0 or 1 = off.  Of a new token that was made c > 0 times
   * already: logit - presence - c * frequency; 0 = off. */
  double repetition_penalty, presence_penalty, frequency_penalty;
  /* generate: the text ends before the first of these texts that is complete in it;
   * what may become one is held back from the callback.  UTF-8, 1 to 4096 bytes each. */
  const char *const *stop;
  size_t stop_count;
  uint32_t logprobs;     /* generate: tell of this many likeliest tokens at each step; 0 = none */
  int64_t max_length;    /* generate: at most so many tokens with the prompt's; 0 = no bound */
  const uint64_t *seeds; /* generate: the seed of each input as if it were run alone, in place
                            of seed; NULL = the rows differ by seed and number */
  uint32_t flags;        /* TFM_RUN_ */
  uint32_t group;        /* classify_tokens: TFM_GROUP_ */
  /* embed: which prompt of config_sentence_transformers.json stands before each text;
   * NULL = the default that is named there, if any.  "document" and "query" are there
   * always, without a text where the file gives none. */
  const char *prompt_name;
  /* qa: a context that is longer than the model is read in windows, each of which has this
   * many tokens of the one before; 0 = 128 or half a window, -1 = none. */
  int64_t stride;
  uint32_t no_repeat_ngram; /* generate: no run of so many tokens comes twice; 0 = off */
  /* generate: beam search (docs/generation.md) with so many beams; 0, 1 = none.  The callback
   * is told the best text at its end. */
  uint32_t beams;
  uint32_t early_stopping;      /* beams: TFM_EARLY_ */
  uint32_t n_best;              /* beams: so many answers an input, see tfm_answer.next; 0 = 1 */
  const double *length_penalty; /* beams: score = sum / length ^ it; NULL = 1 */
  /* generate: no stop token before so many tokens with the prompt's, or new ones; 0 = off */
  int64_t min_length, min_new_tokens;
  tfm_ids suppress, begin_suppress; /* generate: tokens that never come, or not first */
  const tfm_ids *bad_words;         /* generate: runs of tokens that never come */
  size_t bad_word_count;
  /* generate: what the head says under these names, said otherwise: the first token after a
   * prompt of one, and those that the last place that is left may have; NULL = as it says. */
  const int32_t *forced_first;
  const tfm_ids *forced_last;
  const tfm_ids *prefix; /* the same, of an encoder-decoder: what its text has behind the start */
} tfm_run_options;

typedef struct tfm_choice {
  const char *text;   /* a word, a label, a span */
  int32_t id;         /* token or label, -1 = none */
  double score;       /* a probability; for classify and rerank what their head's type makes of
                         logit: a probability, or logit itself (regression) */
  double logit;       /* classify, rerank: the model's raw output; else 0 */
  size_t text_length; /* a word, or a span, may hold NUL bytes */
} tfm_choice;

/* What is said of one place of the input: a mask, a word, an answer (qa: the likeliest first), or
 * all of it. */
typedef struct tfm_place {
  const char *text;  /* the word; "" for a mask or the whole */
  size_t begin, end; /* bytes of the input's text, or of its pair: see sequence */
  size_t choice_count;
  const tfm_choice *choice; /* best first */
  uint32_t sequence;        /* 0 = it lies in the text, 1 = in the pair (qa: always) */
  size_t text_length;       /* the word may hold NUL bytes */
} tfm_place;

/* A token that was generated, and the likeliest in its place.  Logarithms are
 * natural, of the model's own probabilities: before temperature and penalties. */
typedef struct tfm_token_score {
  const char *text; /* as the vocabulary spells it; "" without a tokenizer */
  int32_t id;
  double log_probability;
  size_t best_count;
  const tfm_choice *best; /* best first; score is the logarithm */
} tfm_token_score;

typedef struct tfm_answer {
  const char *text; /* generated text, sentence filled in, label, labels of the places with
                       blanks between, answer; "" for embed */
  size_t text_length;
  const int32_t *ids; /* generated ids; for others the input's ids */
  size_t id_count;
  size_t prompt_count; /* tokens of the input */
  size_t place_count;
  const tfm_place *place;
  const float *vector; /* embed */
  size_t vector_count;
  const char *stop; /* generate: "stop", "stop_string", "length", "context", "caller" */
  const tfm_token_score *token_score; /* generate with logprobs: id_count of them; else NULL */
  size_t truncated;                   /* TFM_RUN_TRUNCATE: tokens of the texts that were left out */
  const char *pair;                   /* fill_mask: the pair filled in; NULL = the input has none */
  size_t pair_length;
  double score;                  /* generate with beams: what the text was chosen by; else 0 */
  const struct tfm_answer *next; /* n_best: the next best; NULL = there is none */
} tfm_answer;

typedef struct tfm_timing {
  uint64_t prompt_ns;     /* the first pass, over all input tokens of the batch */
  uint64_t prompt_tokens; /* of that pass: a prompt that is given again at once is run once */
  uint64_t decode_ns;     /* all later passes */
  uint64_t decode_tokens;
  uint64_t first_token_ns; /* from the call to the first token or answer */
  uint64_t total_ns;
  uint64_t activation_bytes, state_bytes;
} tfm_timing;

typedef struct tfm_result tfm_result;

/* Run the model's task on count inputs as one batch.  The result for an input
 * does not depend on the others in the batch.  On failure *result is NULL. */
int tfm_model_run(tfm_model *model, const tfm_input *input, size_t count,
                  const tfm_run_options *options, tfm_result **result, tfm_error *error);
/* What the checkpoint's generation_config.json asks for, into options: do_sample, temperature,
 * top_k, top_p, min_p, repetition_penalty, max_new_tokens, max_length.  A key that changes
 * what is generated and cannot be followed is an error (TFM_CODE_CHECKPOINT) that names it. */
int tfm_model_generation(const tfm_model *model, tfm_run_options *options, tfm_error *error);
void tfm_result_destroy(tfm_result *result);
size_t tfm_result_count(const tfm_result *result);
/* The answer for input i; lives as long as the result. */
const tfm_answer *tfm_result_answer(const tfm_result *result, size_t i);
const tfm_timing *tfm_result_timing(const tfm_result *result);

/* What one op of attention looked at in the first pass (TFM_OPEN_KEEP_ATTENTION). */
typedef struct tfm_attention {
  uint32_t struct_size;
  int32_t layer;                     /* from 0; -1 = it stands in no repeat */
  const char *value;                 /* "h.0.attention" */
  size_t rows, heads, queries, keys; /* of the longest row; keys of a cross attention are not
                                        the text's own tokens */
  const float *weight; /* [rows, heads, queries, keys]: each query's sum to 1, 0 beyond its row */
} tfm_attention;
/* In the order in which they are computed.  Returns how many; they live as long as the result. */
size_t tfm_result_attentions(const tfm_result *result, const tfm_attention **attention);

/* A value of the graph beside that of a reference run (tfm_open_options.compare). */
typedef struct tfm_difference {
  uint32_t struct_size;
  uint32_t comparable;   /* 0 = they have not as many elements, and nothing below is known */
  const char *value;     /* "h.0.attn.c_attn", as it is dumped */
  const char *reference; /* its name in the reference's file */
  const char *place;     /* "gpt2.tfm:35:12": where the model file says it; "" = unknown */
  double most;           /* the largest difference of two elements; NaN where one is no number */
  double here, there;    /* the two, ours and the reference's */
  uint64_t at;           /* their place among the elements */
  double largest;        /* the largest element of the reference, without its sign */
} tfm_difference;
/* In the order in which the graph computes them.  Returns how many; they live as long as the
 * result. */
size_t tfm_result_differences(const tfm_result *result, const tfm_difference **difference);

/* ---------------------------------------------------------------- sessions */

/* A text of a model of the task generate that outlives calls, such as a conversation: what
 * was appended to it and what the model wrote.  What the model has seen of it is kept, so
 * that only new tokens are computed.
 *
 *     tfm_session *s = tfm_session_create(model, error);
 *     tfm_session_append(s, &question, 0, error);
 *     tfm_session_generate(s, &options, &result, error);
 *     tfm_session_append(s, &next, 0, error);
 *     ...
 *
 * One call at a time uses a session, else it is refused, from its own callback too; sessions
 * of a model are used by any threads at once.  Length, ids and working look without asking:
 * not while another thread's call is at it.  It counts as a user of its model, which may
 * be destroyed before it.  A model whose values are dumped or fed has none. */
typedef struct tfm_session tfm_session;

tfm_session *tfm_session_create(tfm_model *model, tfm_error *error);
/* A call that is using it, one too whose callback this is called from, ends with what it has
 * by then, and the session goes at its end. */
void tfm_session_destroy(tfm_session *session);

/* Of an encoder-decoder, first: the text that it reads, which is computed now.  What the session
 * held goes; its text is then what the model's head begins with, and goes on with what is appended
 * and written.  flags: TFM_RUN_TRUNCATE, TFM_RUN_PLAIN_SPECIAL. */
int tfm_session_read(tfm_session *session, const tfm_input *input, uint32_t flags,
                     tfm_error *error);
/* Put a text or ids at its end; nothing is computed yet.  The first text gets the special
 * tokens that the tokenizer puts around one, later ones none; each is cut into tokens by
 * itself.  flags: TFM_RUN_PLAIN_SPECIAL.  No more than the model takes: TFM_CODE_LIMIT. */
int tfm_session_append(tfm_session *session, const tfm_input *input, uint32_t flags,
                       tfm_error *error);
/* All its tokens: appended and made.  A stop token is no part of it. */
size_t tfm_session_length(const tfm_session *session);
/* Theirs, length of them, until the next call with the session. */
const int32_t *tfm_session_ids(const tfm_session *session);
/* Forget what comes after its first length tokens.  Where the model keeps tensors that have no
 * way back (docs/language.md, state), the next step runs those length again. */
int tfm_session_cut(tfm_session *session, size_t length, tfm_error *error);
/* A second one that goes on from the same text; what is kept is shared, not copied. */
tfm_session *tfm_session_fork(tfm_session *session, tfm_error *error);

/* To a file, and from it: its ids, and what the model keeps of those that were run, so that it
 * goes on in another process at the cost of what is new, with the same bits.  Only a model of
 * the same file, checkpoint and options takes it.  A safetensors file; it replaces nothing but
 * an earlier one, and dumps.  Not of an encoder-decoder. */
int tfm_session_save(tfm_session *session, const char *path, tfm_error *error);
tfm_session *tfm_session_load(tfm_model *model, const char *path, tfm_error *error);

/* Write on, to the end: begin, steps, finish.  What is made stays at the session's end.
 * *result has one answer; of its timing, prompt_tokens are those of the first step, that
 * were not computed before. */
int tfm_session_generate(tfm_session *session, const tfm_run_options *options, tfm_result **result,
                         tfm_error *error);

/* The same a step at a time, for many sessions of one model: begin each when it likes, with
 * options of its own; what they point to lives until finish.  The callback's row is 0. */
int tfm_session_begin(tfm_session *session, const tfm_run_options *options, tfm_error *error);
/* One step of the model: each session that is begun and has not ended gets its next token,
 * the first after all that was not computed yet, prompts of some beside single tokens of
 * others; each what it gets alone.  session: count of them, of one model, each once; those
 * with nothing to do may be among them.  *working (may be NULL): how many want another
 * step.  tfm_model_cancel ends a step that computes; between steps there is none to end.  -1: none
 * has changed; or, where one session's logits are not finite, that one does not go on, and the
 * others have. */
int tfm_sessions_step(tfm_session *const *session, size_t count, size_t *working, tfm_error *error);
/* Nonzero = it is begun, and wants another step. */
int tfm_session_working(const tfm_session *session);
/* The answer of what was begun, also where it has not ended (stop is then "caller"). */
int tfm_session_finish(tfm_session *session, tfm_result **result, tfm_error *error);

/* ------------------------------------------------------------------ tokens */

/* How a checkpoint cuts text: tokenizer.json.  Threads may share it. */
typedef struct tfm_tokenizer tfm_tokenizer;

/* One without a model: a checkpoint's directory, or a file of it: tokenizer.json,
 * vocab.txt, vocab.json (with merges.txt beside it), tokenizer.model. */
tfm_tokenizer *tfm_tokenizer_open(const char *path, tfm_error *error);
/* Only what tfm_tokenizer_open gave. */
void tfm_tokenizer_destroy(tfm_tokenizer *tokenizer);

/* The model's own, which lives as long as the model.  NULL = there is none, or
 * its files are unsound: error says why. */
const tfm_tokenizer *tfm_model_tokenizer(const tfm_model *model, tfm_error *error);

/* What a token of an encoding is. */
enum {
  TFM_TOKEN_TEXT,   /* a piece of the text                            */
  TFM_TOKEN_MARKER, /* a special token that is written in the text    */
  TFM_TOKEN_ADDED,  /* a special token that the tokenizer put there   */
  TFM_TOKEN_PADDING /* with TFM_ENCODE_LIMITS: what fills up the length */
};

/* The tokens of one input; every array has count entries. */
typedef struct tfm_encoding {
  size_t count;
  const int32_t *ids;
  const int32_t *types;      /* 0, or 1 in a pair's second text, as BERT wants it */
  const size_t *begin, *end; /* bytes of the text (of the pair, by sequence); both 0 if added */
  const uint8_t *sequence;   /* 0 = from the text, 1 = from the pair; 0 if added */
  const uint8_t *kind;       /* TFM_TOKEN_ */
  size_t truncated;          /* tokens of the texts that were left out */
} tfm_encoding;

/* Cut the input's text, and its pair if it has one.  *encoding is the caller's. */
int tfm_tokenizer_encode(const tfm_tokenizer *tokenizer, const tfm_input *input,
                         tfm_encoding **encoding, tfm_error *error);
void tfm_encoding_destroy(tfm_encoding *encoding);
/* The id of a token as the vocabulary spells it, "[MASK]"; -1 = there is no such token. */
int32_t tfm_tokenizer_id(const tfm_tokenizer *tokenizer, const char *token);
/* And back: "##ing"; NULL = there is no such id.  Lives as long as the tokenizer. */
const char *tfm_tokenizer_token(const tfm_tokenizer *tokenizer, int32_t id);
/* One more than the largest id. */
size_t tfm_tokenizer_size(const tfm_tokenizer *tokenizer);

/* Flags of tfm_tokenizer_encode_with and tfm_tokenizer_decode. */
enum {
  TFM_ENCODE_NO_SPECIAL = 1u,   /* encode: put none there; decode: leave them out */
  TFM_ENCODE_LIMITS = 2u,       /* encode: follow the file's truncation and padding */
  TFM_ENCODE_PLAIN_SPECIAL = 4u /* encode: a special token that is written in a text is text */
};
/* As tfm_tokenizer_encode, which is this with flags 0. */
int tfm_tokenizer_encode_with(const tfm_tokenizer *tokenizer, const tfm_input *input,
                              uint32_t flags, tfm_encoding **encoding, tfm_error *error);
/* The same truncated to max_tokens, special tokens included, as TFM_RUN_TRUNCATE does. */
int tfm_tokenizer_encode_truncated(const tfm_tokenizer *tokenizer, const tfm_input *input,
                                   uint32_t flags, size_t max_tokens, tfm_encoding **encoding,
                                   tfm_error *error);
/* The text of the ids, UTF-8 and a NUL after it; an id that does not exist is
 * nothing.  Free *text with tfm_free; length may be NULL. */
int tfm_tokenizer_decode(const tfm_tokenizer *tokenizer, const int32_t *ids, size_t count,
                         uint32_t flags, char **text, size_t *length, tfm_error *error);

/* ------------------------------------------------------------------ scores */

/* A sequence of ids, and the tokens whose probability there is asked. */
typedef struct tfm_score_input {
  uint32_t struct_size;
  const int32_t *ids, *types; /* id_count each; types NULL = all 0 */
  size_t id_count;
  /* The token target[i] where the model has seen ids[place[i]]: in its stead for
   * fill_mask, as the next one for generate. */
  const uint32_t *place;
  const int32_t *target;
  size_t target_count;
} tfm_score_input;

typedef struct tfm_score {
  double log_probability; /* natural logarithm */
  int64_t rank;           /* how many tokens the model prefers; 0 = the target is its choice.
                             Of equals the lower id is preferred. */
} tfm_score;

/* What a model of the task generate or fill_mask thinks of all targets of count
 * sequences, run as one batch: score[] in order, those of input[0] first.  An
 * input's scores do not depend on the others.  For generate the model is opened
 * with TFM_OPEN_ALL_LOGITS. */
int tfm_model_score(tfm_model *model, const tfm_score_input *input, size_t count, tfm_score *score,
                    tfm_error *error);

/* ------------------------------------------------------------- checkpoints */

/* A checkpoint looked into, not run.  Everything in it lives as long as it. */
typedef struct tfm_weights tfm_weights;

typedef struct tfm_weight {
  const char *name, *dtype; /* "wte.weight", "bf16": as it is stored */
  const char *file;         /* the path it lies in */
  const char *alias;        /* the tied tensor that this is another name of; NULL = none */
  const int64_t *shape;
  uint32_t rank;
  uint64_t elements, bytes;
} tfm_weight;

typedef struct tfm_weights_info {
  uint32_t struct_size;
  const char *path;         /* where it was found */
  const char *model_type;   /* config.json's; NULL = it says none */
  const tfm_weight *tensor; /* in the order of the files, aliases last */
  size_t tensor_count;
  uint64_t elements, bytes; /* tied tensors once */
} tfm_weights_info;

/* A directory, a file, or a name such as "org/model" of the Hugging Face cache.
 * Every header and every tensor's place in its file is checked. */
tfm_weights *tfm_weights_open(const char *path, tfm_error *error);
void tfm_weights_destroy(tfm_weights *weights);
/* -1 = nothing was written: a NULL, or no struct_size. */
int tfm_weights_describe(const tfm_weights *weights, tfm_weights_info *info);

typedef struct tfm_weight_scan {
  uint64_t nan, infinite;
  uint64_t first; /* the number of the first such element, if there is one */
} tfm_weight_scan;
/* Read all of a tensor's values. */
int tfm_weights_scan(const tfm_weights *weights, size_t tensor, tfm_weight_scan *scan,
                     tfm_error *error);

/* A model file, and whether it would take the checkpoint. */
typedef struct tfm_candidate {
  const char *path;
  const char *task; /* it does: what it would do; else NULL */
  const char *why;  /* it does not: the first reason; else NULL */
  int named;        /* its `for` names the model_type */
} tfm_candidate;
/* Try all model files on the model path.  Of options the directories and the
 * task are used.  *list is freed with tfm_free. */
int tfm_weights_models(const tfm_weights *weights, const tfm_open_options *options,
                       tfm_candidate **list, size_t *count, tfm_error *error);

/* ------------------------------------------------- text in, text out: tools */

/* What all runs so far have taken, as a table; NULL without TFM_OPEN_PROFILE.  None is in
 * progress.  Free with tfm_free. */
char *tfm_model_profile(const tfm_model *model, tfm_error *error);

/* What is installed, as text: model files, ops, masks, biases, plugins, a line each; of an op
 * (NULL = all) its schema and kernels.  Of options the directories are used.  Free with
 * tfm_free. */
char *tfm_inspect(const tfm_open_options *options, const char *op, tfm_error *error);
/* The kernel that serves each node, a line each, and why others do not.  Free with tfm_free. */
char *tfm_model_explain(const tfm_model *model, tfm_error *error);

/* Check a model file alone: syntax, names, arity.  Diagnostics go to
 * options->message.  0 = sound. */
int tfm_source_check(const tfm_open_options *options, tfm_error *error);
/* What the compiler makes of it: "tokens", "ast", "graph", "dot", "json",
 * "plan", or "fmt" (the file formatted).  Free with tfm_free. */
char *tfm_source_emit(const tfm_open_options *options, const char *what, tfm_error *error);

/* Flag of tfm_text_show. */
enum { TFM_SHOW_PROSE = 1u /* line breaks, tabs and joiners stay as they are */ };

/* Text of unknown origin (an answer, a label, a name, a token) as it may be shown on a
 * terminal or in a log: what moves the cursor, gives it orders, turns the direction of
 * writing or cannot be seen is written \u{1b}, a byte that is no UTF-8 \xff; all else
 * stays.  Errors and messages of the library are such text already.  Writes whole
 * characters to out while room (bytes, at least 12) lasts, without a NUL, and returns
 * the bytes written; *taken: bytes of text that they stand for; *columns: of a terminal
 * (both may be NULL).  Any thread. */
size_t tfm_text_show(const char *text, size_t length, uint32_t flags, char *out, size_t room,
                     size_t *taken, size_t *columns);

void tfm_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
