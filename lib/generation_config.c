/* generation_config.c - what a checkpoint says about how it is sampled.
 *
 * The keys are those of Hugging Face's GenerationConfig, and so are the defaults of
 * those that are absent: temperature 1 and top_k 50, both only where do_sample is true.
 * A key that would change the text and that is not followed here is refused. */
#include "lib/caller.h"
#include "lib/head.h"
#include "lib/model.h"

#include <math.h>
#include <string.h>

/* Keys that have an effect, and the number at which they have none. */
static const struct refused {
  const char *name;
  double neutral;
  const char *help;
  bool elsewhere; /* no effect on the likeliest text by itself */
} refused[] = {
    {"num_beam_groups", 1, NULL, false},
    {"encoder_no_repeat_ngram_size", 0, NULL, false},
    {"encoder_repetition_penalty", 1, NULL, false},
    {"max_time", NAN, NULL, true},
    {"stop_strings", NAN, "give the texts: tfmrun --stop TEXT", false},
    {"top_h", NAN, NULL, true},
    {"typical_p", 1, NULL, true},
    {"epsilon_cutoff", 0, NULL, true},
    {"eta_cutoff", 0, NULL, true},
    {"exponential_decay_length_penalty", NAN, NULL, false},
    {"sequence_bias", NAN, NULL, false},
    {"token_healing", NAN, NULL, false},
    {"guidance_scale", 1, NULL, false},
    {"watermarking_config", NAN, NULL, false},
    {"penalty_alpha", 0, NULL, false},
    {"dola_layers", NAN, NULL, false},
    {"diversity_penalty", 0, NULL, false},
    {"constraints", NAN, NULL, false},
    {"force_words_ids", NAN, NULL, false},
    {"cache_implementation", NAN, NULL, false},
};

/* Keys that are followed where they are asked for, and may be said otherwise among the options. */
static const struct refused followed[] = {
    {"repetition_penalty", 1, NULL, false},
    {"no_repeat_ngram_size", 0, NULL, false},
    {"num_beams", 1, NULL, false},
    {"min_length", 0, NULL, false},
    {"min_new_tokens", 0, NULL, false},
    {"bad_words_ids", NAN, NULL, false},
    {"suppress_tokens", NAN, NULL, false},
    {"begin_suppress_tokens", NAN, NULL, false},
    {"forced_bos_token_id", NAN, NULL, false},
    {"forced_eos_token_id", NAN, NULL, false},
};

static bool has_no_effect(const struct refused *key, const json_t *value) {
  if (strcmp(key->name, "cache_implementation") == 0) /* others hold the same numbers */
    return !json_is_string(value) || strcmp(json_string_value(value), "quantized") != 0;
  if (!value || json_is_null(value) || json_is_false(value))
    return true;
  if (json_is_array(value) || json_is_object(value))
    return json_array_size(value) == 0 && json_object_size(value) == 0;
  return json_is_number(value) && json_number_value(value) == key->neutral;
}

static int check_refused(const struct model_json *json, struct tfm_error *err) {
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    const struct refused *key = &refused[i];
    if (has_no_effect(key, json_object_get(json->root, key->name)))
      continue;
    error_set(err, TFM_ERROR_CHECKPOINT, "%s: `%s` is not supported", json->path, key->name);
    error_note(err, "help: %s",
               key->help ? key->help : "take the key out, or go without generation_config.json");
    return -1;
  }
  return 0;
}

/* A number in [low, high], or the default where there is none. */
static int number(const struct model_json *json, const char *key, double low, double high,
                  double absent, double *out, struct tfm_error *err) {
  const json_t *value = json_object_get(json->root, key);
  *out = absent;
  if (!value || json_is_null(value))
    return 0;
  *out = json_number_value(value);
  if (!json_is_number(value) || !(*out >= low && *out <= high))
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s: `%s` is not a number from %g to %g",
                     json->path, key, low, high);
  return 0;
}

static int whole(const struct model_json *json, const char *key, double absent, int64_t *out,
                 struct tfm_error *err) {
  double value;
  if (number(json, key, 0, INT32_MAX, absent, &value, err) != 0)
    return -1;
  if (value != floor(value))
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s: `%s` is not a whole number", json->path, key);
  *out = (int64_t)value;
  return 0;
}

/* What counts only where do_sample is true. */
static int read_sampling(const struct model_json *json, tfm_run_options *out,
                         struct tfm_error *err) {
  int64_t top_k;
  if (number(json, "temperature", 1e-6, 1e6, 1, &out->temperature, err) != 0 ||
      whole(json, "top_k", 50, &top_k, err) != 0 ||
      number(json, "top_p", 0, 1, 1, &out->top_p, err) != 0 ||
      number(json, "min_p", 0, 1, 0, &out->min_p, err) != 0)
    return -1;
  out->top_k = (int32_t)top_k;
  if (out->top_p == 0)
    out->top_p = 1e-300; /* the likeliest alone: our 0 is off */
  return 0;
}

static int read_lengths(const struct model_json *json, tfm_run_options *out,
                        struct tfm_error *err) {
  int64_t fresh, total;
  if (whole(json, "max_new_tokens", 0, &fresh, err) != 0 ||
      whole(json, "max_length", 0, &total, err) != 0)
    return -1;
  out->max_new_tokens = fresh;
  out->max_length = 0;
  if (fresh == 0 && total > 0) {
    out->max_length = total;
    out->max_new_tokens = -1;
  }
  return 0;
}

static int read_no_repeat(const struct model_json *json, tfm_run_options *out,
                          struct tfm_error *err) {
  int64_t size;
  if (whole(json, "no_repeat_ngram_size", 0, &size, err) != 0)
    return -1;
  out->no_repeat_ngram = (uint32_t)size;
  return 0;
}

static int read_early(const struct model_json *json, tfm_run_options *out, struct tfm_error *err) {
  const json_t *value = json_object_get(json->root, "early_stopping");
  bool never = json_is_string(value) && strcmp(json_string_value(value), "never") == 0;
  if (value && !json_is_null(value) && !json_is_boolean(value) && !never)
    return error_set(err, TFM_ERROR_CHECKPOINT,
                     "%s: `early_stopping` is not true, false or \"never\"", json->path);
  out->early_stopping = never                 ? TFM_EARLY_NEVER
                        : json_is_true(value) ? TFM_EARLY_STOP
                                              : TFM_EARLY_GUESS;
  return 0;
}

static int read_beams(const struct tfm_model *model, tfm_run_options *out, struct tfm_error *err) {
  const struct model_json *json = &model->generation;
  int64_t beams, best;
  if (whole(json, "num_beams", 1, &beams, err) != 0 ||
      whole(json, "num_return_sequences", 1, &best, err) != 0 || read_early(json, out, err) != 0)
    return -1;
  if (beams < 2 && best > 1) {
    error_set(err, TFM_ERROR_CHECKPOINT,
              "%s: `num_return_sequences` is not supported without beams", json->path);
    error_note(err, "help: ask for several samples: tfmrun -N");
    return -1;
  }
  if (beams > 1 && out->temperature > 0) {
    error_set(err, TFM_ERROR_CHECKPOINT, "%s: `num_beams` with `do_sample` is not supported",
              json->path);
    error_note(err, "help: go without generation_config.json");
    return -1;
  }
  if (beams > 1 && json_is_true(json_object_get(json->root, "renormalize_logits"))) {
    error_set(err, TFM_ERROR_CHECKPOINT, "%s: `renormalize_logits` of beams is not supported",
              json->path);
    error_note(err, "help: take the key out, or go without generation_config.json");
    return -1;
  }
  out->beams = (uint32_t)beams;
  out->n_best = (uint32_t)best;
  out->length_penalty = &model->keys.length_penalty;
  return 0;
}

static int read_rules(const struct tfm_model *model, tfm_run_options *out, struct tfm_error *err) {
  const struct model_json *json = &model->generation;
  const struct generation_keys *keys = &model->keys;
  if (keys->unsound)
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s: `%s` is not what it may be: token ids%s",
                     json->path, keys->unsound,
                     strcmp(keys->unsound, "length_penalty") == 0 ? ", or a number" : "");
  out->suppress = keys->suppress;
  out->begin_suppress = keys->begin_suppress;
  out->bad_words = keys->bad_words;
  out->bad_word_count = keys->bad_word_count;
  out->forced_first = keys->forced_first >= 0 ? &keys->forced_first : NULL;
  out->forced_last = keys->forced_last.count ? &keys->forced_last : NULL;
  return whole(json, "min_length", 0, &out->min_length, err) != 0 ||
                 whole(json, "min_new_tokens", 0, &out->min_new_tokens, err) != 0
             ? -1
             : 0;
}

static int read_config(const struct tfm_model *model, tfm_run_options *out, struct tfm_error *err) {
  const struct model_json *json = &model->generation;
  const json_t *sample = json_object_get(json->root, "do_sample");
  if (sample && !json_is_boolean(sample) && !json_is_null(sample))
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s: `do_sample` is not true or false", json->path);
  out->temperature = out->top_p = out->min_p = 0;
  out->top_k = 0;
  if (json_is_true(sample) && read_sampling(json, out, err) != 0)
    return -1;
  if (number(json, "repetition_penalty", 1e-6, 1e6, 1, &out->repetition_penalty, err) != 0 ||
      read_no_repeat(json, out, err) != 0 || read_lengths(json, out, err) != 0 ||
      read_beams(model, out, err) != 0 || read_rules(model, out, err) != 0)
    return -1;
  return check_refused(json, err);
}

/* ------------------------------------------------------------- what is not asked for */

/* Would it change the likeliest text, and is it not among the options? */
static bool is_passed_over(const struct refused *key, const json_t *value,
                           const tfm_run_options *options) {
  if (key->elsewhere || has_no_effect(key, value))
    return false;
  return strcmp(key->name, "stop_strings") != 0 || options->stop_count == 0;
}

/* The number that the options have in a followed key's place; NAN = it is no number. */
static double number_of(const char *key, const tfm_run_options *o) {
  if (strcmp(key, "repetition_penalty") == 0)
    return o->repetition_penalty != 0 ? o->repetition_penalty : 1;
  if (strcmp(key, "no_repeat_ngram_size") == 0)
    return (double)o->no_repeat_ngram;
  if (strcmp(key, "num_beams") == 0)
    return o->beams ? (double)o->beams : 1;
  if (strcmp(key, "min_length") == 0)
    return (double)o->min_length;
  return strcmp(key, "min_new_tokens") == 0 ? (double)o->min_new_tokens : NAN;
}

/* Does the run have something in its place? */
static bool has_list(const struct graph *graph, const char *key, const tfm_run_options *o) {
  if (strcmp(key, "bad_words_ids") == 0)
    return o->bad_word_count > 0;
  if (strcmp(key, "suppress_tokens") == 0)
    return o->suppress.count > 0;
  if (strcmp(key, "begin_suppress_tokens") == 0)
    return o->begin_suppress.count > 0;
  if (strcmp(key, "forced_bos_token_id") == 0)
    return o->forced_first || head_id(graph, "forced_first") >= 0;
  return o->forced_last || head_id(graph, "forced_last") >= 0;
}

static bool is_followed(const struct graph *graph, const struct refused *key, const json_t *value,
                        const tfm_run_options *options) {
  double number = number_of(key->name, options);
  if (isnan(number))
    return has_no_effect(key, value) || has_list(graph, key->name, options);
  return !json_is_number(value) || json_number_value(value) == number;
}

static void name_passed_over(const struct graph *graph, const json_t *root,
                             const tfm_run_options *options, struct buffer *out) {
  for (size_t i = 0; i < sizeof followed / sizeof followed[0]; i++)
    if (!is_followed(graph, &followed[i], json_object_get(root, followed[i].name), options))
      buffer_printf(out, "%s`%s`", out->length ? ", " : "", followed[i].name);
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    if (is_passed_over(&refused[i], json_object_get(root, refused[i].name), options))
      buffer_printf(out, "%s`%s`", out->length ? ", " : "", refused[i].name);
}

void generation_warn(const struct tfm_model *model, const tfm_run_options *options) {
  const struct model_json *json = model->generation.root ? &model->generation : &model->config;
  struct buffer keys, line;
  if (atomic_load(&model->use->generation_said) || !json->root)
    return;
  buffer_init(&keys);
  buffer_init(&line);
  name_passed_over(model->graph, json->root, options, &keys);
  if (keys.length > 0 && !atomic_exchange(&model->use->generation_said, true)) {
    buffer_printf(&line, "%s asks for %s, which this run does not follow; its text may differ",
                  file_basename(json->path), buffer_text(&keys));
    model_warn(model, buffer_text(&line));
  }
  buffer_finish(&keys);
  buffer_finish(&line);
}

int tfm_model_generation(const tfm_model *model, tfm_run_options *options, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  static const char call[] = "tfm_model_generation";
  tfm_run_options full;
  error_clear(err);
  if (caller_need(model, call, "model", err) != 0 ||
      caller_need(options, call, "options", err) != 0 ||
      caller_run_options(options, &full, err) != 0)
    return -1;
  if (!model->generation.root)
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s has no generation_config.json",
                     model->weights_path ? model->weights_path : "this model");
  if (read_config(model, &full, err) != 0)
    return -1;
  uint32_t size = options->struct_size;
  memcpy(options, &full, size < sizeof full ? size : sizeof full);
  options->struct_size = size;
  return 0;
}
