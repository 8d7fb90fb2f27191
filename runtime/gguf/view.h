/* view.h - a GGUF tensor as a checkpoint's tensor. */
#ifndef TFM_RUNTIME_GGUF_VIEW_H
#define TFM_RUNTIME_GGUF_VIEW_H

#include "runtime/gguf/gguf.h"
#include "runtime/weights.h"

/* All of the file's tensors, file->tensor_count at most, into out; *count says how
 * many.  They live as long as the file. */
int gguf_view(struct gguf *file, struct weights_tensor *out, size_t *count, struct tfm_error *err);

#endif
