/* rows_base.c - rows.h for any processor. */
#include "plugins/norm/rows.h"
