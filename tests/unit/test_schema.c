/* What an op's schema says, and what it cannot say. */
#include "base/diag.h"
#include "compiler/codes.h"
#include "compiler/schema.h"
#include "tests/unit/unit.h"

#include "tfm/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static struct arena arena;
static struct diag diag;

static struct op_schema *parse(const char *text) {
  arena_init(&arena, 0);
  diag_init(&diag);
  return schema_parse(&arena, &diag, "schema", text);
}

static const struct op_schema *sound(const char *text) {
  const struct op_schema *schema = parse(text);
  struct buffer out;
  buffer_init(&out);
  diag_render_text(&diag, false, &out);
  ck_assert_msg(schema != NULL && diag.errors == 0, "%s", buffer_text(&out));
  buffer_finish(&out);
  return schema;
}

static void done(void) {
  arena_finish(&arena);
  diag_finish(&diag);
}

static void expect_dim(const struct op_schema *schema, const struct schema_dim *dim,
                       const char *name) {
  if (strcmp(name, "_") == 0) {
    ck_assert_int_eq(dim->kind, SCHEMA_DIM_ANY);
  } else if (dim->kind == SCHEMA_DIM_ATTR) {
    ck_assert_str_eq(schema->attr[dim->index].name, name);
  } else {
    ck_assert_int_eq(dim->kind, SCHEMA_DIM_VAR);
    ck_assert_str_eq(schema->dim[dim->index], name);
  }
}

START_TEST(linear) {
  const struct op_schema *s =
      sound("## One layer.\n## Two lines.\nop linear(x: [..., I]; weight: [O, I], bias: [O]?) "
            "-> [..., O]");
  ck_assert_str_eq(s->name, "linear");
  ck_assert_str_eq(s->doc, "One layer.\nTwo lines.");
  ck_assert_uint_eq(s->input_count, 1);
  ck_assert_uint_eq(s->weight_count, 2);
  ck_assert_uint_eq(s->attr_count, 0);
  ck_assert_uint_eq(s->output_count, 1);
  ck_assert(s->input[0].type.ellipsis && s->input[0].type.rank == 1);
  ck_assert_int_eq(s->input[0].type.dtype, DTYPE_NONE);
  expect_dim(s, &s->input[0].type.dim[0], "I");
  ck_assert(!s->weight[0].optional && s->weight[1].optional);
  ck_assert_int_eq(s->weight[0].group, SCHEMA_NONE);
  expect_dim(s, &s->weight[0].type.dim[0], "O");
  expect_dim(s, &s->weight[0].type.dim[1], "I");
  expect_dim(s, &s->output[0].type.dim[0], "O");
  ck_assert(s->output[0].type.ellipsis && s->output[0].name == NULL);
  ck_assert_uint_eq(s->dim_count, 2);
  done();
}
END_TEST

START_TEST(attention) {
  const struct op_schema *s =
      sound("op attention(q: [B, T, H, K], k: [B, U, G, K], v: [B, U, G, W], mask: mask?,\n"
            "  bias: [_, H, T, S]?, cache: kv[G * K, G * W]?; ;\n"
            "  heads: int, kv_heads: int = heads, scale: real?)\n"
            "  -> [B, T, heads * W] taps scores, probs where H / G == heads / kv_heads\n");
  ck_assert_uint_eq(s->input_count, 6);
  ck_assert_uint_eq(s->weight_count, 0);
  ck_assert_uint_eq(s->attr_count, 3);
  const struct schema_type *mask = &s->input[3].type, *bias = &s->input[4].type;
  ck_assert(mask->dtype == DTYPE_MASK && !mask->has_dims && s->input[3].optional);
  expect_dim(s, &bias->dim[0], "_");
  expect_dim(s, &bias->dim[1], "H");
  expect_dim(s, &bias->dim[3], "S");
  ck_assert_int_eq(s->input[5].type.dtype, DTYPE_KV);
  ck_assert_uint_eq(s->input[5].type.rank, 2);
  ck_assert_int_eq(s->input[5].type.dim[1].kind, SCHEMA_DIM_EXPR);
  ck_assert(s->attr[0].fallback == NULL && !s->attr[0].optional);
  ck_assert_str_eq(s->attr[1].fallback->text, "heads");
  ck_assert(s->attr[2].optional && s->attr[2].kind == SCHEMA_ATTR_REAL);
  ck_assert_uint_eq(s->tap_count, 2);
  ck_assert_int_eq(schema_find_tap(s, "probs"), 1);
  ck_assert_uint_eq(s->constraint_count, 1);
  ck_assert_int_eq(s->constraint[0]->binary.op, AST_OP_EQ);
  uint32_t index;
  ck_assert_int_eq(schema_resolve(s, "kv_heads", &index), SCHEMA_DIM_ATTR);
  ck_assert_uint_eq(index, 1);
  ck_assert_int_eq(schema_resolve(s, "W", &index), SCHEMA_DIM_VAR);
  ck_assert_str_eq(s->dim[index], "W");
  ck_assert_int_eq(schema_resolve(s, "nothing", &index), SCHEMA_DIM_ANY);
  done();
}
END_TEST

START_TEST(slot_groups) {
  const struct op_schema *s =
      sound("op gated_ffn(x: [..., D]; gate: linear[D, F]?, up: linear[D, F], down: linear[F, D];"
            " kind: str) -> [..., D]");
  static const char *const names[] = {"gate.weight", "gate.bias",   "up.weight",
                                      "up.bias",     "down.weight", "down.bias"};
  ck_assert_uint_eq(s->weight_count, 6);
  ck_assert_uint_eq(s->group_count, 3);
  for (uint32_t i = 0; i < 6; i++) {
    ck_assert_str_eq(s->weight[i].name, names[i]);
    ck_assert_int_eq(s->weight[i].group, (int)i / 2);
    ck_assert_int_eq(schema_find_weight(s, names[i]), (int)i);
    ck_assert_str_eq(s->weight[i].member, i % 2 == 0 ? "weight" : "bias");
    ck_assert_int_eq(s->weight[i].optional, i < 2 || i % 2 == 1);
    ck_assert_uint_eq(s->weight[i].type.rank, i % 2 == 0 ? 2 : 1);
  }
  ck_assert(s->group[0].optional && !s->group[1].optional);
  ck_assert_uint_eq(s->group[2].first, 4);
  ck_assert_int_eq(schema_find_group(s, "down"), 2);
  ck_assert_int_eq(schema_find_weight(s, "down"), SCHEMA_NONE);
  expect_dim(s, &s->weight[2].type.dim[0], "F");
  expect_dim(s, &s->weight[2].type.dim[1], "D");
  expect_dim(s, &s->weight[3].type.dim[0], "F");
  expect_dim(s, &s->weight[4].type.dim[0], "D");
  ck_assert_uint_eq(s->dim_count, 2);
  done();
}
END_TEST

START_TEST(plain_groups) {
  const struct op_schema *s =
      sound("op ffn(x: [..., D]; up: linear, down: linear; kind: str) -> [..., D]");
  ck_assert_uint_eq(s->dim_count, 5);
  expect_dim(s, &s->weight[0].type.dim[0], "up.out");
  expect_dim(s, &s->weight[0].type.dim[1], "up.in");
  expect_dim(s, &s->weight[3].type.dim[0], "down.out");
  done();
}
END_TEST

START_TEST(types_and_dims) {
  const struct op_schema *s =
      sound("op f(a: any[...], b: i32[B, 3], c: [B, heads * K, K], d: f32[], e: kv?; ; heads: int)"
            " -> any[...], y: [K * 2 + 1], z: bool[B]");
  ck_assert(s->input[0].type.any_dtype && s->input[0].type.rank == 0);
  ck_assert_int_eq(s->input[1].type.dtype, DTYPE_I32);
  ck_assert_int_eq(s->input[1].type.dim[1].kind, SCHEMA_DIM_NUMBER);
  ck_assert_int_eq(s->input[1].type.dim[1].number, 3);
  ck_assert_int_eq(s->input[2].type.dim[1].kind, SCHEMA_DIM_EXPR);
  ck_assert(s->input[3].type.has_dims && s->input[3].type.rank == 0);
  ck_assert(s->input[4].type.dtype == DTYPE_KV && !s->input[4].type.has_dims);
  ck_assert_uint_eq(s->output_count, 3);
  ck_assert_str_eq(s->output[1].name, "y");
  ck_assert_int_eq(s->output[1].type.dim[0].kind, SCHEMA_DIM_EXPR);
  ck_assert_int_eq(s->output[2].type.dtype, DTYPE_BOOL);
  done();
}
END_TEST

START_TEST(attributes) {
  const struct op_schema *s =
      sound("op f(; ; a: int, b: real = 1, c: str = \"x\", d: bool = true, e: object?, f: list = "
            "[1, 2], g: any?, h: int = a * 2 + 1, i: real = -1e-6) -> _");
  static const enum schema_attr_kind kinds[] = {
      SCHEMA_ATTR_INT,  SCHEMA_ATTR_REAL, SCHEMA_ATTR_STR, SCHEMA_ATTR_BOOL, SCHEMA_ATTR_OBJECT,
      SCHEMA_ATTR_LIST, SCHEMA_ATTR_ANY,  SCHEMA_ATTR_INT, SCHEMA_ATTR_REAL};
  ck_assert_uint_eq(s->attr_count, 9);
  for (uint32_t i = 0; i < 9; i++) {
    ck_assert_int_eq(s->attr[i].kind, kinds[i]);
    ck_assert_int_eq(s->attr[i].optional, i == 4 || i == 6);
  }
  ck_assert_int_eq(schema_find_attr(s, "h"), 7);
  ck_assert_str_eq(schema_attr_kind_name(s->attr[4].kind), "object");
  ck_assert(s->output_count == 1 && s->output[0].infer);
  done();
}
END_TEST

START_TEST(choices) {
  const struct op_schema *s =
      sound("op f(; ; a: \"x\" | \"y\", b: \"z\"?, c: \"x\" | \"y\" = \"y\") -> _");
  ck_assert_int_eq(s->attr[0].kind, SCHEMA_ATTR_STR);
  ck_assert_uint_eq(s->attr[0].choice_count, 2);
  ck_assert_str_eq(s->attr[0].choice[1], "y");
  ck_assert(schema_is_choice(&s->attr[0], "x") && !schema_is_choice(&s->attr[0], "z"));
  ck_assert(s->attr[1].optional && s->attr[1].choice_count == 1);
  ck_assert_str_eq(s->attr[2].fallback->text, "y");
  done();
}
END_TEST

START_TEST(open_outputs) {
  const struct op_schema *s = sound("op split(x: [...]; ; parts: int) -> ...");
  ck_assert(s->outputs_open && s->output_count == 0);
  done();
  s = sound("op two() -> a: _, b: _");
  ck_assert(!s->outputs_open && s->output_count == 2 && s->output[1].infer);
  ck_assert_str_eq(s->output[1].name, "b");
  ck_assert_str_eq(s->doc, "");
  done();
}
END_TEST

/* Names that are keywords in a file are names in a schema. */
START_TEST(names) {
  const struct op_schema *s =
      sound("op f(input: [D], state: [D]; weight: [D], block: [D]; to: int, as: int) -> [D]");
  ck_assert_int_eq(schema_find_input(s, "state"), 1);
  ck_assert_int_eq(schema_find_attr(s, "as"), 1);
  done();
}
END_TEST

START_TEST(refused) {
  static const struct {
    const char *text;
    unsigned code;
    const char *says;
  } cases[] = {
      {"", CODE_SYNTAX, "expected `op`"},
      {"op f(x: [D])", CODE_SYNTAX, "expected `->`, found the end"},
      {"op f(x: [D]) -> [D] [D]", CODE_SYNTAX, "found `[`"},
      {"op f(x) -> [D]", CODE_SYNTAX, "expected `:`"},
      {"op f(x: [D]) -> [E]", CODE_SCHEMA, "the dim `E` of an output"},
      {"op f(x: [D]) -> [_]", CODE_SCHEMA, "an output's dims must be known"},
      {"op f(x: what[D]) -> [D]", CODE_SCHEMA, "`what` is no dtype"},
      {"op f(x: mask[D]) -> [D]", CODE_SCHEMA, "a mask has no dims"},
      {"op f(x: kv[D, D, D]) -> [D]", CODE_SCHEMA, "a kv has the width of its keys"},
      {"op f(x: f32) -> f32[]", CODE_SCHEMA, "a tensor's type needs its dims"},
      {"op f(x: [A, B, C, D, E, F, G, H, I]) -> [A]", CODE_SCHEMA, "9 dims"},
      {"op f(x: [D] = 3) -> [D]", CODE_SCHEMA, "only an attribute can have a default"},
      {"op f(x: [D]; w: [D] = 3) -> [D]", CODE_SCHEMA, "only an attribute"},
      {"op f(x: [D]; w: linear[D]) -> [D]", CODE_SCHEMA, "`linear[IN, OUT]`"},
      {"op f(x: [D]; w: experts[D, D]) -> [D]", CODE_SCHEMA, "`experts[E, IN, OUT]`"},
      {"op f(x: [D]; w: experts) -> [D]", CODE_SCHEMA, "`experts[E, IN, OUT]`"},
      {"op f(x: [D]; ; a: [D]) -> [D]", CODE_SCHEMA, "an attribute is int"},
      {"op f(x: [D]; ; a: what) -> [D]", CODE_SCHEMA, "an attribute is int"},
      {"op f(x: [D]; ; a: int = 1.5) -> [D]", CODE_SCHEMA, "the default of `a` is not int"},
      {"op f(x: [D]; ; a: str = 1) -> [D]", CODE_SCHEMA, "the default of `a` is not str"},
      {"op f(x: [D]; ; a: int? = 1) -> [D]", CODE_SCHEMA, "leave out the `?`"},
      {"op f(x: [D]; ; a: int = b) -> [D]", CODE_SCHEMA, "`b` is no attribute"},
      {"op f(x: [D]; ; a: int = g(1)) -> [D]", CODE_SCHEMA, "a schema computes with"},
      {"op f(x: [a]; ; a: real) -> [a]", CODE_SCHEMA, "the attribute `a` is no int"},
      {"op f(x: [D * E]) -> [D * E]", CODE_SCHEMA, "no dim of an input"},
      {"op f(x: [D], x: [D]) -> [D]", CODE_SCHEMA, "the name `x` is there twice"},
      {"op f(x: [D]; x: [D]) -> [D]", CODE_SCHEMA, "the name `x` is there twice"},
      {"op f(x: [D]; ; a: int, a: int) -> [D]", CODE_SCHEMA, "the name `a` is there twice"},
      {"op f(x: [D]) -> [D] where D == H", CODE_SCHEMA, "`H` is no attribute"},
      {"op f(x: [D]) -> [D] taps a: [D]", CODE_SCHEMA, "a tap is a name alone"},
      {"op f(x: [D]) -> [D] where @a == D", CODE_SCHEMA, "a schema computes with"},
      {"op f(x: [D]; ; a: \"x\" | \"y\" = \"z\") -> [D]", CODE_SCHEMA, "is none of its values"},
      {"op f(x: \"x\" | \"y\") -> [D]", CODE_SCHEMA, "only an attribute is one of a list"},
      {"op f(x: [D]; ; a: \"x\" | 3) -> [D]", CODE_SYNTAX, "expected a string"},
      {"op f(x: [\xff]) -> [D]", CODE_CHARACTER_REFUSED, "no UTF-8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buffer out;
    ck_assert_ptr_null(parse(cases[i].text));
    buffer_init(&out);
    diag_render_text(&diag, false, &out);
    ck_assert_msg(diag.first != NULL && diag.first->code == cases[i].code &&
                      strstr(buffer_text(&out), cases[i].says) != NULL,
                  "%s\nwant %s\n%s", cases[i].text, cases[i].says, buffer_text(&out));
    buffer_finish(&out);
    done();
  }
}
END_TEST

START_TEST(memory) {
  static const char text[] =
      "## doc\nop f(x: [..., D]; up: linear, w: [D]?; k: int = 1) -> [D] taps a where k == D";
  struct op_schema *schema = NULL;
  for (size_t limit = 1; schema == NULL; limit += 16) {
    arena_init(&arena, limit);
    diag_init(&diag);
    schema = schema_parse(&arena, &diag, "schema", text);
    ck_assert((schema != NULL) != arena_failed(&arena));
    ck_assert_uint_eq(diag.errors, 0);
    done();
  }
}
END_TEST

static void check_plugin(const char *path) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(handle != NULL, "%s", dlerror());
  const tfm_plugin_desc *(*entry)(void);
  *(void **)&entry = dlsym(handle, "tfm_plugin_v1"); /* as POSIX has it */
  ck_assert_msg(entry != NULL, "%s", path);
  for (uint32_t i = 0; i < entry()->op_count; i++) {
    sound(entry()->op[i]->schema);
    done();
  }
}

/* Those of the package's own plugins, where they are built. */
START_TEST(plugins) {
  const char *path = getenv("TFM_PLUGIN_DIR");
  DIR *dir = path == NULL ? NULL : opendir(path);
  for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
    size_t size = strlen(entry->d_name);
    char full[4096];
    if (size < 4 || strcmp(entry->d_name + size - 3, ".so") != 0)
      continue;
    snprintf(full, sizeof full, "%s/%s", path, entry->d_name);
    check_plugin(full);
  }
  if (dir != NULL)
    closedir(dir);
}
END_TEST

UNIT_MAIN("schema", linear, attention, slot_groups, plain_groups, types_and_dims, attributes,
          choices, open_outputs, names, refused, memory, plugins)
