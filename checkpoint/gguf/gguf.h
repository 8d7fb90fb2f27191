/* gguf.h - one GGUF file, mapped, and refused unless it is sound.
 *
 *     "GGUF"      4 bytes
 *     version     u32, 2 or 3; all numbers are little-endian
 *     tensors     u64, how many
 *     keys        u64, how many
 *     keys        each: name, kind, value                 (value.c)
 *     tensors     each: name, rank, sizes, type, offset   (table.c)
 *     padding     up to a multiple of general.alignment
 *     the rest    the tensors' bytes, each at a multiple of it
 *
 * A text is a u64 length and that many bytes.  Sizes stand innermost first; here
 * they are turned round, as everywhere else in tfm.  Every rule that a file
 * must keep has a message of its own (TFM_ERROR_CHECKPOINT).  Nothing is
 * allocated by a size that the file only claims, and values stay where they
 * lie.  The format: ggml, docs/gguf.md. */
#ifndef TFM_CHECKPOINT_GGUF_GGUF_H
#define TFM_CHECKPOINT_GGUF_GGUF_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  GGUF_KEYS_MAX = 10000,
  GGUF_KEY_LENGTH_MAX = 65535,
  GGUF_TENSORS_MAX = 16384,
  GGUF_NAME_MAX = 64, /* bytes of a tensor's name, as the format says */
  GGUF_RANK_MAX = 4,
  GGUF_DEPTH_MAX = 4, /* of arrays in arrays */
  GGUF_ALIGNMENT_MAX = 65536,
};

/* The numbers are the file's. */
enum gguf_kind {
  GGUF_U8,
  GGUF_I8,
  GGUF_U16,
  GGUF_I16,
  GGUF_U32,
  GGUF_I32,
  GGUF_F32,
  GGUF_BOOL,
  GGUF_TEXT,
  GGUF_ARRAY,
  GGUF_U64,
  GGUF_I64,
  GGUF_F64,
  GGUF_KINDS
};

struct gguf_value {
  const char *key;
  enum gguf_kind kind; /* of an array: of its elements */
  bool array;
  uint64_t count;            /* of an array; else 1 */
  const unsigned char *data; /* the value, or the first element */
  size_t size;               /* bytes of all elements */
};

struct gguf_tensor {
  const char *name;
  enum dtype dtype;
  uint32_t rank;
  int64_t shape[GGUF_RANK_MAX]; /* outermost first */
  uint64_t offset;              /* in the data */
  const unsigned char *data;    /* size bytes */
  size_t size;
};

struct gguf {
  struct arena arena; /* owns the tables and the names */
  struct file_map map;
  const char *path;
  size_t value_count, tensor_count;
  struct gguf_value *value;
  struct gguf_tensor *tensor; /* as the file lists them */
  struct map values, tensors; /* name -> number */
  size_t alignment;
};

/* Is it one by its name? */
bool gguf_is_path(const char *path);

/* Map and validate.  On failure *file is finished. */
int gguf_open(struct gguf *file, const char *path, struct tfm_error *err);
/* The same on bytes in memory, which must outlive it: for tests and fuzzing. */
int gguf_parse(struct gguf *file, const char *name, const unsigned char *data, size_t size,
               struct tfm_error *err);
void gguf_finish(struct gguf *file);

/* The notes that every refusal ends with; -1. */
int gguf_refuse(const struct gguf *file, struct tfm_error *err);

const struct gguf_tensor *gguf_find(const struct gguf *file, const char *name); /* NULL = none */
const struct gguf_value *gguf_value(const struct gguf *file, const char *key);  /* NULL = none */

/* Element i of a value as a number; false if it is none, or does not fit. */
bool gguf_integer(const struct gguf_value *value, uint64_t i, int64_t *out);
bool gguf_real(const struct gguf_value *value, uint64_t i, double *out); /* integers too */

/* Go through the texts of a value, as many as value->count.  False = no more, or
 * the file was changed meanwhile. */
struct gguf_texts {
  const unsigned char *at;
  size_t left;
};
struct gguf_text {
  const char *text; /* in the file, without a NUL */
  size_t length;
};
bool gguf_texts_begin(struct gguf_texts *texts, const struct gguf_value *value);
bool gguf_texts_next(struct gguf_texts *texts, struct gguf_text *out);
bool gguf_text_is_clean(struct gguf_text text); /* UTF-8 without NUL */
/* A value that is one text, whole UTF-8 without NUL, copied into the arena; NULL =
 * it is missing or something else, or out of memory (the arena says). */
const char *gguf_string(struct gguf *file, const char *key);

#endif
