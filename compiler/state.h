/* state.h - which op uses which layer of a state. */
#ifndef TFM_COMPILER_STATE_H
#define TFM_COMPILER_STATE_H

#include "compiler/compiler.h"

/* Each layer of a state is used by one op.  Reports. */
void state_check(struct compiler *c);
/* The same as far as it is known without config.json, before any head is expanded. */
void state_check_known(struct compiler *c);

#endif
