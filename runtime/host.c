/* host.c - each service, over the pool, the matrix product and the dtypes. */
#include "runtime/host.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/dtype.h"
#include "runtime/gemm/gemm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_MAX = 1024 };

static struct host *of(const tfm_host *api) {
  return api->impl;
}

static const void *host_ext(const tfm_host *api, const char *id) {
  (void)api;
  (void)id;
  return NULL; /* no optional service yet */
}

static tfm_status host_fail(const tfm_host *api, const char *format, ...) {
  struct host *host = of(api);
  va_list args;
  va_start(args, format);
  pthread_mutex_lock(&host->lock);
  error_vset(&host->failure, TFM_ERROR_RUN, format, args);
  pthread_mutex_unlock(&host->lock);
  va_end(args);
  return TFM_FAILED;
}

static void host_write_log(const tfm_host *api, int level, const char *format, ...) {
  struct host *host = of(api);
  char text[LOG_MAX];
  va_list args;
  if (!host->log)
    return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  host->log(host->log_arg, level, text);
}

void *host_alloc(size_t bytes) {
  void *memory = NULL;
  if (bytes == 0 || posix_memalign(&memory, 64, bytes) != 0)
    return NULL;
  memset(memory, 0, bytes);
  return memory;
}

static void *host_alloc_for(const tfm_host *api, size_t bytes) {
  (void)api;
  return host_alloc(bytes);
}

static void host_release(const tfm_host *api, void *memory) {
  (void)api;
  free(memory);
}

static int32_t host_cancelled(const tfm_host *api) {
  const struct host *host = of(api);
  return host->cancel && atomic_load_explicit(host->cancel, memory_order_relaxed) != 0;
}

static uint32_t host_lanes(const tfm_host *api) {
  const struct host *host = of(api);
  return host->pool ? pool_lanes(host->pool) : 1;
}

static void host_parallel_for(const tfm_host *api, int64_t count, int64_t grain,
                              void (*body)(void *arg, int64_t begin, int64_t end, uint32_t lane),
                              void *arg) {
  const struct host *host = of(api);
  if (host->pool)
    pool_run(host->pool, count, grain, body, arg);
  else if (count > 0)
    body(arg, 0, count, 0);
}

static tfm_status host_to_f32(const tfm_host *api, tfm_dtype dtype, const void *from, float *to,
                              int64_t count) {
  if (count >= 0 && dtype < DTYPE_COUNT && dtype_to_f32((enum dtype)dtype, from, to, (size_t)count))
    return TFM_OK;
  return host_fail(api, "%s has no numbers to convert", dtype_name((enum dtype)dtype));
}

static tfm_status host_gemm(const tfm_host *api, const tfm_gemm *const *problem, uint32_t count) {
  struct host *host = of(api);
  struct tfm_error err = {0};
  if (gemm_run(host->pool, problem, count, &err) == 0)
    return TFM_OK;
  if (err.code == TFM_ERROR_LIMIT)
    return TFM_NO_MEMORY;
  return host_fail(api, "%s", err.message);
}

/* Bytes of an f32 tensor, or false on overflow. */
static bool tap_bytes(uint32_t rank, const int64_t *shape, size_t *bytes) {
  *bytes = sizeof(float);
  for (uint32_t i = 0; i < rank; i++)
    if (shape[i] < 0 || !checked_mul(*bytes, (size_t)shape[i], bytes))
      return false;
  return true;
}

static float *host_tap(const tfm_host *api, const tfm_run *run, uint32_t index, uint32_t rank,
                       const int64_t *shape) {
  struct host_taps *taps = run->impl;
  size_t bytes;
  (void)api;
  if (!taps || index >= taps->count || index >= 64 || !(taps->wanted >> index & 1) ||
      rank > TFM_MAX_RANK || !tap_bytes(rank, shape, &bytes))
    return NULL;
  struct host_tap *tap = &taps->tap[index];
  if (bytes > tap->capacity || !tap->tensor.data) {
    free(tap->tensor.data);
    tap->capacity = 0;
    tap->tensor.data = host_alloc(bytes ? bytes : 1);
    if (!tap->tensor.data)
      return NULL;
    tap->capacity = bytes;
  }
  tap->tensor.dtype = TFM_F32;
  tap->tensor.rank = rank;
  int64_t step = (int64_t)sizeof(float);
  for (uint32_t i = rank; i-- > 0; step *= shape[i] > 0 ? shape[i] : 1) {
    tap->tensor.shape[i] = shape[i];
    tap->tensor.stride[i] = step;
  }
  tap->filled = true;
  return tap->tensor.data;
}

void host_taps_init(struct host_taps *taps, uint64_t wanted, struct host_tap *tap, uint32_t count) {
  *taps = (struct host_taps){.wanted = wanted, .count = count, .tap = tap};
}

void host_taps_finish(struct host_taps *taps) {
  for (uint32_t i = 0; i < taps->count; i++)
    free(taps->tap[i].tensor.data);
  *taps = (struct host_taps){0};
}

void host_init(struct host *host, struct pool *pool, const atomic_int *cancel) {
  *host = (struct host){.pool = pool, .cancel = cancel};
  host->api = (tfm_host){.struct_size = sizeof(tfm_host),
                         .abi_minor = TFM_ABI_MINOR,
                         .version = HOST_VERSION,
                         .impl = host,
                         .ext = host_ext,
                         .fail = host_fail,
                         .log = host_write_log,
                         .alloc = host_alloc_for,
                         .release = host_release,
                         .cancelled = host_cancelled,
                         .lanes = host_lanes,
                         .parallel_for = host_parallel_for,
                         .to_f32 = host_to_f32,
                         .gemm = pool ? host_gemm : NULL,
                         .tap = host_tap};
  pthread_mutex_init(&host->lock, NULL);
}

void host_finish(struct host *host) {
  pthread_mutex_destroy(&host->lock);
}

void host_set_log(struct host *host, host_log *log, void *arg) {
  host->log = log;
  host->log_arg = arg;
}

void host_begin(struct host *host) {
  if (host->failure.code != TFM_ERROR_NONE)
    error_clear(&host->failure);
}

int host_take_failure(struct host *host, tfm_status status, enum tfm_error_code code,
                      const char *prefix, struct tfm_error *err) {
  pthread_mutex_lock(&host->lock);
  struct tfm_error said = host->failure;
  error_clear(&host->failure);
  pthread_mutex_unlock(&host->lock);
  if (status == TFM_CANCELLED)
    return error_set(err, TFM_ERROR_INTERRUPTED, "interrupted");
  if (status == TFM_NO_MEMORY)
    return error_set(err, TFM_ERROR_LIMIT, "%s: out of memory", prefix);
  if (said.code != TFM_ERROR_NONE)
    return error_set(err, code, "%s: %s", prefix, said.message);
  return error_set(err, code, "%s failed and did not say why (status %d)", prefix, (int)status);
}
