/* device.c - the CPU, whose memory is the host's. */
#include "runtime/device.h"

#include <stdlib.h>
#include <string.h>

static void *cpu_alloc(const struct device *device, size_t size) {
  void *memory;
  (void)device;
  return posix_memalign(&memory, DEVICE_ALIGNMENT, size ? size : 1) == 0 ? memory : NULL;
}

static void cpu_release(const struct device *device, void *memory, size_t size) {
  (void)device;
  (void)size;
  free(memory);
}

static void cpu_copy(const struct device *device, void *to, const void *from, size_t size) {
  (void)device;
  memcpy(to, from, size);
}

static void cpu_zero(const struct device *device, void *memory, size_t size) {
  (void)device;
  memset(memory, 0, size);
}

static void cpu_wait(const struct device *device) {
  (void)device;
}

const struct device *device_cpu(void) {
  static const struct device cpu = {.name = "cpu",
                                    .alloc = cpu_alloc,
                                    .release = cpu_release,
                                    .put = cpu_copy,
                                    .get = cpu_copy,
                                    .move = cpu_copy,
                                    .zero = cpu_zero,
                                    .wait = cpu_wait};
  return &cpu;
}

int device_alloc(const struct device *device, size_t size, const char *what,
                 struct device_block *block, struct tfm_error *err) {
  void *memory = device->alloc(device, size);
  if (memory) {
    *block = (struct device_block){device, memory, size};
    return 0;
  }
  if (device->number == 0)
    error_set(err, TFM_ERROR_LIMIT, "out of memory: %s needs %zu bytes", what, size);
  else
    error_set(err, TFM_ERROR_LIMIT, "out of memory on device `%s`: %s needs %zu bytes",
              device->name, what, size);
  return -1;
}

void device_release(struct device_block *block) {
  if (block->data)
    block->device->release(block->device, block->data, block->size);
  block->data = NULL;
  block->size = 0;
}
