/* guard.h - mapped files that shrink: an error, not the end of the process.
 *
 * To read a mapped page that the file no longer has raises SIGBUS.  A library
 * must not touch signals, so it only keeps the list of its mappings; a program
 * whose handler hands the address to guard_fault goes on, reads zeros there,
 * and finds the mapping damaged when it looks. */
#ifndef TFM_BASE_GUARD_H
#define TFM_BASE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct guard;

/* Watch over size > 0 mapped bytes.  NULL = out of memory. */
struct guard *guard_add(const void *data, size_t size);
/* Before the bytes are unmapped.  NULL is taken. */
void guard_remove(struct guard *guard);

/* From a SIGBUS handler, of any thread: if the address lies in a guarded
 * mapping, that and all behind it becomes zeros.  False = it does not. */
bool guard_fault(const void *address);

/* Was a part of it lost since guard_add?  NULL = no. */
bool guard_damaged(const struct guard *guard);

#endif
