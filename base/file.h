/* file.h - whole files, read or mapped, with a cap. */
#ifndef TFM_BASE_FILE_H
#define TFM_BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard;

struct file_bytes {
  char *data; /* NUL-terminated (the NUL is not counted); owned */
  size_t size;
};

struct file_map {
  const unsigned char *data; /* read-only mapping, or NULL for an empty file */
  size_t size;
  struct guard *guard;    /* NULL for an empty file */
  uint64_t device, inode; /* of the file, to know it again */
};

/* Read a regular file of at most limit bytes.  The error says path, size and
 * limit, with the given code. */
int file_read(const char *path, size_t limit, enum tfm_error_code code, struct file_bytes *out,
              struct tfm_error *err);
void file_bytes_finish(struct file_bytes *bytes);

/* Map a regular file read-only. */
int file_map(const char *path, enum tfm_error_code code, struct file_map *out,
             struct tfm_error *err);
void file_unmap(struct file_map *map);
/* Is all of it still there?  An error names path, which was mapped.  Where
 * nobody catches SIGBUS (base/guard.h) only what was not yet read can be told. */
int file_map_check(const struct file_map *map, const char *path, enum tfm_error_code code,
                   struct tfm_error *err);

/* Map it and read it: what is made of its bytes goes to `to`.  What a file that shrank
 * meanwhile seems to say is not why it failed. */
typedef int file_reader(void *to, const char *path, const unsigned char *data, size_t size,
                        struct tfm_error *err);
int file_map_read(const char *path, enum tfm_error_code code, struct file_map *map,
                  file_reader *read, void *to, struct tfm_error *err);

bool file_exists(const char *path); /* a regular file, links followed */
/* Of whatever kind, and be it a link to nowhere: what is there is opened, and
 * refused with its own reason. */
bool file_is_there(const char *path);
bool file_is_directory(const char *path); /* a directory, links followed */

/* "dir/name", on the heap; NULL = out of memory. */
char *file_join(const char *dir, const char *name);
/* The part before the last '/', "." if none, on the heap. */
char *file_dirname(const char *path);
const char *file_basename(const char *path);

#endif
