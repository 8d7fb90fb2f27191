/* test_steps.c - a step that writes a token asks for no memory: not the run of the graph, and
 * not what is around it, from the sampler to the text that is handed over.  A text's own
 * ids and bytes double now and then. */
#define _GNU_SOURCE
#include "tests/robust/heap.h"

#include "tests/robust/answers.h"

enum { TEXTS = 3, WARM = 3, TOKENS = 40, DOUBLED = 2 * TEXTS };

static unsigned checks, failed;

static void check(bool good, const char *what, const char *fixture) {
  checks++;
  if (good)
    return;
  failed++;
  printf("not ok: %s: %s\n", fixture, what);
}

static tfm_input input_of(const char *text) {
  return (tfm_input){.struct_size = sizeof(tfm_input), .text = text, .text_length = strlen(text)};
}

/* Calls of memory in the steps behind the first ones. */
static void try_sessions(tfm_model *model, const tfm_run_options *options, const char *fixture) {
  tfm_error *error = tfm_error_create();
  tfm_session *session[TEXTS];
  size_t working = 1;
  long asked = 0;
  for (int i = 0; i < TEXTS; i++) {
    tfm_input input = input_of(i ? "The model" : "I");
    session[i] = tfm_session_create(model, error);
    check(session[i] && tfm_session_append(session[i], &input, 0, error) == 0 &&
              tfm_session_begin(session[i], options, error) == 0,
          "a session begins", fixture);
  }
  for (int n = 0; working > 0 && n < 2 * TOKENS; n++) {
    heap_calls = 0;
    check(tfm_sessions_step(session, TEXTS, &working, error) == 0, "a step", fixture);
    asked += n >= WARM ? heap_calls : 0;
  }
  check(working == 0, "all end", fixture);
  check(asked <= DOUBLED, "steps of sessions ask for memory", fixture);
  if (asked > DOUBLED)
    printf("  %ld times\n", asked);
  for (int i = 0; i < TEXTS; i++)
    tfm_session_destroy(session[i]);
  tfm_error_destroy(error);
}

struct seen {
  int tokens;
  long asked;
};

static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct seen *seen = arg;
  (void)row;
  (void)id;
  (void)text;
  (void)length;
  if (seen->tokens++ > WARM * TEXTS)
    seen->asked += heap_calls;
  heap_calls = 0;
  return 0;
}

static void try_run(tfm_model *model, const tfm_run_options *options, const char *fixture) {
  tfm_error *error = tfm_error_create();
  tfm_input input[TEXTS] = {input_of("The model"), input_of("I"), input_of("It is")};
  tfm_run_options o = *options;
  struct seen seen = {0};
  tfm_result *result = NULL;
  o.token = on_token;
  o.token_arg = &seen;
  check(tfm_model_run(model, input, TEXTS, &o, &result, error) == 0, "a run", fixture);
  check(seen.tokens > 2 * TOKENS, "tokens are told", fixture);
  check(seen.asked <= DOUBLED, "steps of a run ask for memory", fixture);
  tfm_result_destroy(result);
  tfm_error_destroy(error);
}

int main(void) {
  static const char *const models[][2] = {{"gpt2.tfm", "gpt2-tied"}, {"llama.tfm", "llama-gqa"}};
  if (SANITIZED) {
    printf("skipped: the sanitizers have a malloc of their own\n");
    return 77;
  }
  tfm_run_options greedy = {
      .struct_size = sizeof greedy, .max_new_tokens = TOKENS, .ignore_stop = 1};
  tfm_run_options drawn = greedy;
  drawn.temperature = 0.8;
  drawn.top_k = 20;
  drawn.top_p = 0.9;
  drawn.seed = 3;
  drawn.repetition_penalty = 1.2;
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    tfm_model *model = answers_open(models[i][0], models[i][1], "generate", 1, NULL);
    check(model != NULL, "is opened", models[i][1]);
    if (!model)
      continue;
    try_sessions(model, &greedy, models[i][1]);
    try_sessions(model, &drawn, models[i][1]);
    try_run(model, &greedy, models[i][1]);
    try_run(model, &drawn, models[i][1]);
    tfm_model_destroy(model);
  }
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
