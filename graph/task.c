/* task.c - the table of tasks. */
#include "graph/task.h"

#include <string.h>

static const struct task_info tasks[] = {
    {.name = "none", .attributes = ""},
#define TASK(ID, NAME, ATTRIBUTES, ...)                                                            \
  {.name = #NAME, .attributes = ATTRIBUTES, .result = {__VA_ARGS__}},
#include "graph/task.def"
#undef TASK
};

const struct task_info *task_info(enum graph_task task) {
  return (unsigned)task < GRAPH_TASK_COUNT ? &tasks[task] : &tasks[GRAPH_TASK_NONE];
}

const char *graph_task_name(enum graph_task task) {
  return task_info(task)->name;
}

enum graph_task graph_task_from_name(const char *name) {
  for (unsigned i = 0; i < GRAPH_TASK_COUNT; i++)
    if (strcmp(tasks[i].name, name) == 0)
      return (enum graph_task)i;
  return GRAPH_TASK_NONE;
}

const struct task_result *task_result(enum graph_task task, const char *name) {
  const struct task_info *info = task_info(task);
  for (unsigned i = 0; i < TASK_RESULTS && info->result[i].name; i++)
    if (strcmp(info->result[i].name, name) == 0)
      return &info->result[i];
  return NULL;
}

bool task_has_attribute(enum graph_task task, const char *name) {
  const char *at = task_info(task)->attributes;
  size_t length = strlen(name);
  while (*at) {
    size_t word = strcspn(at, " ");
    if (word == length && memcmp(at, name, length) == 0)
      return true;
    at += word + (at[word] == ' ');
  }
  return false;
}

unsigned task_shape_rank(const char *shape, bool longest) {
  unsigned rank = 0, optional = 0;
  for (; *shape; shape++) {
    optional += *shape == '?';
    rank += *shape != '?';
  }
  return longest ? rank : rank - optional;
}

void task_shape_print(const char *shape, char out[TASK_SHAPE_TEXT]) {
  size_t at = 0;
  out[at++] = '[';
  for (; *shape && at + 5 < TASK_SHAPE_TEXT; shape++) {
    if (*shape == '?')
      continue;
    if (at > 1) {
      out[at++] = ',';
      out[at++] = ' ';
    }
    out[at++] = *shape == 't' ? 'T' : *shape;
  }
  out[at++] = ']';
  out[at] = '\0';
}
