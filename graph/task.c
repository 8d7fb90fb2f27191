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

static const struct task_spelling spellings[] = {
    {"text-generation", GRAPH_TASK_GENERATE},
    {"causal-lm", GRAPH_TASK_GENERATE},
    {"generation", GRAPH_TASK_GENERATE},
    {"fill-mask", GRAPH_TASK_FILL_MASK},
    {"masked-lm", GRAPH_TASK_FILL_MASK},
    {"mask", GRAPH_TASK_FILL_MASK},
    {"text-classification", GRAPH_TASK_CLASSIFY},
    {"sequence-classification", GRAPH_TASK_CLASSIFY},
    {"sentiment-analysis", GRAPH_TASK_CLASSIFY},
    {"classification", GRAPH_TASK_CLASSIFY},
    {"token-classification", GRAPH_TASK_CLASSIFY_TOKENS},
    {"ner", GRAPH_TASK_CLASSIFY_TOKENS},
    {"tags", GRAPH_TASK_CLASSIFY_TOKENS},
    {"question-answering", GRAPH_TASK_QA},
    {"feature-extraction", GRAPH_TASK_EMBED},
    {"sentence-similarity", GRAPH_TASK_EMBED},
    {"embedding", GRAPH_TASK_EMBED},
    {"embeddings", GRAPH_TASK_EMBED},
    {"text-ranking", GRAPH_TASK_RERANK},
    {"reranking", GRAPH_TASK_RERANK},
};

const struct task_spelling *task_spellings(size_t *count) {
  *count = sizeof spellings / sizeof *spellings;
  return spellings;
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
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
    if (same_words(name, spellings[i].name))
      return spellings[i].task;
  return GRAPH_TASK_NONE;
}
