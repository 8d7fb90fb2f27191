/* type.c - GGUF's types that tfm knows by name only. */
#include "checkpoint/gguf/type.h"

#include <stddef.h>

static const struct {
  uint32_t number;
  const char *name;
} types[] = {
    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {29, "IQ1_M"},   {34, "TQ1_0"}, {35, "TQ2_0"},  {39, "MXFP4"},
};

const char *gguf_type_unread(uint32_t number) {
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (types[i].number == number)
      return types[i].name;
  return NULL;
}
