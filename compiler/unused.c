/* unused.c - the list of what is left over, each beside the name it may be meant by. */
#include "compiler/unused.h"

#include "compiler/checkpoint.h"
#include "compiler/mention.h"
#include "compiler/report.h"
#include "compiler/tensor.h"

enum { SHOWN_UNUSED = 10 };

static const char *shape_text(struct compiler *c, const struct compile_tensor *tensor) {
  const char *text = "[";
  for (uint32_t i = 0; i < tensor->rank && text != NULL; i++)
    text = compiler_printf(c, "%s%s%lld", text, i > 0 ? "," : "", (long long)tensor->shape[i]);
  return text == NULL ? "" : text;
}

/* A tensor that the file asks for under a name like this one. */
static const char *wanted_near(struct compiler *c, const char *name) {
  const char **names = compiler_alloc(c, c->weight_count, sizeof *names);
  size_t count = 0;
  for (uint32_t i = 0; names != NULL && i < c->weight_count; i++)
    if (c->weight[i].kind == GRAPH_WEIGHT_TENSOR && c->weight[i].tensor == NULL)
      names[count++] = c->weight[i].name;
  return names == NULL ? NULL : diag_nearest(name, names, count);
}

void unused_check(struct compiler *c) {
  const struct checkpoint *k = c->checkpoint;
  const char *list = "";
  uint32_t unused = 0;
  bool *used = compiler_alloc(c, k->count, sizeof *used);
  if (used == NULL)
    return;
  for (uint32_t i = 0; i < c->weight_count; i++)
    if (c->weight[i].tensor != NULL)
      used[c->weight[i].tensor - c->options->tensor] = true;
  for (uint32_t i = 0; i < k->count && !c->stop; i++) {
    const struct entry *entry = &k->entry[i];
    if (entry->ignored || used[i] || mention_has(c, entry->name))
      continue;
    if (++unused > SHOWN_UNUSED || list == NULL)
      continue;
    const char *near = wanted_near(c, entry->name);
    list = compiler_printf(c, "%s\n  `%s` %s]%s%s%s", list, entry->name,
                           shape_text(c, entry->tensor), near == NULL ? "" : ", near `",
                           near == NULL ? "" : near, near == NULL ? "" : "`");
  }
  if (unused == 0 || list == NULL)
    return;
  if (unused > SHOWN_UNUSED)
    list = compiler_printf(c, "%s\n  and %u more", list, unused - SHOWN_UNUSED);
  struct report *r = report_keyed(c, CODE_TENSOR_UNUSED, "unused",
                                  "%u tensor%s of the checkpoint %s used by nothing in the file",
                                  unused, unused == 1 ? "" : "s", unused == 1 ? "is" : "are");
  report_note(c, r, "%s%s", unused == 1 ? "it is" : "they are", list == NULL ? "" : list);
  report_help(c, r, "use them, or name what is not needed: `weights { ignore \"...\" }`");
}
