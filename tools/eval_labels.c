/* eval_labels.c - how well a classifier does on lines of label, tab, text. */
#include "tools/eval.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static double share(uint64_t part, uint64_t whole) {
  return whole ? (double)part / (double)whole : 0;
}

/* The names of all labels come with any answer. */
static int learn_labels(struct eval *eval, const struct eval_line *line) {
  tfm_input input = {.struct_size = sizeof input, .ids = line->ids, .id_count = line->id_count};
  tfm_result *result;
  if (tfm_model_run(eval->model, &input, 1, NULL, &result, eval->error) != 0)
    return cli_fail(eval->cli, eval->error);
  const tfm_place *place = tfm_result_answer(result, 0)->place;
  size_t count = place->choice_count;
  eval->label = calloc(count + 1, sizeof *eval->label);
  eval->confusion = calloc(count * count + 1, sizeof *eval->confusion);
  bool ok = eval->label && eval->confusion;
  for (size_t i = 0; ok && i < count; i++) {
    char **name = &eval->label[place->choice[i].id];
    *name = strdup(place->choice[i].text);
    ok = *name != NULL;
  }
  eval->label_count = eval->label ? count : 0;
  tfm_result_destroy(result);
  return ok ? 0 : eval_no_memory(eval);
}

/* By name, else by number; -1 = there is no such label. */
static int32_t find_label(const struct eval *eval, const char *text, size_t length) {
  for (size_t i = 0; i < eval->label_count; i++)
    if (strlen(eval->label[i]) == length && memcmp(eval->label[i], text, length) == 0)
      return (int32_t)i;
  char *end;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  bool whole = length && text[0] >= '0' && text[0] <= '9' && end == text + length && !errno;
  return whole && number < eval->label_count ? (int32_t)number : -1;
}

static int read_label(struct eval *eval, struct eval_line *line, size_t length) {
  line->label = find_label(eval, line->text, length);
  if (line->label >= 0)
    return 0;
  char excerpt[CLI_EXCERPT];
  eval_line_error(eval, line, TFM_CODE_USAGE, "the model has no label '%s'",
                  cli_excerpt(line->text, length, excerpt));
  fputs("  expected:", stderr);
  for (size_t i = 0; i < eval->label_count && i < 20; i++) {
    fputs(i ? ", " : " ", stderr);
    cli_escaped(stderr, eval->label[i]);
  }
  fputs(eval->label_count > 20 ? ", ...\n" : "\n", stderr);
  return TFM_CODE_USAGE;
}

static int label_prepare(struct eval *eval, struct eval_line *line) {
  const char *tab = memchr(line->text, '\t', line->length);
  size_t *kept = NULL;
  tfm_encoding *encoding = NULL;
  if (!tab)
    return eval_line_error(eval, line, TFM_CODE_USAGE, "there is no tab between label and text");
  size_t length = (size_t)(tab - line->text), rest = line->length - length - 1;
  int status = eval_encode(eval, line, tab + 1, rest, &encoding);
  if (status == 0)
    status = eval_cut(eval, line, encoding, &kept);
  if (status == 0)
    line->tokens = line->id_count;
  if (status == 0 && !eval->label && line->id_count)
    status = learn_labels(eval, line);
  if (status == 0 && line->id_count)
    status = read_label(eval, line, length);
  line->target_count = status == 0 && line->id_count && strspn(tab + 1, " \t") < rest;
  tfm_encoding_destroy(encoding);
  free(kept);
  return status;
}

static int label_run(struct eval *eval, struct eval_line *const *line, size_t count) {
  tfm_input *input = calloc(count, sizeof *input);
  tfm_result *result = NULL;
  int status = input ? 0 : eval_no_memory(eval);
  for (size_t i = 0; status == 0 && i < count; i++)
    input[i] = (tfm_input){
        .struct_size = sizeof(tfm_input), .ids = line[i]->ids, .id_count = line[i]->id_count};
  if (status == 0 && tfm_model_run(eval->model, input, count, NULL, &result, eval->error) != 0)
    status = cli_fail(eval->cli, eval->error);
  for (size_t i = 0; status == 0 && i < count; i++)
    line[i]->guess = tfm_result_answer(result, i)->place[0].choice[0].id;
  tfm_result_destroy(result);
  free(input);
  return status;
}

static void label_add(struct eval *eval, const struct eval_line *line) {
  eval->confusion[(size_t)line->label * eval->label_count + (size_t)line->guess]++;
}

/* What the confusion matrix says of one label. */
struct label_figures {
  uint64_t lines, guessed, right;
  double precision, recall, f1;
};

static struct label_figures label_figures(const struct eval *eval, size_t label) {
  struct label_figures f = {0};
  size_t n = eval->label_count;
  for (size_t i = 0; i < n; i++) {
    f.lines += eval->confusion[label * n + i];
    f.guessed += eval->confusion[i * n + label];
  }
  f.right = eval->confusion[label * n + label];
  f.precision = share(f.right, f.guessed);
  f.recall = share(f.right, f.lines);
  f.f1 = share(2 * f.right, f.lines + f.guessed);
  return f;
}

/* Of all labels: a mean of recalls is over labels that occur, a mean of F1 over
 * those that occur or were given. */
struct total_figures {
  double accuracy, balanced, macro_f1;
};

static struct total_figures total_figures(const struct eval *eval) {
  uint64_t right = 0, occur = 0, seen = 0;
  double recalls = 0, f1s = 0;
  for (size_t i = 0; i < eval->label_count; i++) {
    struct label_figures f = label_figures(eval, i);
    right += f.right;
    occur += f.lines > 0;
    seen += f.lines > 0 || f.guessed > 0;
    recalls += f.recall;
    f1s += f.f1;
  }
  return (struct total_figures){share(right, eval->sums.lines), occur ? recalls / (double)occur : 0,
                                seen ? f1s / (double)seen : 0};
}

static void label_print(const struct eval *eval) {
  struct total_figures total = total_figures(eval);
  printf("accuracy               %.4f\n", total.accuracy);
  printf("balanced accuracy      %.4f\n", total.balanced);
  printf("macro F1               %.4f\n", total.macro_f1);
  printf("\nprecision  recall  F1      lines  label\n");
  for (size_t i = 0; i < eval->label_count; i++) {
    struct label_figures f = label_figures(eval, i);
    printf("%.4f     %.4f  %.4f  %5" PRIu64 "  ", f.precision, f.recall, f.f1, f.lines);
    cli_escaped(stdout, eval->label[i]);
    putchar('\n');
  }
  printf("\nconfusion: a row a label, a column a guess, in the same order\n");
  for (size_t i = 0; i < eval->label_count; i++) {
    for (size_t j = 0; j < eval->label_count; j++)
      printf("%8" PRIu64, eval->confusion[i * eval->label_count + j]);
    fputs("  ", stdout);
    cli_escaped(stdout, eval->label[i]);
    putchar('\n');
  }
  putchar('\n');
}

static json_t *label_value(const struct eval *eval, size_t label) {
  struct label_figures f = label_figures(eval, label);
  json_t *name = json_string(eval->label[label]);
  json_t *value = json_object();
  json_object_set_new(value, "label", name ? name : json_string(""));
  json_object_set_new(value, "lines", json_integer((json_int_t)f.lines));
  json_object_set_new(value, "precision", json_real(f.precision));
  json_object_set_new(value, "recall", json_real(f.recall));
  json_object_set_new(value, "f1", json_real(f.f1));
  return value;
}

static void label_json(const struct eval *eval, json_t *out) {
  struct total_figures total = total_figures(eval);
  json_t *labels = json_array(), *confusion = json_array();
  json_object_set_new(out, "accuracy", json_real(total.accuracy));
  json_object_set_new(out, "balanced_accuracy", json_real(total.balanced));
  json_object_set_new(out, "macro_f1", json_real(total.macro_f1));
  for (size_t i = 0; i < eval->label_count; i++) {
    json_t *row = json_array();
    json_array_append_new(labels, label_value(eval, i));
    for (size_t j = 0; j < eval->label_count; j++)
      json_array_append_new(row,
                            json_integer((json_int_t)eval->confusion[i * eval->label_count + j]));
    json_array_append_new(confusion, row);
  }
  json_object_set_new(out, "labels", labels);
  json_object_set_new(out, "confusion", confusion);
}

static int label_start(struct eval *eval) {
  (void)eval;
  return 0;
}

const struct eval_measure eval_classify = {TFM_TASK_CLASSIFY, label_start, label_prepare, label_run,
                                           label_add,         label_print, label_json};
