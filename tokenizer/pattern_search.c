/* pattern_search.c - windows of text, and what has been looked at. */
#define _GNU_SOURCE /* memmem */
#include "tokenizer/pattern_search.h"

#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

#ifndef PATTERN_WINDOW
#define PATTERN_WINDOW 256 /* bytes that a search sees at first */
#endif

enum {
  FIRST_BACKTRACKS = 1000,  /* what a match may do without being counted */
  MATCH_LIMIT = 5000000,    /* backtracks of one match */
  DEPTH_LIMIT = 100000,     /* nested backtracks */
  HEAP_LIMIT = 64 * 1024,   /* KiB */
  ALLOWED_FIRST = 16 << 20, /* bytes looked at again, of a text ... */
  ALLOWED_EACH = 32,        /* ... and so many for each of its bytes */
  BACKTRACK_COST = 8,       /* of a backtrack, in such bytes */
  JIT_STACK_FIRST = 32 * 1024,
  JIT_STACK_LIMIT = 1024 * 1024,
};

struct matcher {
  pcre2_match_data *data;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  uint64_t allowed, spent;
};

void matcher_destroy(struct matcher *matcher) {
  if (matcher == NULL)
    return;
  pcre2_match_data_free(matcher->data);
  pcre2_match_context_free(matcher->context);
  pcre2_jit_stack_free(matcher->stack);
  free(matcher);
}

int matcher_create(struct matcher **out, struct tfm_error *err) {
  struct matcher *matcher = calloc(1, sizeof *matcher);
  if (matcher == NULL)
    return error_oom(err);
  matcher_reset(matcher);
  matcher->data = pcre2_match_data_create(1, NULL);
  matcher->context = pcre2_match_context_create(NULL);
  matcher->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_LIMIT, NULL);
  if (matcher->data == NULL || matcher->context == NULL) {
    matcher_destroy(matcher);
    return error_oom(err);
  }
  pcre2_set_depth_limit(matcher->context, DEPTH_LIMIT);
  pcre2_set_heap_limit(matcher->context, HEAP_LIMIT);
  if (matcher->stack != NULL)
    pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
  *out = matcher;
  return 0;
}

void matcher_reset(struct matcher *matcher) {
  if (matcher != NULL) {
    matcher->allowed = ALLOWED_FIRST;
    matcher->spent = 0;
  }
}

void matcher_allow(struct matcher *matcher, size_t length) {
  matcher->allowed += (uint64_t)length * ALLOWED_EACH;
}

static bool has(const struct pattern *pattern, const char *part) {
  return memmem(pattern->source, pattern->length, part, strlen(part)) != NULL;
}

/* A `^` that is not the one of [^...]. */
static bool has_line_start(const struct pattern *pattern) {
  for (size_t i = 0; i < pattern->length; i++) {
    const char *c = pattern->source + i;
    if (*c == '\\')
      i++;
    else if (*c == '[' && i + 1 < pattern->length && c[1] == '^')
      i++;
    else if (*c == '^')
      return true;
  }
  return false;
}

/* PCRE2 tells the byte, but not whether case matters. */
void pattern_study(struct pattern *pattern) {
  uint32_t kind = 0, unit = 0;
  pattern->last = -1;
  if (pattern->plain == NULL)
    return;
  pattern->lines = has_line_start(pattern);
  if (!has(pattern, "(?i") && !has(pattern, "i:") && !has(pattern, "i)") &&
      pcre2_pattern_info(pattern->plain, PCRE2_INFO_LASTCODETYPE, &kind) == 0 && kind == 1 &&
      pcre2_pattern_info(pattern->plain, PCRE2_INFO_LASTCODEUNIT, &unit) == 0 && unit < 0x80)
    pattern->last = (int)unit;
  pattern->blanks = pattern->length > 3 && memcmp(pattern->source, "\\s", 2) == 0 &&
                    strchr("+*", pattern->source[2]) != NULL &&
                    strchr("+?*{", pattern->source[3]) == NULL && !has(pattern, "|") &&
                    !has(pattern, "(?<") && !has(pattern, "\\b") && !has(pattern, "\\B") &&
                    !has(pattern, "^");
}

static int match_failed(const struct pattern *pattern, int code, struct tfm_error *err) {
  PCRE2_UCHAR message[128];
  pcre2_get_error_message(code, message, sizeof message);
  error_set(err, TFM_ERROR_LIMIT, "%s: the pattern costs too much on this text: %s", pattern->place,
            (const char *)message);
  return -1;
}

static int spend(struct matcher *matcher, const struct pattern *pattern, size_t cost,
                 struct tfm_error *err) {
  matcher->spent += cost;
  if (matcher->spent <= matcher->allowed)
    return 0;
  return error_set(err, TFM_ERROR_LIMIT,
                   "%s: the pattern costs too much on this text: it looks at the same characters "
                   "again and again",
                   pattern->place);
}

/* Where matching goes on. */
struct view {
  size_t at, end; /* it sees [0, end) and begins at `at` */
  bool alone;     /* a match may begin at `at` only */
  bool more;      /* text follows end */
};

/* What pcre2_match returns for the view. */
static int look(struct matcher *matcher, const pcre2_code *code, const char *text,
                const struct view *view) {
  uint32_t options = PCRE2_NO_UTF_CHECK | (view->more ? PCRE2_PARTIAL_HARD : 0);
  pcre2_set_offset_limit(matcher->context, view->alone ? view->at : PCRE2_UNSET);
  int status = pcre2_match(code, (PCRE2_SPTR)text, view->end, view->at, options, matcher->data,
                           matcher->context);
  if (status == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap */
    status = pcre2_match(code, (PCRE2_SPTR)text, view->end, view->at, options | PCRE2_NO_JIT,
                         matcher->data, matcher->context);
  return status;
}

/* The same with as many backtracks as it takes; FAILED and err set, or a PCRE2 status. */
enum { FAILED = -10000 };
static int look_long(struct matcher *matcher, const struct pattern *pattern, const pcre2_code *code,
                     const char *text, const struct view *view, struct tfm_error *err) {
  for (uint32_t limit = FIRST_BACKTRACKS;; limit *= 4) {
    limit = limit < MATCH_LIMIT ? limit : MATCH_LIMIT;
    pcre2_set_match_limit(matcher->context, limit);
    int status = look(matcher, code, text, view);
    if (status != PCRE2_ERROR_MATCHLIMIT || limit == MATCH_LIMIT)
      return status;
    if (spend(matcher, pattern, (size_t)limit * BACKTRACK_COST, err) != 0)
      return FAILED;
  }
}

/* A window of so many bytes from at, to the end of a character.  Where there is a `^` it does
 * not end after a newline: `^` would not know that more follows. */
static void set_window(const struct pattern *pattern, struct view *view, struct search_text text,
                       size_t size) {
  view->end = text.length;
  if (size < text.length - view->at)
    view->end = view->at + size;
  while (view->end < text.length && (((unsigned char)text.text[view->end] & 0xc0) == 0x80 ||
                                     (pattern->lines && text.text[view->end - 1] == '\n')))
    view->end++;
  view->more = view->end < text.length;
}

/* Where to go on after a place that has no match.  With \s+R or \s*R there is none in the
 * other blanks of the run either: whatever R could follow was tried from the first. */
static size_t step_over(const struct pattern *pattern, struct search_text text, size_t at) {
  size_t size;
  uint32_t code = unicode_read(text.text + at, &size);
  at += size;
  while (pattern->blanks && unicode_is_space(code) && at < text.length) {
    code = unicode_read(text.text + at, &size);
    if (unicode_is_space(code))
      at += size;
  }
  return at;
}

int matcher_search(struct matcher *matcher, const struct pattern *pattern, const pcre2_code *code,
                   struct search_text text, size_t at, size_t *begin, size_t *end,
                   struct tfm_error *err) {
  const PCRE2_SIZE *place = pcre2_get_ovector_pointer(matcher->data);
  struct view view = {.at = at};
  if (pattern->last >= 0 && memchr(text.text + at, pattern->last, text.length - at) == NULL)
    return 0;
  for (size_t size = PATTERN_WINDOW;;) {
    set_window(pattern, &view, text, size);
    size_t seen = view.end - view.at;
    if (seen > PATTERN_WINDOW && spend(matcher, pattern, seen, err) != 0)
      return -1;
    int status = look_long(matcher, pattern, code, text.text, &view, err);
    if (status == FAILED)
      return -1;
    if (status == PCRE2_ERROR_PARTIAL) { /* this place is to see more */
      view.at = place[0];
      view.alone = true;
      size = seen * 2 > PATTERN_WINDOW * 2 ? seen * 2 : PATTERN_WINDOW * 2;
    } else if (status == PCRE2_ERROR_NOMATCH || (status > 0 && view.more && place[0] >= view.end)) {
      if (!view.alone && !view.more)
        return 0;
      if (view.alone && view.at == text.length)
        return 0;
      view.at = view.alone ? step_over(pattern, text, view.at) : view.end;
      view.alone = false;
      size = PATTERN_WINDOW;
    } else if (status < 0) {
      return match_failed(pattern, status, err);
    } else {
      *begin = place[0];
      *end = place[1];
      return 1;
    }
  }
}
