/* pattern.c - PCRE2 with UTF, UCP, the JIT, and limits on what a match may cost.
 *
 * Each expression is compiled twice: as it is, and with the code points spelt
 * out that PCRE2's tables are too old for.  Only text that has such a code point
 * pays for the second. */
#define _GNU_SOURCE /* memmem */
#include "runtime/tokenizer/pattern.h"

#include "runtime/tokenizer/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
  MATCH_LIMIT = 5000000,  /* backtracks */
  DEPTH_LIMIT = 100000,   /* nested backtracks */
  HEAP_LIMIT = 64 * 1024, /* KiB */
  JIT_STACK_FIRST = 32 * 1024,
  JIT_STACK_LIMIT = 1024 * 1024,
};

struct pattern {
  const char *place; /* owned, as is source */
  char *source;
  size_t length;
  pcre2_code *plain, *exact; /* NULL: a literal */
};

struct matcher {
  pcre2_match_data *data;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
};

static int compile(const struct pattern *pattern, bool exact, pcre2_code **out,
                   struct tfm_error *err) {
  struct buffer text;
  buffer_init(&text);
  int status =
      pattern_translate(pattern->place, pattern->source, pattern->length, exact, &text, err);
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  if (status == 0 && (text.failed || context == NULL))
    status = error_oom(err);
  if (status == 0) {
    int code;
    PCRE2_SIZE offset;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    *out = pcre2_compile((PCRE2_SPTR)buffer_text(&text), text.length,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code,
                         &offset, context);
    if (*out == NULL) {
      PCRE2_UCHAR message[128];
      pcre2_get_error_message(code, message, sizeof message);
      status = error_set(err, TFM_ERROR_TOKENIZER, "%s: bad pattern: %s", pattern->place,
                         (const char *)message);
    } else
      pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE); /* without it matching is slower, no more */
  }
  pcre2_compile_context_free(context);
  buffer_finish(&text);
  return status;
}

int pattern_create(const char *place, const char *source, size_t length, bool regex,
                   struct pattern **out, struct tfm_error *err) {
  *out = NULL;
  if (length == 0)
    return error_set(err, TFM_ERROR_TOKENIZER, "%s: an empty pattern", place);
  if (length > PATTERN_SOURCE_LIMIT)
    return error_set(err, TFM_ERROR_TOKENIZER, "%s: a pattern of %zu bytes (at most %d)", place,
                     length, PATTERN_SOURCE_LIMIT);
  struct pattern *pattern = calloc(1, sizeof *pattern);
  if (pattern == NULL)
    return error_oom(err);
  pattern->place = strdup(place);
  pattern->source = malloc(length);
  pattern->length = length;
  int status = 0;
  if (pattern->place == NULL || pattern->source == NULL)
    status = error_oom(err);
  else {
    memcpy(pattern->source, source, length);
    if (regex)
      status = compile(pattern, false, &pattern->plain, err);
    if (regex && status == 0)
      status = compile(pattern, true, &pattern->exact, err);
  }
  if (status != 0)
    pattern_destroy(pattern);
  else
    *out = pattern;
  return status;
}

void pattern_destroy(struct pattern *pattern) {
  if (pattern == NULL)
    return;
  pcre2_code_free(pattern->plain);
  pcre2_code_free(pattern->exact);
  free((char *)pattern->place);
  free(pattern->source);
  free(pattern);
}

void matcher_destroy(struct matcher *matcher) {
  if (matcher == NULL)
    return;
  pcre2_match_data_free(matcher->data);
  pcre2_match_context_free(matcher->context);
  pcre2_jit_stack_free(matcher->stack);
  free(matcher);
}

static int matcher_create(struct matcher **out, struct tfm_error *err) {
  struct matcher *matcher = calloc(1, sizeof *matcher);
  if (matcher == NULL)
    return error_oom(err);
  matcher->data = pcre2_match_data_create(1, NULL);
  matcher->context = pcre2_match_context_create(NULL);
  matcher->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_LIMIT, NULL);
  if (matcher->data == NULL || matcher->context == NULL) {
    matcher_destroy(matcher);
    return error_oom(err);
  }
  pcre2_set_match_limit(matcher->context, MATCH_LIMIT);
  pcre2_set_depth_limit(matcher->context, DEPTH_LIMIT);
  pcre2_set_heap_limit(matcher->context, HEAP_LIMIT);
  if (matcher->stack != NULL)
    pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
  *out = matcher;
  return 0;
}

void pattern_walk(struct pattern_walk *walk, const struct pattern *pattern,
                  struct matcher **matcher, const char *text, size_t length, bool young) {
  *walk = (struct pattern_walk){
      .pattern = pattern, .matcher = matcher, .text = text, .length = length, .young = young};
}

static int next_literal(struct pattern_walk *walk) {
  const struct pattern *pattern = walk->pattern;
  const char *found =
      memmem(walk->text + walk->at, walk->length - walk->at, pattern->source, pattern->length);
  if (found == NULL)
    return 0;
  walk->begin = (size_t)(found - walk->text);
  walk->at = walk->end = walk->begin + pattern->length;
  return 1;
}

static int match_failed(const struct pattern *pattern, int code, struct tfm_error *err) {
  PCRE2_UCHAR message[128];
  pcre2_get_error_message(code, message, sizeof message);
  error_set(err, TFM_ERROR_LIMIT, "%s: the pattern costs too much on this text: %s", pattern->place,
            (const char *)message);
  return -1;
}

/* Search from walk->at; 1 and walk->begin, end set, 0 or -1. */
static int search(struct pattern_walk *walk, struct tfm_error *err) {
  struct matcher *matcher = *walk->matcher;
  const pcre2_code *code = walk->young ? walk->pattern->exact : walk->pattern->plain;
  PCRE2_SPTR text = (PCRE2_SPTR)walk->text;
  int status = pcre2_match(code, text, walk->length, walk->at, PCRE2_NO_UTF_CHECK, matcher->data,
                           matcher->context);
  if (status == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap */
    status = pcre2_match(code, text, walk->length, walk->at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                         matcher->data, matcher->context);
  if (status == PCRE2_ERROR_NOMATCH)
    return 0;
  if (status < 0)
    return match_failed(walk->pattern, status, err);
  const PCRE2_SIZE *place = pcre2_get_ovector_pointer(matcher->data);
  walk->begin = place[0];
  walk->end = place[1];
  return 1;
}

int pattern_next(struct pattern_walk *walk, struct tfm_error *err) {
  if (walk->pattern->plain == NULL)
    return next_literal(walk);
  if (*walk->matcher == NULL && matcher_create(walk->matcher, err) != 0)
    return -1;
  while (walk->at <= walk->length) {
    int status = search(walk, err);
    if (status != 1)
      return status;
    if (walk->begin < walk->end || !walk->matched || walk->last != walk->end) {
      walk->matched = true;
      walk->last = walk->at = walk->end;
      return 1;
    }
    size_t size = 1;
    if (walk->at < walk->length)
      unicode_read(walk->text + walk->at, &size);
    walk->at += size;
  }
  return 0;
}
