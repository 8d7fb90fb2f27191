/* embed.c - a program that lets a model write on, through libtfm.
 *
 *     embed MODEL.tfm DIR TEXT [TEXT...]
 *
 * Each further text goes on from all that was there before, as the turns of a conversation
 * do: what the model has seen is kept in a session, and only new tokens are computed.
 *
 * All that it knows of tfm is tfm/tfm.h.  A call that fails returns NULL or
 * -1 and leaves the reason in the tfm_error that it was given; what to do
 * about it, and whether to print it, is up to the program. */
#include <tfm/tfm.h>

#include <stdio.h>
#include <string.h>

enum { NEW_TOKENS = 48 };

/* Called for each token as it is made, with whole UTF-8 sequences only: a
 * Korean syllable that takes three tokens comes in one piece, after two calls
 * of length 0.  A result other than 0 would end the run. */
static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  FILE *out = arg;
  (void)row;
  (void)id;
  return fwrite(text, 1, length, out) != length || fflush(out) != 0;
}

/* What is wrong with a model file comes here, with its place in the file. */
static void on_message(void *arg, int severity, const char *text) {
  (void)severity;
  fprintf(arg, "%s\n", text);
}

static int explain(const tfm_error *error) {
  const char *notes = tfm_error_notes(error);
  fprintf(stderr, "embed: %s\n%s%s", tfm_error_message(error), notes, *notes ? "\n" : "");
  return tfm_error_code(error);
}

/* One text, and what the model writes after it. */
static int turn(tfm_session *session, const char *text, tfm_error *error) {
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = strlen(text)};
  tfm_run_options options = {.struct_size = sizeof options,
                             .max_new_tokens = NEW_TOKENS,
                             .token = on_token,
                             .token_arg = stdout};
  tfm_result *result = NULL;
  if (tfm_session_append(session, &input, 0, error) != 0 ||
      tfm_session_generate(session, &options, &result, error) != 0)
    return explain(error);
  const tfm_answer *answer = tfm_result_answer(result, 0);
  printf("\n");
  fprintf(stderr, "%zu tokens after %zu, ended by: %s\n", answer->id_count, answer->prompt_count,
          answer->stop);
  tfm_result_destroy(result);
  return 0;
}

static int write_on(tfm_model *model, char *const *text, tfm_error *error) {
  tfm_session *session = tfm_session_create(model, error);
  int status = session != NULL ? 0 : explain(error);
  while (status == 0 && *text != NULL)
    status = turn(session, *text++, error);
  tfm_session_destroy(session);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: embed MODEL.tfm DIR TEXT [TEXT...]\n");
    return TFM_CODE_USAGE;
  }
  tfm_error *error = tfm_error_create();
  if (error == NULL)
    return TFM_CODE_LIMIT;
  tfm_open_options options = {.struct_size = sizeof options,
                              .model = argv[1],
                              .weights = argv[2],
                              .task = "generate",
                              .message = on_message,
                              .message_arg = stderr};
  tfm_model *model = tfm_model_open(&options, error);
  int status = model != NULL ? write_on(model, argv + 3, error) : explain(error);
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  return status;
}
