/* What a text means, what is wrong with it, and what it costs to find out. */
#include "base/diag.h"
#include "compiler/ast.h"
#include "compiler/codes.h"
#include "compiler/compile.h"
#include "tests/unit/text_file.h"
#include "tests/unit/unit.h"

#include <locale.h>
#include <time.h>

#define HEADER "tfm 1\nlibrary t\n"

struct parsed {
  struct arena arena;
  struct diag diag;
  struct ast_file *file;
};

static void parse_bytes(struct parsed *p, const char *text, size_t size) {
  arena_init(&p->arena, 0);
  diag_init(&p->diag);
  p->file = ast_parse(&p->arena, &p->diag, diag_add_source(&p->diag, "t.tfm", text, size));
}

static void parse_text(struct parsed *p, const char *text) {
  parse_bytes(p, text, strlen(text));
}

static void parsed_finish(struct parsed *p) {
  arena_finish(&p->arena);
  diag_finish(&p->diag);
}

static char *rendered(const struct parsed *p) {
  struct buffer out;
  buffer_init(&out);
  diag_render_text(&p->diag, false, &out);
  return buffer_take(&out);
}

static void expect_sound(const struct parsed *p, const char *text) {
  char *messages = rendered(p);
  ck_assert_msg(p->diag.errors == 0 && p->file != NULL && !p->file->broken, "%s\n%s", text,
                messages);
  free(messages);
}

/* "E110@3:5 E103@4:1", in order. */
static char *codes_of(const struct parsed *p) {
  struct buffer out;
  buffer_init(&out);
  for (const struct diag_item *item = p->diag.first; item != NULL; item = item->next) {
    unsigned line, column;
    diag_position(&p->diag, item->label[0].span, &line, &column);
    buffer_printf(&out, "%sE%u@%u:%u", out.length > 0 ? " " : "", item->code, line, column);
  }
  return buffer_take(&out);
}

static void expect_codes(const char *text, const char *codes) {
  struct parsed p;
  parse_text(&p, text);
  char *found = codes_of(&p), *messages = rendered(&p);
  ck_assert_msg(strcmp(found, codes) == 0, "%s\nwant %s\nhave %s\n%s", text, codes, found,
                messages);
  ck_assert(p.file == NULL || p.file->broken == (codes[0] != '\0'));
  free(found);
  free(messages);
  parsed_finish(&p);
}

/* A file of the given text, in the directory for scratch files. */
static char *scratch(const char *text, size_t size) {
  static const char name[] = "/tfm-test-XXXXXX";
  const char *tmp = getenv("TMPDIR");
  char *path = malloc(strlen(tmp == NULL ? "/tmp" : tmp) + sizeof name);
  ck_assert_ptr_nonnull(path);
  strcpy(path, tmp == NULL ? "/tmp" : tmp);
  strcat(path, name);
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
  text_file_write(path, text, size);
  return path;
}

typedef int emit(const char *path, struct buffer *out, struct diag *diag, struct tfm_error *err);

/* What one of the emitters says of a file; it must be sound. */
static char *emitted(emit *how, const char *path) {
  struct diag diag;
  struct buffer out;
  struct tfm_error err = {0};
  diag_init(&diag);
  buffer_init(&out);
  ck_assert_msg(how(path, &out, &diag, &err) == 0, "%s", err.message);
  diag_finish(&diag);
  return buffer_take(&out);
}

static char *emitted_text(emit *how, const char *text) {
  char *path = scratch(text, strlen(text));
  char *out = emitted(how, path);
  unlink(path);
  free(path);
  return out;
}

/* ------------------------------------------------------------------- golden */

static const char *const golden_files[] = {"bert", "gpt2", "llama", "forms"};

static void golden(emit *how, const char *ending) {
  for (size_t i = 0; i < sizeof golden_files / sizeof golden_files[0]; i++) {
    const char *name = golden_files[i];
    char from[64], to[64];
    snprintf(from, sizeof from, "%s/%s.tfm", i < 3 ? "models" : "tests/lang", name);
    snprintf(to, sizeof to, "tests/lang/%s.%s", name, ending);
    char *path = text_file_source(from), *out = emitted(how, path);
    text_file_golden(to, out);
    free(out);
    free(path);
  }
}

START_TEST(golden_tokens) {
  golden(compile_emit_tokens, "tokens");
}
END_TEST

START_TEST(golden_trees) {
  golden(compile_emit_ast, "ast");
}
END_TEST

/* -------------------------------------------------------------- expressions */

/* The tree of `param A = TEXT`. */
static void expect_expr(const char *text, const char *tree) {
  struct buffer file;
  buffer_init(&file);
  buffer_printf(&file, HEADER "param A = %s\n", text);
  char *out = emitted_text(compile_emit_ast, buffer_text(&file));
  const char *found = strstr(out, "A = ");
  ck_assert_ptr_nonnull(found);
  found += 4;
  ck_assert_msg(strlen(found) == strlen(tree) + 1 && memcmp(found, tree, strlen(tree)) == 0,
                "%s\nwant %s\nhave %s", text, tree, found);
  free(out);
  buffer_finish(&file);
}

START_TEST(precedence) {
  static const char *const cases[][2] = {
      {"1 + 2 * 3", "(+ 1 (* 2 3))"},
      {"(1 + 2) * 3", "(* (+ 1 2) 3)"},
      {"1 - 2 - 3", "(- (- 1 2) 3)"},
      {"-a * b", "(* (- a) b)"},
      {"- -a", "(- (- a))"},
      {"-f(x).y", "(- (f x).y)"},
      {"a ?? b ?? c", "(?? (?? a b) c)"},
      {"a ?? b + 1", "(?? a (+ b 1))"},
      {"a ?? b == c", "(== (?? a b) c)"},
      {"not a ?? b", "(not (?? a b))"},
      {"not a == b", "(not (== a b))"},
      {"not a and b", "(and (not a) b)"},
      {"a or b and c", "(or a (and b c))"},
      {"a | b & c", "(| a (& b c))"},
      {"a & b + c", "(& a (+ b c))"},
      {"a & b == c", "(== (& a b) c)"},
      {"a < b and c >= d", "(and (< a b) (>= c d))"},
      {"if a then b else c + 1", "(if a b (+ c 1))"},
      {"if a then if b then c else d else e", "(if a (if b c d) e)"},
      {"x + f(y) @a.b", "(+ x (f y @a.b))"},
      {"f(x)[1]", "(at (f x) 1)"},
      {"p.f(x, k: 1)", "(p.f x k: 1)"},
      {"config.a.b.c", "config.a.b.c"},
      {"past[i + 1]", "(at past (+ i 1))"},
      {"[]", "[]"},
      {"[1, [2, 3],]", "[1 [2 3]]"},
      {"f()", "(f)"},
      {"f(a, b, c: 1, d: 2,)", "(f a b c: 1 d: 2)"},
      {"a // b % c * d", "(* (% (// a b) c) d)"},
      {"2 ** 3 ** 2", "(** 2 (** 3 2))"},
      {"-a ** -b * c", "(* (- (** a (- b))) c)"},
      {"a + 1 in b ?? []", "(in (+ a 1) (?? b []))"},
      {"not a in b and c", "(and (not (in a b)) c)"},
      {"[1, 2][i % 2]", "(at [1 2] (% i 2))"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    expect_expr(cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(literals) {
  static const char *const cases[][2] = {
      {"0", "0"},
      {"007", "7"},
      {"9223372036854775807", "9223372036854775807"},
      {"1.5", "1.5"},
      {"1e-5", "1e-05"},
      {"1E+2", "1e+02"},
      {"2.5e3", "2.5e+03"},
      {"0.1", "0.1"},
      {"1e-400", "0"},
      {"\"\"", "\"\""},
      {"\"a\\\"b\\\\c\\n\\t\"", "\"a\\\"b\\\\c\\n\\t\""},
      {"\"한국어 # not a comment\"", "\"한국어 # not a comment\""},
      {"true", "true"},
      {"none", "none"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    expect_expr(cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(numbers_in_any_locale) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ko_KR.UTF-8"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (setlocale(LC_ALL, names[i]) != NULL)
      expect_expr("0.25 + 1.5e-3", "(+ 0.25 0.0015)");
  setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(weight_paths) {
  static const char *const cases[][2] = {
      {"@a", "@a"},
      {"@a.b-c_d.0.W", "@a.b-c_d.0.W"},
      {"@0.1e5.x", "@0.1e5.x"},
      {"@h.{i}.w", "@h.{i}.w"},
      {"@h.{i + 1}", "@h.{(+ i 1)}"},
      {"@{i}.w", "@{i}.w"},
      {"@layer_{i}x.w", "@layer_{i}x.w"},
      {"@e.*.w", "@e.*.w"},
      {"@*.w", "@*.w"},
      {"@a * 2", "(* @a 2)"},
      {"@a*2", "(* @a 2)"},
      {"@a - b", "(- @a b)"},
      {"@a ?? @b", "(?? @a @b)"},
      {"f(@a, k: @b)", "(f @a k: @b)"},
      {"f(x)@a", "(f x @a)"},
      {"f(f(x) @{f(y) @b}) @a", "(f (f x @{(f y @b)}) @a)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    expect_expr(cases[i][0], cases[i][1]);
  expect_codes(HEADER "weight w = @\n", "E110@3:13");
  expect_codes(HEADER "weight w = @a.\n", "E110@3:15");
  expect_codes(HEADER "weight w = @a..b\n", "E110@3:15");
  expect_codes(HEADER "weight w = @.a\n", "E110@3:13");
  expect_codes(HEADER "weight w = @a.*b\n", "E110@3:16");
  expect_codes(HEADER "weight w = @a.{i\n", "E110@3:17");
  expect_codes(HEADER "weight w = @ a\n", "E110@3:14");
  expect_codes(HEADER "weight w = @{}\n", "E110@3:14");
}
END_TEST

/* Words that begin declarations are names elsewhere, and all are after a dot. */
START_TEST(words) {
  expect_expr("f(weight: weight, input: state, for: 1, none: 2)",
              "(f weight: weight input: state for: 1 none: 2)");
  expect_expr("config.for.if.weight", "config.for.if.weight");
  expect_expr("block + graph * head", "(+ block (* graph head))");
  expect_codes(HEADER "block f(x) {\n  weight = x\n  state = weight\n  return state\n}\n", "");
  expect_codes(HEADER "block f(x) {\nweight = f(x,\nweight: x)\nreturn weight\n}\n", "");
  expect_codes(HEADER "block f(x) {\n  for = x\n}\n", "E110@4:3");
  expect_codes(HEADER "  param A = 1\n", "");
}
END_TEST

/* ------------------------------------------------------------------ newlines */

static void expect_same(const char *a, const char *b) {
  struct buffer one, two;
  buffer_init(&one);
  buffer_init(&two);
  buffer_printf(&one, HEADER "block f(x) {\n%s\n}\n", a);
  buffer_printf(&two, HEADER "block f(x) {\n%s\n}\n", b);
  char *left = emitted_text(compile_emit_ast, buffer_text(&one));
  char *right = emitted_text(compile_emit_ast, buffer_text(&two));
  /* Places differ: compare from the first statement's text on. */
  ck_assert_str_eq(strstr(left, "assign"), strstr(right, "assign"));
  free(left);
  free(right);
  buffer_finish(&one);
  buffer_finish(&two);
}

START_TEST(newlines_that_do_not_end) {
  expect_same("y = f(x, 1)", "y = f(\n  x\n,\n1\n)");
  expect_same("y = [1, 2]", "y = [\n\n1, # one\n2\n]");
  expect_same("y = x + 1", "y = x +\n 1");
  expect_same("y = x + 1", "y =\n # why\n\n x +\n 1");
  expect_same("y = x and not x", "y = x and\nnot\nx");
  expect_same("y, z = x", "y,\nz = x");
  expect_same("y = if x then 1 else 2", "y = if\nx then\n1 else\n2");
  expect_same("y = x ?? z", "y = x ??\nz");
  expect_same("y = x\r", "y = x");
  expect_same("y = f(x)", "y = f(x)   # trailing");
}
END_TEST

START_TEST(newlines_that_end) {
  expect_codes(HEADER "param A = 1\n + 2\n", "E110@4:2");
  expect_codes(HEADER "block f(x)\n{ return x }\n", "E110@3:11");
  expect_codes(HEADER "block f(x) { y = x return y }\n", "E110@3:20");
  expect_codes(HEADER "block f(x) { return x } block g(x) { return x }\n", "E110@3:25");
  expect_codes("tfm 1\nlibrary t", "");
  expect_codes("tfm 1\r\nlibrary t\r\nparam A = 1\r\n", "");
  expect_codes("tfm 1   # comment\n\n\nlibrary t\n", "");
}
END_TEST

/* ----------------------------------------------------------------- comments */

static const char *doc_of(const char *text) {
  static char doc[256];
  struct parsed p;
  parse_text(&p, text);
  expect_sound(&p, text);
  snprintf(doc, sizeof doc, "%s", p.file->decls.last->doc == NULL ? "-" : p.file->decls.last->doc);
  parsed_finish(&p);
  return doc;
}

START_TEST(doc_comments) {
  ck_assert_str_eq(doc_of(HEADER "## one\nparam A = 1\n"), "one");
  ck_assert_str_eq(doc_of(HEADER "##one  \n##  two\n##\nparam A = 1\n"), "one\n two\n");
  ck_assert_str_eq(doc_of(HEADER "## lost\n\n## kept\nparam A = 1\n"), "kept");
  ck_assert_str_eq(doc_of(HEADER "## lost\n# plain\nparam A = 1\n"), "-");
  ck_assert_str_eq(doc_of(HEADER "param B = 1 ## trailing\nparam A = 1\n"), "-");
  ck_assert_str_eq(doc_of(HEADER "# plain\nparam A = 1\n"), "-");
  ck_assert_str_eq(doc_of(HEADER "block f(x) {\n## in\nreturn x }\nparam A = 1\n"), "-");
  ck_assert_str_eq(doc_of(HEADER "## of g\r\nblock g(x) { return x }\n"), "of g");
}
END_TEST

START_TEST(comments_are_kept) {
  struct parsed p;
  parse_text(&p, "tfm 1 # a\n## b\nlibrary t\n  # c\n");
  expect_sound(&p, "comments");
  const struct ast_comment *c = p.file->comments;
  ck_assert(!c->doc && !c->alone && c->span.begin == 6 && c->span.end == 9);
  c = c->next;
  ck_assert(c->doc && c->alone);
  c = c->next;
  ck_assert(!c->doc && c->alone && c->next == NULL);
  parsed_finish(&p);
}
END_TEST

/* ---------------------------------------------------------------- mistakes */

START_TEST(version) {
  expect_codes("", "E101@1:1");
  expect_codes("\n", "E101@1:1");
  expect_codes("library t\n", "E101@1:1");
  expect_codes("# comment\ntfm 1\n", "E101@1:1");
  expect_codes(" tfm 1\n", "E101@1:1");
  expect_codes("tfm\n", "E101@1:1");
  expect_codes("tfm one\n", "E101@1:1");
  expect_codes("tfm1\n", "E101@1:1");
  expect_codes("tfm 1 library t\n", "E101@1:1");
  expect_codes("tfm 2\n\001 )))\n", "E102@1:5");
  expect_codes("tfm 10\n", "E102@1:5");
  expect_codes("tfm 999999999999999999999999\n", "E102@1:5");
}
END_TEST

START_TEST(units) {
  expect_codes("tfm 1\n", "E116@1:1");
  expect_codes("tfm 1\nparam A = 1\n", "E116@1:1");
  expect_codes("tfm 1\nlibrary t\nmodel m for \"x\"\nlibrary u\n", "E116@3:1 E116@4:1");
  expect_codes("tfm 1\nparam A = 1\nlibrary t\n", "E116@3:1");
  expect_codes("tfm 1\nmodel m\n", "E110@2:8");
}
END_TEST

START_TEST(characters) {
  expect_codes(HEADER "param A = $x\n", "E103@3:11");
  expect_codes(HEADER "param A = 'x'\n", "E103@3:11");
  expect_codes(HEADER "param 한 = 1\n", "E103@3:7");
  expect_codes(HEADER "# \033[31m\n", "E104@3:3");
  expect_codes(HEADER "# \xe2\x80\xae abc\n", "E104@3:3");
  expect_codes(HEADER "# \xe2\x81\xa6 abc\n", "E104@3:3");
  expect_codes(HEADER "# \xff\n", "E104@3:3");
  expect_codes(HEADER "# \xc0\xaf\n", "E104@3:3 E104@3:4");
  expect_codes(HEADER "# \xed\xa0\x80\n", "E104@3:3 E104@3:4 E104@3:4");
  expect_codes(HEADER "# a\rb\n", "E104@3:4");
  expect_codes(HEADER "param A = \"\x7f\"\n", "E104@3:12");
  expect_codes("\xef\xbb\xbftfm 1\n", "E101@1:1");
  expect_codes(HEADER "\xef\xbb\xbfparam A = 1\n", "E104@3:1");
  struct parsed p;
  parse_bytes(&p, HEADER "# \0 nul\nparam A = \0\n", strlen(HEADER) + 20);
  char *codes = codes_of(&p);
  ck_assert_str_eq(codes, "E104@3:3 E104@4:11");
  free(codes);
  parsed_finish(&p);
}
END_TEST

START_TEST(malformed_literals) {
  expect_codes(HEADER "param A = \"abc\nparam B = \"\n", "E105@3:11 E105@4:11");
  expect_codes(HEADER "param A = \"a\\qb\\x\"\n", "E106@3:13 E106@3:16");
  expect_codes(HEADER "param A = 12ab\n", "E107@3:11");
  expect_codes(HEADER "param A = 1.\n", "E107@3:11");
  expect_codes(HEADER "param A = 1.2.3\n", "E107@3:11");
  expect_codes(HEADER "param A = 9223372036854775808\n", "E107@3:11");
  expect_codes(HEADER "param A = 1e999\n", "E107@3:11");
  expect_codes(HEADER "param A = .5\n", "E110@3:11");
}
END_TEST

START_TEST(calls_and_scopes) {
  expect_codes(HEADER "block f(x) {\n y = x @a\n y = f(x) @a @b\n y = @a @b\n}\n",
               "E112@4:8 E112@5:14 E112@6:9");
  expect_codes(HEADER "block f(x) {\n y = 3(x)\n y = f(x)(y)\n y = a.b.c(x)\n}\n",
               "E113@4:6 E113@5:6 E113@6:6");
  expect_codes(HEADER "block f(x) {\n y = f(a: 1, x)\n return x + 1 = y\n}\n",
               "E114@4:14 E115@5:9");
}
END_TEST

/* Each mistake costs its own statement and no other. */
START_TEST(recovery) {
  expect_codes(HEADER "param = 1\nparam B 2\ndim 3\nfoo\ninput x = 3\nparam C = 1\n",
               "E110@3:7 E110@4:9 E110@5:5 E110@6:1 E110@7:9");
  expect_codes(HEADER "block f(x) {\n y = \n z = x x\n repeat y { a = b b }\n return\n}\n"
                      "block g(x { return x }\nparam A = = 1\n",
               "E110@5:4 E110@6:11 E110@7:8 E110@9:11 E110@10:11");
  expect_codes(HEADER "param A = (1 + 2\nparam B = [1\nparam C = 3 3\n",
               "E110@4:1 E110@5:1 E110@5:13");
  expect_codes(HEADER "block f(x) {\n y = g(x\n z = [x\n return z z\n}\nparam A = )\n",
               "E110@5:2 E110@6:2 E110@6:11 E110@8:11");
  expect_codes(HEADER "block f(x) {\n y = g(x, k = 1)\n z = g(x,\n  k = 1)\n a a\n}\n",
               "E110@4:13 E110@6:5 E110@7:4");
}
END_TEST

START_TEST(unclosed_bodies) {
  expect_codes(HEADER "block f(x) {\n return x\n\nparam A = 1 1\n", "E111@3:12 E110@6:13");
  expect_codes(HEADER "block f(x) {\n repeat 3 as i {\n y = x\n\nblock g(x) { return x }\n",
               "E111@4:16 E111@3:12");
  expect_codes(HEADER "block f(x) {\n y = g(x", "E110@4:9 E111@3:12");
  expect_codes(HEADER "}\n}\nparam A = 1 1\n", "E110@3:1 E110@4:1 E110@5:13");
}
END_TEST

static char *first_message(const char *text) {
  struct parsed p;
  parse_text(&p, text);
  char *out = rendered(&p);
  parsed_finish(&p);
  return out;
}

START_TEST(messages) {
  static const char *const cases[][2] = {
      {"param A = f(k=1)\n", "help: a named argument is written `name: value`"},
      {"param A = 1\n  + 1\n", "help: a line goes on after its operator, not before it"},
      {"wieght w = 1\n", "help: a declaration with a similar name exists: `weight`"},
      {"wieght w = 1\n", "expected a declaration, found `wieght`"},
      {"param A = \n", "expected an expression, found end of file"},
      {"param A = (1\n", "expected `)` or an operator, found end of file"},
      {"block f(x) { y }\n", "expected `,`, `:` or `=`, found `}`"},
      {"block f(x) { return x )\n}\n", "found `)`"},
      {"block f(x) {\n 3\n}\n", "expected `}` or a statement, found `3`"},
      {"model m for x\n", "expected a string, found `x`"},
      {"use acme\n", "expected an integer, found end of line"},
      {"weight w = @a.\n", "expected a path component, `*` or `{`, found end of line"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buffer text;
    buffer_init(&text);
    buffer_printf(&text, HEADER "%s", cases[i][0]);
    char *message = first_message(buffer_text(&text));
    ck_assert_msg(strstr(message, cases[i][1]) != NULL, "want %s\n%s", cases[i][1], message);
    free(message);
    buffer_finish(&text);
  }
}
END_TEST

/* One snapshot a file: tests/lang/bad/NAME.tfm is told off as in NAME.txt. */
START_TEST(snapshots) {
  static const char *const names[] = {"character", "declaration", "newline", "scope",
                                      "statement", "unclosed",    "version"};
  char old[4096], *dir = text_file_source("tests/lang/bad");
  ck_assert_ptr_nonnull(getcwd(old, sizeof old));
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct diag diag;
    struct buffer out;
    struct tfm_error err = {0};
    char name[64];
    diag_init(&diag);
    buffer_init(&out);
    snprintf(name, sizeof name, "%s.tfm", names[i]);
    ck_assert_int_eq(chdir(dir), 0); /* messages say the path as it was given */
    ck_assert_int_eq(compile_emit_ast(name, &out, &diag, &err), -1);
    ck_assert_int_eq(chdir(old), 0);
    ck_assert_int_eq(err.code, TFM_ERROR_MODEL);
    buffer_clear(&out);
    diag_render_text(&diag, false, &out);
    snprintf(name, sizeof name, "tests/lang/bad/%s.txt", names[i]);
    text_file_golden(name, buffer_text(&out));
    buffer_finish(&out);
    diag_finish(&diag);
  }
  free(dir);
}
END_TEST

/* ------------------------------------------------------------ hostile input */

enum { MEBIBYTE = 1 << 20 };

/* head, then unit over and over, to just under 1 MiB: ends fast with the code,
 * 0 = sound. */
static void expect_hostile(const char *head, const char *unit, size_t times, const char *tail,
                           unsigned code) {
  struct buffer text;
  buffer_init(&text);
  buffer_puts(&text, head);
  for (size_t i = 0; i < times && text.length < MEBIBYTE / unit_step(8) - 64; i++)
    buffer_puts(&text, unit);
  buffer_puts(&text, tail);
  clock_t start = clock();
  struct parsed p;
  parse_bytes(&p, buffer_text(&text), text.length);
  double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  unsigned found = p.diag.first == NULL ? 0 : p.diag.first->code;
  ck_assert_msg(found == code, "%s%s...: E%u, not E%u", head, unit, found, code);
  /* Each takes well under 0.1 s; the rest is for valgrind. */
  ck_assert_msg(seconds < 30, "%s%s...: %f s", head, unit, seconds);
  parsed_finish(&p);
  buffer_finish(&text);
}

START_TEST(hostile) {
  size_t all = SIZE_MAX;
  expect_hostile(HEADER "param A = ", "[", all, "\n", CODE_LIMIT_NESTING);
  expect_hostile(HEADER "param A = ", "(", all, "\n", CODE_LIMIT_NESTING);
  expect_hostile(HEADER "param A = ", "@{", all, "\n", CODE_LIMIT_NESTING);
  expect_hostile(HEADER "param A = ", "not ", all, "1\n", CODE_LIMIT_NESTING);
  expect_hostile(HEADER "param A = ", "if 1 then ", all, "1\n", CODE_LIMIT_NESTING);
  expect_hostile(HEADER "graph g {\n", "repeat 1 as i {\n", all, "", CODE_LIMIT_NESTING);
  expect_hostile(HEADER "param A = 1", " + 1", 200000, "\n", CODE_LIMIT_DEPTH);
  expect_hostile(HEADER "param A = 1", " + 1", 255, "\n", 0);
  expect_hostile(HEADER "param A = 1", " + 1", 256, "\n", CODE_LIMIT_DEPTH);
  expect_hostile(HEADER "param A = a", ".a", all, "\n", CODE_LIMIT_DEPTH);
  expect_hostile(HEADER "param A = a", "[1]", all, "\n", CODE_LIMIT_DEPTH);
  expect_hostile(HEADER "param A = ", "a", 4096, "\n", 0);
  expect_hostile(HEADER "param A = ", "a", 4097, "\n", CODE_LIMIT_TOKEN);
  expect_hostile(HEADER "param A = ", "1", all, "\n", CODE_LIMIT_TOKEN);
  expect_hostile(HEADER "param A = \"", "1", all, "\"\n", CODE_LIMIT_TOKEN);
  expect_hostile(HEADER "# ", "1", all, "\n", CODE_LIMIT_TOKEN);
  expect_hostile(HEADER "weight w = @a", ".a", all, "\n", CODE_LIMIT_TOKEN);
  expect_hostile(HEADER "param A = [1", ",1", all, "]\n", 0);
  expect_hostile(HEADER, "param A = 1\n", all, "", 0);
  expect_hostile(HEADER, "## a\n", all, "param A = 1\n", 0);
  expect_hostile(HEADER, "\n", all, "", 0);
  expect_hostile(HEADER, " ", all, "x\n", CODE_SYNTAX);
  expect_hostile(HEADER, "\"\n", all, "", CODE_STRING_OPEN);
  expect_hostile(HEADER, "\xff", all, "", CODE_CHARACTER_REFUSED);
  expect_hostile(HEADER, "}\n", all, "", CODE_SYNTAX);
  expect_hostile(HEADER "graph g ", "{", all, "", CODE_SYNTAX);
  expect_hostile(HEADER, "block f(x) {\n y = g(x\n", all, "", CODE_SYNTAX);
}
END_TEST

/* The same bytes each time: a xorshift (Marsaglia 2003). */
START_TEST(garbage) {
  uint32_t state = 2463534242u;
  static const char common[] = "abcx019_{}[]()@@@..,,::==+-*/&|?\"# \n\n\t<>";
  for (int round = 0; round < 4; round += (int)unit_step(3)) { /* of each kind at least one */
    char *text = malloc(MEBIBYTE);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < MEBIBYTE; i++) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      text[i] = round % 2 == 0 ? (char)(state >> 9) : common[(state >> 9) % (sizeof common - 1)];
    }
    memcpy(text, HEADER, strlen(HEADER));
    struct parsed p;
    parse_bytes(&p, text, MEBIBYTE);
    ck_assert_uint_gt(p.diag.errors, 0);
    parsed_finish(&p);
    free(text);
  }
}
END_TEST

/* Every allocation of a tree may fail. */
START_TEST(memory) {
  char *path = text_file_source("tests/lang/forms.tfm"), *text = text_file_read(path);
  ck_assert_ptr_nonnull(text);
  bool sound = false;
  for (size_t limit = 1; !sound; limit += unit_step(5) * (limit < 2000 ? 16u : 200u)) {
    struct arena arena;
    struct diag diag;
    arena_init(&arena, limit);
    diag_init(&diag);
    sound = ast_parse(&arena, &diag, diag_add_source(&diag, "t", text, strlen(text))) != NULL;
    ck_assert(sound != arena_failed(&arena));
    ck_assert_uint_eq(diag.errors, 0);
    arena_finish(&arena);
    diag_finish(&diag);
  }
  free(text);
  free(path);
}
END_TEST

UNIT_MAIN("parse", golden_tokens, golden_trees, precedence, literals, numbers_in_any_locale,
          weight_paths, words, newlines_that_do_not_end, newlines_that_end, doc_comments,
          comments_are_kept, version, units, characters, malformed_literals, calls_and_scopes,
          recovery, unclosed_bodies, messages, snapshots, hostile, garbage, memory)
