/* large.h - memory for tables of many megabytes that are filled at once.
 *
 * The kernel is asked for huge pages: a page fault for each 4 KiB takes longer than
 * filling them. */
#ifndef TFM_BASE_LARGE_H
#define TFM_BASE_LARGE_H

#include <stddef.h>

/* As malloc, with free() to free. */
void *large_alloc(size_t size);
/* count * size, checked, and zeroed. */
void *large_zeroed(size_t count, size_t size);

#endif
