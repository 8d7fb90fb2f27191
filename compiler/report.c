/* report.c - diagnostics with the calls that led to them. */
#include "compiler/report.h"

#include "compiler/frame.h"

#include <string.h>

/* More than are shown; the rest is counted only, so that a hostile file cannot
 * make the list long. */
enum { REPORT_KEPT = 64, REPORT_CALLS = 3, REPORT_HELPS = 2, REPORT_STEPS = 64 };

/* A call, or a turn of a loop in the body where the chain begins. */
struct call {
  const char *block; /* NULL: the outermost body */
  struct span span;
  const char *loop; /* the innermost loop around it; NULL = none */
  int64_t first, last;
};

struct report {
  unsigned code;
  struct span span;
  const char *key; /* told apart by: the place, or this */
  struct diag_item *item;
  struct call call[REPORT_CALLS];
  unsigned calls;
  const char *help[REPORT_HELPS];
  unsigned helps;
  bool again; /* was there before: labels and notes are there too */
  struct report *next;
};

static void find_calls(const struct frame *frame, struct report *r) {
  for (; frame != NULL && r->calls < REPORT_CALLS; frame = frame->caller) {
    const struct loop *loop = frame->caller != NULL ? frame->caller->loop : NULL;
    struct call call = {.block = frame->block, .span = frame->call};
    if (frame->block == NULL)
      loop = r->calls == 0 ? frame->loop : NULL;
    if (frame->block == NULL && loop == NULL)
      break;
    if (loop != NULL) {
      call.loop = loop->name;
      call.first = call.last = loop->index;
    }
    r->call[r->calls++] = call;
  }
}

/* The same mistake in another turn. */
static void see_again(struct report *r, const struct frame *frame) {
  struct report now = {0};
  find_calls(frame, &now);
  for (unsigned i = 0; i < r->calls && i < now.calls; i++)
    if (r->call[i].loop != NULL && now.call[i].loop != NULL && now.call[i].first > r->call[i].last)
      r->call[i].last = now.call[i].first;
}

bool report_enough(const struct compiler *c) {
  return c->report_count >= REPORT_KEPT;
}

static struct report *find(struct compiler *c, unsigned code, struct span span, const char *key) {
  for (struct report *r = c->reports; r != NULL; r = r->next) {
    if (r->code != code)
      continue;
    if (key != NULL ? r->key != NULL && strcmp(r->key, key) == 0
                    : r->key == NULL && r->span.source == span.source &&
                          r->span.begin == span.begin && r->span.end == span.end)
      return r;
  }
  return NULL;
}

static struct report *make(struct compiler *c, unsigned code, struct span span, const char *key,
                           const char *format, va_list args) {
  static _Thread_local struct report lost; /* when memory is out */
  struct report *r = find(c, code, span, key);
  c->steps += REPORT_STEPS; /* the next step tells when they are too many */
  if (r != NULL) {
    see_again(r, c->frame);
    r->again = true;
    return r;
  }
  if (report_enough(c)) {
    diag_report(c->diag, DIAG_ERROR, code, span, "more");
    lost = (struct report){.again = true};
    return &lost;
  }
  char *summary = arena_vprintf(c->arena, format, args);
  r = arena_alloc(c->arena, sizeof *r);
  if (r == NULL || summary == NULL) {
    compiler_oom(c);
    lost = (struct report){.again = true};
    return &lost;
  }
  r->code = code;
  r->span = span;
  r->key = key;
  r->item = diag_report(c->diag, DIAG_ERROR, code, span, "%s", summary);
  find_calls(c->frame, r);
  r->next = c->reports;
  c->reports = r;
  c->report_count++;
  return r;
}

struct report *report(struct compiler *c, unsigned code, struct span span, const char *format,
                      ...) {
  va_list args;
  va_start(args, format);
  struct report *r = make(c, code, span, NULL, format, args);
  va_end(args);
  return r;
}

struct report *report_keyed(struct compiler *c, unsigned code, const char *key, const char *format,
                            ...) {
  va_list args;
  va_start(args, format);
  struct report *r = make(c, code, SPAN_NONE, key, format, args);
  va_end(args);
  return r;
}

struct report *report_keyed_at(struct compiler *c, unsigned code, struct span span, const char *key,
                               const char *format, ...) {
  va_list args;
  va_start(args, format);
  struct report *r = make(c, code, SPAN_NONE, key, format, args);
  if (!r->again) /* the place comes later: two of one place are not one */
    r->item->label[0].span = span;
  va_end(args);
  return r;
}

/* The text of a label or note; NULL when it is not wanted. */
static const char *text(struct compiler *c, const struct report *r, const char *format,
                        va_list args) {
  if (r->again)
    return NULL;
  const char *made = arena_vprintf(c->arena, format, args);
  if (made == NULL)
    compiler_oom(c);
  return made;
}

void report_primary(struct compiler *c, struct report *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *made = text(c, r, format, args);
  va_end(args);
  if (made != NULL)
    diag_primary(c->diag, r->item, "%s", made);
}

void report_label(struct compiler *c, struct report *r, struct span span, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *made = text(c, r, format, args);
  va_end(args);
  if (made != NULL)
    diag_label(c->diag, r->item, span, "%s", made);
}

void report_note(struct compiler *c, struct report *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *made = text(c, r, format, args);
  va_end(args);
  if (made != NULL)
    diag_note(c->diag, r->item, "%s", made);
}

void report_help(struct compiler *c, struct report *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *made = text(c, r, format, args);
  va_end(args);
  if (made != NULL && r->helps < REPORT_HELPS)
    r->help[r->helps++] = made;
}

void report_nearest(struct compiler *c, struct report *r, const char *what, const char *name,
                    const char *const *candidates, size_t count) {
  const char *nearest = diag_nearest(name, candidates, count);
  if (nearest != NULL)
    report_help(c, r, "%s with a similar name exists: `%s`", what, nearest);
}

static const char *turns_text(struct compiler *c, const struct call *call) {
  if (call->loop == NULL)
    return "";
  const char *made;
  if (call->last > call->first + 1)
    made =
        compiler_printf(c, " (%s = %lld; the same for %lld..%lld)", call->loop,
                        (long long)call->first, (long long)call->first + 1, (long long)call->last);
  else if (call->last == call->first + 1)
    made = compiler_printf(c, " (%s = %lld; the same for %lld)", call->loop, (long long)call->first,
                           (long long)call->last);
  else
    made = compiler_printf(c, " (%s = %lld)", call->loop, (long long)call->first);
  return made == NULL ? "" : made;
}

static void add_calls(struct compiler *c, struct report *r) {
  for (unsigned i = 0; i < r->calls; i++) {
    const struct call *call = &r->call[i];
    const char *turns = turns_text(c, call);
    unsigned line, column;
    if (call->block == NULL) {
      diag_note(c->diag, r->item, "in a repeat%s", turns);
      continue;
    }
    diag_position(c->diag, call->span, &line, &column);
    diag_note(c->diag, r->item, "in `%s`, called at %u:%u%s", call->block, line, column, turns);
  }
}

void report_flush(struct compiler *c) {
  for (struct report *r = c->reports; r != NULL; r = r->next) {
    add_calls(c, r);
    for (unsigned i = 0; i < r->helps; i++)
      diag_help(c->diag, r->item, "%s", r->help[i]);
  }
  c->reports = NULL;
}
