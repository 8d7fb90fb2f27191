/* Every rule of GGUF, one broken file each; damage everywhere; and the blocks. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp in runtime.h */
#endif
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/weights.h"
#include "tests/unit/gguf_build.h"
#include "tests/unit/runtime.h"

#include <math.h>

static int parse(struct gguf *file, const struct buffer *bytes, size_t size,
                 struct tfm_error *err) {
  *err = (struct tfm_error){0};
  return gguf_parse(file, "x.gguf", (const unsigned char *)bytes->data, size, err);
}

/* One key k, one tensor t of four F32. */
#define HEAD   "G 4:3 8:0 8:1 "
#define TENSOR "G 4:3 8:1 8:0 s:t "

static const struct {
  const char *script, *says;
} broken[] = {
    {"", "ends within its magic"},
    {"4:0x46554746 4:3 8:0 8:0", "is no GGUF file"},
    {"G 1:3", "ends within its version"},
    {"G 4:1 8:0 8:0", "version of GGUF"},
    {"G 4:4 8:0 8:0", "version of GGUF"},
    {"G 4:0x3000000 8:0 8:0", "big-endian"},
    {"G 4:3 8:0", "ends within its number of keys"},
    {"G 4:3 8:0 8:10001 z:200000", "too many keys"},
    {"G 4:3 8:0 8:0x1000000000000 z:64", "too many keys"},
    {"G 4:3 8:0 8:2 z:20", "too many keys"},
    {"G 4:3 8:16385 8:0 z:500000", "too many tensors"},
    {"G 4:3 8:0xffffffffffffffff 8:0 z:64", "too many tensors"},
    {HEAD "8:0 4:4 4:0 z:8", "empty or too long"},
    {HEAD "8:65536 z:70000", "empty or too long"},
    {HEAD "8:60000 z:64", "ends within the name of a key"},
    {HEAD "8:1 1:10 4:4 4:0 z:8", "not ASCII"},
    {HEAD "8:1 1:200 4:4 4:0 z:8", "not ASCII"},
    {HEAD "s:k 4:13 4:0 z:8", "unknown kind"},
    {HEAD "s:kk 4:10 4:0 ", "ends within a value"},
    {HEAD "s:k 4:7 1:2 z:8", "neither 0 nor 1"},
    {HEAD "s:k 4:9 4:7 8:3 1:1 1:0 1:9", "neither 0 nor 1"},
    {HEAD "s:k 4:8 8:99 z:8", "ends within a text"},
    {HEAD "s:k 4:8 8:0xffffffffffffffff z:8", "ends within a text"},
    {HEAD "s:k 4:9 4:4 8:0x4000000000000001 z:64", "ends within a value"},
    {HEAD "s:k 4:9 4:8 8:3 s:a s:b", "ends within the length of a text"},
    {HEAD "s:k 4:9 4:14 8:1 z:8", "unknown kind"},
    {HEAD "s:k 4:9 4:9 8:1 4:9 8:1 4:9 8:1 4:9 8:1 4:4 8:1 4:0", "nested too deep"},
    {HEAD "s:k 4:9 4:9 8:0x7fffffffffffffff 4:4 8:0", "ends within the kind"},
    {"G 4:3 8:0 8:2 s:k 4:4 4:0 s:k 4:4 4:0", "is there twice"},
    {HEAD "s:general.alignment 4:4 4:48", "alignment"},
    {HEAD "s:general.alignment 4:4 4:4", "alignment"},
    {HEAD "s:general.alignment 4:4 4:131072", "alignment"},
    {HEAD "s:general.alignment 4:10 8:32", "a u32"},
    {HEAD "s:general.alignment 4:9 4:4 8:1 4:32", "a u32"},
    {HEAD "s:split.count 4:2 1:2 1:0", "one of 2 parts"},
    {"G 4:3 8:1 8:0 8:65 z:100", "too long a name"},
    {"G 4:3 8:1 8:0 8:0 z:64", "no text"},
    {"G 4:3 8:1 8:0 8:1 1:0 z:64", "no text"},
    {"G 4:3 8:1 8:0 8:1 1:255 z:64", "no text"},
    {TENSOR "4:5 8:1 8:1 8:1 8:1 8:1 4:0 8:0 p z:4", "too many dimensions"},
    {TENSOR "4:1 8:0x8000000000000000 4:0 8:0 p z:4", "size overflows"},
    {TENSOR "4:2 8:0x100000000 8:0x100000000 4:0 8:0 p z:4", "size overflows"},
    {TENSOR "4:1 8:0x2000000000000000 4:24 8:0 p z:4", "size overflows"},
    {TENSOR "4:1 8:4 4:4 8:0 p z:16", "unknown type"},
    {TENSOR "4:1 8:4 4:1000 8:0 p z:16", "unknown type"},
    {TENSOR "4:1 8:256 4:10 8:0 p z:84", "is Q2_K, which tfm does not read"},
    {TENSOR "4:1 8:48 4:8 8:0 p z:51", "whole number of blocks"},
    {TENSOR "4:0 4:8 8:0 p z:34", "whole number of blocks"},
    {TENSOR "4:1 8:4 4:0 8:4 p z:32", "is not aligned"},
    {TENSOR "4:1 8:4 4:0 8:32 p z:64", "leaves a hole"},
    {TENSOR "4:1 8:4 4:0 8:0xffffffffffffffe0 p z:64", "leaves a hole"},
    {TENSOR "4:1 8:4 4:0 8:0 p z:15", "ends after the end of the file"},
    {TENSOR "4:1 8:4 4:0 8:0", "padding"},
    {TENSOR "4:1 8:4 4:0 8:0 p z:33", "bytes after its last tensor"},
    {"G 4:3 8:0 8:0 z:40", "bytes after its last tensor"},
    {"G 4:3 8:2 8:0 s:t 4:1 8:4 4:0 8:0 s:t 4:1 8:4 4:0 8:32 p z:64", "is there twice"},
    {"G 4:3 8:2 8:0 s:t 4:1 8:4 4:0 8:0 s:u 4:1 8:4 4:0 8:0 p z:64", "overlaps"},
    {"G 4:3 8:2 8:0 s:t 4:1 8:12 4:0 8:0 s:u 4:1 8:4 4:0 8:32 p z:96", "overlaps"},
    {"G 4:3 8:2 8:0 s:t 4:1 8:4 4:0 8:0 s:u 4:1 8:4 4:0 8:64 p z:96", "hole"},
};

START_TEST(test_refused) {
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct gguf file;
    struct tfm_error err;
    struct buffer bytes = gguf_script(broken[i].script);
    ck_assert_msg(parse(&file, &bytes, bytes.length, &err) == -1, "case %zu was taken: %s", i,
                  broken[i].script);
    ck_assert_int_eq(err.code, TFM_ERROR_CHECKPOINT);
    ck_assert_msg(strstr(err.message, "x.gguf") != NULL, "%zu: %s", i, err.message);
    ck_assert_msg(strstr(err.message, broken[i].says) || strstr(err.notes, broken[i].says),
                  "%zu: %s\n%s", i, err.message, err.notes);
    buffer_finish(&bytes);
  }
}
END_TEST

static const char *const sound[] = {
    "G 4:3 8:0 8:0",
    "G 4:2 8:0 8:0 p",
    TENSOR "4:1 8:4 4:0 8:0 p z:16",
    TENSOR "4:1 8:4 4:0 8:0 p z:32",
    TENSOR "4:0 4:0 8:0 p z:4",
    TENSOR "4:2 8:0 8:5 4:0 8:0 p",
    "G 4:3 8:2 8:0 s:t 4:1 8:4 4:0 8:32 s:u 4:1 8:8 4:0 8:0 p z:48",
    "G 4:3 8:1 8:1 s:general.alignment 4:4 4:8 s:t 4:1 8:1 4:0 8:0 z:6 z:4",
    HEAD "s:k 4:9 4:9 8:2 4:9 8:0 4:9 8:1 4:8 8:2 s:a s:",
};

START_TEST(test_sound) {
  for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
    struct gguf file;
    struct tfm_error err;
    struct buffer bytes = gguf_script(sound[i]);
    ck_assert_msg(parse(&file, &bytes, bytes.length, &err) == 0, "%s: %s\n%s", sound[i],
                  err.message, err.notes);
    gguf_finish(&file);
    buffer_finish(&bytes);
  }
}
END_TEST

/* A file with all kinds of keys, and tensors in every supported way. */
static struct buffer small(void) {
  struct gguf_build b;
  static const int64_t shape[] = {2, 3}, row[] = {1, 32};
  static const float six[] = {1, 2, 3, 4, 5, 6};
  unsigned char block[34] = {0, 0x3c, 1, 2, 0xff};
  gguf_build_init(&b);
  gguf_build_text(&b, "general.architecture", "llama");
  gguf_build_u32(&b, "llama.block_count", 2);
  gguf_build_f32(&b, "eps", 1e-5f);
  gguf_build_bool(&b, "flag", true);
  gguf_build_key(&b, "i8", GGUF_I8);
  gguf_put(&b.keys, 0xfe, 1);
  gguf_build_key(&b, "i16", GGUF_I16);
  gguf_put(&b.keys, 0x8000, 2);
  gguf_build_key(&b, "u64", GGUF_U64);
  gguf_put(&b.keys, UINT64_MAX, 8);
  gguf_build_key(&b, "i64", GGUF_I64);
  gguf_put(&b.keys, (uint64_t)-5, 8);
  gguf_build_key(&b, "f64", GGUF_F64);
  gguf_put(&b.keys, UINT64_C(0x3fe0000000000000), 8);
  gguf_build_array(&b, "texts", GGUF_TEXT, 3);
  gguf_put_text(&b.keys, "a", 1);
  gguf_put_text(&b.keys, "", 0);
  gguf_put_text(&b.keys, "\xea\xb0\x80", 3);
  gguf_build_text(&b, "bad", "\xff");
  gguf_build_tensor(&b, "plain", 0, 2, shape, six, sizeof six);
  gguf_build_tensor(&b, "blocks", 8, 2, row, block, sizeof block);
  return gguf_build_finish(&b);
}

static int64_t integer(const struct gguf *file, const char *key) {
  int64_t n;
  ck_assert_msg(gguf_integer(gguf_value(file, key), 0, &n), "%s", key);
  return n;
}

START_TEST(test_values) {
  struct gguf file;
  struct tfm_error err;
  struct buffer bytes = small();
  double real;
  int64_t n;
  struct gguf_texts texts;
  struct gguf_text text;
  ck_assert_msg(parse(&file, &bytes, bytes.length, &err) == 0, "%s", err.message);
  ck_assert_str_eq(gguf_string(&file, "general.architecture"), "llama");
  ck_assert_ptr_null(gguf_string(&file, "bad"));
  ck_assert_ptr_null(gguf_string(&file, "eps"));
  ck_assert_ptr_null(gguf_string(&file, "nothing"));
  ck_assert_int_eq(integer(&file, "llama.block_count"), 2);
  ck_assert_int_eq(integer(&file, "i8"), -2);
  ck_assert_int_eq(integer(&file, "i16"), -32768);
  ck_assert_int_eq(integer(&file, "i64"), -5);
  ck_assert(!gguf_integer(gguf_value(&file, "u64"), 0, &n));
  ck_assert(!gguf_integer(gguf_value(&file, "eps"), 0, &n));
  ck_assert(!gguf_integer(gguf_value(&file, "i8"), 1, &n));
  ck_assert(gguf_real(gguf_value(&file, "eps"), 0, &real) && real == (double)1e-5f);
  ck_assert(gguf_real(gguf_value(&file, "f64"), 0, &real) && real == 0.5);
  ck_assert(gguf_real(gguf_value(&file, "i8"), 0, &real) && real == -2);
  ck_assert(!gguf_real(gguf_value(&file, "texts"), 0, &real));
  ck_assert(gguf_texts_begin(&texts, gguf_value(&file, "texts")));
  ck_assert(gguf_texts_next(&texts, &text) && text.length == 1 && text.text[0] == 'a');
  ck_assert(gguf_texts_next(&texts, &text) && text.length == 0);
  ck_assert(gguf_texts_next(&texts, &text) && text.length == 3);
  ck_assert(!gguf_texts_next(&texts, &text));
  const struct gguf_tensor *t = gguf_find(&file, "plain");
  ck_assert(t && t->rank == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->size == 24);
  ck_assert_ptr_null(gguf_find(&file, "none"));
  t = gguf_find(&file, "blocks");
  float value[32];
  ck_assert(dtype_to_f32(t->dtype, t->data, value, 32));
  ck_assert(value[0] == 1 && value[1] == 2 && value[2] == -1);
  gguf_finish(&file);
  buffer_finish(&bytes);
}
END_TEST

START_TEST(test_cut) {
  struct gguf file;
  struct tfm_error err;
  struct buffer bytes = small();
  for (size_t size = 0; size + 32 - 2 < bytes.length; size++) { /* but the last padding */
    unsigned char *exact = malloc(size ? size : 1); /* so that a sanitizer sees the end */
    memcpy(exact, bytes.data, size);
    err = (struct tfm_error){0};
    ck_assert_msg(gguf_parse(&file, "x.gguf", exact, size, &err) == -1, "%zu bytes were taken",
                  size);
    ck_assert_msg(err.message[0] != '\0', "%zu: no message", size);
    free(exact);
  }
  buffer_finish(&bytes);
}
END_TEST

START_TEST(test_flipped) {
  struct gguf file;
  struct tfm_error err;
  struct buffer bytes = small();
  for (size_t at = 0; at < bytes.length; at++)
    for (unsigned bit = 0; bit < 8; bit++) {
      bytes.data[at] = (char)(bytes.data[at] ^ 1 << bit);
      if (parse(&file, &bytes, bytes.length, &err) == 0)
        gguf_finish(&file);
      else
        ck_assert_msg(err.message[0] != '\0', "%zu: no message", at);
      bytes.data[at] = (char)(bytes.data[at] ^ 1 << bit);
    }
  buffer_finish(&bytes);
}
END_TEST

/* Blocks made by gguf-py's quantize or of counting bytes, and a few of its
 * dequantized values (gguf 0.19). */
#include "tests/unit/gguf_blocks.h"

START_TEST(test_blocks) {
  for (size_t i = 0; i < sizeof gguf_blocks / sizeof gguf_blocks[0]; i++) {
    enum dtype dtype = dtype_from_gguf(gguf_blocks[i].type);
    unsigned char block[256];
    float value[DTYPE_BLOCK_MAX];
    size_t count = dtype_block(dtype);
    ck_assert_int_eq(dtype_class(dtype), DTYPE_CLASS_PACKED);
    for (size_t j = 0; j < dtype_block_bytes(dtype); j++)
      block[j] = (unsigned char)(j * 37 + 11);
    for (unsigned h = 0; h < 2 && gguf_blocks[i].half[h] >= 0; h++) {
      block[gguf_blocks[i].half[h]] = 0x34;
      block[gguf_blocks[i].half[h] + 1] = (unsigned char)(0x12 + h);
    }
    ck_assert(dtype_to_f32(dtype, block, value, count));
    ck_assert(!dtype_to_f32(dtype, block, value, count - 1));
    uint32_t sum = 1;
    for (size_t j = 0; j < count; j++) {
      ck_assert(dtype_f16_to_f32(dtype_f32_to_f16(value[j])) == value[j]);
      sum = sum * 31 + dtype_f32_to_f16(value[j]);
    }
    ck_assert_msg(sum == gguf_blocks[i].sum, "%s: %08lx", dtype_name(dtype), (unsigned long)sum);
    ck_assert_uint_eq(dtype_f32_to_f16(value[0]), gguf_blocks[i].first);
    ck_assert_uint_eq(dtype_f32_to_f16(value[count - 1]), gguf_blocks[i].last);
  }
}
END_TEST

START_TEST(test_beyond_half) {
  unsigned char block[34] = {0xff, 0x7b, 2}; /* 65504 * 2 */
  struct weights_tensor t = {
      .name = "w", .file = "x.gguf", .dtype = DTYPE_Q8_0, .data = block, .size = sizeof block};
  uint16_t half[32];
  float full[32];
  CHECK_FAILS(weights_check_finite(&t, err), TFM_ERROR_CHECKPOINT, "is not finite in f16");
  CHECK_FAILS(weights_copy(&t, DTYPE_F16, half, err), TFM_ERROR_CHECKPOINT, "a block of Q8_0");
  CHECK_FAILS(weights_copy(&t, DTYPE_F32, full, err), TFM_ERROR_CHECKPOINT, "is not finite");
  block[2] = 1;
  CHECK_OK(weights_check_finite(&t, err));
  CHECK_OK(weights_copy(&t, DTYPE_F16, half, err));
  CHECK_OK(weights_copy(&t, DTYPE_F32, full, err));
  ck_assert(half[0] == 0x7bff && full[0] == 65504);
  block[1] = 0x7c; /* a NaN */
  CHECK_FAILS(weights_check_finite(&t, err), TFM_ERROR_CHECKPOINT, "is not finite");
}
END_TEST

UNIT_MAIN("gguf", test_refused, test_sound, test_values, test_cut, test_flipped, test_blocks,
          test_beyond_half)
