/* type.c - the table of types, and one small function for each kind of block.
 *
 * d and m are halves, a block's scale and least value.  The layouts: ggml,
 * src/ggml-common.h and dequantize_row_* of src/ggml-quants.c. */
#include "checkpoint/gguf/type.h"

#include <math.h>

static float half_at(const unsigned char *at) {
  return dtype_f16_to_f32((uint16_t)(at[0] | at[1] << 8));
}

/* d, 32 x i8 */
static void unpack_q8_0(const unsigned char *block, float *out) {
  float d = half_at(block);
  for (int i = 0; i < 32; i++)
    out[i] = d * (float)(int8_t)block[2 + i];
}

/* d, 16 bytes: the low halves are elements 0 to 15, the high ones 16 to 31 */
static void unpack_q4_0(const unsigned char *block, float *out) {
  float d = half_at(block);
  for (int i = 0; i < 16; i++) {
    out[i] = d * (float)((block[2 + i] & 15) - 8);
    out[i + 16] = d * (float)((block[2 + i] >> 4) - 8);
  }
}

/* d, m, 16 bytes as above */
static void unpack_q4_1(const unsigned char *block, float *out) {
  float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < 16; i++) {
    out[i] = d * (float)(block[4 + i] & 15) + m;
    out[i + 16] = d * (float)(block[4 + i] >> 4) + m;
  }
}

/* d, 32 fifth bits, 16 bytes as above */
static void unpack_q5_0(const unsigned char *block, float *out) {
  float d = half_at(block);
  for (int i = 0; i < 16; i++) {
    int low = block[2 + i / 8] >> i % 8 & 1, high = block[4 + i / 8] >> i % 8 & 1;
    out[i] = d * (float)(((block[6 + i] & 15) | low << 4) - 16);
    out[i + 16] = d * (float)((block[6 + i] >> 4 | high << 4) - 16);
  }
}

/* d, m, 32 fifth bits, 16 bytes as above */
static void unpack_q5_1(const unsigned char *block, float *out) {
  float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < 16; i++) {
    int low = block[4 + i / 8] >> i % 8 & 1, high = block[6 + i / 8] >> i % 8 & 1;
    out[i] = d * (float)((block[8 + i] & 15) | low << 4) + m;
    out[i + 16] = d * (float)(block[8 + i] >> 4 | high << 4) + m;
  }
}

/* The 6-bit scale and least value of part j of 8, from 12 bytes. */
static void part_scale(const unsigned char *at, int j, int *scale, int *least) {
  if (j < 4) {
    *scale = at[j] & 63;
    *least = at[j + 4] & 63;
  } else {
    *scale = (at[j + 4] & 15) | (at[j - 4] >> 6) << 4;
    *least = at[j + 4] >> 4 | (at[j] >> 6) << 4;
  }
}

/* d, m, 12 bytes of scales, [fifth bits,] 128 bytes.  Parts 2k and 2k + 1 are
 * the low and high halves of bytes 32k to 32k + 31. */
static void unpack_k(const unsigned char *block, const unsigned char *fifth,
                     const unsigned char *fours, float *out) {
  float d = half_at(block), m = half_at(block + 2);
  for (int j = 0; j < 8; j++) {
    int scale, least;
    part_scale(block + 4, j, &scale, &least);
    float step = d * (float)scale, low = m * (float)least;
    for (int i = 0; i < 32; i++) {
      int q = j % 2 ? fours[j / 2 * 32 + i] >> 4 : fours[j / 2 * 32 + i] & 15;
      q |= fifth ? (fifth[i] >> j & 1) << 4 : 0;
      out[j * 32 + i] = step * (float)q - low;
    }
  }
}

static void unpack_q4_k(const unsigned char *block, float *out) {
  unpack_k(block, NULL, block + 16, out);
}

static void unpack_q5_k(const unsigned char *block, float *out) {
  unpack_k(block, block + 16, block + 48, out);
}

/* 128 bytes of low fours, 64 of high twos, 16 x i8 scales, d.  Each half of 128
 * elements has 64 + 32 bytes and 8 scales. */
static void unpack_q6_k(const unsigned char *block, float *out) {
  const unsigned char *fours = block, *twos = block + 128, *scales = block + 192;
  float d = half_at(block + 208);
  for (int i = 0; i < 256; i++) {
    int half = i / 128, part = i % 128 / 32, at = i % 32;
    int four = fours[half * 64 + part % 2 * 32 + at];
    int two = twos[half * 32 + at] >> 2 * part & 3;
    int q = ((part < 2 ? four & 15 : four >> 4) | two << 4) - 32;
    out[i] = d * (float)(int8_t)scales[i / 16] * (float)q;
  }
}

static const struct gguf_type types[] = {
    {0, "F32", DTYPE_F32, 1, 4, NULL},
    {1, "F16", DTYPE_F16, 1, 2, NULL},
    {2, "Q4_0", DTYPE_F16, 32, 18, unpack_q4_0},
    {3, "Q4_1", DTYPE_F16, 32, 20, unpack_q4_1},
    {6, "Q5_0", DTYPE_F16, 32, 22, unpack_q5_0},
    {7, "Q5_1", DTYPE_F16, 32, 24, unpack_q5_1},
    {8, "Q8_0", DTYPE_F16, 32, 34, unpack_q8_0},
    {9, "Q8_1", DTYPE_NONE, 32, 36, NULL},
    {10, "Q2_K", DTYPE_NONE, 256, 84, NULL},
    {11, "Q3_K", DTYPE_NONE, 256, 110, NULL},
    {12, "Q4_K", DTYPE_F16, 256, 144, unpack_q4_k},
    {13, "Q5_K", DTYPE_F16, 256, 176, unpack_q5_k},
    {14, "Q6_K", DTYPE_F16, 256, 210, unpack_q6_k},
    {15, "Q8_K", DTYPE_NONE, 256, 292, NULL},
    {16, "IQ2_XXS", DTYPE_NONE, 256, 66, NULL},
    {17, "IQ2_XS", DTYPE_NONE, 256, 74, NULL},
    {18, "IQ3_XXS", DTYPE_NONE, 256, 98, NULL},
    {19, "IQ1_S", DTYPE_NONE, 256, 50, NULL},
    {20, "IQ4_NL", DTYPE_NONE, 32, 18, NULL},
    {21, "IQ3_S", DTYPE_NONE, 256, 110, NULL},
    {22, "IQ2_S", DTYPE_NONE, 256, 82, NULL},
    {23, "IQ4_XS", DTYPE_NONE, 256, 136, NULL},
    {24, "I8", DTYPE_I8, 1, 1, NULL},
    {25, "I16", DTYPE_I16, 1, 2, NULL},
    {26, "I32", DTYPE_I32, 1, 4, NULL},
    {27, "I64", DTYPE_I64, 1, 8, NULL},
    {28, "F64", DTYPE_F64, 1, 8, NULL},
    {29, "IQ1_M", DTYPE_NONE, 256, 56, NULL},
    {30, "BF16", DTYPE_BF16, 1, 2, NULL},
    {34, "TQ1_0", DTYPE_NONE, 256, 54, NULL},
    {35, "TQ2_0", DTYPE_NONE, 256, 66, NULL},
    {39, "MXFP4", DTYPE_NONE, 32, 17, NULL},
};

const struct gguf_type *gguf_type_find(uint32_t number) {
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (types[i].number == number)
      return &types[i];
  return NULL;
}

bool gguf_type_unpack(const struct gguf_type *type, const unsigned char *from, uint16_t *to,
                      size_t blocks) {
  float wide[GGUF_BLOCK_MAX];
  unsigned above = 0; /* exponent bits all ones: an infinity or a NaN */
  for (size_t b = 0; b < blocks; b++) {
    type->unpack(from + b * type->size, wide);
    for (uint32_t i = 0; i < type->block; i++) {
      uint16_t half = dtype_f32_to_f16(wide[i]);
      above |= (unsigned)((half & 0x7c00u) == 0x7c00u);
      to[b * type->block + i] = half;
    }
  }
  return above == 0;
}
