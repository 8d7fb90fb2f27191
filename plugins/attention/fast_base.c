/* fast_base.c - attention_fast.h and rope_fast.h for any processor. */
#include "plugins/attention/attention_fast.h"
#include "plugins/attention/rope_fast.h"
