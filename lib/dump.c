/* dump.c - collecting values and writing them as safetensors. */
#include "lib/dump.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/dtype.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int resolve(const struct dump_plan *plan, struct dump_target *target,
                   const struct graph *graph, const tfm_tap *tap, struct tfm_error *err) {
  uint32_t inner;
  if (dump_place(plan, tap->file, &target->file, err) != 0)
    return -1;
  target->name = strdup(tap->tensor ? tap->tensor : tap->value);
  if (!target->name || !target->file)
    return error_oom(err);
  target->value = graph_find_value(graph, tap->value);
  target->node = target->tap = GRAPH_NONE;
  if (target->value != GRAPH_NONE)
    return 0;
  if (graph_find_tap(graph, tap->value, &target->node, &inner)) {
    target->tap = (int32_t)inner;
    return 0;
  }
  error_set(err, TFM_ERROR_USAGE, "the graph has no value `%s` to dump", tap->value);
  error_note(err, "help: tfmc --emit=graph lists the names");
  return -1;
}

int dump_create(struct dump_plan *plan, const struct graph *graph, const tfm_tap *tap, size_t count,
                struct tfm_error *err) {
  plan->target = calloc(count ? count : 1, sizeof *plan->target);
  if (!plan->target)
    return error_oom(err);
  for (size_t i = 0; i < count; i++) {
    plan->target_count = i + 1;
    if (resolve(plan, &plan->target[i], graph, &tap[i], err) != 0)
      return -1;
  }
  return 0;
}

void dump_clear(struct dump *dump) {
  for (size_t i = 0; i < dump->entry_count; i++)
    free(dump->entry[i].tensor.data);
  free(dump->entry);
  dump->entry = NULL;
  dump->entry_count = 0;
}

void dump_plan_finish(struct dump_plan *plan) {
  for (size_t i = 0; i < plan->target_count; i++) {
    free(plan->target[i].name);
    free(plan->target[i].file);
  }
  free(plan->target);
  free(plan->used);
  *plan = (struct dump_plan){0};
}

static int tensor_bytes(const tfm_tensor *tensor, size_t *bytes) {
  *bytes = dtype_size((enum dtype)tensor->dtype);
  for (uint32_t i = 0; i < tensor->rank; i++)
    if (!checked_mul(*bytes, (size_t)tensor->shape[i], bytes))
      return -1;
  return 0;
}

static int add_entry(struct dump *dump, const struct dump_target *target, uint32_t pass,
                     const tfm_tensor *tensor, struct tfm_error *err) {
  struct dump_entry entry = {.target = target, .pass = pass, .tensor = *tensor};
  struct dump_entry *grown = realloc(dump->entry, (dump->entry_count + 1) * sizeof *grown);
  if (!grown)
    return error_oom(err);
  dump->entry = grown;
  if (tensor_bytes(tensor, &entry.size) != 0)
    return error_oom(err);
  entry.tensor.data = malloc(entry.size ? entry.size : 1);
  if (!entry.tensor.data)
    return error_oom(err);
  if (entry.size)
    memcpy(entry.tensor.data, tensor->data, entry.size);
  dump->entry[dump->entry_count++] = entry;
  return 0;
}

int dump_collect(struct dump *dump, uint32_t pass, int32_t value, int32_t node, int32_t tap,
                 const tfm_tensor *tensor, struct tfm_error *err) {
  for (size_t i = 0; i < dump->plan->target_count; i++) {
    const struct dump_target *target = &dump->plan->target[i];
    bool wanted = tap < 0 ? value != GRAPH_NONE && target->value == value
                          : target->tap == tap && target->node == node;
    if (wanted && *dtype_name((enum dtype)tensor->dtype) && dtype_is_tensor((enum dtype)tensor->dtype) &&
        add_entry(dump, target, pass, tensor, err) != 0)
      return -1;
  }
  return 0;
}

static void describe(struct buffer *header, const struct dump_entry *entry, size_t *offset) {
  struct buffer name;
  buffer_init(&name);
  buffer_puts(&name, entry->target->name);
  if (entry->pass)
    buffer_printf(&name, "@%" PRIu32, entry->pass);
  json_quote(header, buffer_text(&name), name.length);
  header->failed = header->failed || name.failed; /* else the name would be a part of it */
  buffer_finish(&name);
  buffer_printf(header, ":{\"dtype\":\"%s\",\"shape\":[",
                dtype_stored((enum dtype)entry->tensor.dtype));
  for (uint32_t i = 0; i < entry->tensor.rank; i++)
    buffer_printf(header, "%s%" PRId64, i ? "," : "", entry->tensor.shape[i]);
  buffer_printf(header, "],\"data_offsets\":[%zu,%zu]}", *offset, *offset + entry->size);
  *offset += entry->size;
}

/* 8 bytes of length, the header padded with spaces, the data. */
static bool write_file(const struct dump *dump, const char *path, FILE *file) {
  struct buffer header;
  size_t offset = 0;
  bool first = true;
  buffer_init(&header);
  buffer_putc(&header, '{');
  for (size_t i = 0; i < dump->entry_count; i++) {
    if (strcmp(dump->entry[i].target->file, path) != 0)
      continue;
    if (!first)
      buffer_putc(&header, ',');
    first = false;
    describe(&header, &dump->entry[i], &offset);
  }
  buffer_puts(&header, first ? "" : ",");
  buffer_puts(&header, dump_mark);
  buffer_putc(&header, '}');
  while (!header.failed && header.length % 8 != 0)
    buffer_putc(&header, ' ');
  unsigned char length[8];
  for (unsigned i = 0; i < 8; i++)
    length[i] = (unsigned char)((uint64_t)header.length >> (8 * i));
  bool ok = !header.failed && fwrite(length, 1, 8, file) == 8 &&
            fwrite(header.data, 1, header.length, file) == header.length;
  buffer_finish(&header);
  for (size_t i = 0; ok && i < dump->entry_count; i++) {
    const struct dump_entry *entry = &dump->entry[i];
    if (strcmp(entry->target->file, path) == 0 && entry->size)
      ok = fwrite(entry->tensor.data, 1, entry->size, file) == entry->size;
  }
  return ok;
}

/* Files beside are named by it: several runs of a model may write at once. */
static atomic_uint written;

static int write_beside(const struct dump *dump, const char *path, const char *place,
                        struct tfm_error *err) {
  struct buffer beside;
  buffer_init(&beside);
  buffer_printf(&beside, "%s.%ld.%u.part", place, (long)getpid(), atomic_fetch_add(&written, 1));
  int descriptor =
      beside.failed ? -1 : open(beside.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
  bool ok = file && write_file(dump, path, file);
  if (file)
    ok = fclose(file) == 0 && ok;
  else if (descriptor >= 0)
    close(descriptor);
  ok = ok && rename(beside.data, place) == 0;
  if (!ok) {
    error_set(err, TFM_ERROR_RUN, "cannot write %s: %s", place, strerror(errno));
    if (descriptor >= 0)
      unlink(beside.data);
  }
  buffer_finish(&beside);
  return ok ? 0 : -1;
}

/* What is there now may not be what was there when the model was opened. */
static int write_place(const struct dump *dump, const char *path, struct tfm_error *err) {
  char *place;
  if (dump_place(dump->plan, path, &place, err) != 0)
    return -1;
  int status = write_beside(dump, path, place, err);
  free(place);
  return status;
}

int dump_write(const struct dump *dump, struct tfm_error *err) {
  const struct dump_plan *plan = dump->plan;
  for (size_t i = 0; i < plan->target_count; i++) {
    bool seen = false;
    for (size_t j = 0; j < i; j++)
      seen = seen || strcmp(plan->target[j].file, plan->target[i].file) == 0;
    if (!seen && write_place(dump, plan->target[i].file, err) != 0)
      return -1;
  }
  return 0;
}
