/* heap.h - for the programs of this folder: their own malloc, which libtfm's calls
 * go to as well.  It counts what is held, and can make a call fail.  Maps of files
 * are counted too, and can fail, and so can open, fstat and read.
 *
 * Not under the sanitizers, which have a malloc of their own. */
#ifndef TFM_TESTS_ROBUST_HEAP_H
#define TFM_TESTS_ROBUST_HEAP_H

#ifndef _GNU_SOURCE
#error "include heap.h first, with _GNU_SOURCE"
#endif
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Bytes held now and at most; maps among them. */
static long heap_live, heap_peak;
/* Calls that can fail since heap_calls was 0; the one that does, or 0. */
static long heap_calls, heap_fail;
static const char *heap_failed; /* its name */

static inline void heap_reset(void) {
  heap_live = heap_peak = heap_calls = heap_fail = 0;
  heap_failed = NULL;
}

#if !SANITIZED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static void heap_add(long size) {
  long now = __atomic_add_fetch(&heap_live, size, __ATOMIC_RELAXED);
  if (now > heap_peak)
    heap_peak = now;
}

static bool heap_fails(const char *name) {
  if (__atomic_add_fetch(&heap_calls, 1, __ATOMIC_RELAXED) != heap_fail)
    return false;
  heap_failed = name;
  return true;
}

static void *heap_count(void *memory) {
  if (memory != NULL)
    heap_add((long)malloc_usable_size(memory));
  return memory;
}

void *malloc(size_t size) {
  return heap_fails("malloc") ? (errno = ENOMEM, NULL) : heap_count(__libc_malloc(size));
}

void *calloc(size_t n, size_t size) {
  return heap_fails("calloc") ? (errno = ENOMEM, NULL) : heap_count(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size) {
  long before = old == NULL ? 0 : (long)malloc_usable_size(old);
  if (heap_fails("realloc"))
    return errno = ENOMEM, NULL;
  void *memory = __libc_realloc(old, size);
  if (memory != NULL || size == 0)
    heap_add(-before);
  return heap_count(memory);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  void *memory = heap_fails("posix_memalign") ? NULL : __libc_memalign(alignment, size);
  if (memory == NULL)
    return ENOMEM;
  *out = heap_count(memory);
  return 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
  return heap_fails("aligned_alloc") ? (errno = ENOMEM, NULL)
                                     : heap_count(__libc_memalign(alignment, size));
}

void free(void *memory) {
  if (memory != NULL)
    heap_add(-(long)malloc_usable_size(memory));
  __libc_free(memory);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  if (heap_fails("mmap"))
    return errno = ENOMEM, MAP_FAILED;
  long memory = syscall(SYS_mmap, address, size, protection, flags, file, offset);
  if (memory != -1)
    heap_add((long)size);
  return (void *)memory;
}

int munmap(void *address, size_t size) {
  heap_add(-(long)size);
  return (int)syscall(SYS_munmap, address, size);
}

int open(const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
  va_end(args);
  return heap_fails("open") ? (errno = EMFILE, -1)
                            : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t read(int file, void *data, size_t size) {
  return heap_fails("read") ? (errno = EIO, -1) : syscall(SYS_read, file, data, size);
}
#endif

#endif
