/* arena.c - a chain of zeroed blocks.
 *
 *     head -> [header|####......] -> [header|########] -> NULL
 *                         ^ next allocation
 *
 * A request that is large for a block gets one of its own, put behind the
 * head so that the head's free room is not lost. */
#include "base/arena.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 4 * 1024, BLOCK_SIZE = 64 * 1024, LARGE_SIZE = BLOCK_SIZE / 4 };

struct arena_block {
  struct arena_block *next;
  size_t used, size; /* bytes of data */
  _Alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *arena, size_t limit) {
  *arena = (struct arena){.limit = limit};
}

void arena_finish(struct arena *arena) {
  for (struct arena_block *block = arena->head; block != NULL;) {
    struct arena_block *next = block->next;
    free(block);
    block = next;
  }
  arena_init(arena, arena->limit);
}

static void *fail(struct arena *arena) {
  arena->failed = true;
  return NULL;
}

/* Blocks double up to BLOCK_SIZE: an arena that lives for a short call is cheap. */
static size_t next_size(const struct arena *arena, size_t size) {
  size_t next = arena->head == NULL ? FIRST_SIZE : arena->head->size * 2;
  while (next < size)
    next *= 2;
  return next > BLOCK_SIZE ? BLOCK_SIZE : next;
}

static struct arena_block *add_block(struct arena *arena, size_t size) {
  bool large = size > LARGE_SIZE;
  size_t total;
  if (!checked_add(sizeof(struct arena_block), large ? size : next_size(arena, size), &total))
    return NULL;
  struct arena_block *block = calloc(1, total);
  if (block == NULL)
    return NULL;
  block->size = total - sizeof *block;
  struct arena_block **link = large && arena->head != NULL ? &arena->head->next : &arena->head;
  block->next = *link;
  *link = block;
  return block;
}

void *arena_alloc(struct arena *arena, size_t size) {
  size_t rounded, used, align = _Alignof(max_align_t);
  if (!checked_add(size == 0 ? 1 : size, align - 1, &rounded))
    return fail(arena);
  rounded &= ~(align - 1);
  if (!checked_add(arena->used, rounded, &used))
    return fail(arena);
  if (arena->limit != 0 && used > arena->limit) {
    arena->over = true;
    return fail(arena);
  }
  struct arena_block *block = arena->head;
  if (block == NULL || block->size - block->used < rounded)
    block = add_block(arena, rounded);
  if (block == NULL)
    return fail(arena);
  void *result = block->data + block->used;
  block->used += rounded;
  arena->used = used;
  return result;
}

void *arena_array(struct arena *arena, size_t count, size_t size) {
  size_t total;
  return checked_mul(count, size, &total) ? arena_alloc(arena, total) : fail(arena);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length) {
  size_t size;
  if (!checked_add(length, 1, &size))
    return fail(arena);
  char *copy = arena_alloc(arena, size);
  if (copy != NULL && length > 0)
    memcpy(copy, text, length);
  return copy;
}

char *arena_strdup(struct arena *arena, const char *text) {
  return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (length < 0)
    return fail(arena);
  size_t size = (size_t)length + 1;
  char *text = arena_alloc(arena, size);
  if (text != NULL)
    vsnprintf(text, size, format, args);
  return text;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = arena_vprintf(arena, format, args);
  va_end(args);
  return text;
}
