/* dump_file.c - what a dump may replace: nothing, an earlier dump, or an empty file;
 * never a device, what no dump can have written, or a file that this run reads. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath */
#endif
#include "lib/dump.h"

#include "base/buffer.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int add_used(struct dump_plan *plan, uint64_t device, uint64_t inode,
                    struct tfm_error *err) {
  struct dump_used *grown = realloc(plan->used, (plan->used_count + 1) * sizeof *grown);
  if (!grown)
    return error_oom(err);
  plan->used = grown;
  plan->used[plan->used_count++] = (struct dump_used){device, inode};
  return 0;
}

int dump_use(struct dump_plan *plan, const char *path, struct tfm_error *err) {
  struct stat st;
  return stat(path, &st) == 0 ? add_used(plan, (uint64_t)st.st_dev, (uint64_t)st.st_ino, err) : 0;
}

int dump_use_weights(struct dump_plan *plan, const struct weights *weights, struct tfm_error *err) {
  uint64_t device, inode;
  for (size_t i = 0; weights_file(weights, i, &device, &inode); i++)
    if (add_used(plan, device, inode, err) != 0)
      return -1;
  return 0;
}

static bool is_used(const struct dump_plan *plan, const struct stat *st) {
  for (size_t i = 0; i < plan->used_count; i++)
    if (plan->used[i].device == (uint64_t)st->st_dev && plan->used[i].inode == (uint64_t)st->st_ino)
      return true;
  for (int number = 0; number <= 2; number++) { /* an output that is a file, too */
    struct stat own;
    if (fstat(number, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino)
      return true;
  }
  return false;
}

const char dump_mark[] = "\"__metadata__\":{\"written_by\":\"tfm --dump\"}";

/* Does the header end in a dump's mark, the '}' and up to seven blanks? */
static bool has_mark(int descriptor) {
  enum { MARK = sizeof dump_mark - 1, TAIL = MARK + 8 };
  unsigned char length[8];
  char tail[TAIL + 1] = "";
  uint64_t size = 0;
  if (pread(descriptor, length, sizeof length, 0) != sizeof length)
    return false;
  for (unsigned i = 0; i < 8; i++)
    size |= (uint64_t)length[i] << (8 * i);
  if (size < TAIL || size > INT64_MAX / 2 ||
      pread(descriptor, tail, TAIL, (off_t)(size + 8 - TAIL)) != TAIL)
    return false;
  return strstr(tail, dump_mark) != NULL;
}

/* Or nothing at all. */
static bool is_dump(const char *path, const struct stat *st) {
  int descriptor = st->st_size == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  bool dump = descriptor >= 0 && has_mark(descriptor);
  if (descriptor >= 0)
    close(descriptor);
  return dump || st->st_size == 0;
}

static const char *kind_name(mode_t mode) {
  return S_ISDIR(mode)    ? "a directory"
         : S_ISCHR(mode)  ? "a device"
         : S_ISBLK(mode)  ? "a device"
         : S_ISFIFO(mode) ? "a pipe"
         : S_ISSOCK(mode) ? "a socket"
                          : "no plain file";
}

static int check_there(const struct dump_plan *plan, const char *path, const struct stat *st,
                       struct tfm_error *err) {
  if (!S_ISREG(st->st_mode))
    return error_set(err, TFM_ERROR_USAGE, "cannot write a dump to %s: it is %s", path,
                     kind_name(st->st_mode)),
           error_note(err, "help: name a plain file, or one that is not there yet"), -1;
  if (is_used(plan, st))
    return error_set(err, TFM_ERROR_USAGE, "cannot write a dump to %s: this run uses that file",
                     path),
           error_note(err, "help: name another file"), -1;
  if (!is_dump(path, st))
    return error_set(err, TFM_ERROR_USAGE,
                     "cannot write a dump to %s: it is there, and no dump of tfm", path),
           error_note(err, "help: name another file, or remove that one"), -1;
  return 0;
}

/* Where a link to nowhere leads, on the heap: the last of a chain of them. */
static int follow(const char *path, char **out, struct tfm_error *err) {
  enum { LINKS_MAX = 40 };
  char *at = strdup(path);
  for (int i = 0; at && i < LINKS_MAX; i++) {
    char to[PATH_MAX];
    ssize_t length = readlink(at, to, sizeof to - 1);
    if (length < 0) /* no link: this is it */
      return *out = at, 0;
    to[length] = '\0';
    char *dir = file_dirname(at);
    char *next = *to == '/' ? strdup(to) : dir ? file_join(dir, to) : NULL;
    free(dir);
    free(at);
    at = next;
  }
  if (!at)
    return error_oom(err);
  free(at);
  return error_set(err, TFM_ERROR_USAGE, "cannot write a dump to %s: too many links", path);
}

int dump_place(const struct dump_plan *plan, const char *path, char **out, struct tfm_error *err) {
  struct stat st;
  *out = NULL;
  if (stat(path, &st) != 0)
    return follow(path, out, err);
  if (check_there(plan, path, &st, err) != 0)
    return -1;
  *out = realpath(path, NULL);
  return *out ? 0 : error_set(err, TFM_ERROR_RUN, "cannot write %s: %s", path, strerror(errno));
}
