/* file.c - only regular files: a FIFO or a device is refused, never waited for. */
#include "base/file.h"

#include "base/checked.h"
#include "base/guard.h"
#include "base/large.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* An open descriptor and what it is, or -1. */
static int open_regular(const char *path, enum tfm_error_code code, struct stat *st,
                        struct tfm_error *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return error_set(err, code, "cannot open `%s`: %s", path, strerror(errno));
  if (fstat(fd, st) != 0) {
    error_set(err, code, "cannot read `%s`: %s", path, strerror(errno));
  } else if (!S_ISREG(st->st_mode)) {
    error_set(err, code, "`%s` is not a regular file", path);
  } else if (st->st_size < 0 || (uintmax_t)st->st_size > SIZE_MAX - 1) {
    error_set(err, code, "`%s` is too large for this machine", path);
  } else {
    return fd;
  }
  close(fd);
  return -1;
}

static int read_all(int fd, const char *path, enum tfm_error_code code, struct file_bytes *out,
                    struct tfm_error *err) {
  size_t at = 0;
  while (at < out->size) {
    ssize_t n = read(fd, out->data + at, out->size - at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return error_set(err, code, "cannot read `%s`: %s", path, strerror(errno));
    if (n == 0)
      break; /* it shrank meanwhile */
    at += (size_t)n;
  }
  out->size = at;
  out->data[at] = '\0';
  return 0;
}

int file_read(const char *path, size_t limit, enum tfm_error_code code, struct file_bytes *out,
              struct tfm_error *err) {
  struct stat st;
  *out = (struct file_bytes){0};
  int fd = open_regular(path, code, &st, err);
  if (fd < 0)
    return -1;
  size_t size = (size_t)st.st_size;
  int status = -1;
  if (size > limit)
    error_set(err, code, "`%s` is %zu bytes, over the limit of %zu", path, size, limit);
  else if ((out->data = large_alloc(size + 1)) == NULL)
    error_oom(err);
  else {
    out->size = size;
    status = read_all(fd, path, code, out, err);
  }
  close(fd);
  if (status != 0)
    file_bytes_finish(out);
  return status;
}

void file_bytes_finish(struct file_bytes *bytes) {
  free(bytes->data);
  *bytes = (struct file_bytes){0};
}

int file_map(const char *path, enum tfm_error_code code, struct file_map *out,
             struct tfm_error *err) {
  struct stat st;
  *out = (struct file_map){0};
  int fd = open_regular(path, code, &st, err);
  if (fd < 0)
    return -1;
  size_t size = (size_t)st.st_size;
  void *data = NULL;
  if (size > 0)
    data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  int cause = errno;
  close(fd);
  if (data == MAP_FAILED)
    return error_set(err, code, "cannot map `%s`: %s", path, strerror(cause));
  *out = (struct file_map){data, size, NULL, (uint64_t)st.st_dev, (uint64_t)st.st_ino};
  if (data && (out->guard = guard_add(data, size)) == NULL) {
    file_unmap(out);
    return error_oom(err);
  }
  return 0;
}

void file_unmap(struct file_map *map) {
  guard_remove(map->guard);
  if (map->data != NULL)
    munmap((void *)(uintptr_t)map->data, map->size);
  *map = (struct file_map){0};
}

int file_map_check(const struct file_map *map, const char *path, enum tfm_error_code code,
                   struct tfm_error *err) {
  struct stat st;
  bool lost = guard_damaged(map->guard);
  /* Another file may have taken the name: the mapped one is whole all the same. */
  if (!lost && stat(path, &st) == 0)
    lost = (uint64_t)st.st_dev == map->device && (uint64_t)st.st_ino == map->inode &&
           st.st_size >= 0 && (uintmax_t)st.st_size < map->size;
  if (!lost)
    return 0;
  error_set(err, code, "`%s` was cut while it was read", path);
  error_note(err, "expected: %zu bytes, as when it was opened", map->size);
  error_note(err, "help: replace a file by renaming a new one over it; do not write into it");
  return -1;
}

int file_map_read(const char *path, enum tfm_error_code code, struct file_map *map,
                  file_reader *read, void *to, struct tfm_error *err) {
  struct tfm_error cause = {0};
  if (file_map(path, code, map, err) != 0)
    return -1;
  int status = read(to, path, map->data, map->size, &cause);
  if (file_map_check(map, path, code, err) != 0)
    return -1;
  if (status != 0 && err && err->code == TFM_ERROR_NONE)
    *err = cause;
  return status;
}

bool file_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool file_is_there(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0;
}

bool file_is_directory(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *copy_range(const char *text, size_t length) {
  char *copy = malloc(length + 1);
  if (copy == NULL)
    return NULL;
  memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

char *file_join(const char *dir, const char *name) {
  size_t d = strlen(dir), n = strlen(name), total;
  if (!checked_add(d, n, &total) || !checked_add(total, 2, &total))
    return NULL;
  char *path = malloc(total);
  if (path == NULL)
    return NULL;
  memcpy(path, dir, d);
  if (d > 0 && dir[d - 1] != '/')
    path[d++] = '/';
  memcpy(path + d, name, n + 1);
  return path;
}

char *file_dirname(const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL)
    return copy_range(".", 1);
  return slash == path ? copy_range("/", 1) : copy_range(path, (size_t)(slash - path));
}

const char *file_basename(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}
