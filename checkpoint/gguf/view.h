/* view.h - a GGUF tensor as a checkpoint's tensor. */
#ifndef TFM_CHECKPOINT_GGUF_VIEW_H
#define TFM_CHECKPOINT_GGUF_VIEW_H

#include "checkpoint/gguf/gguf.h"
#include "checkpoint/weights.h"

/* All of the file's tensors, file->tensor_count at most, into out; *count says how
 * many.  They live as long as the file. */
int gguf_view(struct gguf *file, struct weights_tensor *out, size_t *count, struct tfm_error *err);

#endif
