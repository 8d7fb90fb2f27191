/* foreign.h - checkpoints of other kinds, refused with the reason and the way out. */
#ifndef TFM_CHECKPOINT_FOREIGN_H
#define TFM_CHECKPOINT_FOREIGN_H

#include "base/error.h"

#include <stddef.h>

/* By the end of the file's name.  0 = it may be ours. */
int foreign_refuse_name(const char *path, struct tfm_error *err);
/* By its first bytes, whatever it is called. */
int foreign_refuse_bytes(const char *path, const unsigned char *data, size_t size,
                         struct tfm_error *err);
/* A directory where no safetensors were found: 0 = nothing else is there either. */
int foreign_refuse_directory(const char *dir, struct tfm_error *err);

#endif
