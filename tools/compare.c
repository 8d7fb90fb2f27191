/* compare.c - tfmrun --compare: the values of a run beside those of a reference run, one a
 * line in the order in which they are computed, and the first that is another. */
#include "tools/compare.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Two runs in f32 that sum in another order are this far apart at most, as a part of the
 * largest element of the reference. */
static const double APART = 1e-4;

static bool parts(const tfm_difference *d) {
  double large = d->largest > 1e-3 ? d->largest : 1e-3;
  return d->comparable && !(d->most <= APART * large);
}

/* Without the folders before the file's name. */
static const char *place(const tfm_difference *d) {
  const char *slash = strrchr(d->place, '/');
  return slash ? slash + 1 : d->place;
}

static void print_line(const tfm_difference *d) {
  if (d->comparable)
    printf("%9.2g  ", d->most);
  else
    printf("%9s  ", "-");
  printf("%-20s  ", place(d));
  cli_answer(d->value, strlen(d->value));
  if (strcmp(d->value, d->reference) != 0) {
    fputs(" = ", stdout);
    cli_answer(d->reference, strlen(d->reference));
  }
  puts(!d->comparable ? "  (another shape)" : parts(d) ? "  <-" : "");
}

static void print_first(const tfm_difference *list, size_t count, const tfm_difference *first) {
  size_t same = 0;
  for (size_t i = 0; i < count && &list[i] != first; i++)
    same += list[i].comparable;
  if (!first) {
    if (same)
      printf("all %zu values agree\n", same);
    else
      puts("no value can be compared: the run read something else than the reference run");
    return;
  }
  printf("%zu of %zu values agree; the first that does not is `", same, count);
  cli_answer(first->value, strlen(first->value));
  printf("`%s%s: element %" PRIu64 " is %g, and %g in the reference\n", *first->place ? ", " : "",
         place(first), first->at, first->here, first->there);
}

/* NaN is null: JSON has no word for it. */
static json_t *number(double x) {
  return isfinite(x) ? json_real(x) : json_null();
}

static bool print_json(const tfm_difference *list, size_t count, const tfm_difference *first) {
  json_t *values = json_array();
  for (size_t i = 0; i < count; i++) {
    const tfm_difference *d = &list[i];
    json_t *one = json_pack("{s:s, s:s, s:s, s:b}", "value", d->value, "reference", d->reference,
                            "place", d->place, "comparable", d->comparable);
    if (d->comparable) {
      json_object_set_new(one, "difference", number(d->most));
      json_object_set_new(one, "largest", number(d->largest));
      json_object_set_new(one, "element", json_integer((json_int_t)d->at));
      json_object_set_new(one, "here", number(d->here));
      json_object_set_new(one, "there", number(d->there));
    }
    json_array_append_new(values, one);
  }
  json_t *all = json_pack("{s:o, s:o}", "values", values, "first",
                          first ? json_string(first->value) : json_null());
  char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
  if (text)
    puts(text);
  free(text);
  json_decref(all);
  return text != NULL;
}

int compare_run(struct job *job, const tfm_input *input, size_t count) {
  const struct options *o = job->options;
  tfm_run_options run = o->run;
  tfm_result *result = NULL;
  const tfm_difference *list, *first = NULL;
  if (job->info.task == TFM_TASK_GENERATE) {
    run.max_new_tokens = 1;
    run.ignore_stop = 1;
  } else {
    run.flags |= TFM_RUN_PASS_ONLY;
  }
  if (tfm_model_run(job->model, input, count, &run, &result, job->error) != 0)
    return cli_fail(job->cli, job->error);
  size_t differences = tfm_result_differences(result, &list), comparable = 0;
  cli_clear(job->cli);
  for (size_t i = 0; i < differences; i++) {
    comparable += list[i].comparable;
    first = first || !parts(&list[i]) ? first : &list[i];
    if (!o->json)
      print_line(&list[i]);
  }
  bool told = true;
  if (o->json)
    told = print_json(list, differences, first);
  else
    print_first(list, differences, first);
  tfm_result_destroy(result);
  return !told ? cli_no_memory(job->cli) : first || !comparable ? TFM_CODE_RUN : 0;
}
