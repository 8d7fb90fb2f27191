/* report.h - a diagnostic with where the expansion was when it arose.
 *
 * A mistake in a block comes back in each layer.  It is reported once, at its
 * place in the text, and the note says which calls led there and for which
 * turns of the loop:
 *
 *     = note: in `layer`, called at 34:23 (i = 0; the same for 1..11)
 *
 * These notes are known only at the end, so they are added by report_flush. */
#ifndef TFM_COMPILER_REPORT_H
#define TFM_COMPILER_REPORT_H

#include "compiler/compiler.h"

/* What report() returns; its functions take it in turn.  Never NULL. */
struct report;

struct report *report(struct compiler *c, unsigned code, struct span span, const char *format, ...)
    TFM_PRINTF(4, 5);
/* One without a place in the text that is told apart by key instead. */
struct report *report_keyed(struct compiler *c, unsigned code, const char *key, const char *format,
                            ...) TFM_PRINTF(4, 5);
/* The same, and it has a place: several of one place may differ by their key. */
struct report *report_keyed_at(struct compiler *c, unsigned code, struct span span, const char *key,
                               const char *format, ...) TFM_PRINTF(5, 6);
void report_primary(struct compiler *c, struct report *r, const char *format, ...) TFM_PRINTF(3, 4);
void report_label(struct compiler *c, struct report *r, struct span span, const char *format, ...)
    TFM_PRINTF(4, 5);
void report_note(struct compiler *c, struct report *r, const char *format, ...) TFM_PRINTF(3, 4);
/* Shown after all notes. */
void report_help(struct compiler *c, struct report *r, const char *format, ...) TFM_PRINTF(3, 4);
/* The help "did you mean" if a candidate is near. */
void report_nearest(struct compiler *c, struct report *r, const char *what, const char *name,
                    const char *const *candidates, size_t count);
/* So many are there that nobody will see another: no need to find help for it. */
bool report_enough(const struct compiler *c);
void report_flush(struct compiler *c);

#endif
