/* stop_text.h - texts at which generated text ends. */
#ifndef TFM_LIB_STOP_TEXT_H
#define TFM_LIB_STOP_TEXT_H

#include "base/error.h"
#include "tfm/tfm.h"

#include <stdbool.h>
#include <stddef.h>

/* Each is UTF-8 of 1 to STOP_TEXT_MAX bytes (TFM_ERROR_USAGE). */
enum { STOP_TEXT_MAX = 4096 };
int stop_text_check(const tfm_run_options *options, bool has_tokenizer, struct tfm_error *err);

/* Where the first of them that is complete in text begins; SIZE_MAX = none is.  The
 * first `before` bytes were searched already.  Which it is does not depend on how the
 * text came in: the one that ends first, of these the one that begins first. */
size_t stop_text_find(const tfm_run_options *options, const char *text, size_t length,
                      size_t before);

/* How many bytes at the end of text may be the beginning of one. */
size_t stop_text_held(const tfm_run_options *options, const char *text, size_t length);

#endif
