/* Every rule of the format, one broken file each; then damage everywhere. */
#include "base/buffer.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* A file with this header (padded by `pad` spaces) and data_size zero bytes. */
static struct buffer make(const char *header, size_t pad, size_t data_size) {
  struct buffer file;
  buffer_init(&file);
  size_t n = strlen(header) + pad;
  for (unsigned i = 0; i < 8; i++)
    buffer_putc(&file, (char)(n >> (8 * i) & 0xff));
  buffer_puts(&file, header);
  for (size_t i = 0; i < pad; i++)
    buffer_putc(&file, ' ');
  for (size_t i = 0; i < data_size; i++)
    buffer_putc(&file, (char)i);
  return file;
}

static int parse(struct safetensors *st, const struct buffer *file, struct tfm_error *err) {
  *err = (struct tfm_error){0};
  return safetensors_parse(st, "x.safetensors", (const unsigned char *)file->data, file->length,
                           err);
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"

START_TEST(test_sound) {
  struct safetensors st;
  struct tfm_error err;
  struct buffer file =
      make("{\"__metadata__\":{\"format\":\"pt\",\"k\":\"v\"},"
           "\"s\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[24,32]},"
           "\"z\":{\"dtype\":\"BF16\",\"shape\":[0,5],\"data_offsets\":[24,24]}," A "}",
           5, 32);
  ck_assert_msg(parse(&st, &file, &err) == 0, "%s", err.message);
  ck_assert_uint_eq(st.count, 3);
  ck_assert_str_eq(st.tensor[0].name, "a");
  ck_assert_str_eq(st.tensor[1].name, "z");
  ck_assert_str_eq(st.tensor[2].name, "s");
  ck_assert_uint_eq(st.tensor[1].size, 0);
  ck_assert_uint_eq(st.tensor[2].rank, 0);
  const struct safetensors_tensor *a = safetensors_find(&st, "a");
  ck_assert_ptr_eq(a, &st.tensor[0]);
  ck_assert_int_eq(a->dtype, DTYPE_F32);
  ck_assert_int_eq(a->shape[1], 3);
  ck_assert_int_eq(a->data[5], 5);
  ck_assert_int_eq(st.tensor[2].data[0], 24);
  ck_assert_ptr_null(safetensors_find(&st, "b"));
  ck_assert_uint_eq(st.metadata_count, 2);
  ck_assert_str_eq(st.metadata_key[0], "format");
  ck_assert_str_eq(st.metadata_value[1], "v");
  safetensors_finish(&st);
  buffer_finish(&file);

  file = make("{}", 0, 0);
  ck_assert_int_eq(parse(&st, &file, &err), 0);
  ck_assert_uint_eq(st.count, 0);
  safetensors_finish(&st);
  buffer_finish(&file);
}
END_TEST

#define T(dtype, shape, offsets)                                                                   \
  "{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct {
  const char *header;
  size_t data;
  const char *says; /* in message or notes */
} broken[] = {
    {"", 0, "does not begin with `{`"},
    {" {}", 0, "does not begin with `{`"},
    {"[]", 0, "does not begin with `{`"},
    {"{", 0, "x.safetensors:1:"},
    {"{} x", 0, "x.safetensors:1:"},
    {"{" A "," A "}", 24, "duplicate"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"dtype\":\"I32\"}}", 4,
     "duplicate"},
    {"{\"a\xff\":1}", 0, "x.safetensors:1:"},
    {"{\"a\\u0000b\":1}", 0, "x.safetensors:1:"},
    {"{\"t\":{\"dtype\":[[[[1]]]]}}", 0, "has no dtype"},
    {"{\"t\":{\"shape\":[[1]]}}", 0, "not a whole number"},
    {"{\"t\":{\"data_offsets\":[[0],4]}}", 0, "no sound data_offsets"},
    {"{\"t\":[[[[1]]]]}", 0, "exactly dtype, shape and data_offsets"},
    {"{\"__metadata__\":{\"a\":{}}}", 0, "maps `a` to no string"},
    {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "duplicate key `a`"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "duplicate key `__metadata__`"},
    {"{" A ",}", 24, "x.safetensors:1:"},
    {"{," A "}", 24, "x.safetensors:1:"},
    {"{" A, 24, "x.safetensors:1:"},
    {"{\"\\ud800\":{}}", 0, "x.safetensors:1:"},
    {"{\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},\"a\":1}", 1,
     "duplicate key `a`"},
    {"{\"__metadata__\":[]}", 0, "not an object"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "maps `a` to no string"},
    {"{\"t\":1}", 0, "exactly dtype, shape and data_offsets"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "exactly dtype"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}", 4, "exactly dtype"},
    {"{\"t\":{\"x\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "exactly dtype"},
    {"{\"t\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "has no dtype"},
    {T("F33", "[]", "[0,4]"), 4, "unknown dtype `F33`"},
    {T("", "[]", "[0,4]"), 4, "unknown dtype"},
    {T("F8_E8M0", "[4]", "[0,4]"), 4, "is F8_E8M0, which tfm does not read"},
    {T("F32", "1", "[0,4]"), 4, "has no shape"},
    {T("F32", "[1.0]", "[0,4]"), 4, "not a whole number"},
    {T("F32", "[-1]", "[0,4]"), 4, "not a whole number"},
    {T("F32", "[99999999999999999999]", "[0,4]"), 4, "x.safetensors:1:"},
    {T("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "too many dimensions"},
    {T("F32", "[1]", "[0]"), 4, "no sound data_offsets"},
    {T("F32", "[1]", "[0,4,4]"), 4, "no sound data_offsets"},
    {T("F32", "[1]", "[0,4.0]"), 4, "no sound data_offsets"},
    {T("F32", "[1]", "[-4,0]"), 4, "no sound data_offsets"},
    {T("F32", "[1]", "[4,0]"), 4, "no sound data_offsets"},
    {T("F32", "[2]", "[0,4]"), 4, "expected: 8 bytes"},
    {T("F32", "[1]", "[0,8]"), 8, "expected: 4 bytes"},
    {T("U8", "[5]", "[0,5]"), 4, "ends after the end of the file"},
    {T("F32", "[4611686018427387904,4]", "[0,0]"), 0, "size overflows"},
    {T("F32", "[4294967296,4294967296,4294967296]", "[0,0]"), 0, "size overflows"},
    {T("F32", "[2]", "[0,8]"), 4, "ends after the end of the file"},
    {T("F32", "[1]", "[4,8]"), 8, "leaves a hole"},
    {T("F32", "[1]", "[0,4]"), 5, "bytes after its last tensor"},
    {"{}", 1, "bytes after its last tensor"},
    {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[20,24]}}", 24, "overlaps"},
    {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[28,32]}}", 32, "hole"},
};

START_TEST(test_refused) {
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct safetensors st;
    struct tfm_error err;
    struct buffer file = make(broken[i].header, 0, broken[i].data);
    ck_assert_msg(parse(&st, &file, &err) == -1, "case %zu was taken: %s", i, broken[i].header);
    ck_assert_int_eq(err.code, TFM_ERROR_CHECKPOINT);
    ck_assert_msg(strstr(err.message, "x.safetensors") != NULL, "%zu: %s", i, err.message);
    ck_assert_msg(strstr(err.message, broken[i].says) || strstr(err.notes, broken[i].says),
                  "%zu: %s\n%s", i, err.message, err.notes);
    buffer_finish(&file);
  }
}
END_TEST

START_TEST(test_length) {
  struct safetensors st;
  struct tfm_error err;
  struct buffer file = make("{}", 0, 0);
  for (size_t size = 0; size < 10; size++) {
    err = (struct tfm_error){0};
    ck_assert_int_eq(
        safetensors_parse(&st, "x.safetensors", (const unsigned char *)file.data, size, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.message, size < 8 ? "too short" : "ends within its header"));
  }
  memset(file.data, 0xff, 8);
  ck_assert_int_eq(parse(&st, &file, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "too large"));
  buffer_finish(&file);
}
END_TEST

/* A map_find of 10^5 names, and a header of some 8 MB, in well under 2 s. */
START_TEST(test_many) {
  enum { MANY = 100000 };
  struct buffer header;
  struct safetensors st;
  struct tfm_error err;
  buffer_init(&header);
  for (int i = 0; i < MANY; i++)
    buffer_printf(&header, "%c\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                  i ? ',' : '{', i, i, i + 1);
  buffer_putc(&header, '}');
  struct buffer file = make(header.data, 0, MANY);
  ck_assert_msg(parse(&st, &file, &err) == 0, "%s", err.message);
  ck_assert_uint_eq(st.count, MANY);
  ck_assert_ptr_eq(safetensors_find(&st, "t77777"), &st.tensor[77777]);
  safetensors_finish(&st);
  buffer_finish(&file);
  buffer_finish(&header);
}
END_TEST

/* Each type that the format knows is known here: read, or refused by its name. */
START_TEST(test_dtypes) {
  static const char *const read[] = {"BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
                                     "I16",  "U16", "F16", "BF16",    "I32",
                                     "U32",  "F32", "F64", "I64",     "U64"};
  static const char *const refused[] = {"C64",     "F4",          "F6_E2M3",    "F6_E3M2",
                                        "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"};
  struct safetensors st;
  struct tfm_error err;
  char header[200], says[64];
  for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
    size_t size = 3 * dtype_size(dtype_from_stored(read[i]));
    snprintf(header, sizeof header,
             "{\"t\":{\"data_offsets\":[0,%zu],\"shape\":[1,3],\"dtype\":\"%s\"}}", size, read[i]);
    struct buffer file = make(header, 0, size);
    ck_assert_msg(parse(&st, &file, &err) == 0, "%s: %s", read[i], err.message);
    safetensors_finish(&st);
    buffer_finish(&file);
  }
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    snprintf(header, sizeof header,
             "{\"t\":{\"data_offsets\":[0,4],\"shape\":[4],\"dtype\":\"%s\"}}", refused[i]);
    snprintf(says, sizeof says, "is %s, which tfm does not read", refused[i]);
    struct buffer file = make(header, 0, 4);
    ck_assert_int_eq(parse(&st, &file, &err), -1);
    ck_assert_msg(strstr(err.message, says) != NULL, "%s", err.message);
    buffer_finish(&file);
  }
}
END_TEST

/* Large and hostile: each piece, repeated, is refused soon and in little memory. */
START_TEST(test_hostile) {
  static const struct {
    const char *begin, *piece, *says;
  } large[] = {
      {"{\"a\":", "[", "exactly dtype"},
      {"{\"a\":", "{\"dtype\":", "has no dtype"},
      {"", "{", "x.safetensors:1:"},
      {"{\"a\":{\"shape\":", "[", "not a whole number"},
      {"{\"a\":{\"shape\":[", "1,", "too many dimensions"},
      {"{\"a\":{\"data_offsets\":[", "1,", "no sound data_offsets"},
      {"{\"", "a", "unexpected end of the string"},
      {"{\"", "\\u0041", "unexpected end of the string"},
      {"{\"a\":{\"dtype\":\"", "F", "unexpected end of the string"},
      {"{", "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},", "duplicate"},
      {"{\"__metadata__\":{", "\"a\":\"\",", "duplicate"},
      {"{", " ", "x.safetensors:1:"},
  };
  size_t bytes = getenv("TFM_VALGRIND") ? 100000 : 10000000;
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
    struct buffer header;
    struct safetensors st;
    struct tfm_error err;
    buffer_init(&header);
    buffer_puts(&header, large[i].begin);
    while (header.length < bytes)
      buffer_puts(&header, large[i].piece);
    struct buffer file = make(header.data, 0, 0);
    clock_t begin = clock();
    ck_assert_int_eq(parse(&st, &file, &err), -1);
    ck_assert_msg(strstr(err.message, large[i].says) || strstr(err.notes, large[i].says),
                  "%zu: %s\n%s", i, err.message, err.notes);
    ck_assert_msg(clock() - begin < 2 * CLOCKS_PER_SEC, "%zu takes too long", i);
    buffer_finish(&file);
    buffer_finish(&header);
  }
}
END_TEST

/* One tensor more than are allowed. */
START_TEST(test_too_many) {
  struct buffer header;
  struct safetensors st;
  struct tfm_error err;
  if (getenv("TFM_VALGRIND"))
    return;
  buffer_init(&header);
  for (int i = 0; i <= SAFETENSORS_TENSORS_MAX; i++)
    buffer_printf(&header, "%c\"%x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                  i ? ',' : '{', (unsigned)i);
  buffer_putc(&header, '}');
  struct buffer file = make(header.data, 0, 0);
  ck_assert_int_eq(parse(&st, &file, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "lists too many tensors"));
  buffer_finish(&file);
  buffer_finish(&header);
}
END_TEST

static char *fixture(const char *name) {
  const char *root = getenv("TFM_SRCDIR");
  struct buffer path;
  buffer_init(&path);
  buffer_printf(&path, "%s/tests/fixtures/%s", root ? root : ".", name);
  return buffer_take(&path);
}

/* Cut at every byte of the header and at some of the data; flip each byte of
 * the header: an error or a sound table, never anything else. */
START_TEST(test_damage) {
  char *path = fixture("gpt2-bf16/model.safetensors");
  struct file_bytes bytes;
  struct safetensors st;
  struct tfm_error err = {0};
  ck_assert_msg(file_read(path, 1 << 24, TFM_ERROR_RUN, &bytes, &err) == 0, "%s", err.message);
  unsigned char *data = (unsigned char *)bytes.data;
  size_t header = 8 + (size_t)data[0] + ((size_t)data[1] << 8), step = 1;
  if (getenv("TFM_VALGRIND"))
    step = 29;
  for (size_t size = 0; size < bytes.size; size += size < header ? step : 997 * step) {
    err = (struct tfm_error){0};
    ck_assert_int_eq(safetensors_parse(&st, "x", data, size, &err), -1);
  }
  for (size_t at = 0; at < header; at += step)
    for (unsigned bit = 0; bit < 8; bit += 3) {
      data[at] ^= (unsigned char)(1u << bit);
      err = (struct tfm_error){0};
      if (safetensors_parse(&st, "x", data, bytes.size, &err) == 0) {
        for (size_t i = 0; i < st.count; i++)
          ck_assert(st.tensor[i].data >= data &&
                    st.tensor[i].data + st.tensor[i].size <= data + bytes.size);
        safetensors_finish(&st);
      } else {
        ck_assert_int_eq(err.code, TFM_ERROR_CHECKPOINT);
      }
      data[at] ^= (unsigned char)(1u << bit);
    }
  file_bytes_finish(&bytes);
  free(path);
}
END_TEST

START_TEST(test_files) {
  struct safetensors st;
  struct tfm_error err = {0};
  char *good = fixture("gpt2-tied/model.safetensors");
  char *cut = fixture("damaged/truncated/model.safetensors");
  ck_assert_msg(safetensors_open(&st, good, &err) == 0, "%s", err.message);
  ck_assert_ptr_nonnull(safetensors_find(&st, "wte.weight"));
  safetensors_finish(&st);
  ck_assert_int_eq(safetensors_open(&st, cut, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.notes, "truncated"));
  error_clear(&err);
  ck_assert_int_eq(safetensors_open(&st, "/nonexistent.safetensors", &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_CHECKPOINT);
  free(good);
  free(cut);
}
END_TEST

UNIT_MAIN("safetensors", test_sound, test_refused, test_length, test_many, test_dtypes,
          test_hostile, test_too_many, test_damage, test_files)
