/* fuzz.h - what the fuzz targets share.
 *
 * A target is LLVMFuzzerTestOneInput in fuzz_WHAT.c.  With --enable-fuzz it is
 * linked to libFuzzer; else to replay.c, and runs the files that it is given:
 *
 *     tests/fuzz/fuzz_safetensors tests/fuzz/corpus/safetensors */
#ifndef TFM_TESTS_FUZZ_H
#define TFM_TESTS_FUZZ_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Some targets change inputs in ways of their own. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
/* libFuzzer's, or replay.c's. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* Abort with the text unless it holds. */
void fuzz_check(bool holds, const char *text);
/* A call that failed has set a code and a message, one that did not has not. */
void fuzz_check_error(int status, const struct tfm_error *err);

/* A directory of this process, in memory where there is one; removed at exit. */
const char *fuzz_directory(void);
/* The path of NAME in it. */
const char *fuzz_path(const char *name);
/* Write it there. */
void fuzz_write(const char *name, const void *data, size_t size);
void fuzz_remove(const char *name);
/* A file of the source tree (TFM_SRCDIR), NUL-terminated, to be freed; aborts
 * where there is none. */
char *fuzz_source(const char *name, size_t *size);
/* Its path, to be freed. */
char *fuzz_source_path(const char *name);
/* The build's directory of plugins (TFM_BUILDDIR).  They stay loaded from then on: libFuzzer
 * never forgets a library that is loaded anew for each input, and gets slower by each. */
const char *fuzz_plugins(void);
/* The bytes up to the next NUL of *data; *data and *size go past it. */
size_t fuzz_part(const uint8_t **data, size_t *size);

/* Change the JSON text: members taken out, doubled, swapped, replaced.  What is
 * not JSON is changed as bytes. */
size_t fuzz_mutate_json(uint8_t *data, size_t size, size_t max, unsigned seed);
/* The next of a row of numbers. */
uint32_t fuzz_random(uint64_t *state);

#endif
