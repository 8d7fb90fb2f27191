/* feed.c - values that the caller gives: checked, converted and kept. */
#include "runtime/session_private.h"
#include "runtime/view.h"

#include <stdlib.h>
#include <string.h>

static struct session_input *find(struct session *session, const char *name) {
  for (uint32_t i = 0; i < session->graph->input_count; i++)
    if (strcmp(session->input[i].input->name, name) == 0)
      return &session->input[i];
  return NULL;
}

/* Whole numbers to i32, i64 or bool, each in range. */
static int convert_whole(const struct session_input *in, const tfm_tensor *from, size_t count,
                         void *to, struct tfm_error *err) {
  enum dtype dtype = in->type->dtype;
  int64_t low = dtype == DTYPE_I32 ? INT32_MIN : dtype == DTYPE_BOOL ? 0 : INT64_MIN;
  int64_t high = dtype == DTYPE_I32 ? INT32_MAX : dtype == DTYPE_BOOL ? 1 : INT64_MAX;
  int64_t *wide = malloc(count * sizeof *wide + 1);
  if (!wide)
    return error_oom(err);
  int status = 0;
  if (!dtype_to_i64((enum dtype)from->dtype, from->data, wide, count)) {
    status = error_set(err, TFM_ERROR_USAGE, "input `%s` takes whole numbers", in->input->name);
    error_note(err, "found: %s", dtype_name((enum dtype)from->dtype));
  }
  for (size_t i = 0; status == 0 && i < count; i++) {
    if (wide[i] < low || wide[i] > high) {
      status = error_set(err, TFM_ERROR_USAGE, "input `%s` was given %lld", in->input->name,
                         (long long)wide[i]);
      error_note(err, "expected: %lld to %lld", (long long)low, (long long)high);
    } else if (dtype == DTYPE_I32) {
      ((int32_t *)to)[i] = (int32_t)wide[i];
    } else if (dtype == DTYPE_BOOL) {
      ((unsigned char *)to)[i] = (unsigned char)wide[i];
    } else {
      ((int64_t *)to)[i] = wide[i];
    }
  }
  free(wide);
  return status;
}

static int convert(const struct session_input *in, const tfm_tensor *from, size_t count, void *to,
                   struct tfm_error *err) {
  if (in->type->dtype == DTYPE_F32 || in->type->dtype == DTYPE_NONE) {
    if (dtype_to_f32((enum dtype)from->dtype, from->data, to, count))
      return 0;
    return error_set(err, TFM_ERROR_USAGE, "input `%s` cannot take %s", in->input->name,
                     dtype_name((enum dtype)from->dtype));
  }
  return convert_whole(in, from, count, to, err);
}

/* The shape with leading 1s up to the input's rank. */
static int set_shape(struct session_input *in, const tfm_tensor *from, tfm_tensor *feed,
                     struct tfm_error *err) {
  uint32_t rank = in->type->rank, surplus = 0;
  while (from->rank - surplus > rank && from->shape[surplus] == 1)
    surplus++;
  if (from->rank - surplus > rank) {
    error_set(err, TFM_ERROR_USAGE, "input `%s` was given too many dimensions", in->input->name);
    error_note(err, "expected: %u", rank);
    error_note(err, "found: %u", from->rank);
    return -1;
  }
  uint32_t missing = rank - (from->rank - surplus);
  feed->rank = rank;
  for (uint32_t i = 0; i < rank; i++)
    feed->shape[i] = i < missing ? 1 : from->shape[i - missing + surplus];
  return 0;
}

int session_feed(struct session *session, const char *name, const tfm_tensor *tensor,
                 struct tfm_error *err) {
  struct session_input *in = find(session, name);
  size_t count;
  if (!in) {
    error_set(err, TFM_ERROR_USAGE, "the model has no input `%s` to feed", name);
    for (uint32_t i = 0; i < session->graph->input_count; i++)
      error_note(err, "found: input `%s`", session->input[i].input->name);
    return -1;
  }
  tfm_tensor feed = {0};
  if (!tensor) {
    free(in->feed.data);
    in->feed = feed;
    return 0;
  }
  if (tensor->dtype >= DTYPE_COUNT || tensor->rank > TFM_MAX_RANK ||
      !view_count(tensor->shape, tensor->rank, &count) || !view_is_contiguous(tensor))
    return error_set(err, TFM_ERROR_USAGE, "input `%s` was given no contiguous tensor", name);
  if (set_shape(in, tensor, &feed, err) != 0)
    return -1;
  feed.dtype = in->type->dtype == DTYPE_NONE ? TFM_F32 : (tfm_dtype)in->type->dtype;
  size_t size = count * dtype_size((enum dtype)feed.dtype);
  feed.data = malloc(size + 1);
  if (!feed.data)
    return error_oom(err);
  if (convert(in, tensor, count, feed.data, err) != 0) {
    free(feed.data);
    return -1;
  }
  free(in->feed.data);
  in->feed = feed;
  in->feed_size = size;
  return 0;
}
