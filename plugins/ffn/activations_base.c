/* activations_base.c - activations.h for any processor. */
#include "plugins/ffn/activations.h"
