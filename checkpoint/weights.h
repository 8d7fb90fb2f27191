/* weights.h - a checkpoint: every tensor of it by name, wherever it lies.
 *
 * PATH is a .safetensors file, or a directory with model.safetensors, or with
 * model.safetensors.index.json and its shards, or with just one *.safetensors; or a
 * .gguf file, whose tensors are given the names of Hugging Face (gguf/view.h).
 * Files stay mapped read-only until weights_close. */
#ifndef TFM_CHECKPOINT_WEIGHTS_H
#define TFM_CHECKPOINT_WEIGHTS_H

#include "base/dtype.h"
#include "base/error.h"
#include "graph/graph.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weights;

struct weights_tensor {
  const char *name;
  enum dtype dtype; /* as stored */
  uint32_t rank;
  int64_t shape[TFM_MAX_RANK];
  const char *file;          /* the path it lies in */
  const unsigned char *data; /* size bytes, in one piece, any alignment */
  size_t size;
  /* The other name of a tied tensor, as __metadata__ states it: data is
   * that of the tensor `alias`.  NULL = stored under this name. */
  const char *alias;
  int64_t heads;   /* not 0: of so many heads each has the rows of its halves by turns */
  bool transposed; /* a matrix that lies as one of shape [shape[1], shape[0]] */
};

int weights_open(const char *path, struct weights **out, struct tfm_error *err);
void weights_close(struct weights *weights);
/* The tensors of one more .safetensors file, each called PREFIX.NAME; for at most
 * WEIGHTS_EXTRA files, before anybody keeps what weights_tensors returned. */
enum { WEIGHTS_EXTRA = 16 };
int weights_add(struct weights *weights, const char *path, const char *prefix,
                struct tfm_error *err);

size_t weights_count(const struct weights *weights);
/* All of them, weights_count long, aliases last; order is that of the files. */
const struct weights_tensor *weights_tensors(const struct weights *weights);
const struct weights_tensor *weights_find(const struct weights *weights, const char *name);

/* Is data the elements one by one, in the order of shape? */
bool weights_is_plain(const struct weights_tensor *t);
/* Is it stored in blocks with scales? */
bool weights_is_packed(const struct weights_tensor *t);
/* The elements to `to`, rows in order, which if it is transposed are those that lie there.
 * as: the dtype itself, F32, or F16 where dtype_wide says so.  A packed value that is not
 * finite is an error; weights_check_finite only looks for one. */
int weights_copy(const struct weights_tensor *t, enum dtype as, void *to, struct tfm_error *err);
int weights_check_finite(const struct weights_tensor *t, struct tfm_error *err);

/* Is all that was mapped still there?  thorough: also what nobody has read yet
 * (a system call a file).  An error names the file. */
int weights_check(const struct weights *weights, bool thorough, struct tfm_error *err);
/* The device and inode of file number i; false = there are no more. */
bool weights_file(const struct weights *weights, size_t i, uint64_t *device, uint64_t *inode);
/* Bytes of tensor data mapped, tied ones once. */
uint64_t weights_bytes(const struct weights *weights);

#endif
