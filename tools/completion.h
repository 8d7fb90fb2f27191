/* completion.h - what a shell needs to complete a program's options. */
#ifndef TFM_TOOLS_COMPLETION_H
#define TFM_TOOLS_COMPLETION_H

#include "tools/options.h"

/* A script for the shell ("bash", "zsh") on standard output, of rows without
 * OPTION_SHARED; false = nothing is known of the shell. */
bool completion_print(const char *shell, const char *program, const struct option_row *row,
                      size_t count);

#endif
