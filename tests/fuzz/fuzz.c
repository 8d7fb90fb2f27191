/* fuzz.c - files for readers that want files, and checks. */
#include "tests/fuzz/fuzz.h"

#include "base/file.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_check(bool holds, const char *text) {
  if (holds)
    return;
  fprintf(stderr, "fuzz: not so: %s\n", text);
  abort();
}

void fuzz_check_error(int status, const struct tfm_error *err) {
  fuzz_check((status != 0) == (err->code != TFM_ERROR_NONE), "an error goes with a failure");
  fuzz_check(status == 0 || err->message[0] != '\0', "an error has a message");
}

static char directory[64];

static void remove_directory(void) {
  DIR *dir = opendir(directory);
  if (dir == NULL)
    return;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
    if (entry->d_name[0] != '.')
      fuzz_remove(entry->d_name);
  closedir(dir);
  rmdir(directory);
}

const char *fuzz_directory(void) {
  if (directory[0] != '\0')
    return directory;
  snprintf(directory, sizeof directory, "%s/tfm-fuzz-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  fuzz_check(mkdtemp(directory) != NULL, "there is a directory for files");
  atexit(remove_directory);
  return directory;
}

const char *fuzz_path(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", fuzz_directory(), name);
  return path;
}

void fuzz_write(const char *name, const void *data, size_t size) {
  int file = open(fuzz_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  fuzz_check(file >= 0, "a file can be made");
  fuzz_check(size == 0 || write(file, data, size) == (ssize_t)size, "a file can be written");
  fuzz_check(close(file) == 0, "a file can be closed");
}

void fuzz_remove(const char *name) {
  remove(fuzz_path(name));
}

char *fuzz_source_path(const char *name) {
  const char *root = getenv("TFM_SRCDIR");
  char *path = file_join(root == NULL ? "." : root, name);
  fuzz_check(path != NULL, "there is memory for a path");
  return path;
}

char *fuzz_source(const char *name, size_t *size) {
  char *path = fuzz_source_path(name);
  struct file_bytes bytes;
  struct tfm_error err = {0};
  if (file_read(path, (size_t)1 << 30, TFM_ERROR_RUN, &bytes, &err) != 0) {
    fprintf(stderr, "fuzz: %s (TFM_SRCDIR names the source tree)\n", err.message);
    abort();
  }
  free(path);
  *size = bytes.size;
  return bytes.data;
}

const char *fuzz_plugins(void) {
  static char path[512];
  char file[1024];
  const char *build = getenv("TFM_BUILDDIR");
  if (path[0] != '\0')
    return path;
  fuzz_check(build != NULL, "TFM_BUILDDIR names the build");
  snprintf(path, sizeof path, "%s/plugins/.libs", build);
  DIR *dir = opendir(path);
  fuzz_check(dir != NULL, "the build has plugins");
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    size_t length = strlen(entry->d_name);
    if (length < 3 || strcmp(entry->d_name + length - 3, ".so") != 0)
      continue;
    snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
    fuzz_check(dlopen(file, RTLD_NOW | RTLD_LOCAL) != NULL, "a plugin is loaded");
  }
  closedir(dir);
  return path;
}

size_t fuzz_part(const uint8_t **data, size_t *size) {
  const uint8_t *nul = *size == 0 ? NULL : memchr(*data, 0, *size);
  size_t length = nul == NULL ? *size : (size_t)(nul - *data);
  size_t used = nul == NULL ? length : length + 1;
  if (used > 0)
    *data += used;
  *size -= used;
  return length;
}

/* splitmix64, by S. Vigna (public domain) */
uint32_t fuzz_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 32);
}
