/* internal.h - what a tokenizer is made of; for the files of this folder only. */
#ifndef TFM_TOKENIZER_INTERNAL_H
#define TFM_TOKENIZER_INTERNAL_H

#include "base/arena.h"
#include "tokenizer/added.h"
#include "tokenizer/decoder.h"
#include "tokenizer/limits.h"
#include "tokenizer/model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"

struct spare; /* one finished call's buffers, for the next one (tokenizer.c) */

struct tokenizer {
  struct arena arena; /* every component's self, every token's text */
  struct owned_pattern *patterns;
  struct component *normalizer;
  struct component *pre_tokenizer;
  struct model model;
  struct component *post_processor;
  struct component *decoder;
  struct added added;
  struct limits limits;
  struct tokenizer_roles roles;
  size_t longest; /* model_max_length; 0: none */
  size_t listed;  /* added tokens from there on: only a configuration names them */
  bool pads_left; /* padding_side */
  bool plain;     /* split_special_tokens: those that are written in a text are text */
  struct spare *spare;
  const char *notice; /* rebuild_apply's, or NULL */
  enum tokenizer_types types;
};

struct spare *spare_create(void);
void spare_destroy(struct spare *spare);

/* Without any parts; NULL = out of memory. */
struct tokenizer *tokenizer_create(void);
/* Build all parts from the content of a tokenizer.json.  text has what is not in
 * the tree; it may be NULL.  merges names the older file that those came from, or is
 * NULL. */
int tokenizer_build(struct tokenizer *tokenizer, const char *path, const json_t *json,
                    const struct reader_text *text, const char *merges, struct tfm_error *err);

/* Write the tokenizer.json that older files in the directory stand for, or, if file
 * is not NULL, that file with what goes with it.  *out is NULL, without an error,
 * if there are none; *path names the file in messages, *merges that of the merges if
 * there is one (both on the heap). */
int legacy_read(const char *directory, const char *file, json_t **out, char **path, char **merges,
                struct tfm_error *err);

/* Find the ids of tokenizer->roles: from config, or if that is NULL from the files
 * in the directory. */
int roles_find(struct tokenizer *tokenizer, const char *directory, const json_t *config,
               struct tfm_error *err);

#endif
