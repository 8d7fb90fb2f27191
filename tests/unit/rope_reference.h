/* rope_reference.h - made by tests/fixtures/rope.py: what transformers computes. */
#ifndef TFM_TESTS_ROPE_REFERENCE_H
#define TFM_TESTS_ROPE_REFERENCE_H

#include "tfm/plugin.h"

/* clang-format off */
static const tfm_attr rope_short[] = {
  {.name = "", .kind = TFM_ATTR_REAL, .real = 1.0},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 1.1},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 1.3},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 1.6},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 2.0},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 2.5},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 3.1},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 3.8},
};
static const tfm_attr *const rope_short_list[] = {&rope_short[0], &rope_short[1], &rope_short[2], &rope_short[3], &rope_short[4], &rope_short[5], &rope_short[6], &rope_short[7]};
static const tfm_attr rope_long[] = {
  {.name = "", .kind = TFM_ATTR_REAL, .real = 1.0},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 1.9},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 3.7},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 6.1},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 11.0},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 19.0},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 27.5},
  {.name = "", .kind = TFM_ATTR_REAL, .real = 41.0},
};
static const tfm_attr *const rope_long_list[] = {&rope_long[0], &rope_long[1], &rope_long[2], &rope_long[3], &rope_long[4], &rope_long[5], &rope_long[6], &rope_long[7]};
struct rope_reference {
  tfm_attr scaling[8];
  int64_t length, text;
  float factor, frequency[8];
};
static const struct rope_reference rope_reference[] = {
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "linear"},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 4.0}},
   64, 20, 1.0f,
   {0.25f, 0.079056941f, 0.0250000004f, 0.00790569466f, 0.00249999994f, 0.000790569466f, 0.000250000012f, 7.90569466e-05f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "dynamic"},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 2.0}},
   32, 20, 1.0f,
   {1.0f, 0.316227764f, 0.100000001f, 0.0316227786f, 0.00999999978f, 0.00316227786f, 0.00100000005f, 0.000316227786f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "dynamic"},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 2.0}},
   32, 50, 1.0f,
   {1.0f, 0.283945143f, 0.0806248412f, 0.0228930302f, 0.00650036521f, 0.001845747f, 0.000524090894f, 0.000148813066f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "yarn"},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 4.0},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 64, .real = 64}},
   256, 20, 1.138629436111989f,
   {1.0f, 0.237170815f, 0.049999997f, 0.00790569466f, 0.00249999994f, 0.000790569466f, 0.000250000012f, 7.90569466e-05f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "yarn"},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 8.0},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 512, .real = 512},
     {.name = "beta_fast", .kind = TFM_ATTR_INT, .integer = 16, .real = 16},
     {.name = "beta_slow", .kind = TFM_ATTR_INT, .integer = 2, .real = 2},
     {.name = "truncate", .kind = TFM_ATTR_BOOL, .integer = 0},
     {.name = "attention_factor", .kind = TFM_ATTR_REAL, .real = 1.25}},
   4096, 20, 1.25f,
   {1.0f, 0.316227764f, 0.0716084614f, 0.00732499827f, 0.00124999997f, 0.000395284733f, 0.000125000006f, 3.95284733e-05f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "yarn"},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 40.0},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 4096, .real = 4096},
     {.name = "mscale", .kind = TFM_ATTR_REAL, .real = 1.0},
     {.name = "mscale_all_dim", .kind = TFM_ATTR_REAL, .real = 0.8}},
   163840, 20, 1.0569662567531275f,
   {1.0f, 0.316227764f, 0.100000001f, 0.0239147246f, 0.00512499968f, 0.000849862176f, 2.49999994e-05f, 7.90569447e-06f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "yarn"},
     {.name = "factor", .kind = TFM_ATTR_NONE},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 64, .real = 64}},
   512, 20, 1.2079441541679836f,
   {1.0f, 0.223994657f, 0.0416666642f, 0.00395284733f, 0.00124999997f, 0.000395284733f, 0.000125000006f, 3.95284733e-05f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "longrope"},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 32, .real = 32},
     {.name = "short_factor", .kind = TFM_ATTR_LIST, .count = 8, .item = rope_short_list},
     {.name = "long_factor", .kind = TFM_ATTR_LIST, .count = 8, .item = rope_long_list}},
   128, 32, 1.1832159566199232f,
   {1.0f, 0.287479758f, 0.0769230798f, 0.0197642352f, 0.00499999989f, 0.00126491114f, 0.000322580658f, 8.32178412e-05f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "longrope"},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 32, .real = 32},
     {.name = "short_factor", .kind = TFM_ATTR_LIST, .count = 8, .item = rope_short_list},
     {.name = "long_factor", .kind = TFM_ATTR_LIST, .count = 8, .item = rope_long_list}},
   128, 33, 1.1832159566199232f,
   {1.0f, 0.166435674f, 0.0270270277f, 0.00518406183f, 0.000909090915f, 0.000166435682f, 3.63636354e-05f, 7.7128725e-06f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "longrope"},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 32, .real = 32},
     {.name = "short_factor", .kind = TFM_ATTR_LIST, .count = 8, .item = rope_short_list},
     {.name = "long_factor", .kind = TFM_ATTR_LIST, .count = 8, .item = rope_long_list},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 8.0},
     {.name = "attention_factor", .kind = TFM_ATTR_REAL, .real = 1.5}},
   128, 20, 1.5f,
   {1.0f, 0.287479758f, 0.0769230798f, 0.0197642352f, 0.00499999989f, 0.00126491114f, 0.000322580658f, 8.32178412e-05f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "llama3"},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 8.0},
     {.name = "low_freq_factor", .kind = TFM_ATTR_REAL, .real = 1.0},
     {.name = "high_freq_factor", .kind = TFM_ATTR_REAL, .real = 4.0},
     {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 64, .real = 64}},
   512, 20, 1.0f,
   {1.0f, 0.244384587f, 0.0130422562f, 0.00395284733f, 0.00124999997f, 0.000395284733f, 0.000125000006f, 3.95284733e-05f}},
  {{{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "proportional"},
     {.name = "partial_rotary_factor", .kind = TFM_ATTR_REAL, .real = 0.7},
     {.name = "factor", .kind = TFM_ATTR_REAL, .real = 2.0}},
   64, 20, 1.0f,
   {0.5f, 0.158113882f, 0.0500000007f, 0.0158113893f, 0.00499999989f, 0.0f, 0.0f, 0.0f}},
};
/* clang-format on */

#endif
