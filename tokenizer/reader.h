/* reader.h - take values out of a tokenizer's JSON, strictly.
 *
 * Every error names the file and the place: "tokenizer.json: decoder.decoders[2]: ...".
 * What is kept is copied into the arena, which lives as long as the tokenizer. */
#ifndef TFM_TOKENIZER_READER_H
#define TFM_TOKENIZER_READER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/json_pull.h"
#include "base/json_span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pattern;

enum {
  READER_FILE_LIMIT = 64 * 1024 * 1024,
  READER_DEPTH_LIMIT = 64,
  READER_VOCABULARY_LIMIT = 1 << 20, /* ids are below this */
  READER_TOKEN_LIMIT = 64 * 1024,    /* bytes of one token */
  READER_COMPONENTS = 1000,          /* in a Sequence: each costs time on every text */
};

struct owned_pattern {
  struct pattern *pattern;
  struct owned_pattern *next;
};

/* The model's large values, left where they are in the file's text: what is read
 * of them is read from there, see base/json_pull.h. */
enum reader_bulk { READER_VOCAB, READER_MERGES, READER_BULKS };

struct reader_text {
  const char *text;
  size_t size;
  bool utf8; /* it was checked */
  struct json_span bulk[READER_BULKS];
};

struct reader {
  const char *path;
  struct arena *arena;
  struct owned_pattern **patterns; /* made while reading; the tokenizer destroys them */
  struct tfm_error *err;
  const struct reader_text *text; /* NULL: the JSON tree has everything */
  const char *merges;             /* the older file that the merges are from; NULL: path */
};

struct slice {
  const char *text; /* NUL-terminated too */
  size_t length;
};

/* Set the error "path: place: ..." and return -1. */
int reader_error(struct reader *reader, const char *place, const char *format, ...)
    TFM_PRINTF(3, 4);
/* A place within a place; never NULL. */
const char *reader_place(struct reader *reader, const char *format, ...) TFM_PRINTF(2, 3);

/* Refuse anything but an object whose keys are all in names (ends with NULL). */
int reader_object(struct reader *reader, const char *place, const json_t *json,
                  const char *const *names);
/* A field that may be missing or null: then *out stays as it was. */
int reader_bool(struct reader *reader, const char *place, const json_t *json, const char *name,
                bool *out);
int reader_size(struct reader *reader, const char *place, const json_t *json, const char *name,
                size_t *out);
int reader_text(struct reader *reader, const char *place, const json_t *json, const char *name,
                struct slice *out);
/* The same where missing is an error. */
int reader_need_text(struct reader *reader, const char *place, const json_t *json, const char *name,
                     struct slice *out);
int reader_need_char(struct reader *reader, const char *place, const json_t *json, const char *name,
                     uint32_t *out);
/* An array, or an error. */
int reader_need_array(struct reader *reader, const char *place, const json_t *json,
                      const char *name, const json_t **out);
/* The array of a Sequence: not more than READER_COMPONENTS. */
int reader_components(struct reader *reader, const char *place, const json_t *json,
                      const char *name, const json_t **out);
/* An id: an integer in [0, READER_VOCABULARY_LIMIT). */
int reader_id(struct reader *reader, const char *place, const json_t *value, int32_t *out);
/* {"String": "..."} or {"Regex": "..."} */
int reader_pattern(struct reader *reader, const char *place, const json_t *json, const char *name,
                   const struct pattern **out);
int reader_regex(struct reader *reader, const char *place, const char *source,
                 const struct pattern **out);

/* Begin to read a large value; false if it is not apart from the tree. */
bool reader_pull(const struct reader *reader, enum reader_bulk bulk, struct json_pull *pull);
/* How many strings a large value has. */
size_t reader_strings(const struct reader *reader, enum reader_bulk bulk);
/* Memory for all the strings of what is left to pull; the caller frees it.  It is
 * not touched: what no string fills is not there. */
char *reader_room(struct reader *reader, const struct json_pull *pull);

/* arena_alloc that sets the error. */
void *reader_alloc(struct reader *reader, size_t size);
int reader_copy(struct reader *reader, const char *text, size_t length, struct slice *out);

/* A small file of the directory; *out NULL: it is not there. */
int reader_beside(const char *directory, const char *name, json_t **out, struct tfm_error *err);

#endif
