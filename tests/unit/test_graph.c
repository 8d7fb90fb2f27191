/* The graph's text reads back to itself; verify refuses each breach; finding
 * by name; the forms for other programs. */
#include "base/buffer.h"
#include "base/json.h"
#include "graph/graph.h"
#include "tests/unit/text_file.h"
#include "tests/unit/unit.h"

/* Something of everything that the form has. */
static const char whole[] =
    "graph \"한국어 model\" : generate lm (stop: [1, 2], names: {a: none, \"b c\": \"x\\ny\"}, on: "
    "true)\n"
    "dim B\n"
    "dim T <= 1024\n"
    "entry encode once\n"
    "entry decode step\n"
    "encode\n"
    "input %0 src = tokens.ids : i32[B,T] @src | \"odd name\" !0:3-9 step\n"
    "decode\n"
    "input %1 h.0.x = feed : f32[B,T,8] @h.0.x ! !0:3-9\n"
    "state %2 past[0] : kv[8] @past[0]\n"
    "weight $w : bf16[16,8] = \"transformer.w\"\n"
    "weight $w{transpose} : bf16[8,16] = transpose($w; 0, 0, 0)\n"
    "weight $w{split:0:2:1} : bf16[8,8] = split($w; 0, 2, 1)\n"
    "weight $cat : bf16[32,8] = concat($w, $w; 0, 0, 0)\n"
    "weight $stack : bf16[2,16,8] = stack($w, $w; 0, 0, 0) unused\n"
    "weight $flat : bf16[128] = reshape($w; 0, 0, 0)\n"
    "weight $two : bf16[2,16,8] = list($w, $w; 0, 0, 0) unused\n"
    "weight $one : f32[] = number(1.0)\n"
    "weight $\"(1 + w)\" : f32[16,8] = add($one, $w; 0, 0, 0) unused\n"
    "encode\n"
    "%3 = embedding(%0; $w) : f32[B,T,8] @emb !0:10-20\n"
    "%4, %5 = acme.two(%3, _;; eps: 1e-05, r: 2.0, i: -3, list: [1.5, \"a\"]) : f32[B,2*T + 1] "
    "@two, f32[B,T,8] @two:1 | y !0:1-2 layer 3 version 2 holds taps(probs, scores!)\n"
    "%6 = causal() : mask @causal\n"
    "decode\n"
    "%7 = attention(%1, %5, %6, %2; $flat, _, $w{transpose}, $w{split:0:2:1}, $cat) : f32[B,T,8] "
    "@att !\n"
    "output logits = %7\n"
    "output x = %1\n";

static struct graph *parse(const char *text) {
  struct tfm_error err = {0};
  struct graph *graph = graph_parse("text", text, strlen(text), &err);
  ck_assert_msg(graph != NULL, "%s", err.message);
  return graph;
}

START_TEST(round_trip) {
  struct graph *graph = parse(whole);
  struct tfm_error err = {0};
  struct buffer out;
  buffer_init(&out);
  ck_assert_msg(graph_verify(graph, &err) == 0, "%s", err.message);
  graph_print(graph, &out);
  ck_assert_str_eq(buffer_text(&out), whole);
  ck_assert_uint_eq(graph->value_count, 8);
  ck_assert_str_eq(graph->node[1].name, "two");
  ck_assert_uint_eq(graph->node[1].taps, 2);
  ck_assert(graph->node[1].attr[1]->real == 2.0);
  ck_assert(graph->input[0].when == GRAPH_STEP && graph->input[1].when == GRAPH_STEP);
  ck_assert(graph->value[7].dump && !graph->value[6].dump);
  buffer_finish(&out);
  graph_destroy(graph);
}
END_TEST

START_TEST(finding) {
  struct graph *graph = parse(whole);
  int32_t node;
  uint32_t tap;
  ck_assert_int_eq(graph_find_value(graph, "two:1"), 5);
  ck_assert_int_eq(graph_find_value(graph, "y"), 5);
  ck_assert_int_eq(graph_find_value(graph, "odd name"), 0);
  ck_assert_int_eq(graph_find_value(graph, "z"), GRAPH_NONE);
  ck_assert(graph_find_tap(graph, "two.scores", &node, &tap));
  ck_assert_int_eq(node, 1);
  ck_assert_uint_eq(tap, 1);
  ck_assert(graph_find_tap(graph, "y.probs", &node, &tap));
  ck_assert(!graph_find_tap(graph, "two.none", &node, &tap));
  ck_assert(!graph_find_tap(graph, "src.probs", &node, &tap));
  ck_assert(!graph_find_tap(graph, "two", &node, &tap));
  ck_assert_int_eq(graph_task_from_name("fill_mask"), GRAPH_TASK_FILL_MASK);
  ck_assert_int_eq(graph_task_from_name("filling"), GRAPH_TASK_NONE);
  graph_destroy(graph);
}
END_TEST

/* The text with one piece replaced by another. */
static char *with(const char *from, const char *to) {
  const char *at = strstr(whole, from);
  ck_assert_msg(at != NULL, "%s", from);
  struct buffer out;
  buffer_init(&out);
  buffer_append(&out, whole, (size_t)(at - whole));
  buffer_puts(&out, to);
  buffer_puts(&out, at + strlen(from));
  return buffer_take(&out);
}

START_TEST(refusals) {
  static const char *const cases[][3] = {
      {"f32[B,T,8] @emb", "f[B,T,8] @emb", "no element type"},
      {"@emb", "@src", "two values are named `src`"},
      {"kv[8]", "f32[8]", "state `past[0]`"},
      {"%6 = causal()", "%6 = causal(%2)", "changes with each step"},
      {"%3 = embedding(%0; $w)", "%3 = embedding(%7; $w)", "not there yet"},
      {"reshape($w; 0, 0, 0)\n", "reshape($w; 0, 0, 0) unused\n", "not marked as used"},
      {"bf16[8,16]", "bf16[16,8]", "does not follow"},
      {"split($w; 0, 2, 1)", "split($w; 0, 2, 2)", "does not follow"},
      {"split($w; 0, 2, 1)", "split($w; 2, 2, 1)", "does not follow"},
      {"bf16[32,8]", "bf16[33,8]", "does not follow"},
      {"bf16[2,16,8]", "bf16[3,16,8]", "does not follow"},
      {"bf16[128]", "bf16[127]", "does not follow"},
      {"f32[16,8] = add", "f32[16,1] = add", "does not follow"},
      {"f32[16,8] = add", "bf16[16,8] = add", "does not follow"},
      {"add($one, $w;", "add($w;", "1 operands"},
      {"f32[] = number", "f32[1] = number", "is no number"},
      {"list($w, $w;", "list($w;", "does not follow"},
      {"reshape($w; 0, 0, 0)\nweight $two", "stack($w; 0, 0, 0)\nweight $two", "does not follow"},
      {"add($one, $w;", "add($one, $two;", "made of a list"},
      {"bf16[128]", "bf16[9223372036854775807,9223372036854775807]", "impossible shape"},
      {"weight $stack", "weight $w", "two weights are named `w`"},
      {"r: 2.0", "eps: 2.0", "`eps` twice"},
      {"output x", "output logits", "two outputs are named `logits`"},
      {"dim B\n", "dim B\ndim T\n", "two run-time dimensions"},
      {"mask @causal", "kv[1] @causal", "makes a kv"},
      {"f32[B,2*T + 1]", "f32[B,0 - 1]", "malformed"},
      {"entry decode step", "entry encode step", "an entry that there is already"},
      {"entry decode step", "entry decode never", "unknown time"},
      {"3-9 step", "3-9 never", "changes at an unknown time"},
      {"entry encode once\nentry decode step", "entry decode step\nentry encode once",
       "entry `encode` runs before `decode` and stands after it"},
      {"step\nencode\n", "step\nencoder\n", "an unknown entry"},
      {"step\nencode\n", "step\n", "stands in no entry"},
      {"@emb !0:10-20\n", "@emb !0:10-20\ndecode\n%8 = causal() : mask @late\nencode\n",
       "node 2 stands in no entry"},
      {"%6 = causal()", "%6 = causal(%1)", "`h.0.x` is given after it is first read"},
      {"output x = %1", "output x = %2", "output `x` is a state"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct tfm_error err = {0};
    char *text = with(cases[i][0], cases[i][1]);
    struct graph *graph = graph_parse("text", text, strlen(text), &err);
    ck_assert_msg(graph == NULL || graph_verify(graph, &err) != 0, "%s", cases[i][1]);
    ck_assert_msg(strstr(err.message, cases[i][2]) != NULL, "%s: %s", cases[i][1], err.message);
    ck_assert_int_eq(err.code, TFM_ERROR_MODEL);
    graph_destroy(graph);
    free(text);
  }
}
END_TEST

/* The table of entries, as the nodes and inputs make it, and damaged afterwards. */
START_TEST(entries) {
  struct graph *graph = parse(whole);
  struct tfm_error err = {0};
  ck_assert_uint_eq(graph->entry_count, 2);
  struct graph_entry *encode = &graph->entry[0], *decode = &graph->entry[1];
  ck_assert_int_eq(graph_find_entry(graph, "decode"), 1);
  ck_assert_int_eq(graph_find_entry(graph, "vision"), GRAPH_NONE);
  ck_assert(graph_runs(graph, GRAPH_ONCE) && graph_runs(graph, GRAPH_STEP));
  ck_assert(encode->begin == 0 && encode->end == 3 && decode->begin == 3 && decode->end == 4);
  ck_assert(encode->input_count == 1 && encode->input[0] == 0);
  ck_assert(encode->output_count == 2 && encode->output[0] == 5 && encode->output[1] == 6);
  ck_assert(decode->input_count == 3 && decode->input[0] == 1 && decode->input[2] == 6);
  ck_assert(decode->output_count == 2 && decode->output[0] == 1 && decode->output[1] == 7);
  ck_assert(graph->value[1].entry == 1 && graph->value[2].entry == GRAPH_NONE);
  encode->end = 2;
  ck_assert(graph_verify(graph, &err) != 0);
  ck_assert_ptr_nonnull(strstr(err.message, "nodes of entry `decode`"));
  encode->end = 3, decode->end = 3, err = (struct tfm_error){0};
  ck_assert(graph_verify(graph, &err) != 0);
  ck_assert_ptr_nonnull(strstr(err.message, "node 3 stands in no entry"));
  decode->end = 4, decode->input_count = 2, err = (struct tfm_error){0};
  ck_assert(graph_verify(graph, &err) != 0);
  ck_assert_ptr_nonnull(strstr(err.message, "the inputs of entry `decode`"));
  decode->input_count = 3, encode->output = decode->input, err = (struct tfm_error){0};
  ck_assert(graph_verify(graph, &err) != 0);
  ck_assert_ptr_nonnull(strstr(err.message, "the outputs of entry `encode`"));
  ((struct graph_node *)(uintptr_t)graph->node)[2].entry = 1, err = (struct tfm_error){0};
  ck_assert(graph_verify(graph, &err) != 0);
  ck_assert_ptr_nonnull(strstr(err.message, "`causal` does not stand among those of `decode`"));
  graph->value[5].entry = 1, err = (struct tfm_error){0};
  ck_assert(graph_verify(graph, &err) != 0);
  ck_assert_ptr_nonnull(strstr(err.message, "does not know its entry"));
  graph_destroy(graph);
}
END_TEST

/* Any damage is refused or makes a graph that verify can look at. */
START_TEST(damage) {
  static const char bytes[] = "\0%$_!@0(9-\"\n";
  char text[sizeof whole];
  for (size_t i = 0; i + 1 < sizeof whole; i++) {
    for (size_t k = 0; k < sizeof bytes - 1; k++) {
      struct tfm_error err = {0};
      memcpy(text, whole, sizeof text);
      text[i] = bytes[k];
      struct graph *graph = graph_parse("text", text, sizeof text - 1, &err);
      if (graph != NULL)
        graph_verify(graph, &err);
      graph_destroy(graph);
    }
    struct tfm_error err = {0};
    graph_destroy(graph_parse("text", whole, i, &err));
  }
}
END_TEST

START_TEST(other_forms) {
  struct graph *graph = parse(whole);
  struct buffer out;
  struct tfm_error err = {0};
  json_t *root = NULL;
  buffer_init(&out);
  graph_emit_json(graph, &out);
  ck_assert_msg(json_parse("json", buffer_text(&out), out.length, 64, TFM_ERROR_RUN, &root, &err) ==
                    0,
                "%s\n%s", err.message, buffer_text(&out));
  ck_assert_uint_eq(json_array_size(json_object_get(root, "nodes")), 4);
  ck_assert_uint_eq(json_array_size(json_object_get(root, "values")), 8);
  const json_t *decode = json_array_get(json_object_get(root, "entries"), 1);
  ck_assert_str_eq(json_string_value(json_object_get(decode, "name")), "decode");
  ck_assert_str_eq(json_string_value(json_object_get(decode, "when")), "step");
  ck_assert_uint_eq(json_array_size(json_object_get(decode, "inputs")), 3);
  ck_assert_uint_eq(json_array_size(json_object_get(root, "weights")), 9);
  const json_t *src = json_array_get(json_object_get(root, "inputs"), 0);
  ck_assert_str_eq(json_string_value(json_object_get(src, "changes")), "step");
  ck_assert_str_eq(json_string_value(json_object_get(root, "task")), "generate");
  json_decref(root);
  buffer_clear(&out);
  graph_emit_dot(graph, &out);
  ck_assert_msg(strncmp(buffer_text(&out), "digraph ", 8) == 0, "%s", buffer_text(&out));
  ck_assert_ptr_nonnull(strstr(buffer_text(&out), "n1 -> n3"));
  ck_assert_ptr_nonnull(strstr(buffer_text(&out), "v0 -> n0 [label=\"B,T\"]"));
  buffer_finish(&out);
  graph_destroy(graph);
}
END_TEST

UNIT_MAIN("graph", round_trip, finding, entries, refusals, damage, other_forms)
