/* tfm/types.h - data that tfm and its plugins both speak of: status, formats of elements,
 * tensors, types and attributes.
 *
 * A plugin includes tfm/plugin.h, which includes this; all that is said there of the ABI
 * and of its growth is meant of this file too. */
#ifndef TFM_TYPES_H
#define TFM_TYPES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ status */

typedef int32_t tfm_status;
#define TFM_OK        0
#define TFM_DECLINED  1    /* not for me: the host tries the next kernel   */
#define TFM_FAILED    (-1) /* call host->fail first, to say what and why   */
#define TFM_NO_MEMORY (-2)
#define TFM_CANCELLED (-3) /* host->cancelled said so                      */

/* ------------------------------------------------------------ data: frozen */

#define TFM_MAX_RANK 8

/* Element types.  The numbers never change. */
typedef uint32_t tfm_dtype;
enum {
  TFM_NONE = 0,
  TFM_F32 = 1,
  TFM_F16 = 2,
  TFM_BF16 = 3,
  TFM_F64 = 4,
  TFM_I8 = 5,
  TFM_U8 = 6,
  TFM_I16 = 7,
  TFM_U16 = 8,
  TFM_I32 = 9,
  TFM_U32 = 10,
  TFM_I64 = 11,
  TFM_U64 = 12,
  TFM_BOOL = 13, /* one byte, 0 or 1 */
  TFM_F8_E4M3 = 14,
  TFM_F8_E5M2 = 15,
  TFM_MASK = 16, /* data is one tfm_mask */
  TFM_KV = 17,   /* data is one tfm_kv   */
  /* Packed weights: blocks of elements with a scale of their own, as in GGUF files. */
  TFM_Q4_0 = 18,  /* 32 elements in 18 bytes  */
  TFM_Q4_1 = 19,  /* 32 in 20                 */
  TFM_Q5_0 = 20,  /* 32 in 22                 */
  TFM_Q5_1 = 21,  /* 32 in 24                 */
  TFM_Q8_0 = 22,  /* 32 in 34                 */
  TFM_Q4_K = 23,  /* 256 in 144               */
  TFM_Q5_K = 24,  /* 256 in 176               */
  TFM_Q6_K = 25,  /* 256 in 210               */
  TFM_STATE = 26, /* data is one tfm_state   */
  TFM_BIAS = 27   /* data is one tfm_bias    */
};

/* Sets of formats, for the lists of what a kernel takes: TFM_BIT(TFM_F32) | TFM_BIT(TFM_I8). */
#define TFM_BIT(dtype)     (UINT64_C(1) << (dtype))
#define TFM_FLOAT_WEIGHTS  (TFM_BIT(TFM_F32) | TFM_BIT(TFM_F16) | TFM_BIT(TFM_BF16))
#define TFM_PACKED_WEIGHTS (TFM_BIT(TFM_Q6_K + 1) - TFM_BIT(TFM_Q4_0))

/* A view of memory.  Frozen.  Who owns data is said where a tensor is passed.
 * data lies on `device`, which is 0 for all that a kernel of device "cpu" is given;
 * all else of the struct is the host's, what begin points to too.  MASK, KV and STATE: see there.
 * stride is in BYTES and may be any value that stays inside the allocation;
 * contiguous means stride[rank-1] = element size, stride[i] = shape[i+1] *
 * stride[i+1].  Of a packed dtype whole blocks lie along the last dimension, the
 * stride there is the bytes of a block, and stride[rank-2] is stride[rank-1] times
 * the blocks of a row; only such weights are packed, and only for kernels that say
 * they take them.  Inputs, outputs and workspaces are contiguous and aligned to
 * 64 bytes; weights are aligned to their element size and may be strided
 * (a transposed weight is the stored one with its strides swapped).
 *
 * Rows of unequal length lie end to end.  What a schema calls [B, T, ...] is then
 * [1, N, ...], N the tokens of all rows, and begin says where each row's are:
 * row b has [begin[b], begin[b + 1]), and there are run->rows->count rows.
 * begin NULL: the tensor has the shape that its schema says.
 *
 * A weight of experts[E, I, O] in a schema may be E tensors that lie apart: flags then
 * has TFM_TENSOR_LIST, data is an array of shape[0] pointers to the tensors of the other
 * dims, and stride means nothing.  tfm_tensor_item reads both forms. */
#define TFM_TENSOR_LIST 1u
typedef struct tfm_tensor {
  void *data;
  int64_t shape[TFM_MAX_RANK];
  int64_t stride[TFM_MAX_RANK];
  tfm_dtype dtype;
  uint32_t rank;
  int32_t device; /* 0 = host memory */
  uint32_t flags; /* TFM_TENSOR_LIST, or 0 */
  const int64_t *begin;
  void *reserved;
} tfm_tensor;

/* A dimension at compile time: >= 0 is a number, < 0 a handle of a symbolic
 * polynomial over run-time dimensions, to be combined only through the host. */
typedef int64_t tfm_dim;

/* A type at compile time.  Frozen.  dtype TFM_NONE = the run's float type. */
typedef struct tfm_type {
  tfm_dtype dtype;
  uint32_t rank;
  tfm_dim shape[TFM_MAX_RANK];
} tfm_type;

/* An attribute's value.  Frozen.  A JSON object of config.json arrives whole
 * (rope scaling): items are its members, by name. */
enum {
  TFM_ATTR_NONE,
  TFM_ATTR_BOOL,
  TFM_ATTR_INT,
  TFM_ATTR_REAL,
  TFM_ATTR_STR,
  TFM_ATTR_LIST,
  TFM_ATTR_OBJECT,
  TFM_ATTR_DIM /* infer alone: an item of an attribute of the kind `dims`, a tfm_dim in
                  integer; NONE where `_` stands */
};
typedef struct tfm_attr {
  const char *name; /* "" for the items of a list */
  uint32_t kind;
  uint32_t count;                     /* LIST, OBJECT: number of items */
  int64_t integer;                    /* BOOL, INT                     */
  double real;                        /* REAL, and INT as a double     */
  const char *text;                   /* STR, UTF-8                    */
  const struct tfm_attr *const *item; /* LIST, OBJECT                  */
} tfm_attr;

#ifdef __cplusplus
}
#endif

#endif
