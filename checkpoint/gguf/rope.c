/* rope.c - how rotary positions are stretched.
 *
 * The kinds none and linear are keys.  llama3's has no key: its converter writes
 * a tensor with the divisor of each frequency.  All such models share three of
 * its four parameters, and the largest divisor is the fourth; with them the
 * divisors are computed again, and must be those of the file. */
#include "checkpoint/gguf/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 256, LOW = 1, HIGH = 4, CONTEXT = 8192 };

static void rope_error(const struct gguf *file, const char *what, struct tfm_error *err) {
  error_set(err, TFM_ERROR_CHECKPOINT, "the rotary positions of `%s` %s", file->path, what);
}

static int rope_refuse(const struct gguf *file, const char *what, struct tfm_error *err) {
  rope_error(file, what, err);
  return gguf_refuse(file, err);
}

static double number(const json_t *config, const char *key, double usual) {
  const json_t *value = json_object_get(config, key);
  return json_is_number(value) ? json_number_value(value) : usual;
}

/* transformers, modeling_rope_utils.py, _compute_llama3_parameters */
static double divisor(double frequency, double factor, double context) {
  double wavelength = 2 * 3.14159265358979323846 / frequency;
  if (wavelength < context / HIGH)
    return 1;
  if (wavelength > context / LOW)
    return factor;
  double kept = (context / wavelength - LOW) / (HIGH - LOW);
  return 1 / ((1 - kept) / factor + kept);
}

static float divisor_at(const struct gguf_tensor *t, int64_t i) {
  float f;
  memcpy(&f, t->data + (size_t)i * sizeof f, sizeof f);
  return f;
}

static int llama3(const struct gguf *file, const struct gguf_tensor *t, double context,
                  json_t *config, struct tfm_error *err) {
  double theta = number(config, "rope_theta", 10000), factor = 1;
  int64_t half = t->rank == 1 ? t->shape[0] : 0;
  if (half < 1 || t->dtype != DTYPE_F32)
    return rope_refuse(file, "have divisors that are no row of F32", err);
  for (int64_t i = 0; i < half; i++)
    factor = fmax(factor, (double)divisor_at(t, i));
  for (int64_t i = 0; i < half; i++) {
    double wanted = divisor(pow(theta, -(double)i / (double)half), factor, context);
    if (!(fabs((double)divisor_at(t, i) - wanted) <= 1e-4 * wanted))
      return rope_refuse(file, "have divisors that are not those of llama3", err);
  }
  json_t *scaling = json_pack("{s:s, s:f, s:i, s:i, s:i}", "rope_type", "llama3", "factor",
                              gguf_shortest(factor), "low_freq_factor", LOW, "high_freq_factor",
                              HIGH, "original_max_position_embeddings", (int)context);
  return json_object_set_new(config, "rope_scaling", scaling) == 0 ? 0 : error_oom(err);
}

static int linear(const struct gguf *file, const char *architecture, const char *type,
                  json_t *config, struct tfm_error *err) {
  char key[KEY_MAX];
  json_t *factor;
  snprintf(key, sizeof key, "%s.rope.scaling.factor", architecture);
  if (gguf_scalar(file, key, &factor, err) != 0)
    return -1;
  if (!factor) {
    snprintf(key, sizeof key, "%s.rope.scale_linear", architecture);
    if (gguf_scalar(file, key, &factor, err) != 0)
      return -1;
  }
  if (!factor && strcmp(type, "linear") != 0)
    return 0;
  if (!json_is_number(factor) || !(json_number_value(factor) > 0)) {
    json_decref(factor);
    return rope_refuse(file, "have no scaling factor above 0", err);
  }
  json_t *scaling = json_pack("{s:s, s:o}", "rope_type", "linear", "factor", factor);
  return json_object_set_new(config, "rope_scaling", scaling) == 0 ? 0 : error_oom(err);
}

/* What model files do not turn: only a part of each head. */
static int check_width(const struct gguf *file, const char *architecture, const json_t *config,
                       struct tfm_error *err) {
  char key[KEY_MAX];
  int64_t turned;
  snprintf(key, sizeof key, "%s.rope.dimension_count", architecture);
  const struct gguf_value *value = gguf_value(file, key);
  double heads = number(config, "num_attention_heads", 1);
  double width = number(config, "head_dim", number(config, "hidden_size", 0) / heads);
  if (!value || (!value->array && gguf_integer(value, 0, &turned) && (double)turned == width))
    return 0;
  rope_error(file, "turn a part of each head only, which tfm does not do", err);
  error_note(err, "expected: `%s` is %g", key, width);
  return gguf_refuse(file, err);
}

int gguf_rope(struct gguf *file, const char *architecture, json_t *config, struct tfm_error *err) {
  char key[KEY_MAX];
  const struct gguf_tensor *t = gguf_find(file, "rope_freqs.weight");
  if (check_width(file, architecture, config, err) != 0)
    return -1;
  snprintf(key, sizeof key, "%s.rope.scaling.type", architecture);
  const char *type = gguf_string(file, key);
  if (type && strcmp(type, "none") != 0 && strcmp(type, "linear") != 0) {
    rope_error(file, "are stretched in a way that tfm does not know", err);
    error_note(err, "expected: `%s` is none or linear", key);
    error_note(err, "found: `%.64s`", type);
    return gguf_refuse(file, err);
  }
  snprintf(key, sizeof key, "%s.rope.scaling.original_context_length", architecture);
  int64_t context = CONTEXT;
  const struct gguf_value *value = gguf_value(file, key);
  if (value && !value->array && gguf_integer(value, 0, &context) &&
      (context < 1 || context > INT32_MAX))
    return rope_refuse(file, "are for a context that is out of reach", err);
  if (t)
    return llama3(file, t, (double)context, config, err);
  if (type && strcmp(type, "none") == 0)
    return 0;
  return linear(file, architecture, type ? type : "", config, err);
}
