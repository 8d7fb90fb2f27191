/* source.h - a text that an encoder has read: what it left of it for the decoder.
 *
 * It lives apart from any batch, as a sequence does: the hypotheses of a text share it, and
 * steps put those of their rows together.
 *
 *     session_encode   text 0, text 1            source 0, source 1
 *     a step           row 0: source 0, row 1: source 0, row 2: source 1
 *
 * Any thread may hold one; it is constant. */
#ifndef TFM_RUNTIME_SOURCE_H
#define TFM_RUNTIME_SOURCE_H

#include "base/error.h"

#include <stddef.h>

struct source;

/* One more user of it; returns it. */
struct source *source_share(struct source *source);
/* One less: it goes with the last.  Takes NULL. */
void source_release(struct source *source);
/* Bytes that it holds. */
size_t source_bytes(const struct source *source);

#endif
