/* output.c - answers on stdout: one screenful for people, one line of JSON
 * an answer for programs.  Nothing else ever goes to stdout. */
#include "tools/output.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* How an answer is to be shown. */
struct view {
  const tfm_model_info *info;
  bool streamed;  /* its text is there already */
  uint32_t shown; /* labels at most */
};

static void print_ids(const tfm_answer *answer) {
  for (size_t i = 0; i < answer->id_count; i++)
    printf("%s%" PRId32, i ? " " : "", answer->ids[i]);
  putchar('\n');
}

/* An answer's text, NUL bytes and all. */
static void put_text(const char *text, size_t length, const char *end) {
  cli_answer(text, length);
  fputs(end, stdout);
}

static void print_text(const tfm_answer *answer, const struct view *view) {
  if (!view->info->has_tokenizer)
    print_ids(answer);
  else if (view->streamed)
    putchar('\n');
  else
    put_text(answer->text, answer->text_length, "\n");
}

static void print_masks(const tfm_answer *answer, const struct view *view) {
  (void)view;
  for (size_t p = 0; p < answer->place_count; p++) {
    const tfm_place *place = &answer->place[p];
    if (answer->place_count > 1)
      printf("mask %zu\n", p + 1);
    for (size_t c = 0; c < place->choice_count; c++) {
      printf("%.4f  ", place->choice[c].score);
      put_text(place->choice[c].text, place->choice[c].text_length, "\n");
    }
  }
  put_text(answer->text, answer->text_length, answer->pair ? "\t" : "\n");
  if (answer->pair)
    put_text(answer->pair, answer->pair_length, "\n");
}

static void print_labels(const tfm_answer *answer, const struct view *view) {
  const tfm_place *place = &answer->place[0];
  for (size_t c = 0; c < place->choice_count && c < view->shown; c++) {
    fputs(c ? "  " : "", stdout);
    cli_escaped(stdout, place->choice[c].text);
    printf(" %.4f", place->choice[c].score);
  }
  putchar('\n');
}

/* An empty line between sentences. */
static void print_words(const tfm_answer *answer, const struct view *view) {
  static bool begun;
  (void)view;
  if (begun)
    putchar('\n');
  begun = true;
  for (size_t p = 0; p < answer->place_count; p++) {
    const tfm_place *place = &answer->place[p];
    put_text(place->text, place->text_length, "\t");
    cli_escaped(stdout, place->choice[0].text);
    printf("\t%.4f\n", place->choice[0].score);
  }
}

static void print_spans(const tfm_answer *answer, const struct view *view) {
  (void)view;
  for (size_t p = 0; p < answer->place_count; p++) {
    const tfm_choice *choice = answer->place[p].choice;
    put_text(choice->text, choice->text_length, "\t");
    printf("%.4f\n", choice->score);
  }
}

static void print_vector(const tfm_answer *answer, const struct view *view) {
  (void)view;
  putchar('[');
  for (size_t i = 0; i < answer->vector_count; i++)
    printf("%s%.9g", i ? ", " : "", (double)answer->vector[i]);
  puts("]");
}

/* Token and weight, the heaviest first. */
static void print_weights(const tfm_answer *answer, const struct view *view) {
  const tfm_place *place = &answer->place[0];
  (void)view;
  for (size_t c = 0; c < place->choice_count; c++) {
    const tfm_choice *one = &place->choice[c];
    fputs(c ? "\t" : "", stdout);
    if (*one->text)
      cli_escaped(stdout, one->text);
    else
      printf("%" PRId32, one->id);
    printf(" %.4f", one->score);
  }
  putchar('\n');
}

static void print_score(const tfm_answer *answer, const struct view *view) {
  (void)view;
  printf("%.4f\n", answer->place[0].choice[0].score);
}

/* Of a task without a row below: by what the answer has. */
static void print_any(const tfm_answer *answer, const struct view *view) {
  if (answer->vector_count)
    print_vector(answer, view);
  else if (answer->place_count)
    print_labels(answer, view);
  else
    print_text(answer, view);
}

static void (*const printers[])(const tfm_answer *answer, const struct view *view) = {
    [TFM_TASK_GENERATE] = print_text,   [TFM_TASK_FILL_MASK] = print_masks,
    [TFM_TASK_CLASSIFY] = print_labels, [TFM_TASK_CLASSIFY_TOKENS] = print_words,
    [TFM_TASK_QA] = print_spans,        [TFM_TASK_EMBED] = print_vector,
    [TFM_TASK_RERANK] = print_score,    [TFM_TASK_EMBED_SPARSE] = print_weights,
};

void output_text(const tfm_model_info *info, const tfm_answer *answer, bool streamed,
                 uint32_t shown) {
  const struct view view = {info, streamed, shown};
  size_t task = (size_t)info->task;
  if (info->task == TFM_TASK_NONE) /* a file without heads: its values were dumped */
    return;
  if (task < sizeof printers / sizeof *printers && printers[task])
    printers[task](answer, &view);
  else
    print_any(answer, &view);
}

static json_t *bytes_value(const char *text, size_t length) {
  json_t *value = json_stringn(text, length);
  return value ? value : json_string_nocheck("");
}

static json_t *text_value(const char *text) {
  return bytes_value(text, strlen(text));
}

static bool has_logits(const tfm_model_info *info) {
  return info->task == TFM_TASK_CLASSIFY || info->task == TFM_TASK_RERANK;
}

static json_t *choice_value(const tfm_model_info *info, const tfm_choice *choice) {
  json_t *value = json_object();
  json_object_set_new(value, "text", bytes_value(choice->text, choice->text_length));
  if (choice->id >= 0)
    json_object_set_new(value, "id", json_integer(choice->id));
  json_object_set_new(value, "score", json_real(choice->score));
  if (has_logits(info))
    json_object_set_new(value, "logit", json_real(choice->logit));
  return value;
}

static json_t *place_value(const tfm_model_info *info, const tfm_input *input,
                           const tfm_place *place) {
  json_t *value = json_object(), *scores = json_array();
  if (place->text_length || (input->text && info->task == TFM_TASK_CLASSIFY_TOKENS))
    json_object_set_new(value, "text", bytes_value(place->text, place->text_length));
  json_object_set_new(value, "begin", json_integer((json_int_t)place->begin));
  json_object_set_new(value, "end", json_integer((json_int_t)place->end));
  if (input->pair)
    json_object_set_new(value, "sequence", json_integer(place->sequence));
  for (size_t c = 0; c < place->choice_count; c++)
    json_array_append_new(scores, choice_value(info, &place->choice[c]));
  json_object_set_new(value, "scores", scores);
  return value;
}

static json_t *timing_value(const tfm_model_info *info, const tfm_timing *timing) {
  uint64_t steps = timing->decode_tokens ? timing->decode_tokens : 1;
  return json_pack(
      "{s:I, s:I, s:I, s:I, s:I, s:I}", "load_ns", (json_int_t)info->load_ns, "prompt_ns",
      (json_int_t)timing->prompt_ns, "prompt_tokens", (json_int_t)timing->prompt_tokens,
      "first_token_ns", (json_int_t)timing->first_token_ns, "per_token_ns",
      (json_int_t)(timing->decode_ns / steps), "total_ns", (json_int_t)timing->total_ns);
}

static json_t *token_value(const char *text, int32_t id, double log_probability) {
  json_t *value = json_object();
  json_object_set_new(value, "id", json_integer(id));
  json_object_set_new(value, "token", text_value(text));
  json_object_set_new(value, "logprob", json_real(log_probability));
  return value;
}

static json_t *token_scores_value(const tfm_answer *answer) {
  json_t *list = json_array();
  for (size_t i = 0; i < answer->id_count; i++) {
    const tfm_token_score *score = &answer->token_score[i];
    json_t *value = token_value(score->text, score->id, score->log_probability);
    json_t *best = json_array();
    for (size_t b = 0; b < score->best_count; b++) {
      const tfm_choice *one = &score->best[b];
      json_array_append_new(best, token_value(one->text, one->id, one->score));
    }
    json_object_set_new(value, "top", best);
    json_array_append_new(list, value);
  }
  return list;
}

static json_t *answer_value(const tfm_model_info *info, const tfm_input *input,
                            const tfm_answer *answer, const tfm_timing *timing) {
  json_t *value = json_object(), *ids = json_array();
  json_object_set_new(value, "task", text_value(info->task_name));
  if (input->text)
    json_object_set_new(value, "input", bytes_value(input->text, input->text_length));
  if (info->task != TFM_TASK_EMBED && info->task != TFM_TASK_EMBED_SPARSE)
    json_object_set_new(value, "text", bytes_value(answer->text, answer->text_length));
  if (answer->pair)
    json_object_set_new(value, "pair", bytes_value(answer->pair, answer->pair_length));
  for (size_t i = 0; i < answer->id_count; i++)
    json_array_append_new(ids, json_integer(answer->ids[i]));
  json_object_set_new(value, "ids", ids);
  if (answer->place_count || info->task == TFM_TASK_CLASSIFY_TOKENS) {
    json_t *places = json_array();
    for (size_t p = 0; p < answer->place_count; p++)
      json_array_append_new(places, place_value(info, input, &answer->place[p]));
    json_object_set_new(value, "scores", places);
  }
  if (answer->vector_count) {
    json_t *vector = json_array();
    for (size_t i = 0; i < answer->vector_count; i++)
      json_array_append_new(vector, json_real((double)answer->vector[i]));
    json_object_set_new(value, "vector", vector);
  }
  if (answer->token_score)
    json_object_set_new(value, "logprobs", token_scores_value(answer));
  if (answer->stop)
    json_object_set_new(value, "stop", text_value(answer->stop));
  if (answer->truncated)
    json_object_set_new(value, "truncated", json_integer((json_int_t)answer->truncated));
  json_object_set_new(value, "prompt_tokens", json_integer((json_int_t)answer->prompt_count));
  json_object_set_new(value, "model", text_value(info->model_path));
  json_object_set_new(value, "timings", timing_value(info, timing));
  json_object_set_new(value, "peak_memory", json_integer((json_int_t)cli_peak_memory()));
  return value;
}

/* What of total falls to own of all parts, when `before` of them have theirs: the
 * shares add up to the total. */
static uint64_t share(uint64_t total, uint64_t before, uint64_t own, uint64_t all) {
  if (all == 0)
    return 0;
  uint64_t whole = total / all, rest = total % all;
  return whole * own + rest * (before + own) / all - rest * before / all;
}

tfm_timing output_share(const tfm_result *result, size_t row) {
  tfm_timing timing = *tfm_result_timing(result);
  if (tfm_result_count(result) < 2)
    return timing;
  uint64_t prompt = 0, made = 0, all_prompt = 0, all_made = 0;
  const tfm_answer *own = tfm_result_answer(result, row);
  for (size_t i = 0; i < tfm_result_count(result); i++) {
    const tfm_answer *answer = tfm_result_answer(result, i);
    size_t new_ids = answer->stop ? answer->id_count : 0;
    prompt += i < row ? answer->prompt_count : 0;
    made += i < row ? new_ids : 0;
    all_prompt += answer->prompt_count;
    all_made += new_ids;
  }
  uint64_t own_made = own->stop ? own->id_count : 0;
  timing.prompt_tokens = own->prompt_count;
  timing.prompt_ns = share(timing.prompt_ns, prompt, own->prompt_count, all_prompt);
  timing.decode_ns = share(timing.decode_ns, made, own_made, all_made);
  timing.decode_tokens = share(timing.decode_tokens, made, own_made, all_made);
  timing.total_ns =
      share(timing.total_ns, prompt + made, own->prompt_count + own_made, all_prompt + all_made);
  return timing;
}

static bool print_json(json_t *value) {
  char *line = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9));
  json_decref(value);
  if (!line)
    return false;
  puts(line);
  free(line);
  return true;
}

bool output_json(const tfm_model_info *info, const tfm_input *input, const tfm_answer *answer,
                 const uint64_t *seed, const double *score, const tfm_timing *timing) {
  json_t *value = answer_value(info, input, answer, timing);
  if (seed)
    json_object_set_new(value, "seed", json_integer((json_int_t)*seed));
  if (score)
    json_object_set_new(value, "score", json_real(*score));
  return print_json(value);
}

bool output_rank_json(const tfm_model_info *info, const struct output_rank *rank) {
  json_t *value = json_object();
  json_object_set_new(value, "task", text_value(info->task_name));
  json_object_set_new(value, "query", bytes_value(rank->query, rank->query_length));
  json_object_set_new(value, "document", bytes_value(rank->document, rank->document_length));
  json_object_set_new(value, "index", json_integer((json_int_t)rank->index));
  json_object_set_new(value, "score", json_real(rank->score));
  json_object_set_new(value, "logit", json_real(rank->logit));
  if (rank->truncated)
    json_object_set_new(value, "truncated", json_integer((json_int_t)rank->truncated));
  json_object_set_new(value, "prompt_tokens", json_integer((json_int_t)rank->tokens));
  json_object_set_new(value, "model", text_value(info->model_path));
  return print_json(value);
}

bool output_json_error(const tfm_model_info *info, const tfm_input *input, size_t line, int code,
                       const char *message, const char *notes) {
  json_t *value = json_object(), *list = json_array();
  for (const char *note = notes; *note;) {
    size_t length = strcspn(note, "\n");
    json_array_append_new(list, bytes_value(note, length));
    note += length + (note[length] == '\n');
  }
  json_object_set_new(value, "task", text_value(info->task_name));
  json_object_set_new(value, "line", json_integer((json_int_t)line));
  if (input->text)
    json_object_set_new(value, "input", bytes_value(input->text, input->text_length));
  json_object_set_new(
      value, "error",
      json_pack("{s:i, s:s, s:o}", "code", code, "message", message, "notes", list));
  return print_json(value);
}

void output_timing(const struct cli *cli, const tfm_model_info *info, const tfm_timing *timing) {
  if (cli->quiet)
    return;
  fprintf(stderr, "%s: ", cli->program);
  cli_escaped(stderr, info->model_path);
  fprintf(stderr, ": load %.1f ms, prompt %" PRIu64 " tokens in %.1f ms",
          (double)info->load_ns * 1e-6, timing->prompt_tokens, (double)timing->prompt_ns * 1e-6);
  if (timing->decode_tokens)
    fprintf(stderr, ", %" PRIu64 " more in %.1f ms (%.1f/s)", timing->decode_tokens,
            (double)timing->decode_ns * 1e-6,
            (double)timing->decode_tokens / ((double)timing->decode_ns * 1e-9));
  fprintf(stderr, ", peak %.1f MiB\n", (double)cli_peak_memory() / 1048576.0);
}
