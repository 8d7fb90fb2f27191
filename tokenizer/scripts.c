/* scripts.c - UnicodeScripts: a cut wherever the script changes.
 *
 * A character of no script of its own, such as the space, goes with what is before
 * it; at the very beginning, like the reference, it is left out. */
#include "tokenizer/pre_tokenizer.h"

#include "tokenizer/unicode.h"

enum { ANY = 0 };

static const struct script {
  uint32_t first, last;
  uint8_t number;
} scripts[] = {
#define X(first, last, number) {first, last, number},
#include "tokenizer/scripts.def"
#undef X
};

static uint8_t script_of(uint32_t code) {
  size_t low = 0, high = sizeof scripts / sizeof scripts[0];
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (code > scripts[middle].last)
      low = middle + 1;
    else
      high = middle;
  }
  return low < sizeof scripts / sizeof scripts[0] && code >= scripts[low].first
             ? scripts[low].number
             : ANY;
}

static int script_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                        struct tfm_error *err) {
  size_t begin = piece->end, size;
  uint8_t last = ANY;
  (void)self;
  (void)err;
  for (size_t at = piece->begin; at < piece->end; at += size) {
    uint8_t script = script_of(unicode_read(pieces->now.bytes + at, &size));
    if (script == ANY || script == last)
      continue;
    if (last != ANY)
      pieces_cut(pieces, begin, at, -1);
    begin = at;
    last = script;
  }
  pieces_cut(pieces, begin, piece->end, -1);
  return 0;
}

int scripts_apply(const struct component *pre, struct pieces *pieces, struct matcher **matcher,
                  struct tfm_error *err) {
  (void)pre;
  (void)matcher;
  return pieces_split(pieces, script_piece, NULL, err);
}
