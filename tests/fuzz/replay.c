/* replay.c - a fuzz target without libFuzzer: each file given, or in a directory
 * given, is an input.
 *
 *     fuzz_WHAT [-damage=N] [-seconds=S] FILE|DIRECTORY...
 *
 * -damage=N: and N seeded changes of each.  An input that takes over S seconds
 * (default 10: sanitizers and valgrind are slow) ends the program. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#pragma weak LLVMFuzzerCustomMutator

static unsigned long damage;
static unsigned seconds = 10;
static unsigned long inputs, runs;
static uint64_t state;

/* A few bytes changed, taken out, doubled, or the end cut off. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) {
  for (uint32_t n = 1 + fuzz_random(&state) % 4; n > 0 && size > 0; n--) {
    size_t at = fuzz_random(&state) % size, length = 1 + fuzz_random(&state) % 16;
    if (length > size - at)
      length = size - at;
    switch (fuzz_random(&state) % 8) {
    case 0:
      memmove(data + at, data + at + length, size - at - length);
      size -= length;
      break;
    case 1:
      length = length > max - size ? max - size : length;
      memmove(data + at + length, data + at, size - at);
      size += length;
      break;
    case 2:
      size = at;
      break;
    default:
      data[at] = (uint8_t)(data[at] ^ (1u << fuzz_random(&state) % 8));
    }
  }
  return size;
}

/* In memory of just its size, so that a sanitizer sees what reads past it. */
static void run(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size == 0 ? 1 : size);
  fuzz_check(copy != NULL, "there is memory for the input");
  memcpy(copy, data, size);
  alarm(seconds);
  LLVMFuzzerTestOneInput(copy, size);
  alarm(0);
  runs++;
  free(copy);
}

static void run_damaged(const uint8_t *data, size_t size) {
  size_t max = size + 64;
  uint8_t *copy = malloc(max);
  fuzz_check(copy != NULL, "there is memory for the input");
  for (unsigned long i = 0; i < damage; i++) {
    memcpy(copy, data, size);
    unsigned seed = fuzz_random(&state);
    run(copy, LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(copy, size, max, seed)
                                      : LLVMFuzzerMutate(copy, size, max));
  }
  free(copy);
}

static void run_file(const char *path) {
  FILE *file = fopen(path, "rb");
  struct stat st;
  if (file == NULL || fstat(fileno(file), &st) != 0) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(2);
  }
  size_t size = (size_t)st.st_size;
  uint8_t *data = malloc(size == 0 ? 1 : size);
  fuzz_check(data != NULL && fread(data, 1, size, file) == size, "an input can be read");
  fclose(file);
  state = size; /* so that a file's changes do not depend on the others */
  inputs++;
  run(data, size);
  run_damaged(data, size);
  free(data);
}

static void run_path(const char *path) {
  DIR *dir = opendir(path);
  if (dir == NULL) {
    run_file(path);
    return;
  }
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char name[1024];
    if (entry->d_name[0] == '.')
      continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    run_path(name);
  }
  closedir(dir);
}

int main(int count, char **argument) {
  for (int i = 1; i < count; i++) {
    if (strncmp(argument[i], "-damage=", 8) == 0)
      damage = strtoul(argument[i] + 8, NULL, 10);
    else if (strncmp(argument[i], "-seconds=", 9) == 0)
      seconds = (unsigned)strtoul(argument[i] + 9, NULL, 10);
    else if (argument[i][0] != '-') /* others are libFuzzer's */
      run_path(argument[i]);
  }
  printf("%lu inputs, %lu runs\n", inputs, runs);
  return inputs == 0 ? 2 : 0;
}
