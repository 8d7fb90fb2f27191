/* architecture.h - from GGUF's names and keys to those of Hugging Face.
 *
 * A model file of tfm is written for a Hugging Face checkpoint.  The converter of
 * llama.cpp renames tensors and keys, and lays some tensors out anew; a table for
 * each architecture takes that back.  To read another one, add its table in
 * architecture.c.  An architecture without a table keeps GGUF's own names. */
#ifndef TFM_CHECKPOINT_GGUF_ARCHITECTURE_H
#define TFM_CHECKPOINT_GGUF_ARCHITECTURE_H

#include "checkpoint/gguf/gguf.h"

/* What the converter did to a tensor. */
enum gguf_layout {
  GGUF_PLAIN,
  /* The rows of each query (key) head were put into another order: of a head's
   * halves a0 a1 .. and b0 b1 .. it made a0 b0 a1 b1 .. */
  GGUF_QUERY_ROWS,
  GGUF_KEY_ROWS,
  /* A matrix was transposed; a vector was not. */
  GGUF_TRANSPOSED,
};

/* One star in each, or none.  A name without its last part: the row is for
 * NAME.weight and NAME.bias. */
struct gguf_rename {
  const char *from, *to;
  enum gguf_layout layout;
};

/* ARCHITECTURE.from, in config.json known as to. */
struct gguf_key {
  const char *from, *to;
};

struct gguf_architecture {
  const char *name;            /* general.architecture, and the beginning of its keys */
  const char *class;           /* what config.json's architectures says */
  const char *head;            /* the tensor of an output layer that is not tied; NULL = has none */
  const struct gguf_key *keys; /* up to from NULL */
  const struct gguf_rename *renames; /* up to from NULL */
  const char *const *dropped;        /* tensors that the key reader has used; up to NULL */
};

/* NULL = no table. */
const struct gguf_architecture *gguf_architecture_find(const char *name);

/* The Hugging Face name in the arena, and how it lies; a name without a row stays.
 * NULL = out of memory. */
const char *gguf_rename(const struct gguf_architecture *architecture, struct arena *arena,
                        const char *name, enum gguf_layout *layout);
bool gguf_is_dropped(const struct gguf_architecture *architecture, const char *name);

#endif
