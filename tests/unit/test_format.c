/* fmt keeps the meaning and every comment, and changes nothing the second time. */
#include "base/diag.h"
#include "compiler/ast.h"
#include "compiler/compile.h"
#include "tests/unit/text_file.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <sys/stat.h>

typedef int emit(const char *path, struct buffer *out, struct diag *diag, struct tfm_error *err);

/* What an emitter makes of a file; NULL when the file is not sound. */
static char *emitted(emit *how, const char *path) {
  struct diag diag;
  struct buffer out;
  struct tfm_error err = {0};
  diag_init(&diag);
  buffer_init(&out);
  int status = how(path, &out, &diag, &err);
  diag_finish(&diag);
  if (status == 0)
    return buffer_take(&out);
  buffer_finish(&out);
  return NULL;
}

static char *emitted_text(emit *how, const char *text) {
  char path[4096];
  const char *tmp = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/tfm-format-XXXXXX", tmp == NULL ? "/tmp" : tmp);
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
  text_file_write(path, text, strlen(text));
  char *out = emitted(how, path);
  unlink(path);
  return out;
}

/* A dump without the places at the start of its lines. */
static void drop_places(char *text) {
  char *to = text;
  for (char *line = text; *line != '\0';) {
    size_t size = strcspn(line, "\n");
    size_t skip = strcspn(line, " ") < size ? strcspn(line, " ") : size;
    memmove(to, line + skip, size - skip);
    to += size - skip;
    *to++ = '\n';
    line += size + (line[size] == '\n');
  }
  *to = '\0';
}

/* Lines without the blanks that stand before the first word. */
static void drop_blanks(char *text) {
  char *to = text;
  for (char *at = text; *at != '\0'; at++)
    if (*at != ' ')
      *to++ = *at;
  *to = '\0';
}

/* Every comment's text, a line each. */
static char *comments_of(const char *text) {
  struct arena arena;
  struct diag diag;
  struct buffer out;
  arena_init(&arena, 0);
  diag_init(&diag);
  buffer_init(&out);
  const struct ast_file *file =
      ast_parse(&arena, &diag, diag_add_source(&diag, "t", text, strlen(text)));
  ck_assert_ptr_nonnull(file);
  for (const struct ast_comment *c = file->comments; c != NULL; c = c->next) {
    uint32_t end = c->span.end;
    while (text[end - 1] == ' ' || text[end - 1] == '\t')
      end--;
    buffer_append(&out, text + c->span.begin, end - c->span.begin);
    buffer_putc(&out, '\n');
  }
  arena_finish(&arena);
  diag_finish(&diag);
  return buffer_take(&out);
}

/* The tree's dump without places and without how far it is indented. */
static char *tree_of(const char *text) {
  char *tree = emitted_text(compile_emit_ast, text);
  ck_assert_ptr_nonnull(tree);
  drop_places(tree);
  drop_blanks(tree);
  return tree;
}

static void same_and_free(char *a, char *b, const char *what, const char *text) {
  ck_assert_msg(strcmp(a, b) == 0, "%s changed in\n%s\nfrom\n%s\nto\n%s", what, text, a, b);
  free(a);
  free(b);
}

/* The properties that hold of every sound text. */
static void check_text(const char *text) {
  char *once = emitted_text(compile_format, text);
  ck_assert_ptr_nonnull(once);
  char *twice = emitted_text(compile_format, once);
  ck_assert_msg(twice != NULL, "no longer sound:\n%s", once);
  ck_assert_msg(strcmp(once, twice) == 0, "not idempotent:\n%s\n%s", once, twice);
  same_and_free(tree_of(text), tree_of(once), "the tree", text);
  same_and_free(comments_of(text), comments_of(once), "a comment", text);
  free(once);
  free(twice);
}

#define HEADER "tfm 1\nlibrary t\n"

static void expect(const char *text, const char *formatted) {
  struct buffer from, to;
  buffer_init(&from);
  buffer_init(&to);
  buffer_printf(&from, HEADER "%s", text);
  buffer_printf(&to, HEADER "%s", formatted);
  char *out = emitted_text(compile_format, buffer_text(&from));
  ck_assert_ptr_nonnull(out);
  ck_assert_str_eq(out, buffer_text(&to));
  check_text(buffer_text(&from));
  free(out);
  buffer_finish(&from);
  buffer_finish(&to);
}

START_TEST(blanks) {
  expect("param A=1,B = - 2*( 3+x [1] . y )\n", "param A = 1, B = -2 * (3 + x[1].y)\n");
  expect("param A = not(1)or f (x,k :1)\n", "param A = not (1) or f(x, k: 1)\n");
  expect("param A = a--b - -c\n", "param A = a - -b - -c\n");
  expect("param A = if(a)then[1]else[ 2,3 , ]\n", "param A = if (a) then [1] else [2, 3,]\n");
  expect("param A = 1 .x + \"s\" .y + @a .b\n", "param A = 1 .x + \"s\" .y + @a .b\n");
  expect("weight w:[ V ,D]=f ( x )@a.{ i+1 }.*  ??  @b\n",
         "weight w: [V, D] = f(x) @a.{i + 1}.* ?? @b\n");
  expect("use   my-op   3\n", "use my-op 3\n");
  expect("input x:i32 [... , B]=tokens . ids\n", "input x: i32[..., B] = tokens.ids\n");
}
END_TEST

START_TEST(lines) {
  expect("\n\n\n\nparam A = 1\n\n\n\nparam B = 2\n\n\n", "\nparam A = 1\n\nparam B = 2\n");
  expect("  param A = (1 +\n2)\n", "param A = (1 +\n  2)\n");
  expect("block f(x) {\n\n\n  y = g(\nx,\n\n\n z\n)\n\n\n}\n",
         "block f(x) {\n  y = g(\n    x,\n    z\n  )\n}\n");
  expect("param A = 1\r\nparam B = 2\r\n", "param A = 1\nparam B = 2\n");
  expect("param A = 1", "param A = 1\n");
  expect("\tparam A =\t1\t\n", "param A = 1\n");
}
END_TEST

START_TEST(bodies) {
  expect("block f(x){return x}\n", "block f(x) { return x }\n");
  expect("block f(x) {\n return x }\n", "block f(x) {\n  return x\n}\n");
  expect("block f(x) { return x\n}\n", "block f(x) {\n  return x\n}\n");
  expect("block f(x) { }\nblock g(x) {\n}\n", "block f(x) { }\nblock g(x) {\n}\n");
  expect("block f(x) { repeat 3 as i { x = g(x) } }\n",
         "block f(x) {\n  repeat 3 as i { x = g(x) }\n}\n");
  expect("block f(x) { return g(x, \"0123456789012345678901234567890123456789012345678901234567"
         "890123456789\") }\n",
         "block f(x) { return g(x, \"0123456789012345678901234567890123456789012345678901234567"
         "890123456789\") }\n");
  expect("block f(x) { return g(x, \"0123456789012345678901234567890123456789012345678901234567"
         "8901234567890\") }\n",
         "block f(x) {\n  return g(x, \"012345678901234567890123456789012345678901234567890123456"
         "78901234567890\")\n}\n");
  expect("weights {rename \"a\" to \"b\"}\n", "weights { rename \"a\" to \"b\" }\n");
}
END_TEST

START_TEST(comments) {
  expect("#a\n\n\n#b\nparam A = 1#c\n#d", "#a\n\n#b\nparam A = 1  #c\n#d\n");
  expect("block f(x) { # why\n# in\nreturn x # out\n# end\n}\n",
         "block f(x) {  # why\n  # in\n  return x  # out\n  # end\n}\n");
  expect("param A = [ # one\n1, # two\n# three\n2]\n",
         "param A = [  # one\n  1,  # two\n  # three\n  2]\n");
  expect("## doc   \nparam A = 1\n", "## doc\nparam A = 1\n");
  expect("param A = 1 +  # more\n 2\n", "param A = 1 +  # more\n  2\n");
}
END_TEST

START_TEST(columns) {
  expect("input a: i32[B] = t.a\ninput long: bool[B, T] = t.b\n",
         "input a:    i32[B]     = t.a\ninput long: bool[B, T] = t.b\n");
  expect("input a: i32[B] = t.a # x\ninput long: bool[B, T] = t.b\n",
         "input a:    i32[B]     = t.a  # x\ninput long: bool[B, T] = t.b\n");
  expect("input a: i32[B] = t.a\n\ninput long: bool[B, T] = t.b\n",
         "input a: i32[B] = t.a\n\ninput long: bool[B, T] = t.b\n");
  expect("input a: i32[B] = t.a\nparam A = 1\ninput long: bool[B, T] = t.b\n",
         "input a: i32[B] = t.a\nparam A = 1\ninput long: bool[B, T] = t.b\n");
  expect("input a: i32[B,\nT] = t.a\ninput long: bool[B, T] = t.b\n",
         "input a: i32[B,\n  T] = t.a\ninput long: bool[B, T] = t.b\n");
}
END_TEST

START_TEST(golden) {
  char *path = text_file_source("tests/lang/forms.tfm"), *out = emitted(compile_format, path);
  ck_assert_ptr_nonnull(out);
  text_file_golden("tests/lang/forms.fmt", out);
  free(out);
  free(path);
}
END_TEST

START_TEST(models_are_formatted) {
  static const char *const names[] = {"models/bert.tfm", "models/gpt2.tfm", "models/llama.tfm"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *path = text_file_source(names[i]), *text = text_file_read(path);
    char *out = emitted(compile_format, path);
    ck_assert(text != NULL && out != NULL);
    ck_assert_msg(strcmp(out, text) == 0, "%s is not as fmt writes it", names[i]);
    free(text);
    free(out);
    free(path);
  }
}
END_TEST

/* Every sound .tfm file below a directory of the source tree. */
static unsigned check_tree(const char *path, unsigned depth) {
  unsigned count = 0;
  DIR *dir = depth < 8 ? opendir(path) : NULL;
  for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
    size_t size = strlen(entry->d_name);
    char *full = malloc(strlen(path) + size + 2);
    ck_assert_ptr_nonnull(full);
    sprintf(full, "%s/%s", path, entry->d_name);
    struct stat st;
    if (entry->d_name[0] != '.' && stat(full, &st) == 0 && S_ISDIR(st.st_mode)) {
      count += check_tree(full, depth + 1);
    } else if (size > 4 && strcmp(entry->d_name + size - 4, ".tfm") == 0) {
      char *text = text_file_read(full), *out = emitted(compile_format, full);
      ck_assert_ptr_nonnull(text);
      if (out != NULL) {
        check_text(text);
        count++;
      }
      free(text);
      free(out);
    }
    free(full);
  }
  if (dir != NULL)
    closedir(dir);
  return count;
}

START_TEST(every_file) {
  char *models = text_file_source("models"), *tests = text_file_source("tests");
  ck_assert_uint_ge(check_tree(models, 0), 3);
  ck_assert_uint_ge(check_tree(tests, 0), 1);
  free(models);
  free(tests);
}
END_TEST

START_TEST(broken_files_are_refused) {
  char *out = emitted_text(compile_format, HEADER "param A = \n");
  ck_assert_ptr_null(out);
}
END_TEST

/* Blanks and newlines where they mean nothing make no difference. */
START_TEST(careless) {
  char *path = text_file_source("models/gpt2.tfm"), *text = text_file_read(path);
  ck_assert_ptr_nonnull(text);
  struct buffer wild;
  buffer_init(&wild);
  bool comment = false, string = false;
  for (const char *at = text; *at != '\0'; at++) {
    buffer_putc(&wild, *at);
    string = string != (*at == '"' && !comment);
    comment = *at != '\n' && (comment || (*at == '#' && !string));
    if (*at == '\n')
      buffer_puts(&wild, at - text > 8 ? "\n\n   " : "");
    else if (!comment && !string && (*at == ',' || (*at == '=' && at[1] == ' ')))
      buffer_puts(&wild, "\n\t ");
  }
  char *formatted = emitted_text(compile_format, buffer_text(&wild));
  ck_assert_ptr_nonnull(formatted);
  same_and_free(tree_of(text), tree_of(formatted), "the tree", buffer_text(&wild));
  check_text(buffer_text(&wild));
  free(formatted);
  free(text);
  free(path);
  buffer_finish(&wild);
}
END_TEST

UNIT_MAIN("format", blanks, lines, bodies, comments, columns, golden, models_are_formatted,
          every_file, broken_files_are_refused, careless)
