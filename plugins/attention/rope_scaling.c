/* rope_scaling.c - frequencies of rotary positions, stretched in every way that config.json
 * can say: transformers, modeling_rope_utils.py, which names the papers. */
#include "plugins/attention/rope.h"

#include <math.h>
#include <string.h>

static const char *const kinds[] = {[ROPE_DEFAULT] = "default",          [ROPE_LINEAR] = "linear",
                                    [ROPE_DYNAMIC] = "dynamic",          [ROPE_YARN] = "yarn",
                                    [ROPE_LONGROPE] = "longrope",        [ROPE_LLAMA3] = "llama3",
                                    [ROPE_PROPORTIONAL] = "proportional"};
#define KNOWN_KINDS "default, linear, dynamic, yarn, longrope, llama3, proportional"
static const double pi = 3.14159265358979323846;

static const tfm_attr *number_of(const tfm_attr *object, const char *name) {
  const tfm_attr *a = tfm_attr_member(object, name);
  return a && (a->kind == TFM_ATTR_INT || a->kind == TFM_ATTR_REAL) ? a : NULL;
}

static double member(const tfm_attr *object, const char *name, double otherwise) {
  const tfm_attr *a = number_of(object, name);
  return a ? a->real : otherwise;
}

/* Where it is missing or 0, as Python's `or`. */
static double member_or(const tfm_attr *object, const char *name, double otherwise) {
  double x = member(object, name, 0);
  return x != 0 ? x : otherwise;
}

/* ---- reading */

/* rope_type where it is there, type where it is not. */
static tfm_status read_kind(const tfm_host *host, struct rope_scaling *s) {
  const tfm_attr *type = tfm_attr_member(s->object, "rope_type");
  if (!type)
    type = tfm_attr_member(s->object, "type");
  if (!type)
    return TFM_OK;
  if (type->kind != TFM_ATTR_STR)
    return host->fail(host, "rope_type is no text: the known kinds are " KNOWN_KINDS);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(type->text, kinds[i]) == 0) {
      s->kind = (enum rope_kind)i;
      return TFM_OK;
    }
  if (strcmp(type->text, "su") == 0) { /* what Phi-3 called it first */
    s->kind = ROPE_LONGROPE;
    return TFM_OK;
  }
  return host->fail(host, "unknown kind of rope scaling `%s`: the known ones are " KNOWN_KINDS,
                    type->text);
}

static tfm_status check_factor(const tfm_host *host, const struct rope_scaling *s) {
  if (!(member(s->object, "factor", 0) > 0))
    return host->fail(host, "rope scaling `%s` needs a factor above 0", kinds[s->kind]);
  return TFM_OK;
}

static tfm_status check_original(const tfm_host *host, const struct rope_scaling *s) {
  if (!(s->original > 1))
    return host->fail(host, "rope scaling `%s` needs original_max_position_embeddings above 1",
                      kinds[s->kind]);
  return TFM_OK;
}

static tfm_status check_llama3(const tfm_host *host, const struct rope_scaling *s) {
  double low = member(s->object, "low_freq_factor", 0);
  double high = member(s->object, "high_freq_factor", 0);
  if (!(high > low && low > 0))
    return host->fail(host, "rope scaling `llama3` needs 0 < low_freq_factor < high_freq_factor");
  if (!(s->original > 0))
    return host->fail(host, "rope scaling `llama3` needs original_max_position_embeddings above 0");
  return check_factor(host, s);
}

static tfm_status check_dynamic(const tfm_host *host, const struct rope_scaling *s) {
  if (!(s->length >= 1 && s->length < 1e15))
    return host->fail(host, "rope scaling `dynamic` needs `length`: max_position_embeddings");
  if (s->width < 4)
    return host->fail(host, "rope scaling `dynamic` needs a width of at least 4");
  return check_factor(host, s);
}

/* A factor that is not given is how far the stated length goes beyond the trained one. */
static double stretch_of(const struct rope_scaling *s) {
  const tfm_attr *factor = number_of(s->object, "factor");
  return factor ? factor->real : s->length / s->original;
}

static tfm_status check_stretch(const tfm_host *host, const struct rope_scaling *s) {
  tfm_status status = check_original(host, s);
  if (status == TFM_OK && !(stretch_of(s) > 0 && isfinite(stretch_of(s))))
    return host->fail(host,
                      "rope scaling `%s` needs a factor, or `length`: "
                      "max_position_embeddings",
                      kinds[s->kind]);
  return status;
}

static tfm_status check_list(const tfm_host *host, const struct rope_scaling *s, const char *name) {
  const tfm_attr *list = tfm_attr_member(s->object, name);
  if (!list || list->kind != TFM_ATTR_LIST || list->count != s->width / 2)
    return host->fail(host, "rope scaling `longrope` needs %lld numbers in %s, there are %lld",
                      (long long)s->width / 2, name,
                      list && list->kind == TFM_ATTR_LIST ? (long long)list->count : 0);
  for (uint32_t i = 0; i < list->count; i++)
    if (!(list->item[i]->kind == TFM_ATTR_INT || list->item[i]->kind == TFM_ATTR_REAL) ||
        !(list->item[i]->real > 0))
      return host->fail(host, "number %u of %s is not above 0", i, name);
  return TFM_OK;
}

static tfm_status check_longrope(const tfm_host *host, const struct rope_scaling *s) {
  tfm_status status = check_stretch(host, s);
  if (status == TFM_OK && !(s->original < 1e15))
    status = host->fail(host, "original_max_position_embeddings is too large");
  if (status == TFM_OK)
    status = check_list(host, s, "short_factor");
  return status == TFM_OK ? check_list(host, s, "long_factor") : status;
}

static tfm_status check_scaling(const tfm_host *host, const struct rope_scaling *s) {
  switch (s->kind) {
  case ROPE_LINEAR:
    return check_factor(host, s);
  case ROPE_DYNAMIC:
    return check_dynamic(host, s);
  case ROPE_YARN:
    return check_stretch(host, s);
  case ROPE_LONGROPE:
    return check_longrope(host, s);
  case ROPE_LLAMA3:
    return check_llama3(host, s);
  case ROPE_PROPORTIONAL:
    if (s->width != s->size)
      return host->fail(host, "rope scaling `proportional` is of whole heads: give no `width`");
    if (!(member(s->object, "factor", 1) > 0))
      return check_factor(host, s);
    return TFM_OK;
  default:
    return TFM_OK;
  }
}

tfm_status rope_read_scaling(const tfm_host *host, const tfm_node *node, struct rope_scaling *out) {
  const tfm_attr *object = tfm_attr_find(node, "scaling");
  int64_t size = node->input[0]->shape[3];
  *out = (struct rope_scaling){.object = object && object->kind == TFM_ATTR_OBJECT ? object : NULL,
                               .theta = tfm_attr_real(node, "theta", 10000),
                               .length = tfm_attr_real(node, "length", 0),
                               .size = size,
                               .width = tfm_attr_int(node, "width", size)};
  out->original =
      tfm_attr_real(node, "original", member(out->object, "original_max_position_embeddings", 0));
  if (size < 0 || out->width < 2 || out->width > size || out->width % 2 != 0)
    return host->fail(host, "%lld of %lld elements of a head do not split into pairs",
                      (long long)out->width, (long long)size);
  if (!(out->theta > 0 && isfinite(out->theta)))
    return host->fail(host, "theta is %g, but must be above 0", out->theta);
  tfm_status status = read_kind(host, out);
  return status == TFM_OK ? check_scaling(host, out) : status;
}

/* ---- frequencies */

static double plain(const struct rope_scaling *s, double theta, int64_t d) {
  return pow(theta, -2.0 * (double)d / (double)s->width);
}

/* Long waves are stretched by factor, short ones kept, and between the two
 * wavelengths there is a ramp. */
static double llama3(const struct rope_scaling *s, double frequency) {
  double factor = member(s->object, "factor", 0), low = member(s->object, "low_freq_factor", 0);
  double high = member(s->object, "high_freq_factor", 0), wavelength = 2 * pi / frequency;
  if (wavelength > s->original / low)
    return frequency / factor;
  if (wavelength < s->original / high)
    return frequency;
  double kept = (s->original / wavelength - low) / (high - low);
  return (1 - kept) * frequency / factor + kept * frequency;
}

/* The pair that turns so often over the trained length. */
static double pair_of(const struct rope_scaling *s, double turns) {
  return (double)s->width * log(s->original / (turns * 2 * pi)) / (2 * log(s->theta));
}

/* Pairs before `low` are kept, those behind `high` stretched (Peng et al. 2023, section 3.2). */
static double yarn(const struct rope_scaling *s, double frequency, int64_t d) {
  double low = pair_of(s, member_or(s->object, "beta_fast", 32));
  double high = pair_of(s, member_or(s->object, "beta_slow", 1));
  const tfm_attr *truncate = tfm_attr_member(s->object, "truncate");
  if (!truncate || truncate->kind != TFM_ATTR_BOOL || truncate->integer) {
    low = floor(low);
    high = ceil(high);
  }
  low = fmax(low, 0);
  high = fmin(high, (double)s->width - 1);
  if (low == high)
    high += 0.001;
  double stretched = fmin(fmax(((double)d - low) / (high - low), 0), 1);
  return frequency / stretch_of(s) * stretched + frequency * (1 - stretched);
}

static double mscale(double scale, double by) {
  return scale <= 1 ? 1 : 0.1 * by * log(scale) + 1;
}

/* What cosines and sines are multiplied with. */
static double attention_factor(const struct rope_scaling *s) {
  const tfm_attr *given = number_of(s->object, "attention_factor");
  double stretch = stretch_of(s), one, all;
  if (s->kind != ROPE_YARN && s->kind != ROPE_LONGROPE)
    return 1;
  if (given)
    return given->real;
  if (s->kind == ROPE_LONGROPE)
    return stretch <= 1 ? 1 : sqrt(1 + log(stretch) / log(s->original));
  one = member(s->object, "mscale", 0);
  all = member(s->object, "mscale_all_dim", 0);
  return one != 0 && all != 0 ? mscale(stretch, one) / mscale(stretch, all) : mscale(stretch, 1);
}

static double frequency_of(const struct rope_scaling *s, int64_t d) {
  double frequency = plain(s, s->theta, d), part;
  switch (s->kind) {
  case ROPE_LINEAR:
    return frequency / member(s->object, "factor", 1);
  case ROPE_YARN:
    return yarn(s, frequency, d);
  case ROPE_LONGROPE:
    return frequency / tfm_attr_member(s->object, "short_factor")->item[d]->real;
  case ROPE_LLAMA3:
    return llama3(s, frequency);
  case ROPE_PROPORTIONAL: /* only a part turns, but spread as if all did */
    part = member(s->object, "partial_rotary_factor", 1) * (double)s->size;
    return d < (int64_t)floor(part / 2) ? frequency / member(s->object, "factor", 1) : 0;
  default:
    return frequency;
  }
}

tfm_status rope_frequencies(const tfm_host *host, const struct rope_scaling *s, struct rope *rope) {
  float *longer = rope->frequency + rope->half;
  rope->scale = (float)attention_factor(s);
  if (!isfinite(rope->scale))
    return host->fail(host, "rope scaling `%s`: attention_factor is %g", kinds[s->kind],
                      (double)rope->scale);
  for (int64_t d = 0; d < rope->half; d++)
    rope->frequency[d] = (float)frequency_of(s, d);
  rope->factor = member(s->object, "factor", 1);
  if (s->kind == ROPE_DYNAMIC)
    rope->limit = (int64_t)s->length;
  if (s->kind != ROPE_LONGROPE)
    return TFM_OK;
  rope->limit = (int64_t)s->original;
  rope->longer = longer;
  for (int64_t d = 0; d < rope->half; d++)
    longer[d] =
        (float)(plain(s, s->theta, d) / tfm_attr_member(s->object, "long_factor")->item[d]->real);
  return TFM_OK;
}

const float *rope_of_length(const struct rope *rope, int64_t length, float *room) {
  const struct rope_scaling *s = &rope->scaling;
  if (rope->limit == 0 || length <= rope->limit)
    return rope->frequency;
  if (rope->longer)
    return rope->longer;
  double grown = rope->factor * (double)length / s->length - (rope->factor - 1);
  double theta = s->theta * pow(grown, (double)s->width / ((double)s->width - 2));
  for (int64_t d = 0; d < rope->half; d++)
    room[d] = (float)plain(s, theta, d);
  return room;
}
