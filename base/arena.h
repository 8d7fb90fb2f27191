/* arena.h - memory that is freed all at once.
 *
 * A chain of blocks; allocation moves a pointer.  An allocation that fails
 * (no memory, or over the limit) returns NULL and marks the arena; a caller
 * that builds many nodes may check arena_failed() once at the end. */
#ifndef TFM_BASE_ARENA_H
#define TFM_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
  struct arena_block *head;
  size_t used;  /* bytes handed out */
  size_t limit; /* refuse more than this; 0 = none */
  bool failed;
  bool over; /* what failed was over the limit */
};

void arena_init(struct arena *arena, size_t limit);
void arena_finish(struct arena *arena);

/* Zeroed, aligned for any scalar type; NULL on failure.  size 0 is legal. */
void *arena_alloc(struct arena *arena, size_t size);
/* count * size, checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A NUL-terminated copy of length bytes. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 0)))
#endif
    ;
static inline bool arena_failed(const struct arena *arena) {
  return arena->failed;
}

#endif
