/* Imports: where they are found, what is refused, what they may cost. */
#include "base/diag.h"
#include "compiler/codes.h"
#include "compiler/compile.h"
#include "compiler/source.h"
#include "tests/unit/text_file.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>

/* A directory for one test, with a directory `path` for the model path. */
struct place {
  char dir[4096];
  char made[200][64]; /* files, relative */
  unsigned count;
};

static void place_init(struct place *place) {
  const char *tmp = getenv("TMPDIR");
  char path[4200];
  *place = (struct place){.count = 0};
  snprintf(place->dir, sizeof place->dir, "%s/tfm-source-XXXXXX", tmp == NULL ? "/tmp" : tmp);
  ck_assert_ptr_nonnull(mkdtemp(place->dir));
  snprintf(path, sizeof path, "%s/path", place->dir);
  ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void put(struct place *place, const char *name, const char *text) {
  char path[4200];
  ck_assert_uint_lt(place->count, 200);
  snprintf(path, sizeof path, "%s/%s", place->dir, name);
  text_file_write(path, text, strlen(text));
  snprintf(place->made[place->count++], sizeof place->made[0], "%s", name);
}

static void place_finish(struct place *place) {
  char path[4200];
  for (unsigned i = 0; i < place->count; i++) {
    snprintf(path, sizeof path, "%s/%s", place->dir, place->made[i]);
    unlink(path);
  }
  snprintf(path, sizeof path, "%s/path", place->dir);
  rmdir(path);
  rmdir(place->dir);
}

struct loaded {
  struct arena arena;
  struct diag diag;
  struct source_set set;
  struct tfm_error err;
  struct ast_file *file;
  char model_path[4200];
  const char *path[1];
};

static void load(struct loaded *l, const struct place *place, const char *name) {
  char path[4200];
  l->err = (struct tfm_error){0};
  arena_init(&l->arena, 0);
  diag_init(&l->diag);
  snprintf(l->model_path, sizeof l->model_path, "%s/path", place->dir);
  l->path[0] = l->model_path;
  source_set_init(&l->set, &l->arena, &l->diag, l->path, 1);
  snprintf(path, sizeof path, "%s/%s", place->dir, name);
  l->file = source_load(&l->set, path, &l->err);
}

static void loaded_finish(struct loaded *l) {
  arena_finish(&l->arena);
  diag_finish(&l->diag);
}

static void expect_code(const struct place *place, const char *name, unsigned code) {
  struct loaded l;
  load(&l, place, name);
  unsigned found = l.diag.first == NULL ? 0 : l.diag.first->code;
  ck_assert_msg(found == code, "E%u, not E%u (%s)", found, code,
                l.diag.first == NULL ? l.err.message : l.diag.first->summary);
  ck_assert(l.file == NULL || l.file->broken == (code != 0));
  loaded_finish(&l);
}

static const struct ast_file *import_of(const struct ast_file *file, unsigned n) {
  for (const struct ast_decl *decl = file->decls.first; decl != NULL; decl = decl->next)
    if (decl->kind == AST_DECL_IMPORT && n-- == 0)
      return decl->import.file;
  return NULL;
}

START_TEST(found) {
  struct place place;
  struct loaded l;
  place_init(&place);
  put(&place, "m.tfm", "tfm 1\nmodel m for \"m\"\nimport \"a.tfm\" as a\nimport \"b.tfm\" as b\n");
  put(&place, "a.tfm", "tfm 1\nlibrary a\nimport \"b.tfm\" as b\n");
  put(&place, "path/a.tfm", "tfm 1\nlibrary other\n");
  put(&place, "path/b.tfm", "tfm 1\nlibrary b\n");
  load(&l, &place, "m.tfm");
  ck_assert_msg(l.file != NULL && !l.file->broken, "%s", l.err.message);
  const struct ast_file *a = import_of(l.file, 0), *b = import_of(l.file, 1);
  ck_assert_str_eq(a->unit->name.text, "a"); /* its own directory comes first */
  ck_assert_str_eq(b->unit->name.text, "b");
  ck_assert_ptr_eq(import_of(a, 0), b); /* one file is one tree */
  ck_assert_uint_eq(l.set.file_count, 3);
  loaded_finish(&l);
  place_finish(&place);
}
END_TEST

START_TEST(refused_paths) {
  static const char *const paths[] = {"../a.tfm", "/a.tfm",   "a",        "x/../a.tfm",
                                      "./a.tfm",  "a//b.tfm", "a.tfm/",   "",
                                      ".tfm/..",  "..",       "a\\b.tfm", "sub/.tfm/"};
  struct place place;
  place_init(&place);
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    char text[256], quoted[64] = "";
    for (const char *at = paths[i]; *at != '\0'; at++)
      snprintf(quoted + strlen(quoted), sizeof quoted - strlen(quoted), *at == '\\' ? "\\\\" : "%c",
               *at);
    snprintf(text, sizeof text, "tfm 1\nlibrary m\nimport \"%s\" as a\n", quoted);
    put(&place, "m.tfm", text);
    expect_code(&place, "m.tfm", CODE_IMPORT_PATH);
  }
  place_finish(&place);
}
END_TEST

START_TEST(missing_and_broken) {
  struct place place;
  place_init(&place);
  put(&place, "m.tfm", "tfm 1\nlibrary m\nimport \"no.tfm\" as a\n");
  expect_code(&place, "m.tfm", CODE_IMPORT_MISSING);
  put(&place, "m2.tfm", "tfm 1\nlibrary m\nimport \"bad.tfm\" as a\n");
  put(&place, "bad.tfm", "tfm 1\nlibrary b\nparam A =\n");
  expect_code(&place, "m2.tfm", CODE_SYNTAX);
  put(&place, "m3.tfm", "tfm 1\nlibrary m\nimport \"new.tfm\" as a\n");
  put(&place, "new.tfm", "tfm 2\n");
  expect_code(&place, "m3.tfm", CODE_VERSION_UNKNOWN);
  put(&place, "m4.tfm", "tfm 1\nlibrary m\nimport \"model.tfm\" as a\n");
  put(&place, "model.tfm", "tfm 1\nmodel x for \"x\"\n");
  expect_code(&place, "m4.tfm", CODE_IMPORT_MODEL);
  struct loaded l;
  load(&l, &place, "none.tfm");
  ck_assert(l.file == NULL && l.err.code == TFM_ERROR_MODEL && l.diag.errors == 0);
  loaded_finish(&l);
  load(&l, &place, "path");
  ck_assert(l.file == NULL && l.err.code == TFM_ERROR_MODEL);
  loaded_finish(&l);
  place_finish(&place);
}
END_TEST

/* Both files' errors are reported. */
START_TEST(all_errors) {
  struct place place;
  struct loaded l;
  place_init(&place);
  put(&place, "m.tfm", "tfm 1\nlibrary m\nimport \"bad.tfm\" as a\nparam = 1\n");
  put(&place, "bad.tfm", "tfm 1\nlibrary b\nparam A =\n");
  load(&l, &place, "m.tfm");
  ck_assert_uint_eq(l.diag.errors, 2);
  loaded_finish(&l);
  place_finish(&place);
}
END_TEST

START_TEST(cycles) {
  struct place place;
  place_init(&place);
  put(&place, "self.tfm", "tfm 1\nlibrary m\nimport \"self.tfm\" as a\n");
  expect_code(&place, "self.tfm", CODE_IMPORT_CYCLE);
  put(&place, "a.tfm", "tfm 1\nlibrary a\nimport \"b.tfm\" as b\n");
  put(&place, "b.tfm", "tfm 1\nlibrary b\nimport \"c.tfm\" as c\n");
  put(&place, "c.tfm", "tfm 1\nlibrary c\nimport \"a.tfm\" as a\n");
  expect_code(&place, "a.tfm", CODE_IMPORT_CYCLE);
  place_finish(&place);
}
END_TEST

START_TEST(depth) {
  struct place place;
  place_init(&place);
  for (int i = 0; i < 10; i++) {
    char name[32], text[128];
    snprintf(name, sizeof name, "d%d.tfm", i);
    snprintf(text, sizeof text, "tfm 1\nlibrary d%d\nimport \"d%d.tfm\" as n\n", i, i + 1);
    put(&place, name, i < 9 ? text : "tfm 1\nlibrary last\n");
  }
  expect_code(&place, "d1.tfm", 0);                       /* 8 imports deep */
  expect_code(&place, "d0.tfm", CODE_LIMIT_IMPORT_DEPTH); /* 9 */
  place_finish(&place);
}
END_TEST

static void put_many(struct place *place, const char *name, int files) {
  struct buffer text;
  buffer_init(&text);
  buffer_puts(&text, "tfm 1\nlibrary m\n");
  for (int i = 0; i < files; i++)
    buffer_printf(&text, "import \"f%d.tfm\" as f%d\n", i, i);
  put(place, name, buffer_text(&text));
  buffer_finish(&text);
}

START_TEST(number_of_files) {
  struct place place;
  place_init(&place);
  for (int i = 0; i < 64; i++) {
    char name[32];
    snprintf(name, sizeof name, "f%d.tfm", i);
    put(&place, name, "tfm 1\nlibrary f\n");
  }
  put_many(&place, "m63.tfm", 63);
  put_many(&place, "m64.tfm", 64);
  expect_code(&place, "m63.tfm", 0);
  expect_code(&place, "m64.tfm", CODE_LIMIT_IMPORT_FILES);
  place_finish(&place);
}
END_TEST

START_TEST(bytes) {
  struct place place;
  struct loaded l;
  place_init(&place);
  char *text = malloc(SOURCE_MAX_FILE + 2);
  ck_assert_ptr_nonnull(text);
  static const char head[] = "tfm 1\nlibrary f\n";
  memset(text, '\n', SOURCE_MAX_FILE + 1);
  memcpy(text, head, strlen(head));
  text[SOURCE_MAX_FILE] = '\0';
  for (int i = 0; i < 4; i++) {
    char name[32];
    snprintf(name, sizeof name, "f%d.tfm", i);
    put(&place, name, text);
  }
  expect_code(&place, "f0.tfm", 0);
  put_many(&place, "m3.tfm", 3);
  put_many(&place, "m4.tfm", 4);
  expect_code(&place, "m3.tfm", 0);
  expect_code(&place, "m4.tfm", CODE_LIMIT_TOTAL);
  text[SOURCE_MAX_FILE] = '\n';
  text[SOURCE_MAX_FILE + 1] = '\0';
  put(&place, "f0.tfm", text);
  expect_code(&place, "f0.tfm", CODE_LIMIT_FILE);
  expect_code(&place, "m3.tfm", CODE_LIMIT_FILE);
  load(&l, &place, "f0.tfm");
  ck_assert_int_eq(source_failed(&l.diag, "f0.tfm", &l.err), -1);
  ck_assert_int_eq(l.err.code, TFM_ERROR_LIMIT);
  loaded_finish(&l);
  free(text);
  place_finish(&place);
}
END_TEST

static int summarize(const struct place *place, const char *name, struct compile_summary *out) {
  struct diag diag;
  struct tfm_error err = {0};
  char path[4200];
  snprintf(path, sizeof path, "%s/%s", place->dir, name);
  diag_init(&diag);
  int status = compile_summarize(path, out, &diag, &err);
  ck_assert(status == 0 || err.code == TFM_ERROR_MODEL);
  diag_finish(&diag);
  return status;
}

START_TEST(summary) {
  struct place place;
  struct compile_summary s;
  place_init(&place);
  put(&place, "m.tfm",
      "tfm 1\n## What\n## it is.\nmodel m for \"a\", \"b\"\nuse p-q 1\nuse r 2\n"
      "checkpoint \"o/n\"\nimport \"missing.tfm\" as x\n");
  ck_assert_int_eq(summarize(&place, "m.tfm", &s), 0);
  ck_assert_str_eq(s.name, "m");
  ck_assert_str_eq(s.doc, "What\nit is.");
  ck_assert_uint_eq(s.model_type_count, 2);
  ck_assert_str_eq(s.model_type[1], "b");
  ck_assert_str_eq(s.checkpoint, "o/n");
  ck_assert_uint_eq(s.plugin_count, 2);
  ck_assert_str_eq(s.plugin[0], "p-q");
  compile_summary_finish(&s);
  put(&place, "l.tfm", "tfm 1\nlibrary l\n");
  ck_assert_int_eq(summarize(&place, "l.tfm", &s), 0);
  ck_assert(s.model_type_count == 0 && s.checkpoint == NULL && s.doc[0] == '\0');
  compile_summary_finish(&s);
  put(&place, "bad.tfm", "tfm 1\nlibrary l\nparam\n");
  ck_assert_int_eq(summarize(&place, "bad.tfm", &s), -1);
  compile_summary_finish(&s);
  ck_assert_int_eq(summarize(&place, "none.tfm", &s), -1);
  place_finish(&place);
}
END_TEST

UNIT_MAIN("source", found, refused_paths, missing_and_broken, all_errors, cycles, depth,
          number_of_files, bytes, summary)
