/* Every diagnostic of the compiler: tests/error/CODE.tfm, or CODE-what.tfm, is
 * told off as in .txt.  It is compiled against the directory's config.json and
 * tensors.txt, or its own .json and .tensors ("none": without a checkpoint). */
#include "compiler/codes.h"
#include "tests/unit/compiling.h"
#include "tests/unit/text_file.h"
#include "tests/unit/unit.h"

#include <dirent.h>

enum { CASES = 256 };

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of tests/error/NAME.tfm, sorted; parts of others have two dots. */
static size_t list_cases(const char *directory, char *names[CASES]) {
  DIR *dir = opendir(directory);
  size_t count = 0;
  ck_assert_ptr_nonnull(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    const char *dot = strchr(entry->d_name, '.');
    if (dot == NULL || strcmp(dot, ".tfm") != 0)
      continue;
    ck_assert_uint_lt(count, CASES);
    names[count] = calloc(1, strlen(entry->d_name));
    ck_assert_ptr_nonnull(names[count]);
    memcpy(names[count++], entry->d_name, (size_t)(dot - entry->d_name));
  }
  closedir(dir);
  qsort(names, count, sizeof *names, compare);
  return count;
}

static char *own_or(const char *name, const char *ending, const char *other) {
  char path[128];
  snprintf(path, sizeof path, "%s%s", name, ending);
  char *text = text_file_read(path);
  return text != NULL ? text : text_file_read(other);
}

static void render(const struct diag *diag, const struct tfm_error *err, struct buffer *out) {
  buffer_clear(out);
  diag_render_text(diag, false, out);
  buffer_printf(out, "\nexit %d: %s\n", err->code, err->message);
}

/* In the directory of the cases, so that messages name files as they are there. */
static void compile_case(const char *name, struct buffer *out, struct diag *diag) {
  struct compiling k;
  struct tfm_error err = {0};
  char path[128];
  snprintf(path, sizeof path, "%s.tfm", name);
  compiling_init(&k, path);
  char *config = own_or(name, ".json", "config.json");
  char *tensors = own_or(name, ".tensors", "tensors.txt");
  ck_assert(config != NULL && tensors != NULL);
  k.config = json_loads(config, 0, NULL);
  ck_assert_ptr_nonnull(k.config);
  k.options.config = (struct compile_json){"config.json", config, strlen(config), k.config};
  compiling_tensors(&k, tensors);
  char *refusal = own_or(name, ".refusal", "none");
  if (refusal != NULL)
    refusal[strcspn(refusal, "\n")] = '\0';
  k.options.modules_refusal = refusal;
  struct graph *graph = compile_model(&k.options, diag, &err);
  bool sound = strcmp(name, "good") == 0 || *name == 'W';
  ck_assert_msg((graph != NULL) == sound, "%s: %s", name, err.message);
  graph_destroy(graph);
  render(diag, &err, out);
  compiling_finish(&k);
  free(config);
  free(tensors);
  free(refusal);
}

START_TEST(snapshots) {
  char *names[CASES], old[4096], *directory = text_file_source("tests/error");
  size_t count = list_cases(directory, names);
  ck_assert_ptr_nonnull(getcwd(old, sizeof old));
  for (size_t i = 0; i < count; i++) {
    struct buffer out;
    struct diag diag;
    char path[128];
    buffer_init(&out);
    diag_init(&diag);
    ck_assert_int_eq(chdir(directory), 0);
    compile_case(names[i], &out, &diag);
    ck_assert_int_eq(chdir(old), 0);
    snprintf(path, sizeof path, "tests/error/%s.txt", names[i]);
    text_file_golden(path, buffer_text(&out));
    if (names[i][0] == 'E' || names[i][0] == 'W') { /* what it is named for is what it says */
      bool said = false;
      for (const struct diag_item *item = diag.first; item != NULL; item = item->next)
        said = said || item->code == (unsigned)atoi(names[i] + 1);
      ck_assert_msg(said, "%s", names[i]);
    }
    diag_finish(&diag);
    buffer_finish(&out);
    free(names[i]);
  }
  free(directory);
}
END_TEST

/* Every code from E201 on, but for the limits of sources, has a snapshot. */
START_TEST(complete) {
  static const unsigned codes[] = {
#define X(number, name, meaning) number,
#include "compiler/codes.def"
#undef X
  };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    if (codes[i] < 200 || (codes[i] >= 500 && codes[i] < 600))
      continue;
    char relative[64];
    snprintf(relative, sizeof relative, "tests/error/E%u.tfm", codes[i]);
    char *path = text_file_source(relative), *text = text_file_read(path);
    if (text == NULL) { /* a warning alone */
      free(path);
      snprintf(relative, sizeof relative, "tests/error/W%u.tfm", codes[i]);
      path = text_file_source(relative);
      text = text_file_read(path);
    }
    ck_assert_msg(text != NULL, "%s is missing", relative);
    free(text);
    free(path);
  }
}
END_TEST

UNIT_MAIN("compile_errors", snapshots, complete)
