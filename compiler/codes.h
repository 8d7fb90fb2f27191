/* codes.h - the compiler's diagnostic codes, by name: CODE_SYNTAX is 110. */
#ifndef TFM_COMPILER_CODES_H
#define TFM_COMPILER_CODES_H

enum code {
#define X(number, name, meaning) CODE_##name = number,
#include "compiler/codes.def"
#undef X
};

#endif
