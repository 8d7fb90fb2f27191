/* image.c - the host's side of values that do not lie in its memory.
 *
 * Such a value has an image, as large as itself; parts of it are at the places of the
 * image that they have in the value.  Of what lies in the host's memory nothing is copied. */
#include "runtime/exec_private.h"

/* Bytes of a contiguous tensor, which was given room before. */
static size_t bytes_of(const tfm_tensor *t) {
  size_t bytes = dtype_size((enum dtype)t->dtype);
  for (uint32_t i = 0; i < t->rank; i++)
    bytes *= (size_t)t->shape[i];
  return bytes;
}

int image_of(struct exec *exec, int32_t value, bool fetch, tfm_tensor *part,
             struct tfm_error *err) {
  const struct device *device = exec_device_of(exec, value);
  if (device->number == 0)
    return 0;
  struct device_block *image = &exec->image[value];
  const char *begin = exec->tensor[value].data, *place = part->data;
  size_t size;
  if (plan_value_size(exec->plan, value, &exec_fit_of(exec, value)->batch, exec->offset[value].at,
                      &size, err) != 0 ||
      exec_grow(exec, image, size, "the host's copy of a value", err) != 0)
    return -1;
  part->data = (char *)image->data + (place - begin);
  part->device = 0;
  if (fetch)
    device->get(device, part->data, place, bytes_of(part));
  return 0;
}

int exec_read_row(struct exec *exec, int32_t value, uint32_t row, tfm_tensor *out,
                  struct tfm_error *err) {
  exec_row(exec, value, row, out);
  return image_of(exec, value, true, out, err);
}

int exec_open_row(struct exec *exec, int32_t value, uint32_t row, tfm_tensor *out,
                  struct tfm_error *err) {
  exec_row(exec, value, row, out);
  return image_of(exec, value, false, out, err);
}

void exec_close_row(struct exec *exec, int32_t value, const tfm_tensor *row) {
  const struct device *device = exec_device_of(exec, value);
  if (device->number == 0)
    return;
  const char *image = exec->image[value].data, *place = row->data;
  device->put(device, (char *)exec->tensor[value].data + (place - image), place, bytes_of(row));
}
