/* What hoist moves and live drops, from graph to graph; a graph that neither changes. */
#include "base/buffer.h"
#include "graph/pass/hoist.h"
#include "graph/pass/live.h"
#include "tests/unit/unit.h"

#include <string.h>

#define HEAD                                                                                       \
  "graph m\n"                                                                                      \
  "dim B\n"                                                                                        \
  "dim T\n"

/* The text of what a pass makes of a text; both are graphs that verify takes. */
static char *after(int (*pass)(struct graph *, struct tfm_error *), const char *text) {
  struct tfm_error err = {0};
  struct buffer out;
  struct graph *graph = graph_parse("text", text, strlen(text), &err);
  ck_assert_msg(graph != NULL && graph_verify(graph, &err) == 0, "%s", err.message);
  ck_assert_int_eq(pass(graph, &err), 0);
  ck_assert_msg(graph_verify(graph, &err) == 0, "%s", err.message);
  buffer_init(&out);
  graph_print(graph, &out);
  graph_destroy(graph);
  return buffer_take(&out);
}

static void check(int (*pass)(struct graph *, struct tfm_error *), const char *before,
                  const char *wanted) {
  char *made = after(pass, before);
  ck_assert_str_eq(made, wanted);
  free(made);
}

/* Keys of what encode made go there, and so does what is made of them; a node that reads the
 * tokens of a step, a state, or nothing at all stays.  Input `real` goes where it is read. */
START_TEST(hoist_moves) {
  check(hoist_graph,
        HEAD "entry encode once\n"
             "entry decode step\n"
             "encode\n"
             "input %0 src = tokens.ids : f32[B,T] @src\n"
             "decode\n"
             "input %1 real = tokens.mask : bool[B,T] @real once\n"
             "input %2 ids = generated.ids : f32[B,T] @ids\n"
             "state %3 past[0] : kv[8] @past[0]\n"
             "weight $w : f32[8,8] = \"w\"\n"
             "encode\n"
             "%4 = acme.sum(%0) : f32[B,T] @memory\n"
             "decode\n"
             "%5 = causal() : mask @causal\n"
             "%6 = padding(%1) : mask @padding\n"
             "%7 = linear(%4; $w) : f32[B,T] @keys\n"
             "%8 = acme.sum(%7) : f32[B,T] @sum\n"
             "%9 = acme.sum(%2) : f32[B,T] @query\n"
             "%10 = acme.keep(%4, %3) : f32[B,T] @kept\n"
             "%11 = acme.mix(%9, %8, %10, %6) : f32[B,T] @mixed\n"
             "output x = %11\n",
        HEAD "entry encode once\n"
             "entry decode step\n"
             "encode\n"
             "input %0 src = tokens.ids : f32[B,T] @src\n"
             "input %1 real = tokens.mask : bool[B,T] @real\n"
             "decode\n"
             "input %2 ids = generated.ids : f32[B,T] @ids\n"
             "state %3 past[0] : kv[8] @past[0]\n"
             "weight $w : f32[8,8] = \"w\"\n"
             "encode\n"
             "%4 = acme.sum(%0) : f32[B,T] @memory\n"
             "%5 = padding(%1) : mask @padding\n"
             "%6 = linear(%4; $w) : f32[B,T] @keys\n"
             "%7 = acme.sum(%6) : f32[B,T] @sum\n"
             "decode\n"
             "%8 = causal() : mask @causal\n"
             "%9 = acme.sum(%2) : f32[B,T] @query\n"
             "%10 = acme.keep(%4, %3) : f32[B,T] @kept\n"
             "%11 = acme.mix(%9, %7, %10, %5) : f32[B,T] @mixed\n"
             "output x = %11\n");
}
END_TEST

/* Any names, any number of entries: to the nearest that runs less often, if all is there by
 * then.  Between two that run as often nothing moves; an entry that is left empty goes. */
START_TEST(hoist_by_the_table) {
  check(hoist_graph,
        HEAD "entry vision once\n"
             "entry listen once\n"
             "entry speak step\n"
             "entry sing step\n"
             "vision\n"
             "input %0 picture = feed : f32[B,T] @picture\n"
             "listen\n"
             "input %1 sound = feed : f32[B,T] @sound\n"
             "speak\n"
             "input %2 ids = generated.ids : f32[B,T] @ids\n"
             "vision\n"
             "%3 = acme.sum(%0) : f32[B,T] @seen\n"
             "listen\n"
             "%4 = acme.sum(%3) : f32[B,T] @stays\n"
             "%5 = acme.mix(%1, %4) : f32[B,T] @heard\n"
             "speak\n"
             "%6 = acme.sum(%3) : f32[B,T] @moves\n"
             "%7 = acme.sum(%2) : f32[B,T] @said\n"
             "sing\n"
             "%8 = acme.mix(%5, %6) : f32[B,T] @moves_too\n"
             "output said = %7\n"
             "output sung = %8\n",
        HEAD "entry vision once\n"
             "entry listen once\n"
             "entry speak step\n"
             "vision\n"
             "input %0 picture = feed : f32[B,T] @picture\n"
             "listen\n"
             "input %1 sound = feed : f32[B,T] @sound\n"
             "speak\n"
             "input %2 ids = generated.ids : f32[B,T] @ids\n"
             "vision\n"
             "%3 = acme.sum(%0) : f32[B,T] @seen\n"
             "listen\n"
             "%4 = acme.sum(%3) : f32[B,T] @stays\n"
             "%5 = acme.mix(%1, %4) : f32[B,T] @heard\n"
             "%6 = acme.sum(%3) : f32[B,T] @moves\n"
             "%7 = acme.mix(%5, %6) : f32[B,T] @moves_too\n"
             "speak\n"
             "%8 = acme.sum(%2) : f32[B,T] @said\n"
             "output said = %8\n"
             "output sung = %7\n");
}
END_TEST

/* One text that grows goes into both: what reads it stays where it is, read once or not. */
static const char one_text[] = HEAD "entry encode once\n"
                                    "entry decode step\n"
                                    "encode\n"
                                    "input %0 ids = tokens.ids : f32[B,T] @ids step\n"
                                    "%1 = acme.sum(%0) : f32[B,T] @first\n"
                                    "decode\n"
                                    "%2 = acme.sum(%0) : f32[B,T] @second\n"
                                    "%3 = acme.mix(%2, %1) : f32[B,T] @mixed\n"
                                    "output x = %3\n";
/* Nothing runs less often than the one entry. */
static const char one_entry[] = HEAD "entry decode step\n"
                                     "decode\n"
                                     "input %0 real = tokens.mask : f32[B,T] @real once\n"
                                     "%1 = acme.sum(%0) : f32[B,T] @sum\n"
                                     "output x = %1\n";

START_TEST(nothing_to_do) {
  check(hoist_graph, one_text, one_text);
  check(hoist_graph, one_entry, one_entry);
  check(live_graph, one_text, one_text);
  check(live_graph, one_entry, one_entry);
}
END_TEST

/* What leads to a result, a dumped value or a watched tap is kept; of a node that is, all
 * outputs; of a view, what it is of. */
START_TEST(live_keeps) {
  check(live_graph,
        HEAD "entry encode once\n"
             "entry decode step\n"
             "encode\n"
             "input %0 a = tokens.ids : f32[B,T] @a\n"
             "input %1 b = tokens.types : f32[B,T] @b !\n"
             "decode\n"
             "input %2 c = generated.ids : f32[B,T] @c\n"
             "state %3 past[0] : kv[8] @past[0]\n"
             "state %4 past[1] : kv[8] @past[1]\n"
             "weight $dead : f32[8,8] = \"dead\"\n"
             "weight $w : f32[16,8] = \"w\"\n"
             "weight $w{split} : f32[8,8] = split($w; 0, 2, 1)\n"
             "weight $other : f32[8,8] = split($w; 0, 2, 0)\n"
             "encode\n"
             "%5 = acme.sum(%0; $dead) : f32[B,T] @dead\n"
             "decode\n"
             "%6 = linear(%2; $w{split}) : f32[B,T] @x\n"
             "%7, %8 = acme.two(%6) : f32[B,T] @two, f32[B,T] @two:1\n"
             "%9 = acme.look(%2, %4) : f32[B,T] @watched taps(probs!)\n"
             "%10 = acme.sum(%6) : f32[B,T] @shown !\n"
             "%11 = acme.keep(%8, %3) : f32[B,T] @unread\n"
             "output x = %8\n",
        HEAD "entry decode step\n"
             "decode\n"
             "input %0 b = tokens.types : f32[B,T] @b ! once\n"
             "input %1 c = generated.ids : f32[B,T] @c\n"
             "state %2 past[1] : kv[8] @past[1]\n"
             "weight $w : f32[16,8] = \"w\"\n"
             "weight $w{split} : f32[8,8] = split($w; 0, 2, 1)\n"
             "%3 = linear(%1; $w{split}) : f32[B,T] @x\n"
             "%4, %5 = acme.two(%3) : f32[B,T] @two, f32[B,T] @two:1\n"
             "%6 = acme.look(%1, %2) : f32[B,T] @watched taps(probs!)\n"
             "%7 = acme.sum(%3) : f32[B,T] @shown !\n"
             "output x = %5\n");
}
END_TEST

/* A graph whose result is an input computes nothing. */
START_TEST(live_of_an_input) {
  check(live_graph,
        HEAD "entry decode step\n"
             "decode\n"
             "input %0 a = tokens.ids : f32[B,T] @a\n"
             "%1 = acme.sum(%0) : f32[B,T] @sum\n"
             "output x = %0\n",
        HEAD "entry decode step\n"
             "decode\n"
             "input %0 a = tokens.ids : f32[B,T] @a\n"
             "output x = %0\n");
}
END_TEST

/* What is read by a node that goes is given to the first that stays. */
START_TEST(live_input_of_a_dead_reader) {
  check(live_graph,
        HEAD "entry encode once\n"
             "entry decode step\n"
             "encode\n"
             "input %0 a = generated.ids : f32[B,T] @a\n"
             "%1 = acme.sum(%0) : f32[B,T] @dead\n"
             "decode\n"
             "%2 = acme.sum(%0) : f32[B,T] @x\n"
             "output x = %2\n",
        HEAD "entry decode step\n"
             "decode\n"
             "input %0 a = generated.ids : f32[B,T] @a once\n"
             "%1 = acme.sum(%0) : f32[B,T] @x\n"
             "output x = %1\n");
}
END_TEST

START_TEST(without_memory) {
  int (*const passes[])(struct graph *, struct tfm_error *) = {hoist_graph, live_graph};
  const char *text = HEAD "entry encode once\n"
                          "entry decode step\n"
                          "encode\n"
                          "input %0 a = tokens.ids : f32[B,T] @a\n"
                          "%1 = acme.sum(%0) : f32[B,T] @sum\n"
                          "%2 = acme.sum(%0) : f32[B,T] @dead\n"
                          "decode\n"
                          "%3 = acme.sum(%1) : f32[B,T] @moves\n"
                          "output x = %3\n";
  for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
    struct tfm_error err = {0};
    struct graph *graph = graph_parse("text", text, strlen(text), &err);
    graph->arena.limit = graph->arena.used;
    ck_assert_int_eq(passes[i](graph, &err), -1);
    ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
    graph_destroy(graph);
  }
}
END_TEST

UNIT_MAIN("passes", hoist_moves, hoist_by_the_table, nothing_to_do, live_keeps, live_of_an_input,
          live_input_of_a_dead_reader, without_memory)
