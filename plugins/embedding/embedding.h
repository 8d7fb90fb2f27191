/* embedding.h - the ops and kernels of the plugin `embedding`. */
#ifndef TFM_PLUGINS_EMBEDDING_EMBEDDING_H
#define TFM_PLUGINS_EMBEDDING_EMBEDDING_H

#include "tfm/plugin.h"

extern const tfm_op_desc embedding_op;
extern const tfm_kernel_desc embedding_reference;

#endif
