/* pieces.c - two texts and two lists of cuts that take turns. */
#include "tokenizer/pieces.h"

#include "base/checked.h"
#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

/* PCRE2's compiled patterns look at whole blocks of 16 bytes, so the bytes around a
 * text are there and set. */
enum { BLOCK = 64, FIRST_TEXT = 256, FIRST_PIECES = 32 };

void pieces_init(struct pieces *pieces) {
  *pieces = (struct pieces){0};
}

void pieces_finish(struct pieces *pieces) {
  free(pieces->now.bytes);
  free(pieces->now.align);
  free(pieces->next.bytes);
  free(pieces->next.align);
  free(pieces->list.item);
  free(pieces->cut.item);
  pieces_init(pieces);
}

/* Room for extra more bytes of text. */
static bool text_room(struct pieces *pieces, struct text *text, size_t extra) {
  if (pieces->failed || pieces->toolong)
    return false;
  if (extra > pieces->limit - text->length) {
    pieces->toolong = true;
    return false;
  }
  if (extra <= text->capacity - text->length)
    return true;
  size_t capacity = text->capacity == 0 ? FIRST_TEXT : text->capacity * 2;
  if (capacity < text->length + extra)
    capacity = text->length + extra;
  capacity = (capacity + BLOCK - 1) / BLOCK * BLOCK;
  char *bytes = realloc(text->bytes, capacity);
  if (bytes != NULL) {
    text->bytes = bytes;
    memset(bytes + text->capacity, 0, capacity - text->capacity);
  }
  struct alignment *align = realloc(text->align, capacity * sizeof *align);
  if (align != NULL)
    text->align = align;
  pieces->failed = bytes == NULL || align == NULL;
  if (!pieces->failed)
    text->capacity = capacity;
  return !pieces->failed;
}

static void add_piece(struct pieces *pieces, struct piece_list *list, struct piece piece) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity == 0 ? FIRST_PIECES : list->capacity * 2;
    struct piece *item = realloc(list->item, capacity * sizeof *item);
    if (item == NULL) {
      pieces->failed = true;
      return;
    }
    list->item = item;
    list->capacity = capacity;
  }
  list->item[list->count++] = piece;
}

size_t pieces_limit(size_t length) {
  size_t most = (PIECES_TEXT_LIMIT - PIECES_MORE) / PIECES_TIMES;
  return length > most ? PIECES_TEXT_LIMIT : length * PIECES_TIMES + PIECES_MORE;
}

void pieces_start(struct pieces *pieces, const char *text, size_t length) {
  pieces->limit = pieces_limit(length);
  pieces->now.length = 0;
  pieces->list.count = 0;
  pieces->young = false;
  if (length == 0 || !text_room(pieces, &pieces->now, length))
    return;
  memcpy(pieces->now.bytes, text, length);
  pieces->now.length = length;
  for (size_t at = 0, size; at < length; at += size) {
    uint32_t code = unicode_read(text + at, &size);
    struct alignment align = {(uint32_t)at, (uint32_t)(at + size)};
    for (size_t i = 0; i < size; i++)
      pieces->now.align[at + i] = align;
    if (size > 1 && !pieces->young)
      pieces->young = unicode_is_young(code);
  }
  add_piece(pieces, &pieces->list, (struct piece){0, length, 0, -1});
}

int pieces_status(const struct pieces *pieces, struct tfm_error *err) {
  if (pieces->toolong) {
    error_set(err, TFM_ERROR_LIMIT, "a text has more than %zu bytes on its way to tokens",
              pieces->limit);
    if (pieces->limit < PIECES_TEXT_LIMIT)
      error_note(err, "note: a text may grow to %d times its size; see the tokenizer's Replace",
                 PIECES_TIMES);
    return -1;
  }
  return pieces->failed ? error_oom(err) : 0;
}

void pieces_emit(struct pieces *pieces, uint32_t code, struct alignment from) {
  struct text *next = &pieces->next;
  if (!text_room(pieces, next, 4))
    return;
  size_t size = unicode_write(code, next->bytes + next->length);
  for (size_t i = 0; i < size; i++)
    next->align[next->length + i] = from;
  next->length += size;
}

void pieces_keep(struct pieces *pieces, size_t begin, size_t end) {
  struct text *next = &pieces->next;
  size_t length = end - begin;
  if (length == 0 || !text_room(pieces, next, length))
    return;
  memcpy(next->bytes + next->length, pieces->now.bytes + begin, length);
  memcpy(next->align + next->length, pieces->now.align + begin, length * sizeof *next->align);
  next->length += length;
}

void pieces_cut(struct pieces *pieces, size_t begin, size_t end, int32_t id) {
  if (begin < end)
    add_piece(pieces, &pieces->cut, (struct piece){begin, end, pieces->now.align[begin].begin, id});
}

static void swap_lists(struct pieces *pieces) {
  struct piece_list list = pieces->list;
  pieces->list = pieces->cut;
  pieces->cut = list;
}

/* The bytes that the last added token left in next. */
struct kept {
  size_t begin, end, to; /* of now, and where they begin in next */
};

/* An added token's bytes stay as they are.  Where one overlaps the one before
 * (added.c), what both have is there already. */
static struct piece keep_token(struct pieces *pieces, struct piece piece, struct kept *kept) {
  if (piece.begin < kept->begin || piece.end > kept->end) {
    *kept = (struct kept){piece.begin, piece.end, pieces->next.length};
    pieces_keep(pieces, piece.begin, piece.end);
  }
  piece.begin = kept->to + (piece.begin - kept->begin);
  piece.end = kept->to + (piece.end - kept->begin);
  return piece;
}

int pieces_rewrite(struct pieces *pieces, piece_worker work, const void *self,
                   struct tfm_error *err) {
  pieces->next.length = 0;
  pieces->cut.count = 0;
  struct kept kept = {0, 0, 0};
  for (size_t i = 0; i < pieces->list.count; i++) {
    struct piece piece = pieces->list.item[i];
    size_t begin = pieces->next.length;
    if (piece.id >= 0) {
      add_piece(pieces, &pieces->cut, keep_token(pieces, piece, &kept));
      continue;
    }
    if (work(pieces, &piece, self, err) != 0)
      return -1;
    if (pieces->next.length > begin)
      add_piece(pieces, &pieces->cut,
                (struct piece){begin, pieces->next.length, piece.origin, piece.id});
  }
  struct text text = pieces->now;
  pieces->now = pieces->next;
  pieces->next = text;
  swap_lists(pieces);
  return pieces_status(pieces, err);
}

int pieces_split(struct pieces *pieces, piece_worker work, const void *self,
                 struct tfm_error *err) {
  pieces->cut.count = 0;
  for (size_t i = 0; i < pieces->list.count; i++) {
    struct piece piece = pieces->list.item[i];
    if (piece.id >= 0)
      add_piece(pieces, &pieces->cut, piece);
    else if (work(pieces, &piece, self, err) != 0)
      return -1;
  }
  swap_lists(pieces);
  return pieces_status(pieces, err);
}
