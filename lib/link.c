/* link.c - how a classifier's raw output becomes the score that is shown. */
#include "lib/link.h"

#include "graph/attr.h"
#include "runtime/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A text of the head's attributes; NULL = it states none.  -1: it is no text. */
static int find_text(const struct graph *graph, const char *name, const char **out,
                     struct tfm_error *err) {
  const tfm_attr *attr = attr_find(graph->task_attr, graph->task_attr_count, name);
  *out = attr ? attr->text : NULL;
  if (attr && attr->kind != TFM_ATTR_STR)
    return error_set(err, TFM_ERROR_CHECKPOINT, "`%s` of the head `%s` is not a string", name,
                     graph->head);
  return 0;
}

int link_of_problem(const struct graph *graph, size_t labels, enum link *out,
                    struct tfm_error *err) {
  const char *problem;
  if (find_text(graph, "problem", &problem, err) != 0)
    return -1;
  *out = labels == 1 ? LINK_SIGMOID : LINK_SOFTMAX;
  if (!problem)
    return 0;
  if (strcmp(problem, "single_label_classification") == 0) {
    if (labels != 1)
      return 0;
    error_set(err, TFM_ERROR_CHECKPOINT,
              "the problem type single_label_classification needs more than one label");
    error_note(err, "help: of one label it is regression, or nothing is said");
    return -1;
  }
  *out = strcmp(problem, "regression") == 0 ? LINK_IDENTITY : LINK_SIGMOID;
  if (*out == LINK_IDENTITY || strcmp(problem, "multi_label_classification") == 0)
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "the problem type `%.64s` is not known", problem);
  error_note(err, "expected: regression, single_label_classification or "
                  "multi_label_classification, as problem_type of config.json");
  return -1;
}

int link_of_activation(const struct graph *graph, enum link *out, struct tfm_error *err) {
  static const struct {
    const char *name;
    enum link link;
  } known[] = {{"Sigmoid", LINK_SIGMOID}, {"Identity", LINK_IDENTITY}, {"Tanh", LINK_TANH}};
  const char *name;
  if (find_text(graph, "activation", &name, err) != 0)
    return -1;
  *out = LINK_SIGMOID;
  if (!name)
    return 0;
  const char *last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strncmp(name, "torch.nn.", 9) == 0 && strcmp(known[i].name, last) == 0) {
      *out = known[i].link;
      return 0;
    }
  error_set(err, TFM_ERROR_CHECKPOINT, "the activation `%.128s` is not supported", name);
  error_note(err, "expected: torch.nn's Sigmoid, Identity or Tanh, as activation_fn");
  return -1;
}

/* The width of the logits; 0 = not known before it runs. */
static size_t count_labels(const struct graph *graph) {
  int64_t labels = 0;
  for (uint32_t i = 0; i < graph->output_count; i++) {
    const struct type *type = &graph->value[graph->output[i].value].type;
    if (strcmp(graph->output[i].name, "logits") == 0 && type->rank > 0 &&
        !dim_is_number(&type->shape[type->rank - 1], &labels))
      labels = 0;
  }
  return labels > 0 ? (size_t)labels : 0;
}

/* Is it "0", "1" ... of so many labels? */
static bool is_number_of(const char *name, size_t labels) {
  size_t length = strspn(name, "0123456789");
  return length > 0 && length < 10 && name[length] == '\0' && (*name != '0' || length == 1) &&
         strtoul(name, NULL, 10) < labels;
}

/* Each label has one name, a text or a whole number: there are as many as labels, and the
 * keys of an object are unlike each other. */
static int check_name(const tfm_attr *item, bool object, size_t labels, struct tfm_error *err) {
  bool key = !object || is_number_of(item->name, labels);
  if (key && (item->kind == TFM_ATTR_STR || item->kind == TFM_ATTR_INT))
    return 0;
  if (key)
    error_set(err, TFM_ERROR_CHECKPOINT, "the name of a label is no text%s%.64s",
              object ? ": " : "", object ? item->name : "");
  else
    error_set(err, TFM_ERROR_CHECKPOINT, "`%.64s` is not the number of a label: they are 0 to %zu",
              item->name, labels - 1);
  error_note(err, "help: id2label of config.json names each label of the checkpoint");
  return -1;
}

/* As many names as labels, where there are names. */
static int check_names(const struct graph *graph, size_t labels, struct tfm_error *err) {
  const tfm_attr *attr = attr_find(graph->task_attr, graph->task_attr_count, "labels");
  if (!attr || labels == 0 || (attr->kind != TFM_ATTR_LIST && attr->kind != TFM_ATTR_OBJECT))
    return 0;
  if (attr->count != labels) {
    error_set(err, TFM_ERROR_CHECKPOINT, "%u labels have names, the classifier has %zu",
              (unsigned)attr->count, labels);
    error_note(err, "help: id2label of config.json names each label of the checkpoint");
    return -1;
  }
  for (uint32_t i = 0; i < attr->count; i++)
    if (check_name(attr->item[i], attr->kind == TFM_ATTR_OBJECT, labels, err) != 0)
      return -1;
  return 0;
}

int link_check(const struct graph *graph, struct tfm_error *err) {
  enum link ignored;
  size_t labels = count_labels(graph);
  switch (graph->task) {
  case GRAPH_TASK_CLASSIFY:
    return check_names(graph, labels, err) != 0 ? -1
                                                : link_of_problem(graph, labels, &ignored, err);
  case GRAPH_TASK_CLASSIFY_TOKENS:
    return check_names(graph, labels, err);
  case GRAPH_TASK_RERANK:
    return link_of_activation(graph, &ignored, err);
  default:
    return 0;
  }
}

int link_apply(enum link link, const float *logit, size_t count, float *score,
               struct tfm_error *err) {
  if (link == LINK_SOFTMAX)
    return sample_softmax(logit, count, score, err);
  for (size_t i = 0; i < count; i++) {
    double x = logit[i];
    score[i] = link == LINK_SIGMOID ? (float)(1 / (1 + exp(-x)))
               : link == LINK_TANH  ? (float)tanh(x)
                                    : logit[i];
  }
  return 0;
}
