/* checkpoint.h - the checkpoint's tensors under the names that the rules give them. */
#ifndef TFM_COMPILER_CHECKPOINT_H
#define TFM_COMPILER_CHECKPOINT_H

#include "compiler/compiler.h"

struct entry {
  const char *name; /* after renames */
  const struct compile_tensor *tensor;
  bool ignored;
};

/* An optional slot, all layers of it. */
struct optional {
  const char *key;
  const char *present, *absent; /* an example of each; NULL = none */
  struct span span;
  struct optional *next;
};

struct checkpoint {
  struct entry *entry;
  uint32_t count;
  struct map names;            /* name -> index of its entry */
  const struct entry **sorted; /* by name; NULL until a pattern is looked for */
  const char *matched;         /* the last pattern that was, and what it found */
  const struct entry **found;
  uint32_t found_count;
  const struct compile_tensor *shaped; /* the last whose shape was written, and that */
  const char *shape;
  struct map mentions; /* globs */
  struct map optionals;
  struct optional *first_optional;
};

/* Index the checkpoint's tensors under the names that the rules give them. */
void checkpoint_open(struct compiler *c);
void checkpoint_close(struct compiler *c);

/* Does text match a pattern with stars?  False, too, when all is to stop. */
bool checkpoint_glob(struct compiler *c, const char *pattern, const char *text);
/* The tensor of that name, after renames; NULL = it is not there. */
const struct compile_tensor *checkpoint_find(struct compiler *c, const char *name);
/* Those whose names match a pattern with a star, in the order of the numbers in them. */
const struct entry **checkpoint_match(struct compiler *c, const char *pattern, uint32_t *count);
const char *checkpoint_nearest(struct compiler *c, const char *name);
/* An optional slot was, or was not, found: key has a star for each number. */
void checkpoint_note_optional(struct compiler *c, const char *key, const char *name, bool present,
                              struct span span);
/* Optional slots are in all layers or in none. */
void checkpoint_check_layers(struct compiler *c);

#endif
