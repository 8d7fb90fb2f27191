/* pattern.c - PCRE2 with UTF, UCP and the JIT.
 *
 * Each expression is compiled twice: as it is, and with the code points spelt
 * out that PCRE2's tables are too old for.  Only text that has such a code point
 * pays for the second. */
#define _GNU_SOURCE /* memmem */
#include "tokenizer/pattern.h"

#include "tokenizer/pattern_search.h"
#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

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
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                             PATTERN_COMPILE,
                         &code, &offset, context);
    if (*out == NULL) {
      PCRE2_UCHAR message[128];
      pcre2_get_error_message(code, message, sizeof message);
      status = error_set(err, TFM_ERROR_TOKENIZER, "%s: bad pattern: %s", pattern->place,
                         (const char *)message);
    } else
      pcre2_jit_compile(*out, PATTERN_JIT); /* without it matching is slower, no more */
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
  else {
    pattern_study(pattern);
    *out = pattern;
  }
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

/* Search from walk->at; 1 and walk->begin, end set, 0 or -1. */
static int search(struct pattern_walk *walk, struct tfm_error *err) {
  const pcre2_code *code = walk->young ? walk->pattern->exact : walk->pattern->plain;
  struct search_text text = {walk->text, walk->length};
  return matcher_search(*walk->matcher, walk->pattern, code, text, walk->at, &walk->begin,
                        &walk->end, err);
}

int pattern_next(struct pattern_walk *walk, struct tfm_error *err) {
  if (walk->pattern->plain == NULL)
    return next_literal(walk);
  if (*walk->matcher == NULL && matcher_create(walk->matcher, err) != 0)
    return -1;
  if (!walk->allowed) {
    matcher_allow(*walk->matcher, walk->length);
    walk->allowed = true;
  }
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
