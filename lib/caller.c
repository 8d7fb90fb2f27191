#include "lib/caller.h"

#include "base/file.h"
#include "base/sized.h"

#include <stdbool.h>
#include <stdlib.h>

/* The last member of each is that of its first version. */
static const struct sized open_options = SIZED(tfm_open_options, kernels);
static const struct sized context_options = SIZED(tfm_context_options, message_arg);
static const struct sized run_options = SIZED(tfm_run_options, token_arg);
static const struct sized tap = SIZED(tfm_tap, tensor);
static const struct sized input_kind = SIZED(tfm_input, id_count);
static const struct sized score_kind = SIZED(tfm_score_input, target_count);
static const struct sized model_info = SIZED(tfm_model_info, mask);
static const struct sized weights_info = SIZED(tfm_weights_info, bytes);

enum {
  FLAGS_KNOWN = TFM_OPEN_NO_FUSE | TFM_OPEN_REFERENCE | TFM_OPEN_ALL_LOGITS |
                TFM_OPEN_RANDOM_WEIGHTS | TFM_OPEN_CHECK_ONLY | TFM_OPEN_PROFILE |
                TFM_OPEN_JSON_MESSAGES | TFM_OPEN_KEEP_ATTENTION,
  RUN_FLAGS_KNOWN =
      TFM_RUN_TRUNCATE | TFM_RUN_PLAIN_SPECIAL | TFM_RUN_PASS_ONLY | TFM_RUN_NULL_ANSWER
};

int caller_need(const void *argument, const char *call, const char *name, struct tfm_error *err) {
  return argument ? 0 : error_set(err, TFM_ERROR_USAGE, "%s: %s is NULL", call, name);
}

static int need_list(const void *list, size_t count, const char *name, struct tfm_error *err) {
  return list || count == 0
             ? 0
             : error_set(err, TFM_ERROR_USAGE, "%s is NULL, its count is %zu", name, count);
}

static int need_texts(const char *const *list, size_t count, const char *name,
                      struct tfm_error *err) {
  if (need_list(list, count, name, err) != 0)
    return -1;
  for (size_t i = 0; i < count; i++)
    if (!list[i])
      return error_set(err, TFM_ERROR_USAGE, "%s[%zu] is NULL", name, i);
  return 0;
}

/* The caller named them: one that is not there would change what is found without a word.
 * what: "plugins". */
static int need_directories(const char *const *list, size_t count, const char *name,
                            const char *what, struct tfm_error *err) {
  if (need_texts(list, count, name, err) != 0)
    return -1;
  for (size_t i = 0; i < count; i++)
    if (!file_is_directory(list[i]))
      return error_set(err, TFM_ERROR_USAGE,
                       "%s is no directory, and no %s can be looked for there", list[i], what);
  return 0;
}

/* name: "tfm_open_options.dump". */
static int read_taps(const tfm_tap *from, size_t count, const char *name, bool feeds, tfm_tap **out,
                     struct tfm_error *err) {
  void *made;
  if (need_list(from, count, name, err) != 0 ||
      sized_read_array(&tap, from, count, &made, err) != 0)
    return -1;
  *out = made;
  for (size_t i = 0; i < count; i++) {
    const tfm_tap *one = &(*out)[i];
    const char *absent = !one->value ? "value" : !one->file ? "file" : NULL;
    if (!absent && feeds && !one->tensor)
      absent = "tensor";
    if (absent)
      return error_set(err, TFM_ERROR_USAGE, "%s[%zu].%s is NULL", name, i, absent);
  }
  return 0;
}

static int check_options(const tfm_open_options *o, struct tfm_error *err) {
  if (o->context && (o->threads || o->plugin_dir_count))
    return error_set(err, TFM_ERROR_USAGE, "tfm_open_options.%s belongs to the context",
                     o->threads ? "threads" : "plugin_dir");
  uint32_t unknown = o->flags & ~(uint32_t)FLAGS_KNOWN;
  if (unknown)
    return error_set(err, TFM_ERROR_USAGE,
                     "tfm_open_options.flags has 0x%x, which is no flag of it", (unsigned)unknown),
           error_note(err, "help: the library may be older than the program"), -1;
  if (need_directories(o->plugin_dir, o->plugin_dir_count, "tfm_open_options.plugin_dir", "plugins",
                       err) != 0)
    return -1;
  return need_directories(o->model_dir, o->model_dir_count, "tfm_open_options.model_dir",
                          "model files", err);
}

int caller_options(const tfm_open_options *options, struct caller_options *out,
                   struct tfm_error *err) {
  *out = (struct caller_options){.dump = NULL};
  if (!options)
    return error_set(err, TFM_ERROR_USAGE, "there are no tfm_open_options");
  tfm_open_options *full = &out->full;
  if (sized_read(&open_options, options, full, err) != 0 || check_options(full, err) != 0 ||
      read_taps(full->dump, full->dump_count, "tfm_open_options.dump", false, &out->dump, err) !=
          0 ||
      read_taps(full->feed, full->feed_count, "tfm_open_options.feed", true, &out->feed, err) != 0)
    return -1;
  full->dump = out->dump;
  full->feed = out->feed;
  return 0;
}

int caller_context_options(const tfm_context_options *options, tfm_context_options *out,
                           struct tfm_error *err) {
  *out = (tfm_context_options){.struct_size = sizeof *out};
  if (options && sized_read(&context_options, options, out, err) != 0)
    return -1;
  return need_directories(out->plugin_dir, out->plugin_dir_count, "tfm_context_options.plugin_dir",
                          "plugins", err);
}

void caller_options_finish(struct caller_options *options) {
  free(options->dump);
  free(options->feed);
  options->dump = options->feed = NULL;
}

static int check_ids(const tfm_ids *list, const char *name, struct tfm_error *err) {
  return list->ids || list->count == 0
             ? 0
             : error_set(err, TFM_ERROR_USAGE, "tfm_run_options.%s.ids is NULL, its count is %zu",
                         name, list->count);
}

int caller_run_options(const tfm_run_options *options, tfm_run_options *out,
                       struct tfm_error *err) {
  *out = (tfm_run_options){.struct_size = sizeof *out};
  if (options && sized_read(&run_options, options, out, err) != 0)
    return -1;
  if (out->max_new_tokens < -2)
    return error_set(err, TFM_ERROR_USAGE,
                     "tfm_run_options.max_new_tokens is %lld: of numbers below 0, -1 and -2 mean "
                     "something",
                     (long long)out->max_new_tokens);
  if (out->max_length < 0)
    return error_set(err, TFM_ERROR_USAGE, "tfm_run_options.max_length is %lld, and 0 is no bound",
                     (long long)out->max_length);
  if (out->n_best > 1 && out->beams < 2)
    return error_set(err, TFM_ERROR_USAGE, "tfm_run_options.n_best is %u without beams",
                     (unsigned)out->n_best);
  if (out->min_length < 0 || out->min_new_tokens < 0)
    return error_set(err, TFM_ERROR_USAGE, "tfm_run_options.%s is %lld, and 0 is none",
                     out->min_length < 0 ? "min_length" : "min_new_tokens",
                     (long long)(out->min_length < 0 ? out->min_length : out->min_new_tokens));
  if (check_ids(&out->suppress, "suppress", err) != 0 ||
      check_ids(&out->begin_suppress, "begin_suppress", err) != 0 ||
      need_list(out->bad_words, out->bad_word_count, "tfm_run_options.bad_words", err) != 0 ||
      (out->forced_last && check_ids(out->forced_last, "forced_last", err) != 0) ||
      (out->prefix && check_ids(out->prefix, "prefix", err) != 0))
    return -1;
  for (size_t i = 0; i < out->bad_word_count; i++)
    if (check_ids(&out->bad_words[i], "bad_words[]", err) != 0)
      return -1;
  uint32_t unknown = out->flags & ~(uint32_t)RUN_FLAGS_KNOWN;
  return unknown ? error_set(err, TFM_ERROR_USAGE,
                             "tfm_run_options.flags has 0x%x, which is no flag of it",
                             (unsigned)unknown)
                 : 0;
}

static int check_input(const tfm_input *input, size_t i, struct tfm_error *err) {
  if (!input->text && input->text_length)
    return error_set(err, TFM_ERROR_USAGE, "tfm_input[%zu].text is NULL, its length is %zu", i,
                     input->text_length);
  if (!input->pair && input->pair_length)
    return error_set(err, TFM_ERROR_USAGE, "tfm_input[%zu].pair is NULL, its length is %zu", i,
                     input->pair_length);
  if (!input->ids && input->id_count)
    return error_set(err, TFM_ERROR_USAGE, "tfm_input[%zu].ids is NULL, its count is %zu", i,
                     input->id_count);
  if (input->pair && !input->text)
    return error_set(err, TFM_ERROR_USAGE, "tfm_input[%zu] has a pair, but no text before it", i),
           error_note(err, "help: ids hold both texts; a pair goes with a text only"), -1;
  return 0;
}

int caller_inputs(const tfm_input *input, size_t count, tfm_input **out, struct tfm_error *err) {
  void *made;
  *out = NULL;
  if (need_list(input, count, "input", err) != 0 ||
      sized_read_array(&input_kind, input, count, &made, err) != 0)
    return -1;
  *out = made;
  for (size_t i = 0; i < count; i++)
    if (check_input(&(*out)[i], i, err) != 0)
      return -1;
  return 0;
}

int caller_input(const tfm_input *input, tfm_input *out, struct tfm_error *err) {
  if (sized_read(&input_kind, input, out, err) != 0)
    return -1;
  return check_input(out, 0, err);
}

int caller_scores(const tfm_score_input *input, size_t count, tfm_score_input **out,
                  struct tfm_error *err) {
  void *made;
  *out = NULL;
  if (need_list(input, count, "input", err) != 0 ||
      sized_read_array(&score_kind, input, count, &made, err) != 0)
    return -1;
  *out = made;
  for (size_t i = 0; i < count; i++) {
    const tfm_score_input *one = &(*out)[i];
    const char *absent = !one->ids && one->id_count          ? "ids"
                         : !one->place && one->target_count  ? "place"
                         : !one->target && one->target_count ? "target"
                                                             : NULL;
    if (absent)
      return error_set(err, TFM_ERROR_USAGE, "tfm_score_input[%zu].%s is NULL", i, absent);
  }
  return 0;
}

int caller_describe(const tfm_model_info *full, tfm_model_info *info) {
  return sized_write(&model_info, full, info);
}

int caller_describe_weights(const tfm_weights_info *full, tfm_weights_info *info) {
  return sized_write(&weights_info, full, info);
}
