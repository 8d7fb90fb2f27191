/* option_tasks.c - options that are for some tasks alone: the names of those tasks, and
 * that an option of another task is refused, since it would do nothing. */
#include "tools/options.h"

#include <string.h>

static bool has(uint32_t tasks, int task) {
  return tasks == 0 || ((tasks >> task) & 1) != 0;
}

void option_tasks_text(uint32_t tasks, const char *last, char out[OPTION_TASKS_TEXT]) {
  size_t at = 0, left = 0;
  for (int task = 1; tfm_task_name(task); task++)
    left += has(tasks, task);
  for (int task = 1; tfm_task_name(task) && at < OPTION_TASKS_TEXT; task++) {
    if (!has(tasks, task))
      continue;
    const char *before = at == 0 ? "" : left == 1 ? last : ", ";
    at += (size_t)snprintf(out + at, OPTION_TASKS_TEXT - at, "%s%s", before, tfm_task_name(task));
    left--;
  }
}

int options_check_task(const struct cli *cli, int task) {
  const struct option_set *set = cli->options;
  char names[OPTION_TASKS_TEXT];
  uint32_t heading = 0;
  for (size_t i = 0; i < set->count; i++) {
    const struct option_row *row = &set->row[i];
    uint32_t tasks = row->tasks ? row->tasks : heading;
    bool given = ((cli->given[i / 64] >> i % 64) & 1) != 0;
    if (row->kind == OPTION_HEADING)
      heading = row->tasks;
    if (row->kind < OPTION_TEXT || !given || has(tasks, task))
      continue;
    option_tasks_text(tasks, " and ", names);
    return cli_usage_error(cli, "--%s is for the task%s %s", row->name,
                           tasks & (tasks - 1) ? "s" : "", names);
  }
  return 0;
}
