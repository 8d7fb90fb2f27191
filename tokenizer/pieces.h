/* pieces.h - a text on its way through the pipeline: its bytes as rewritten so
 * far, where each of them came from, and how it is cut.
 *
 *   original   H é l l o   w o r l d          offsets that callers get
 *              | |                             ^
 *   bytes      h e l l o _ w o r l d          each with the [begin, end) of the
 *              [---------)[---------)          original that it stands for
 *              piece 0     piece 1
 *
 * A component either rewrites pieces (bytes change, cuts stay) or splits them
 * (cuts change, bytes stay).  Both read `now` and build `next`; a driver
 * swaps them, so no piece has memory of its own.  Empty pieces vanish.
 * The alignment rules are those of Hugging Face's NormalizedString. */
#ifndef TFM_TOKENIZER_PIECES_H
#define TFM_TOKENIZER_PIECES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PIECES_TEXT_LIMIT = 1 << 30 }; /* bytes of one text, original or rewritten */
/* A text may grow by so much and to so many times its size on its way: a few
 * Replace in a row could else make gigabytes of one letter.  Honest ones make at most
 * 20 times as many bytes (compatibility forms, then a character for each byte). */
enum { PIECES_MORE = 1 << 16, PIECES_TIMES = 64 };

struct alignment {
  uint32_t begin, end; /* bytes of the original */
};

struct piece {
  size_t begin, end; /* in bytes */
  uint32_t origin;   /* where the piece began in the original when it was cut */
  int32_t id;        /* >= 0: an added token, already done; -1: text */
};

struct text {
  char *bytes;
  struct alignment *align; /* one a byte */
  size_t length, capacity;
};

struct piece_list {
  struct piece *item;
  size_t count, capacity;
};

struct pieces {
  struct text now, next;
  struct piece_list list, cut;
  bool young;   /* the original has a code point that PCRE2 may not know */
  size_t limit; /* bytes that this text may have */
  bool failed;  /* out of memory */
  bool toolong; /* over the limit */
};

void pieces_init(struct pieces *pieces);
void pieces_finish(struct pieces *pieces);
/* Start with one piece: valid UTF-8 of at most PIECES_TEXT_LIMIT bytes. */
void pieces_start(struct pieces *pieces, const char *text, size_t length);
/* What a text of so many bytes may grow to. */
size_t pieces_limit(size_t length);
/* Report what failed or toolong says; 0 if all is well. */
int pieces_status(const struct pieces *pieces, struct tfm_error *err);

/* For rewriters: append to next one code point, or bytes of now as they are. */
void pieces_emit(struct pieces *pieces, uint32_t code, struct alignment from);
void pieces_keep(struct pieces *pieces, size_t begin, size_t end);
/* For splitters: append [begin, end) of now as a piece. */
void pieces_cut(struct pieces *pieces, size_t begin, size_t end, int32_t id);

/* Call work on each piece that is text.  One that returns non-zero has set err. */
typedef int (*piece_worker)(struct pieces *pieces, const struct piece *piece, const void *self,
                            struct tfm_error *err);
int pieces_rewrite(struct pieces *pieces, piece_worker work, const void *self,
                   struct tfm_error *err);
int pieces_split(struct pieces *pieces, piece_worker work, const void *self, struct tfm_error *err);

static inline struct alignment pieces_align(const struct pieces *pieces, size_t at) {
  return pieces->now.align[at];
}
static inline const char *pieces_bytes(const struct pieces *pieces, const struct piece *piece) {
  return pieces->now.bytes + piece->begin;
}

#endif
