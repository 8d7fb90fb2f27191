/* Checkpoints of each layout, what is wrong with bad ones, and the graph's
 * weight table over them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "checkpoint/weights.h"
#include "runtime/binding.h"
#include "tests/unit/runtime.h"

static void open_fixture(const char *name, struct weights **weights) {
  char *path = test_fixture(name);
  CHECK_OK(weights_open(path, weights, err));
  free(path);
}

static void fail_fixture(const char *name, const char *says) {
  struct weights *weights;
  char *path = test_fixture(name);
  CHECK_FAILS(weights_open(path, &weights, err), TFM_ERROR_CHECKPOINT, says);
  ck_assert_ptr_null(weights);
  free(path);
}

START_TEST(test_layouts) {
  struct weights *one, *shards;
  open_fixture("gpt2-tied", &one);
  const struct weights_tensor *wte = weights_find(one, "wte.weight");
  ck_assert_ptr_nonnull(wte);
  ck_assert_uint_eq(wte->rank, 2);
  ck_assert_ptr_null(weights_find(one, "nothing"));
  ck_assert_uint_gt(weights_bytes(one), 0);
  weights_close(one);
  open_fixture("gpt2-tied/model.safetensors", &one);
  weights_close(one);

  open_fixture("llama-shards", &shards);
  const struct weights_tensor *first = weights_find(shards, "model.embed_tokens.weight");
  const struct weights_tensor *last = weights_find(shards, "model.norm.weight");
  ck_assert_ptr_nonnull(first);
  ck_assert_ptr_nonnull(last);
  ck_assert_str_ne(first->file, last->file);
  ck_assert_uint_eq(weights_bytes(shards), 69792);
  weights_close(shards);
}
END_TEST

START_TEST(test_alias) {
  struct weights *weights;
  open_fixture("llama-tied", &weights);
  const struct weights_tensor *head = weights_find(weights, "lm_head.weight");
  ck_assert_ptr_nonnull(head);
  ck_assert_str_eq(head->alias, "model.embed_tokens.weight");
  ck_assert_ptr_eq(head->data, weights_find(weights, head->alias)->data);
  ck_assert_ptr_eq(head, &weights_tensors(weights)[weights_count(weights) - 1]);
  weights_close(weights);
}
END_TEST

START_TEST(test_refused) {
  fail_fixture("damaged/missing-shard", "model-00002-of-00003.safetensors` is missing");
  fail_fixture("damaged/escaping-shard", "outside its directory");
  fail_fixture("damaged/truncated", "truncated");
  fail_fixture("tokenizers", "no checkpoint");
  fail_fixture("nothing/here", "cannot open");
}
END_TEST

#define F32_1 "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"

START_TEST(test_index) {
  char *dir = test_dir();
  struct weights *weights;
  static const char lacks[] = "{\"weight_map\":{\"a\":\"x.safetensors\",\"b\":\"x.safetensors\"}}";
  static const char only_a[] = "{\"weight_map\":{\"a\":\"x.safetensors\"}}";
  static const char *const bad[] = {"..", ".", "", "a/b", "/etc/passwd", "..\\\\x"};
  test_safetensors(dir, "x.safetensors", "\"a\":" F32_1, "abcd", 4);
  CHECK_OK(weights_open(dir, &weights, err)); /* the only one */
  weights_close(weights);
  test_write(dir, "model.safetensors.index.json", lacks, sizeof lacks - 1);
  CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "lacks tensor `b`");
  test_write(dir, "model.safetensors.index.json", only_a, sizeof only_a - 1);
  CHECK_OK(weights_open(dir, &weights, err));
  ck_assert_uint_eq(weights_count(weights), 1);
  weights_close(weights);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char text[200];
    snprintf(text, sizeof text, "{\"weight_map\":{\"a\":\"%s\"}}", bad[i]);
    test_write(dir, "model.safetensors.index.json", text, strlen(text));
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "outside its directory");
  }
  test_write(dir, "model.safetensors.index.json", "{\"weight_map\":{\"a\":1}}", 22);
  CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "no file name");
  test_write(dir, "model.safetensors.index.json", "{}", 2);
  CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "no weight_map");
  char *index = file_join(dir, "model.safetensors.index.json");
  remove(index);
  free(index);
  test_safetensors(dir, "y.safetensors", "", "", 0);
  CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "2 other .safetensors");
  test_remove(dir);
}
END_TEST

/* What an index may name: a regular file of that directory, links followed. */
START_TEST(test_no_regular_file) {
  char *dir = test_dir(), *fifo = file_join(dir, "fifo"), *link = file_join(dir, "link");
  char *other = test_dir(), *blob = file_join(other, "blob");
  struct weights *weights;
  char text[200];
  static const struct {
    const char *shard, *says;
  } bad[] = {{"fifo", "fifo` is not a regular file"},
             {"sub", "sub` is not a regular file"},
             {"device", "device` is not a regular file"},
             {"nowhere", "cannot open"},
             {"loop", "cannot open"},
             {"none", "none` is missing"}};
  ck_assert_int_eq(mkfifo(fifo, 0600), 0);
  char *sub = file_join(dir, "sub"), *device = file_join(dir, "device");
  char *nowhere = file_join(dir, "nowhere"), *loop = file_join(dir, "loop");
  ck_assert_int_eq(mkdir(sub, 0700), 0);
  ck_assert_int_eq(symlink("/dev/zero", device), 0);
  ck_assert_int_eq(symlink("gone", nowhere), 0);
  ck_assert_int_eq(symlink("loop", loop), 0);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(text, sizeof text, "{\"weight_map\":{\"a\":\"%s\"}}", bad[i].shard);
    test_write(dir, "model.safetensors.index.json", text, strlen(text));
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, bad[i].says);
  }
  /* out of the directory, but by a link that its owner made: a snapshot */
  test_safetensors(other, "blob", "\"a\":" F32_1, "abcd", 4);
  ck_assert_int_eq(symlink(blob, link), 0);
  strcpy(text, "{\"weight_map\":{\"a\":\"link\"}}");
  test_write(dir, "model.safetensors.index.json", text, strlen(text));
  CHECK_OK(weights_open(dir, &weights, err));
  ck_assert_mem_eq(weights_find(weights, "a")->data, "abcd", 4);
  weights_close(weights);
  /* a duplicate key, another depth, and a FIFO where the index is looked for */
  strcpy(text, "{\"weight_map\":{\"a\":\"link\",\"a\":\"link\"}}");
  test_write(dir, "model.safetensors.index.json", text, strlen(text));
  CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "duplicate");
  strcpy(text, "{\"metadata\":[[[[[[[[[[1]]]]]]]]]]}");
  test_write(dir, "model.safetensors.index.json", text, strlen(text));
  CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "nested deeper");
  static const char *const broken[] = {
      "[]",
      "{",
      "",
      "{\"metadata\":[1,{\"a\":[true,false,null,-1.5e3,\"x\"]}],\"weight_map\":{}",
      "{\"weight_map\":[]}",
      "{\"weight_map\":{},\"weight_map\":{}}",
      "{\"metadata\":nul,\"weight_map\":{}}",
      "{\"weight_map\":{}} x"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    test_write(dir, "model.safetensors.index.json", broken[i], strlen(broken[i]));
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "index.json");
  }
  strcpy(text,
         "{\"metadata\":[1,{\"a\":[true,false,null,-1.5e3]}],\"weight_map\":{\"a\":\"link\"}} ");
  test_write(dir, "model.safetensors.index.json", text, strlen(text));
  CHECK_OK(weights_open(dir, &weights, err));
  weights_close(weights);
  char *index = file_join(dir, "model.safetensors.index.json");
  remove(index);
  ck_assert_int_eq(mkfifo(index, 0600), 0);
  CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "is not a regular file");
  char *const owned[] = {fifo, link, blob, sub, device, nowhere, loop, index};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
    free(owned[i]);
  test_remove(dir);
  test_remove(other);
}
END_TEST

/* Pieces that repeat: refused in no time, whatever they are. */
START_TEST(test_hostile_index) {
  static const struct {
    const char *begin, *piece;
  } large[] = {{"", "["},
               {"", "{\"a\":"},
               {"{\"metadata\":", "["},
               {"{\"metadata\":\"", "x"},
               {"{\"metadata\":", "1"},
               {"{\"weight_map\":{\"", "x"},
               {"{\"weight_map\":{\"a\":\"", "\\u0061"},
               {"{\"weight_map\":{", "\"a\":\"x\","},
               {"{\"weight_map\":{\"a\":", "{\"b\":"}};
  size_t bytes = getenv("TFM_VALGRIND") ? 20000 : 2000000;
  char *dir = test_dir();
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
    struct weights *weights;
    struct buffer text;
    buffer_init(&text);
    buffer_puts(&text, large[i].begin);
    while (text.length < bytes)
      buffer_puts(&text, large[i].piece);
    test_write(dir, "model.safetensors.index.json", text.data, text.length);
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "index.json");
    buffer_finish(&text);
  }
  test_remove(dir);
}
END_TEST

/* A tied tensor's other name: in its own file, in another shard; never over a
 * tensor that is there, nor from a name that is not. */
START_TEST(test_alias_rules) {
  static const char index[] = "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}";
  struct weights *weights;
  char *dir = test_dir();
  test_safetensors(
      dir, "1.safetensors",
      "\"__metadata__\":{\"t\":\"b\",\"a\":\"b\",\"u\":\"t\",\"v\":\"none\"},\"a\":" F32_1, "aaaa",
      4);
  test_safetensors(dir, "2.safetensors", "\"b\":" F32_1, "bbbb", 4);
  test_write(dir, "model.safetensors.index.json", index, sizeof index - 1);
  CHECK_OK(weights_open(dir, &weights, err));
  ck_assert_uint_eq(weights_count(weights), 3);
  ck_assert_str_eq(weights_find(weights, "t")->alias, "b");
  ck_assert_mem_eq(weights_find(weights, "t")->data, "bbbb", 4);
  ck_assert_mem_eq(weights_find(weights, "a")->data, "aaaa", 4);
  ck_assert_ptr_null(weights_find(weights, "u"));
  ck_assert_ptr_null(weights_find(weights, "v"));
  ck_assert_uint_eq(weights_bytes(weights), 8);
  weights_close(weights);
  test_remove(dir);
}
END_TEST

START_TEST(test_foreign) {
  static const struct {
    const char *name, *says;
  } kind[] = {{"pytorch_model.bin", "is a pickle, a program"},
              {"pytorch_model-00001-of-00002.bin", "is a pickle"},
              {"model.pt", "is a pickle"},
              {"weights.pth", "is a pickle"},
              {"last.ckpt", "is a pickle"},
              {"tf_model.h5", "TensorFlow"},
              {"flax_model.msgpack", "Flax"},
              {"model.onnx", "ONNX"}};
  static const struct {
    const char *bytes, *says;
  } begin[] = {{"PK\003\004\000\000\010\010", "is a pickle"},
               {"\200\002}q\000(X\001", "is a pickle"},
               {"\211HDF\r\n\032\n", "HDF5"},
               {"12345678", "header that is too large"}};
  struct weights *weights;
  for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
    char *dir = test_dir(), *path = file_join(dir, kind[i].name);
    test_write(dir, "optimizer.bin", "x", 1);
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, "no checkpoint in");
    test_write(dir, kind[i].name, "x", 1);
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, kind[i].says);
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, kind[i].name);
    CHECK_FAILS(weights_open(path, &weights, err), TFM_ERROR_CHECKPOINT, kind[i].says);
    test_safetensors(dir, "model.safetensors", "\"a\":" F32_1, "abcd", 4);
    CHECK_OK(weights_open(dir, &weights, err));
    weights_close(weights);
    free(path);
    test_remove(dir);
  }
  for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
    char *dir = test_dir();
    test_write(dir, "model.safetensors", begin[i].bytes, 8);
    CHECK_FAILS(weights_open(dir, &weights, err), TFM_ERROR_CHECKPOINT, begin[i].says);
    test_remove(dir);
  }
}
END_TEST

/* ------------------------------------------------------------------ binding */

static const char views[] = "graph t\n"
                            "dim B\n"
                            "entry decode step\n"
                            "decode\n"
                            "input %0 x = feed : f32[B,6] @x\n"
                            "weight $m : f32[2,6] = \"m\"\n"
                            "weight $h : f16[3] = \"h\"\n"
                            "weight $i : i64[2] = \"i\"\n"
                            "weight $t : f32[6,2] = transpose($m; 0, 0, 0)\n"
                            "weight $s : f32[2,3] = split($m; 1, 2, 1)\n"
                            "weight $c : f32[2,9] = concat($m, $s; 1, 0, 0)\n"
                            "weight $ct : f32[12,2] = concat($t, $t; 0, 0, 0)\n"
                            "weight $k : f32[2,2,6] = stack($m, $m; 0, 0, 0)\n"
                            "weight $r : f32[3,4] = reshape($m; 0, 0, 0)\n"
                            "weight $rt : f32[12] = reshape($t; 0, 0, 0)\n"
                            "weight $sl : f32[2,3] = slice($m; 1, 3, 2)\n"
                            "weight $low : f32[1,6] = slice($m; 0, 1, 1)\n"
                            "weight $k3 : f32[6,2,2] = transpose($k; 0, 3, 66)\n"
                            "weight $kr : f32[24] = reshape($k3; 0, 0, 0)\n"
                            "weight $n : f32[] = number(0.5)\n"
                            "weight $p : f32[3] = add($n, $h; 0, 0, 0)\n"
                            "weight $q : f32[2,3] = sub($p, $s; 0, 0, 0)\n"
                            "weight $col : f32[2,1] = split($m; 1, 6, 1)\n"
                            "weight $u : f32[2,6] = mul($m, $col; 0, 0, 0)\n"
                            "weight $d : f32[6,2] = div($t, $n; 0, 0, 0)\n"
                            "weight $l : f32[2,2,3] = list($s, $s; 0, 0, 0)\n"
                            "weight $no : f32[1] = \"not there\" unused\n";

static struct graph *view_graph(void) {
  struct tfm_error err = {0};
  struct graph *graph = graph_parse("views", views, sizeof views - 1, &err);
  ck_assert_msg(graph != NULL, "%s", err.message);
  return graph;
}

static const tfm_tensor *by_name(const struct graph *graph, const struct binding *binding,
                                 const char *name) {
  for (uint32_t i = 0; i < graph->weight_count; i++)
    if (strcmp(graph->weight[i].name, name) == 0)
      return binding_tensor(binding, (int32_t)i);
  return NULL;
}

/* Element number `at`, in the order of the shape. */
static float at(const tfm_tensor *t, int64_t index) {
  const char *p = t->data;
  float v;
  for (uint32_t i = t->rank; i-- > 0; index /= t->shape[i])
    p += index % t->shape[i] * t->stride[i];
  memcpy(&v, p, sizeof v);
  return v;
}

static void check_values(const tfm_tensor *t, size_t count, const float *expected) {
  ck_assert_ptr_nonnull(t);
  ck_assert_uint_eq(t->dtype, TFM_F32);
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(at(t, (int64_t)i) == expected[i], "element %zu is %g, not %g", i,
                  (double)at(t, (int64_t)i), (double)expected[i]);
}

/* shift: bytes before the tensors, so that they are not aligned. */
static char *view_checkpoint(size_t shift) {
  char data[128] = {0}, head[600];
  float m[12];
  uint16_t h[3] = {0x3c00, 0x4000, 0xbc00};
  int64_t n[2] = {-7, 1 << 20};
  for (int i = 0; i < 12; i++)
    m[i] = (float)i;
  memcpy(data + shift, m, 48);
  memcpy(data + shift + 48, h, 6);
  memcpy(data + shift + 54, n, 16);
  snprintf(head, sizeof head,
           "\"pad\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]},"
           "\"m\":{\"dtype\":\"F32\",\"shape\":[2,6],\"data_offsets\":[%zu,%zu]},"
           "\"h\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[%zu,%zu]},"
           "\"i\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[%zu,%zu]}",
           shift, shift, shift, shift + 48, shift + 48, shift + 54, shift + 54, shift + 70);
  char *dir = test_dir();
  size_t length = strlen(head) + 10; /* make the data begin at a multiple of 8 */
  while (length++ % 8 != 0)
    strcat(head, " ");
  test_safetensors(dir, "model.safetensors", head, data, shift + 70);
  return dir;
}

static void check_views(size_t shift) {
  static const float t[] = {0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11};
  static const float s[] = {3, 4, 5, 9, 10, 11};
  static const float c[] = {0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8, 9, 10, 11, 9, 10, 11};
  static const float i[] = {-7, 1 << 20};
  float m[24], ct[24];
  for (int j = 0; j < 24; j++) {
    m[j] = (float)(j % 12);
    ct[j] = t[j % 12];
  }
  char *dir = view_checkpoint(shift);
  struct graph *graph = view_graph();
  struct weights *weights;
  struct binding *binding;
  CHECK_OK(weights_open(dir, &weights, err));
  CHECK_OK(binding_create(graph, weights, NULL, &binding, err));
  check_values(by_name(graph, binding, "m"), 12, m);
  check_values(by_name(graph, binding, "i"), 2, i);
  check_values(by_name(graph, binding, "t"), 12, t);
  check_values(by_name(graph, binding, "s"), 6, s);
  check_values(by_name(graph, binding, "c"), 18, c);
  check_values(by_name(graph, binding, "ct"), 24, ct);
  check_values(by_name(graph, binding, "k"), 24, m);
  check_values(by_name(graph, binding, "r"), 12, m);
  check_values(by_name(graph, binding, "rt"), 12, t);
  check_values(by_name(graph, binding, "sl"), 6, (const float[]){2, 3, 4, 8, 9, 10});
  check_values(by_name(graph, binding, "low"), 6, m + 6);
  const float kr[] = {0, 6, 0, 6, 1, 7, 1, 7, 2, 8, 2, 8, 3, 9, 3, 9, 4, 10, 4, 10, 5, 11, 5, 11};
  check_values(by_name(graph, binding, "k3"), 24, kr);
  check_values(by_name(graph, binding, "kr"), 24, kr);
  check_values(by_name(graph, binding, "p"), 3, (const float[]){1.5f, 2.5f, -0.5f});
  check_values(by_name(graph, binding, "q"), 6,
               (const float[]){-1.5f, -1.5f, -5.5f, -7.5f, -7.5f, -11.5f});
  check_values(by_name(graph, binding, "u"), 12,
               (const float[]){0, 1, 2, 3, 4, 5, 42, 49, 56, 63, 70, 77});
  check_values(by_name(graph, binding, "d"), 12,
               (const float[]){0, 12, 2, 14, 4, 16, 6, 18, 8, 20, 10, 22});
  const tfm_tensor *list = by_name(graph, binding, "l");
  ck_assert_uint_eq(list->flags, TFM_TENSOR_LIST);
  ck_assert_int_eq(list->shape[0], 2);
  for (int j = 0; j < 2; j++) {
    tfm_tensor piece = tfm_tensor_item(list, j);
    check_values(&piece, 6, s);
    ck_assert_ptr_eq(piece.data, by_name(graph, binding, "s")->data);
  }
  const tfm_tensor *h = by_name(graph, binding, "h");
  ck_assert_uint_eq(h->dtype, TFM_F16);
  ck_assert_uint_eq((uintptr_t)h->data % 2, 0);
  ck_assert_uint_eq(((const uint16_t *)h->data)[2], 0xbc00);
  const struct weights_tensor *stored = weights_find(weights, "m");
  ck_assert((shift % 4 == 0) == ((const void *)stored->data == by_name(graph, binding, "m")->data));
  ck_assert_uint_eq((uintptr_t)by_name(graph, binding, "m")->data % 4, 0);
  ck_assert_uint_eq(binding_elements(binding), 12 + 3 + 2);
  binding_destroy(binding);

  struct binding_options tight = {.memory_limit = 64};
  CHECK_FAILS(binding_create(graph, weights, &tight, &binding, err), TFM_ERROR_LIMIT,
              "memory limit");
  weights_close(weights);
  graph_destroy(graph);
  test_remove(dir);
}

START_TEST(test_views) {
  check_views(0);
  check_views(1);
  check_views(3);
  check_views(4);
}
END_TEST

/* Each type that is read becomes f32, but for those that kernels read as they are. */
START_TEST(test_types) {
  static const unsigned char bytes[24] = {0x38, 0xb9, 1,    0x7e, 0,    0x40, 0xc4, 0x3f,
                                          0,    0,    0xf0, 0x3f, 0x80, 0,    0,    0,
                                          0,    0,    0,    0xc0, 2,    0,    0,    0};
  for (unsigned d = DTYPE_F32; d <= DTYPE_F8_E5M2; d++) {
    enum dtype dtype = (enum dtype)d;
    char head[200], text[200], stored[16];
    float expected[3];
    size_t size = 3 * dtype_size(dtype), i = 0;
    for (const char *name = dtype_name(dtype); name[i]; i++)
      stored[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    stored[i] = '\0';
    snprintf(head, sizeof head, "\"x\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%zu]}",
             stored, size);
    snprintf(text, sizeof text,
             "graph t\ndim B\nentry decode step\ndecode\ninput %%0 x = feed : f32[B,6] @x\nweight "
             "$x : %s[3] = \"x\"\n",
             dtype_name(dtype));
    char *dir = test_dir();
    struct tfm_error err = {0};
    struct graph *graph = graph_parse("types", text, strlen(text), &err);
    ck_assert_msg(graph != NULL, "%s", err.message);
    struct weights *weights;
    struct binding *binding;
    test_safetensors(dir, "a.safetensors", head, (const char *)bytes, size);
    CHECK_OK(weights_open(dir, &weights, err));
    CHECK_OK(binding_create(graph, weights, NULL, &binding, err));
    const tfm_tensor *x = by_name(graph, binding, "x");
    ck_assert(dtype_to_f32(dtype, bytes, expected, 3));
    if (dtype == DTYPE_F16 || dtype == DTYPE_BF16) {
      ck_assert_uint_eq(x->dtype, d);
      ck_assert_mem_eq(x->data, bytes, size);
    } else {
      check_values(x, 3, expected);
    }
    binding_destroy(binding);
    weights_close(weights);
    graph_destroy(graph);
    test_remove(dir);
  }
}
END_TEST

START_TEST(test_mismatch) {
  char *dir = test_dir();
  struct graph *graph = view_graph();
  struct weights *weights;
  struct binding *binding;
  test_safetensors(dir, "a.safetensors", "\"m\":" F32_1, "abcd", 4);
  CHECK_OK(weights_open(dir, &weights, err));
  CHECK_FAILS(binding_create(graph, weights, NULL, &binding, err), TFM_ERROR_CHECKPOINT,
              "expected: f32[2, 6]");
  weights_close(weights);
  test_safetensors(dir, "a.safetensors", "\"n\":" F32_1, "abcd", 4);
  CHECK_OK(weights_open(dir, &weights, err));
  CHECK_FAILS(binding_create(graph, weights, NULL, &binding, err), TFM_ERROR_CHECKPOINT,
              "tensor `m` is not in the checkpoint");
  weights_close(weights);
  graph_destroy(graph);
  test_remove(dir);
}
END_TEST

START_TEST(test_random) {
  struct graph *graph = view_graph();
  struct binding_options options = {.random = true, .seed = 1};
  struct binding *a, *b;
  CHECK_OK(binding_create(graph, NULL, &options, &a, err));
  CHECK_OK(binding_create(graph, NULL, &options, &b, err));
  const tfm_tensor *x = by_name(graph, a, "m"), *y = by_name(graph, b, "m");
  ck_assert_mem_eq(x->data, y->data, 48);
  double square = 0;
  for (int64_t i = 0; i < 12; i++)
    square += (double)at(x, i) * (double)at(x, i);
  ck_assert(square / 12 > 1e-4 && square / 12 < 1e-3); /* 0.02 squared is 4e-4 */
  binding_destroy(b);
  options.seed = 2;
  CHECK_OK(binding_create(graph, NULL, &options, &b, err));
  ck_assert_mem_ne(x->data, by_name(graph, b, "m")->data, 48);
  binding_destroy(a);
  binding_destroy(b);
  graph_destroy(graph);
}
END_TEST

UNIT_MAIN("weights", test_layouts, test_alias, test_refused, test_index, test_no_regular_file,
          test_hostile_index, test_alias_rules, test_foreign, test_views, test_types, test_mismatch,
          test_random)
