/* module_file.h - one JSON file of a sentence-transformers directory, key by key.
 *
 * Every key is in a table: it has its kind, or it is refused by name. */
#ifndef TFM_LIB_MODULE_FILE_H
#define TFM_LIB_MODULE_FILE_H

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module_file {
  char *path;
  struct file_bytes text;
  json_t *root; /* NULL = the file is absent */
};

enum key_kind {
  KEY_ANY,   /* changes no number */
  KEY_COUNT, /* an integer of at least 1 */
  KEY_BOOL,
  KEY_TEXT,
  KEY_MODES, /* a string, or a list of strings */
  KEY_MAP,   /* an object of strings */
  KEY_EMPTY, /* null, or an empty object or list: anything in it would need support */
  KEY_ONLY   /* null, or the one text that is supported */
};

struct key_rule {
  const char *key;
  enum key_kind kind;
  bool or_null;
  const char *only; /* KEY_ONLY */
};

/* dir/sub/name; sub may be "". */
int module_file_open(const char *dir, const char *sub, const char *name, struct module_file *out,
                     struct tfm_error *err);
void module_file_finish(struct module_file *file);

/* An object all of whose keys are in the table and of their kind. */
int module_file_check(const struct module_file *file, const struct key_rule *rule, size_t count,
                      struct tfm_error *err);
/* "PATH:LINE: `KEY` ..."; returns -1. */
int module_file_refuse(const struct module_file *file, const char *key, struct tfm_error *err,
                       const char *format, ...) TFM_PRINTF(4, 5);

#define KEY_RULES(table) (table), sizeof(table) / sizeof((table)[0])

#endif
