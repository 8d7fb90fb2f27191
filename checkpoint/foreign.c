/* foreign.c - a table of what else a checkpoint may be stored as. */
#include "checkpoint/foreign.h"

#include "base/file.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum kind { PICKLE, HDF5, MSGPACK, ONNX };

static const char *const is[] = {
    [PICKLE] = "is a pickle, a program that runs when it is loaded: tfm does not read such files",
    [HDF5] = "is a TensorFlow checkpoint (HDF5), which tfm does not read",
    [MSGPACK] = "is a Flax checkpoint (msgpack), which tfm does not read",
    [ONNX] = "is an ONNX graph, which tfm does not read",
};

/* A directory's file is told by beginning and end: other programs keep other
 * things in files that end the same.  The first row that is there is named. */
static const struct {
  const char *begin, *end;
  enum kind kind;
} names[] = {
    {"pytorch_model", ".bin", PICKLE},
    {"model", ".pt", PICKLE},
    {"", ".pth", PICKLE},
    {"", ".ckpt", PICKLE},
    {"", ".pt", PICKLE},
    {"", ".pkl", PICKLE},
    {"tf_model", ".h5", HDF5},
    {"flax_model", ".msgpack", MSGPACK},
    {"", ".h5", HDF5},
    {"", ".msgpack", MSGPACK},
    {"", ".onnx", ONNX},
};

static const struct {
  const char *bytes;
  size_t size;
  enum kind kind;
} magic[] = {
    {"PK\003\004", 4, PICKLE}, /* the zip that torch.save writes */
    {"\200\002", 2, PICKLE},   {"\200\003", 2, PICKLE},  {"\200\004", 2, PICKLE},
    {"\200\005", 2, PICKLE},   {"\211HDF\r\n", 6, HDF5},
};

static int refuse(const char *path, enum kind kind, struct tfm_error *err) {
  error_set(err, TFM_ERROR_CHECKPOINT, "`%s` %s", path, is[kind]);
  error_note(err, "expected: safetensors, which hold numbers and nothing else");
  error_note(err, "help: many models have both: hf download ORG/MODEL --include '*.safetensors'");
  if (kind == PICKLE)
    error_note(err, "help: or convert it, if you trust who made it:\n"
                    "  python3 -c 'import sys, torch, safetensors.torch as s; s.save_file("
                    "{k: v.contiguous().clone() for k, v in torch.load(sys.argv[1], "
                    "map_location=\"cpu\", weights_only=True).items()}, \"model.safetensors\")' "
                    "FILE");
  else if (kind != ONNX)
    error_note(err, "help: or load it with transformers and save it: "
                    "model.save_pretrained(DIR, safe_serialization=True)");
  return -1;
}

static bool fits(const char *name, const char *begin, const char *end) {
  size_t n = strlen(name), e = strlen(end);
  return n > e && strncmp(name, begin, strlen(begin)) == 0 && strcmp(name + n - e, end) == 0;
}

int foreign_refuse_name(const char *path, struct tfm_error *err) {
  if (fits(path, "", ".bin"))
    return refuse(path, PICKLE, err);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (fits(path, "", names[i].end))
      return refuse(path, names[i].kind, err);
  return 0;
}

int foreign_refuse_bytes(const char *path, const unsigned char *data, size_t size,
                         struct tfm_error *err) {
  for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
    if (size >= magic[i].size && memcmp(data, magic[i].bytes, magic[i].size) == 0)
      return refuse(path, magic[i].kind, err);
  return 0;
}

int foreign_refuse_directory(const char *dir, struct tfm_error *err) {
  size_t rows = sizeof names / sizeof *names, best = rows;
  DIR *handle = opendir(dir);
  struct dirent *entry;
  char *path = NULL;
  bool failed = false;
  while (handle && !failed && (entry = readdir(handle)))
    for (size_t i = 0; i < best; i++)
      if (fits(entry->d_name, names[i].begin, names[i].end)) {
        best = i;
        free(path);
        path = file_join(dir, entry->d_name);
        failed = !path;
      }
  if (handle)
    closedir(handle);
  if (failed)
    return error_oom(err);
  int status = path ? refuse(path, names[best].kind, err) : 0;
  free(path);
  return status;
}
