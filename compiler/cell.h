/* cell.h - a dimension while types are being found.
 *
 * A cell is known (a number or a polynomial over run-time dims), free, or a
 * multiple of another cell:
 *
 *     free  <- 3 *  link        x: [.., 3n] before n is known
 *
 * To unify two cells is to demand that they are equal; a free one becomes what
 * the other is.  A cell remembers where it came from, so that a mismatch can
 * name both sides: "768 is D, from config.json:14 `n_embd`". */
#ifndef TFM_COMPILER_CELL_H
#define TFM_COMPILER_CELL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/diag.h"
#include "compiler/options.h"
#include "graph/dim.h"
#include "graph/graph.h"

enum origin_kind {
  ORIGIN_TEXT,    /* written at span                        */
  ORIGIN_CONFIG,  /* the key `name` of json                 */
  ORIGIN_PARAM,   /* name, itself from `from`               */
  ORIGIN_TENSOR,  /* name [shape], seen through view        */
  ORIGIN_WEIGHT,  /* a tensor that is not there: name alone */
  ORIGIN_ELEMENT, /* of a list, but not there: name is the complaint, view what there is */
  ORIGIN_DIM      /* a run-time dim                         */
};

struct origin {
  enum origin_kind kind;
  const char *name;
  const struct compile_json *json; /* CONFIG */
  const char *view;                /* TENSOR: "[768,2304], transposed"; ELEMENT */
  struct span span;                /* TEXT, PARAM, ELEMENT */
  const struct origin *from;
};

enum cell_kind { CELL_FREE, CELL_KNOWN, CELL_LINK };

struct cell {
  enum cell_kind kind;
  struct dim known;
  /* LINK: this = target * multiply / divide, in lowest terms */
  struct cell *target;
  int64_t multiply, divide;
  const struct origin *origin; /* may be NULL */
};

struct cell *cell_free(struct arena *arena, const struct origin *origin);
struct cell *cell_number(struct arena *arena, int64_t value, const struct origin *origin);
struct cell *cell_known(struct arena *arena, const struct dim *dim, const struct origin *origin);

/* What the cell is by now; false while it is free. */
bool cell_value(const struct cell *cell, struct dim *out);

bool cell_is_number(const struct cell *cell, int64_t number);

enum cell_status {
  CELL_OK,
  CELL_DIFFERENT, /* of unify: both are known and differ                    */
  CELL_INEXACT,   /* a division that does not come out even, or by zero     */
  CELL_TOO_LARGE, /* overflow, or more terms than a polynomial may have     */
  CELL_UNKNOWN    /* cannot be said before a free cell is known             */
};

enum cell_status cell_unify(struct cell *a, struct cell *b);

enum cell_op { CELL_ADD, CELL_SUB, CELL_MUL, CELL_DIV };
/* *out is a new cell, or NULL when the status is not OK or memory is out. */
enum cell_status cell_compute(struct arena *arena, enum cell_op op, struct cell *a, struct cell *b,
                              const struct origin *origin, struct cell **out);

/* A type of cells. */
struct ctype {
  enum dtype dtype; /* NONE = the run's float type */
  uint32_t rank;
  struct cell *shape[TFM_MAX_RANK];
};

/* "768", "B*T", "?" while free. */
void cell_print(const struct cell *cell, const char *const *dim_names, struct buffer *out);
/* "[B,T,768]", "i32[B,T]", "mask". */
void ctype_print(const struct ctype *type, const char *const *dim_names, struct buffer *out);

/* Where a cell is from, or "" : "D, from config.json:14 `n_embd`"; "tensor `wte.weight`
 * [768,2304], transposed".  is_name says whether it reads after "768 is " or "768 from ". */
void origin_print(const struct origin *origin, const struct diag *diag, struct buffer *out,
                  bool *is_name);

#endif
