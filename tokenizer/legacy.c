/* legacy.c - which older files are there, and who reads them.
 *
 *     vocab.txt                        BERT
 *     vocab.json and merges.txt,       GPT-2, RoBERTa
 *     or encoder.json and vocab.bpe
 *     tokenizer.model, spiece.model    SentencePiece: Llama, T5 */
#include "tokenizer/legacy.h"

#include "base/file.h"
#include "tokenizer/internal.h"

#include <stdlib.h>
#include <string.h>

static int read_vocab_txt(struct legacy *legacy, const char *path, const char *merges,
                          json_t **out) {
  (void)merges;
  return vocab_txt_read(legacy, path, out);
}

static int read_sentencepiece(struct legacy *legacy, const char *path, const char *merges,
                              json_t **out) {
  (void)merges;
  return sentencepiece_read(legacy, path, out);
}

/* In the order they are looked for; what the user calls a file tells by its end. */
static const struct {
  const char *vocabulary, *merges; /* merges NULL: there is no second file */
  const char *end;
  int (*read)(struct legacy *legacy, const char *path, const char *merges, json_t **out);
} layouts[] = {{"vocab.txt", NULL, ".txt", read_vocab_txt},
               {"vocab.json", "merges.txt", ".json", vocab_json_read},
               {"encoder.json", "vocab.bpe", ".json", vocab_json_read},
               {"tokenizer.model", NULL, ".model", read_sentencepiece},
               {"spiece.model", NULL, ".model", read_sentencepiece}};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static int read_layout(struct legacy *legacy, size_t i, const char *path, json_t **out,
                       char **merges) {
  if (layouts[i].merges != NULL) {
    *merges = file_join(legacy->directory, layouts[i].merges);
    if (*merges == NULL)
      return error_oom(legacy->err);
  }
  return layouts[i].read(legacy, path, *merges, out);
}

/* Both files of a layout are there. */
static int present(const char *directory, size_t i, bool *out, struct tfm_error *err) {
  const char *names[] = {layouts[i].vocabulary, layouts[i].merges};
  *out = true;
  for (size_t n = 0; n < 2 && names[n] != NULL; n++) {
    char *path = file_join(directory, names[n]);
    if (path == NULL)
      return error_oom(err);
    *out = *out && file_is_there(path);
    free(path);
  }
  return 0;
}

/* The file's name is that of the vocabulary or of the merges. */
static bool names_layout(size_t i, const char *name) {
  return strcmp(layouts[i].vocabulary, name) == 0 ||
         (layouts[i].merges != NULL && strcmp(layouts[i].merges, name) == 0);
}

/* The layout that the file is of; LAYOUTS if none. */
static size_t layout_of(const char *file) {
  const char *name = file_basename(file), *dot = strrchr(name, '.');
  for (size_t i = 0; i < LAYOUTS; i++)
    if (names_layout(i, name))
      return i;
  for (size_t i = 0; i < LAYOUTS; i++)
    if (dot != NULL && strcmp(dot, layouts[i].end) == 0)
      return i;
  return LAYOUTS;
}

/* The one that is there; LAYOUTS if none. */
static int find_layout(const char *directory, size_t *out, struct tfm_error *err) {
  for (*out = 0; *out < LAYOUTS; ++*out) {
    bool there;
    if (present(directory, *out, &there, err) != 0)
      return -1;
    if (there)
      break;
  }
  return 0;
}

int legacy_read(const char *directory, const char *file, json_t **out, char **path, char **merges,
                struct tfm_error *err) {
  struct legacy legacy = {.directory = directory, .err = err};
  size_t i = file != NULL ? layout_of(file) : LAYOUTS;
  *out = NULL;
  *path = *merges = NULL;
  if (file == NULL && find_layout(directory, &i, err) != 0)
    return -1;
  if (i == LAYOUTS)
    return 0;
  if (file != NULL && layouts[i].merges != NULL &&
      strcmp(file_basename(file), layouts[i].merges) == 0)
    file = NULL; /* the vocabulary beside it */
  *path = file != NULL ? strdup(file) : file_join(directory, layouts[i].vocabulary);
  int status = *path == NULL ? error_oom(err) : legacy_open(&legacy);
  if (status == 0)
    status = read_layout(&legacy, i, *path, out, merges);
  legacy_finish(&legacy);
  return status;
}
