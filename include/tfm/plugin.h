/* tfm/plugin.h - the contract between tfm and an op plugin.  ABI 1.0.
 *
 * A plugin is one shared object, built against this header alone (and the data
 * of tfm/types.h, which it includes).  It adds
 * ops (with a schema in the language's own grammar), kernels (for its own
 * ops or for anybody's), or both.  It exports exactly one symbol:
 *
 *     const tfm_plugin_desc *tfm_plugin_v1(void);
 *
 * How to read this file: a plugin *gives* descriptors (tfm_plugin_desc,
 * tfm_op_desc, tfm_kernel_desc), the host *gives* tfm_host, tfm_node and
 * tfm_run.  All descriptors are constant and live as long as the process:
 * a plugin is never unloaded.
 *
 * Growth: within major 1 a struct that starts with struct_size only gains
 * fields at its end.  The giver sets struct_size to sizeof.  The host accepts
 * a descriptor smaller than today's (missing fields are zero), never smaller
 * than 1.0's, and requires the tail it does not know to be zero.  A plugin
 * checks `host->struct_size` before using a service newer than the minor that
 * it says it needs.  Structs marked frozen never change.
 *
 * Threads: stated on each call as
 *   [main]  one thread at a time, while models are loaded
 *   [any]   any thread, possibly many at once
 *   [run]   inside kernel `run`, on the thread that the host calls it from
 */
#ifndef TFM_PLUGIN_H
#define TFM_PLUGIN_H

#include "tfm/types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TFM_ABI_MAJOR 1u /* a break means a new entry symbol, tfm_plugin_v2 */
#define TFM_ABI_MINOR 3u /* +1 for each appended field */

/* ------------------------------------------------- masks and states: frozen */

/* What is host memory always, and what lies on a tensor's device:
 *
 *     TFM_MASK, TFM_BIAS  host: the formula and its terms, made by a kernel; device
 *               is 0.  Each term's tensor says its own device, where its elements lie
 *     TFM_KV    host: the tfm_kv, past, fresh and the tables of addresses.  Blocks,
 *               and so keys and values, lie on the tensor's device: an address in
 *               a table is the device's, and only its kernels read there
 *     TFM_STATE host: the tfm_state, past, fresh and the two tables of addresses.  What
 *               they point to lies on the tensor's device
 *     run       host: node, rows, taps.  Workspaces lie where the outputs do
 */

/* Who may attend to whom, as a formula in postfix order.  Frozen.
 * Query t of batch row b stands at position p = past[b] + t (past is 0
 * without a cache); key s is allowed when the formula says so. */
enum {
  TFM_MASK_CAUSAL = 1,  /* s <= p                                              */
  TFM_MASK_PADDING = 2, /* real[b, s] != 0; tensor is bool[B, S]; beyond S: no */
  TFM_MASK_WINDOW = 3,  /* |p - s| < n                                         */
  TFM_MASK_PREFIX = 4,  /* s < n                                               */
  TFM_MASK_DENSE = 5,   /* tensor is bool[B or 1, T, S]                        */
  TFM_MASK_AND = 6,     /* of the two formulas before it                       */
  TFM_MASK_OR = 7
};
typedef struct tfm_mask_term {
  uint32_t kind;
  uint32_t reserved;
  int64_t n;
  const tfm_tensor *tensor; /* PADDING, DENSE: lives until the run ends */
} tfm_mask_term;

#define TFM_MASK_TERMS 15
typedef struct tfm_mask {
  uint32_t count; /* 0 = all allowed */
  uint32_t reserved;
  tfm_mask_term term[TFM_MASK_TERMS];
} tfm_mask;

/* What is added to the score of each head, query and key: the sum of the terms.  (1.3)
 * The same struct as a mask's, with terms of these kinds and no operators; count 0
 * adds nothing.  Its tfm_tensor is [H], H the heads.  h is the head, p and s as above.
 * Tensors are f32 and contiguous; those of SLOPE and DISTANCE are host memory, and
 * live as long as the kernel's instance that made them. */
enum {
  TFM_BIAS_SLOPE = 16,    /* -value[h] * |p - s|; tensor is [H]                     */
  TFM_BIAS_DISTANCE = 17, /* value[h, n + (s - p kept in -n..n)]; tensor [H, 2n + 1] */
  TFM_BIAS_DENSE = 18     /* value[b or 0, h, t, s]; tensor is [B or 1, H, T, S]    */
};
typedef tfm_mask_term tfm_bias_term; /* n: DISTANCE */
typedef tfm_mask tfm_bias;

/* One layer's key/value state.  Frozen.  Owned by the host; written by the
 * kernel that gets it.  Tokens lie in blocks of block_tokens, and nothing is
 * promised of where one block lies after another:
 *
 *     block[b][s / block_tokens]
 *       + key_at   -> keys   [block_tokens, key_width]    row s % block_tokens
 *       + value_at -> values [block_tokens, value_width]
 *
 * Row b holds past[b] tokens and gets the first fresh[b] of the step's T new
 * ones (those behind are padding): a kernel stores these at [past[b], past[b] +
 * fresh[b]) and attends over [0, past[b] + fresh[b]).  All of these have a block;
 * those that a kernel does not write may be shared with other rows, or be read at
 * the same time by another run: write nowhere else.  The host advances past after
 * the whole step.  tfm_kv_key and tfm_kv_value, below, find the place. */
typedef struct tfm_kv {
  tfm_dtype dtype;                  /* of keys and values: TFM_F32 until a minor says more */
  uint32_t block_tokens;            /* of every block; 64 in this host, a power of two */
  int64_t key_width, value_width;   /* elements of a token */
  int64_t key_at, value_at;         /* bytes from a block's begin; multiples of 64 */
  int64_t key_stride, value_stride; /* bytes from a token to the next of its block */
  int64_t rows;                     /* B */
  int64_t capacity;                 /* past[b] + fresh[b] of no row is more.  It only changes
                                       now and then: what a workspace may depend on */
  const int32_t *past, *fresh;      /* [B] */
  void *const *const *block;        /* [B][]: aligned to 64 bytes */
  void *reserved[2];
} tfm_kv;

/* One layer of a state that is a tensor for each row.  Frozen.  Owned by the host; the one op
 * that takes it reads what the row has so far and writes, whole, what it has after the step:
 *
 *     tfm_state_now(state, b)   -> f32 of `shape`, contiguous: after past[b] tokens.  All are
 *                                  zero where past[b] is 0.  Others may read it: write nothing
 *     tfm_state_next(state, b)  -> the same after past[b] + fresh[b]; contents undefined at
 *                                  first, and no memory of any other.  fresh[b] is 0: the row
 *                                  rests, and what is written means nothing
 *
 * shape is also that of the tensor whose data this is.  Both addresses are aligned to 64 bytes.
 * The step as a whole succeeds or leaves every row what it had, so nothing need be undone. */
typedef struct tfm_state {
  tfm_dtype dtype; /* TFM_F32 until a minor says more */
  uint32_t rank;
  int64_t shape[TFM_MAX_RANK];
  int64_t rows;                /* B */
  const int32_t *past, *fresh; /* [B]: tokens before this step, and in it */
  const void *const *now;      /* [B]: of all layers; this one's begins `at` bytes behind */
  void *const *next;           /* [B] */
  int64_t at;
  void *reserved[2];
} tfm_state;

/* ----------------------------------------------------------------- the node */

/* One op call of the graph, as infer, match and prepare see it.  Arrays
 * follow the order of the op's schema and have its length; an optional input
 * or weight that is absent is NULL.  Lives until the kernel's destroy. */
typedef struct tfm_node {
  uint32_t struct_size;
  uint32_t input_count, weight_count, attr_count, output_count, tap_count;
  const char *op;   /* "layer_norm", "acme.flash" */
  const char *name; /* "h.0.ln_1": for messages   */
  const tfm_type *const *input;
  const tfm_type *const *weight;
  const tfm_attr *const *attr;   /* every attribute of the schema that has a value */
  const tfm_type *const *output; /* NULL during infer */
} tfm_node;

/* ------------------------------------------------------------ host services */

typedef struct tfm_host tfm_host;
typedef struct tfm_run tfm_run;

/* One product for host->gemm:
 *   c[m, n] = sum_k a[m, k] * weight[n, k] + bias[n],   f32 accumulation
 * Each element is summed in one fixed order that depends on K and on the
 * weight's layout only: not on rows, threads or the other problems. */
typedef struct tfm_gemm {
  uint32_t struct_size;
  uint32_t flags;           /* 0 */
  int64_t rows;             /* M; 0 is legal                                */
  const float *a;           /* [M, K]                                       */
  int64_t a_stride;         /* elements from row to row                     */
  const tfm_tensor *weight; /* [N, K], of any dtype with numbers.  Plain: one
                               of its two strides is the element size.
                               Packed: as tfm_tensor says                 */
  const tfm_tensor *bias;   /* [N], F32, F16 or BF16; or NULL               */
  float *c;                 /* [M, N]; overlaps nothing else                */
  int64_t c_stride;         /* elements                                     */
  /* Called once for each finished stretch of a row, by the thread that made
   * it, while it is in cache: activation, residual, gating.  May be NULL.
   * value = &c[row * c_stride + column], count elements. */
  void (*epilogue)(void *arg, int64_t row, int64_t column, float *value, int64_t count);
  void *epilogue_arg;
} tfm_gemm;

enum { TFM_LOG_DEBUG, TFM_LOG_INFO, TFM_LOG_WARNING };

/* What the host offers.  A service that does not apply where the plugin is
 * called from is NULL: infer has fail, log and the dim calls; prepare and run
 * have all but those. */
struct tfm_host {
  uint32_t struct_size;
  uint32_t abi_minor;
  const char *version; /* of tfm, "0.1.0" */
  void *impl;          /* the host's own */

  /* [any] An optional service by name and version ("tfm.autodiff/1"); NULL = absent. */
  const void *(*ext)(const tfm_host *host, const char *id);
  /* [any] Say what failed, in one lower-case sentence; returns TFM_FAILED. */
  tfm_status (*fail)(const tfm_host *host, const char *format, ...);
  /* [any] One line for the user: a warning, a note (INFO); DEBUG is heard by nobody. */
  void (*log)(const tfm_host *host, int level, const char *format, ...);

  /* [main] Dimension arithmetic for infer.  A division that is not exact, and
   * a difference below zero of numbers, is INT64_MIN, which may be passed on
   * and fails the node in the end. */
  tfm_dim (*dim_add)(const tfm_host *host, tfm_dim a, tfm_dim b);
  tfm_dim (*dim_sub)(const tfm_host *host, tfm_dim a, tfm_dim b);
  tfm_dim (*dim_mul)(const tfm_host *host, tfm_dim a, tfm_dim b);
  tfm_dim (*dim_div)(const tfm_host *host, tfm_dim a, tfm_dim b);
  int32_t (*dim_equal)(const tfm_host *host, tfm_dim a, tfm_dim b);

  /* [any] Memory for an instance, 64-byte aligned, zeroed; NULL = none left. */
  void *(*alloc)(const tfm_host *host, size_t bytes);
  void (*release)(const tfm_host *host, void *memory);
  /* [any] Nonzero = stop soon and return TFM_CANCELLED. */
  int32_t (*cancelled)(const tfm_host *host);

  /* [any] How many threads parallel_for may use; lane numbers are below this. */
  uint32_t (*lanes)(const tfm_host *host);
  /* [run] Call body over [0, count) in pieces of at least grain items, on all
   * lanes, and wait.  A nested call runs inline.  Results must not depend on
   * how the range is cut. */
  void (*parallel_for)(const tfm_host *host, int64_t count, int64_t grain,
                       void (*body)(void *arg, int64_t begin, int64_t end, uint32_t lane),
                       void *arg);

  /* [any] count contiguous elements of any float, integer or packed dtype to f32;
   * packed ones in whole blocks. */
  tfm_status (*to_f32)(const tfm_host *host, tfm_dtype dtype, const void *from, float *to,
                       int64_t count);
  /* [run] Several independent products in one parallel region. */
  tfm_status (*gemm)(const tfm_host *host, const tfm_gemm *const *problem, uint32_t count);

  /* [run] Memory for tap number `index` of the running node: f32, contiguous,
   * of the given shape, owned by the host; NULL when the tap is not wanted. */
  float *(*tap)(const tfm_host *host, const tfm_run *run, uint32_t index, uint32_t rank,
                const int64_t *shape);
};

/* ------------------------------------------------------------------- an op */

enum {
  /* The outputs point into the inputs: the host keeps the inputs alive as long
   * as the outputs.  It does so for masks and biases by itself, and keeps the other outputs
   * of the op with them. */
  TFM_OP_HOLDS_INPUTS = 1u,
  /* Tokens are kept apart: along each dim that the schema leaves in `...`, and
   * each that it gives the same name in an input and in an output, an output
   * depends on that index of the input only; but for the dim that the attribute
   * `axis` names.  Without it an op is given all tokens of a text, and cannot
   * stand beside a state, where a step has the new tokens alone. */
  TFM_OP_KEEPS_TOKENS = 2u,
  /* What the schema leaves in `...` need not be equal in all inputs.  Dims are
   * compared from the last one: they are equal, or 1 or not there in one input,
   * which is then repeated.  Where rows lie end to end, an input [B, 1, ...] beside
   * [B, T, ...] is [B, 1, ...] still: its row b belongs to all tokens of row b. */
  TFM_OP_BROADCASTS = 4u,
  /* The one output has the elements of the first input, in their order, under other dims.
   * Where both lie in one piece they are one memory, and no kernel is run. */
  TFM_OP_VIEW = 8u
};

/* What tfm itself asks of an op, so that no part of it knows an op by its name.  The
 * numbers never change.  Only an op that is called by bare name (core) can have a
 * role, and one op alone has each. */
enum {
  TFM_ROLE_NONE = 0,
  TFM_ROLE_ADD = 1, /* a + b of two tensors */
  TFM_ROLE_SUB = 2,
  TFM_ROLE_MUL = 3,
  TFM_ROLE_DIV = 4,
  TFM_ROLE_MASK_AND = 5, /* a & b of two masks */
  TFM_ROLE_MASK_OR = 6,
  TFM_ROLE_SCALE = 7,      /* a tensor times its one attribute: -x, 2.0 * x */
  TFM_ROLE_LAST_TOKEN = 8, /* the token of each row whose index is the second input */
  TFM_ROLE_SELECT = 9,     /* what is at `index` of an axis */
  TFM_ROLE_LOOKUP = 10,    /* rows of its weight, by the ids of its input */
  TFM_ROLE_UNIT = 11,      /* vectors of length 1 */
  TFM_ROLE_CONSTANT = 12,  /* a tensor of its weight, or [1] of its attribute */
  TFM_ROLE_BIAS_ADD = 13,  /* a + b of two biases */
  TFM_ROLES                /* how many this tfm knows, 0 among them */
};

/* What an op means.  The schema is a string in the language's own grammar,
 * with its doc comment:
 *
 *   ## Root mean square norm (Zhang and Sennrich 2019, section 4).
 *   op rms_norm(x: [..., D]; weight: [D]; eps: real = 1e-6) -> [..., D]
 *
 * sections are inputs; weights; attributes.  `?` marks an optional one, a
 * trailing `taps a, b` names inner values that a run can be asked for. */
typedef struct tfm_op_desc {
  uint32_t struct_size;
  uint32_t flags;
  uint32_t version; /* of the meaning; 1, and +1 when results change */
  uint32_t role;    /* TFM_ROLE_; 0 for all but some of the ops that come with tfm */
  const char *schema;
  /* [main] Output types, when the schema alone cannot say them (split); NULL
   * otherwise.  Inputs already agree with the schema.  Writes at most capacity
   * types and sets *count. */
  tfm_status (*infer)(const tfm_host *host, const tfm_node *node, tfm_type *output,
                      uint32_t capacity, uint32_t *count);
  /* Reserved for the backward pass; NULL. */
  tfm_status (*gradient)(const tfm_host *host, const tfm_node *node, void *builder);
} tfm_op_desc;

/* ----------------------------------------------------------------- a kernel */

enum {
  TFM_KERNEL_SERIAL = 1u,        /* run is never called twice at once on one instance  */
  TFM_KERNEL_INPLACE_OK = 2u,    /* output 0 may be the very memory of input 0         */
  TFM_KERNEL_DETERMINISTIC = 4u, /* same bits whatever the batch and number of lanes   */
  TFM_KERNEL_REFERENCE = 8u,     /* plain C: the meaning of the op; every op has one   */
  /* Reads tfm_tensor.begin: called once for all rows.  A kernel that does not say so, of a node
   * that mixes tokens or makes a mask, is called once a row, with all that it is given cut to
   * that row: [1, T, ...], as if the row were alone. */
  TFM_KERNEL_KNOWS_ROWS = 16u
};

/* Processor features, as bit numbers in cpu_need.  The host asks the CPU. */
enum {
  TFM_CPU_X86_AVX2 = 0,   /* with FMA and F16C */
  TFM_CPU_X86_AVX512 = 1, /* F, BW, DQ, VL   */
  TFM_CPU_X86_AVX512_VNNI = 2,
  TFM_CPU_X86_AVX512_BF16 = 3,
  TFM_CPU_X86_AMX_BF16 = 4,
  TFM_CPU_X86_AMX_INT8 = 5,
  TFM_CPU_ARM_NEON = 64,
  TFM_CPU_ARM_SVE = 65
};

/* The rows of a call. */
typedef struct tfm_rows {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t count;
} tfm_rows;

/* One call of a kernel.  Tensors' shapes are concrete; absent optional ones
 * are NULL.  Lives for the call only: keep no pointer into it. */
struct tfm_run {
  uint32_t struct_size;
  uint32_t input_count, weight_count, output_count;
  const tfm_tensor *const *input;
  const tfm_tensor *const *weight;
  const tfm_tensor *const *output; /* data is the kernel's to write */
  void *workspace;                 /* 64-byte aligned, contents undefined */
  size_t workspace_size;
  uint64_t taps; /* bit i: tap i is wanted, see host->tap */
  const tfm_node *node;
  void *impl; /* the host's own */
  const tfm_rows *rows;
};

typedef struct tfm_kernel_desc {
  uint32_t struct_size;
  uint32_t flags;
  uint32_t op_min, op_max; /* op versions served */
  const char *op;          /* "layer_norm"                                */
  const char *name;        /* "avx512": unique among the op's kernels     */
  const char *device;      /* "cpu"                                       */
  uint64_t cpu_need[4];    /* all these bits                              */
  int32_t score;           /* higher wins; REFERENCE kernels use 0        */
  uint32_t reserved;
  /* [any] Pure.  How well this kernel takes this node: > 0 yes (higher beats
   * score), 0 no.  NULL = takes every node. */
  int32_t (*match)(const tfm_host *host, const tfm_node *node);
  /* [any] Once a node, in parallel across nodes.  weight: the node's weights.
   * The instance is immutable afterwards.  NULL = no instance. */
  tfm_status (*prepare)(const tfm_host *host, const tfm_node *node, const tfm_tensor *const *weight,
                        void **instance);
  /* [run] Bytes of workspace for these shapes (data pointers are not set).
   * NULL = none. */
  tfm_status (*workspace)(const tfm_host *host, const void *instance, const tfm_run *run,
                          size_t *bytes);
  /* [run] Allocates nothing. */
  tfm_status (*run)(const tfm_host *host, const void *instance, const tfm_run *run);
  /* [main] NULL = nothing to free. */
  void (*destroy)(const tfm_host *host, void *instance);
  /* Since minor 1.  The dtypes that it takes: for each input, each weight of the
   * schema, in its order, a set of TFM_BIT(dtype); 0 ends the list.  What is not
   * in it, or all where it is NULL: inputs as the schema says, of floats F32;
   * weights F32, F16 and BF16.  A weight that is stored otherwise is handed over
   * as what the first kernel in line takes, and kernels that do not take that are
   * not chosen. */
  const uint64_t *input_dtypes, *weight_dtypes;
} tfm_kernel_desc;

/* ----------------------------------------------------------------- a plugin */

typedef struct tfm_plugin_desc {
  uint32_t struct_size;
  uint32_t abi_minor;    /* the oldest minor that this plugin needs */
  const char *name;      /* [a-z0-9_-]+, equal to the file's name without .so */
  const char *version;   /* of the plugin, for people */
  uint32_t schema_major; /* what `use name MAJOR` asks for */
  uint32_t core;         /* 1: its ops are called by bare name.  Refused in any but the
                            package's own directory */
  const char *summary, *license;
  uint32_t op_count, kernel_count;
  const tfm_op_desc *const *op;
  const tfm_kernel_desc *const *kernel;
  /* [main] Once a process, after loading; NULL = nothing to do.  What it fails with
   * refuses the plugin for good.  The host may be kept: fail, log, alloc, release. */
  tfm_status (*init)(const tfm_host *host);
} tfm_plugin_desc;

#if defined(__GNUC__)
#define TFM_EXPORT __attribute__((visibility("default")))
#else
#define TFM_EXPORT
#endif
#ifdef __cplusplus
#define TFM_EXTERN_C extern "C"
#else
#define TFM_EXTERN_C
#endif

/* Put once in a plugin: the only exported symbol, and a note in the file that
 * the host reads before it loads (and so runs) anything.  minor is the oldest
 * ABI minor that the plugin needs, not the header's:
 *
 *   TFM_PLUGIN("acme", 0, &acme_plugin)
 */
typedef struct tfm_plugin_note { /* frozen; an ELF note in section .note.tfm */
  uint32_t namesz, descsz, type;
  char owner[4]; /* "tfm" */
  uint32_t magic, abi_major, abi_minor, reserved;
  char name[32];
} tfm_plugin_note;

#define TFM_NOTE_TYPE  1u
#define TFM_NOTE_MAGIC 0x316d6674u /* "tfm1" */
#define TFM_PLUGIN(plugin_name, minor, desc)                                                       \
  __attribute__((used, section(".note.tfm"),                                                       \
                 aligned(4))) static const tfm_plugin_note tfm_plugin_note_ = {                    \
      4,       48, TFM_NOTE_TYPE, {'t', 'f', 'm', 0}, TFM_NOTE_MAGIC, TFM_ABI_MAJOR,               \
      (minor), 0,  plugin_name};                                                                   \
  TFM_EXTERN_C TFM_EXPORT const tfm_plugin_desc *tfm_plugin_v1(void);                              \
  TFM_EXTERN_C TFM_EXPORT const tfm_plugin_desc *tfm_plugin_v1(void) {                             \
    return (desc);                                                                                 \
  }

/* ------------------------------------------------------------ small helpers */

/* The place of token s of row b: key_width or value_width elements.  The tokens
 * that follow lie right behind it up to the next multiple of block_tokens. */
static inline void *tfm_kv_key(const tfm_kv *kv, int64_t b, int64_t s) {
  return (char *)kv->block[b][s / kv->block_tokens] + kv->key_at +
         s % kv->block_tokens * kv->key_stride;
}

static inline void *tfm_kv_value(const tfm_kv *kv, int64_t b, int64_t s) {
  return (char *)kv->block[b][s / kv->block_tokens] + kv->value_at +
         s % kv->block_tokens * kv->value_stride;
}

/* All tokens of row b once the step is done. */
static inline int64_t tfm_kv_length(const tfm_kv *kv, int64_t b) {
  return (int64_t)kv->past[b] + kv->fresh[b];
}

/* What row b has so far, and where it is written anew. */
static inline const void *tfm_state_now(const tfm_state *state, int64_t b) {
  return (const char *)state->now[b] + state->at;
}

static inline void *tfm_state_next(const tfm_state *state, int64_t b) {
  return (char *)state->next[b] + state->at;
}

/* What is at index i of the first dim: a tensor of the others. */
static inline tfm_tensor tfm_tensor_item(const tfm_tensor *t, int64_t i) {
  if (t->flags & TFM_TENSOR_LIST)
    return *((const tfm_tensor *const *)t->data)[i];
  tfm_tensor item = *t;
  item.data = (char *)t->data + i * t->stride[0];
  item.rank = t->rank - 1;
  for (uint32_t d = 0; d < item.rank; d++) {
    item.shape[d] = t->shape[d + 1];
    item.stride[d] = t->stride[d + 1];
  }
  return item;
}

/* The attribute by name, or NULL. */
static inline const tfm_attr *tfm_attr_find(const tfm_node *node, const char *name) {
  for (uint32_t i = 0; i < node->attr_count; i++) {
    const char *a = node->attr[i]->name, *b = name;
    while (*a && *a == *b) {
      a++;
      b++;
    }
    if (*a == *b)
      return node->attr[i];
  }
  return NULL;
}

/* The member of an object by name, or NULL. */
static inline const tfm_attr *tfm_attr_member(const tfm_attr *object, const char *name) {
  for (uint32_t i = 0; object && object->kind == TFM_ATTR_OBJECT && i < object->count; i++) {
    const char *a = object->item[i]->name, *b = name;
    while (*a && *a == *b) {
      a++;
      b++;
    }
    if (*a == *b)
      return object->item[i];
  }
  return NULL;
}

static inline int64_t tfm_attr_int(const tfm_node *node, const char *name, int64_t otherwise) {
  const tfm_attr *a = tfm_attr_find(node, name);
  return a && (a->kind == TFM_ATTR_INT || a->kind == TFM_ATTR_BOOL) ? a->integer : otherwise;
}

static inline double tfm_attr_real(const tfm_node *node, const char *name, double otherwise) {
  const tfm_attr *a = tfm_attr_find(node, name);
  return a && (a->kind == TFM_ATTR_INT || a->kind == TFM_ATTR_REAL) ? a->real : otherwise;
}

static inline const char *tfm_attr_text(const tfm_node *node, const char *name,
                                        const char *otherwise) {
  const tfm_attr *a = tfm_attr_find(node, name);
  return a && a->kind == TFM_ATTR_STR ? a->text : otherwise;
}

/* The rows of a tensor [B, T, ...], and where row b begins, counted in tokens: b may be the
 * number of rows, for the end of the last. */
static inline int64_t tfm_row_count(const tfm_run *run, const tfm_tensor *x) {
  return x->begin && run->rows ? run->rows->count : x->shape[0];
}

static inline int64_t tfm_row_begin(const tfm_tensor *x, int64_t b) {
  return x->begin ? x->begin[b] : b * x->shape[1];
}

#ifdef __cplusplus
}
#endif

#endif
