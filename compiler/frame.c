/* frame.c - the locals of all open frames, on one stack. */
#include "compiler/frame.h"

#include <string.h>

const struct scope *scope_root(void) {
  static const struct scope root = {NULL, NULL, "", ""};
  return &root;
}

struct local *frame_find(const struct compiler *c, const struct frame *frame, const char *name) {
  for (uint32_t i = frame->first + frame->count; i-- > frame->first;)
    if (strcmp(c->local[i].name, name) == 0)
      return &c->local[i];
  return NULL;
}

void frame_drop(struct compiler *c, struct frame *frame, uint32_t count) {
  frame->count = count;
  c->local_count = frame->first + count;
}

bool frame_bind(struct compiler *c, struct frame *frame, const char *name, struct span span,
                struct value value) {
  void *array = c->local;
  if (!compiler_grow(c, &array, c->local_count, &c->local_room, sizeof *c->local))
    return false;
  c->local = array;
  c->local[c->local_count++] = (struct local){name, value, span};
  frame->count++;
  return true;
}
