/* task.c - the table of tasks. */
#include "graph/task.h"

#include <string.h>

static const struct task_info tasks[] = {
    {.name = "none", .attributes = ""},
#define ALSO(...)                                                                                  \
  { __VA_ARGS__ }
#define TASK(ID, NAME, NAMES, ATTRIBUTES, ...)                                                     \
  {.name = #NAME, .also = NAMES, .attributes = ATTRIBUTES, .result = {__VA_ARGS__}},
#include "graph/task.def"
#undef TASK
#undef ALSO
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

/* '-' for '_', and a small letter for a capital one. */
static char plain(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

static bool same_words(const char *a, const char *b) {
  while (*a && plain(*a) == plain(*b))
    a++, b++;
  return plain(*a) == plain(*b);
}

enum graph_task task_from_spelling(const char *name) {
  for (unsigned i = GRAPH_TASK_NONE + 1; i < GRAPH_TASK_COUNT; i++)
    if (same_words(name, tasks[i].name))
      return (enum graph_task)i;
  for (unsigned i = GRAPH_TASK_NONE + 1; i < GRAPH_TASK_COUNT; i++)
    for (unsigned k = 0; k < TASK_NAMES && tasks[i].also[k]; k++)
      if (same_words(name, tasks[i].also[k]))
        return (enum graph_task)i;
  return GRAPH_TASK_NONE;
}
