/* faults.c - preloaded into a program: the nth of its calls that can fail, does.
 *
 *     cc -shared -fPIC -o faults.so faults.c -ldl
 *     FAULT_LIST=list LD_PRELOAD=./faults.so PROGRAM      which calls there are
 *     FAULT_AT=n LD_PRELOAD=./faults.so PROGRAM           fail the nth
 *     FAULT_PROGRAM=NAME                                  only in the program NAME
 *
 * Calls: those to malloc, calloc, realloc, posix_memalign, aligned_alloc, strdup's
 * malloc and the like; open, openat, fopen's own, read, pread, mmap, fstat, write,
 * rename.  All are counted in one row from the start of the program.
 * list gets a line "number name" for each call that comes from a place (a stack of
 * callers) that was not seen before; FAULT_ALL=1: for every call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FRAMES = 24, SEEN = 1 << 16, ENDS = 32 };

static long at = -1, count;
static int list = -1;
static bool ready, every;
static __thread bool inside; /* dlsym and backtrace allocate too */
static uint64_t seen[SEEN];

/* What is asked for before the real malloc is known: dlsym's own needs. */
static char early[1 << 14];
static size_t early_used;

static void *early_alloc(size_t size) {
  size = (size + 15) & ~(size_t)15;
  if (size > sizeof early - early_used)
    return NULL;
  void *memory = early + early_used;
  early_used += size;
  return memory;
}

static bool is_early(const void *memory) {
  return (const char *)memory >= early && (const char *)memory < early + sizeof early;
}

static void *find(const char *name) {
  bool before = inside;
  inside = true;
  void *function = dlsym(RTLD_NEXT, name);
  inside = before;
  return function;
}

/* What the C library, and gcov, do after the program's own end is no test of it. */
static void end(void) {
  ready = false;
}

/* Before main: backtrace loads a library at its first call. */
__attribute__((constructor)) static void begin(void) {
  void *frame[2];
  const char *text;
  inside = true;
  backtrace(frame, 2);
  if ((text = getenv("FAULT_AT")) != NULL)
    at = atol(text);
  if ((text = getenv("FAULT_LIST")) != NULL)
    list = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  every = getenv("FAULT_ALL") != NULL;
  inside = false;
  text = getenv("FAULT_PROGRAM");
  ready = text == NULL || strcmp(text, program_invocation_short_name) == 0;
}

static bool is_new(void) {
  void *frame[FRAMES];
  uint64_t hash = 0xcbf29ce484222325u;
  int frames = backtrace(frame, FRAMES);
  for (int i = 2; i < frames; i++)
    hash = (hash ^ (uintptr_t)frame[i]) * 0x100000001b3u;
  hash |= 1;
  for (size_t i = hash % SEEN, n = 0; n < SEEN; i = (i + 1) % SEEN, n++) {
    if (seen[i] == hash)
      return false;
    if (seen[i] == 0) {
      seen[i] = hash;
      return true;
    }
  }
  return false;
}

static void note(const char *name, long number) {
  char line[64];
  inside = true;
  if (every || is_new()) {
    int length = snprintf(line, sizeof line, "%ld %s\n", number, name);
    syscall(SYS_write, list, line, (size_t)length);
  }
  inside = false;
}

/* Does this call fail? */
static bool fails(const char *name) {
  if (!ready || inside)
    return false;
  long number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
  if (number <= ENDS) { /* the last of these are main's: they come before gcov's own end */
    inside = true;
    atexit(end);
    inside = false;
  }
  if (list >= 0)
    note(name, number);
  return number == at;
}

#define REAL(type, name, ...)                                                                      \
  static type (*real)(__VA_ARGS__);                                                                \
  if (real == NULL)                                                                                \
    *(void **)&real = find(#name);

void *malloc(size_t size) {
  static void *(*real)(size_t);
  static bool looking;
  if (real == NULL) {
    if (looking)
      return early_alloc(size);
    looking = true;
    *(void **)&real = find("malloc");
  }
  return fails("malloc") ? (errno = ENOMEM, NULL) : real(size);
}

void *calloc(size_t n, size_t size) {
  static void *(*real)(size_t, size_t);
  static bool looking;
  if (real == NULL) {
    if (looking)
      return early_alloc(n * size); /* static memory is zero */
    looking = true;
    *(void **)&real = find("calloc");
  }
  return fails("calloc") ? (errno = ENOMEM, NULL) : real(n, size);
}

void *realloc(void *old, size_t size) {
  REAL(void *, realloc, void *, size_t)
  if (is_early(old)) {
    void *memory = malloc(size);
    return memory == NULL ? NULL : memcpy(memory, old, size);
  }
  return fails("realloc") ? (errno = ENOMEM, NULL) : real(old, size);
}

void free(void *memory) {
  REAL(void, free, void *)
  if (!is_early(memory))
    real(memory);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  REAL(int, posix_memalign, void **, size_t, size_t)
  return fails("posix_memalign") ? ENOMEM : real(out, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  REAL(void *, aligned_alloc, size_t, size_t)
  return fails("aligned_alloc") ? (errno = ENOMEM, NULL) : real(alignment, size);
}

int open(const char *path, int flags, ...) {
  REAL(int, open, const char *, int, ...)
  va_list args;
  va_start(args, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
  va_end(args);
  return fails("open") ? (errno = EMFILE, -1) : real(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
  REAL(int, openat, int, const char *, int, ...)
  va_list args;
  va_start(args, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
  va_end(args);
  return fails("openat") ? (errno = EMFILE, -1) : real(directory, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) {
  REAL(FILE *, fopen, const char *, const char *)
  return fails("fopen") ? (errno = EMFILE, NULL) : real(path, mode);
}

FILE *fdopen(int file, const char *mode) {
  REAL(FILE *, fdopen, int, const char *)
  return fails("fdopen") ? (errno = ENOMEM, NULL) : real(file, mode);
}

ssize_t read(int file, void *data, size_t size) {
  REAL(ssize_t, read, int, void *, size_t)
  return fails("read") ? (errno = EIO, -1) : real(file, data, size);
}

ssize_t pread(int file, void *data, size_t size, off_t offset) {
  REAL(ssize_t, pread, int, void *, size_t, off_t)
  return fails("pread") ? (errno = EIO, -1) : real(file, data, size, offset);
}

ssize_t write(int file, const void *data, size_t size) {
  REAL(ssize_t, write, int, const void *, size_t)
  return fails("write") ? (errno = ENOSPC, -1) : real(file, data, size);
}

size_t fwrite(const void *data, size_t size, size_t n, FILE *file) {
  REAL(size_t, fwrite, const void *, size_t, size_t, FILE *)
  /* Messages must come out: only files that are not the standard ones fail. */
  return file != stdout && file != stderr && fails("fwrite") ? (errno = ENOSPC, (size_t)0)
                                                             : real(data, size, n, file);
}

int fclose(FILE *file) {
  REAL(int, fclose, FILE *)
  bool failed = file != stdout && file != stderr && fails("fclose");
  int status = real(file);
  return failed ? (errno = ENOSPC, EOF) : status;
}

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *)
  return fails("rename") ? (errno = EACCES, -1) : real(from, to);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  REAL(void *, mmap, void *, size_t, int, int, int, off_t)
  return fails("mmap") ? (errno = ENOMEM, MAP_FAILED)
                       : real(address, size, protection, flags, file, offset);
}

int fstat(int file, struct stat *out) {
  REAL(int, fstat, int, struct stat *)
  return fails("fstat") ? (errno = EIO, -1) : real(file, out);
}

int stat(const char *path, struct stat *out) {
  REAL(int, stat, const char *, struct stat *)
  return fails("stat") ? (errno = EACCES, -1) : real(path, out);
}
