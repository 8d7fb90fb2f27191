/* type.h - GGUF's types that are not read.  Those that are have a row in base/format.def. */
#ifndef TFM_CHECKPOINT_GGUF_TYPE_H
#define TFM_CHECKPOINT_GGUF_TYPE_H

#include <stdint.h>

/* Its name; NULL = unknown, or read. */
const char *gguf_type_unread(uint32_t number);

#endif
