/* fuzz_gguf.c - any bytes as a .gguf file: its tables, its tensors as a
 * checkpoint's, and the config.json that it stands for. */
#include "checkpoint/gguf/config.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/gguf/view.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void check_values(const struct gguf *file, const uint8_t *data, size_t size) {
  for (size_t i = 0; i < file->value_count; i++) {
    const struct gguf_value *value = &file->value[i];
    struct gguf_texts texts;
    struct gguf_text text;
    int64_t integer;
    double real;
    fuzz_check(value->data >= data && value->size <= (size_t)(data + size - value->data),
               "a value lies in the file");
    fuzz_check(gguf_value(file, value->key) == value, "a value has its key");
    if (value->count > 0) {
      gguf_integer(value, value->count - 1, &integer);
      gguf_real(value, value->count - 1, &real);
    }
    if (gguf_texts_begin(&texts, value))
      while (gguf_texts_next(&texts, &text))
        fuzz_check(text.length == 0 || (const uint8_t *)text.text + text.length <= data + size,
                   "a text lies in the file");
  }
}

static void check_tensors(struct gguf *file, const uint8_t *data, size_t size) {
  size_t count = 0;
  struct tfm_error err = {0};
  struct weights_tensor *view = calloc(file->tensor_count + 1, sizeof *view);
  for (size_t i = 0; i < file->tensor_count; i++) {
    const struct gguf_tensor *t = &file->tensor[i];
    fuzz_check(t->size == 0 || (t->data >= data && t->size <= (size_t)(data + size - t->data)),
               "a tensor lies in the file");
    fuzz_check(gguf_find(file, t->name) == t, "a tensor has its name");
  }
  if (view == NULL)
    return;
  fuzz_check_error(gguf_view(file, view, &count, &err), &err);
  fuzz_check(count <= file->tensor_count, "a view has no tensors of its own");
  free(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gguf file;
  struct tfm_error err = {0};
  json_t *config = NULL;
  int status = gguf_parse(&file, "x.gguf", data, size, &err);
  fuzz_check_error(status, &err);
  if (status != 0)
    return 0;
  check_values(&file, data, size);
  check_tensors(&file, data, size);
  fuzz_check_error(gguf_config(&file, &config, &err), &err);
  json_decref(config);
  gguf_finish(&file);
  return 0;
}
