/* pull.c - the room that a string takes is measured before it is read. */
#include "base/pull.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the string at text[at] = '"', quotes and escapes included. */
static size_t string_span(const struct json_pull *pull) {
  size_t at = pull->at + 1;
  while (at < pull->end && pull->text[at] != '"')
    at += pull->text[at] == '\\' ? 2 : 1;
  return (at < pull->end ? at : pull->end) - pull->at;
}

int pull_string(struct json_pull *pull, struct pull_text *out, bool key) {
  size_t wanted = JSON_PULL_SLACK;
  if (json_pull_peek(pull) == '"')
    wanted += string_span(pull);
  if (wanted > out->size) {
    size_t room = wanted < 4096 ? wanted * 2 : wanted;
    char *grown = realloc(out->text, room);
    if (!grown)
      return error_oom(pull->err);
    out->text = grown;
    out->size = room;
  }
  return key ? json_pull_key(pull, out->text, &out->length)
             : json_pull_string(pull, out->text, &out->length);
}

int pull_duplicate(struct json_pull *pull, const struct pull_text *key) {
  return json_pull_error(pull, pull->at, "duplicate key `%s`", key->text);
}

static int skip_members(struct json_pull *pull, struct pull_text *room, unsigned depth, char open) {
  char close = open == '{' ? '}' : ']';
  int more;
  if (depth == 0)
    return json_pull_error(pull, pull->at + 1, "nested deeper than is allowed");
  json_pull_open(pull, open);
  while ((more = json_pull_more(pull, close)) > 0)
    if ((open == '{' && pull_string(pull, room, true) != 0) ||
        pull_skip(pull, room, depth - 1) != 0)
      return -1;
  return more;
}

int pull_skip(struct json_pull *pull, struct pull_text *room, unsigned depth) {
  static const char *const words[] = {"true", "false", "null"};
  double number;
  char c = json_pull_peek(pull);
  if (c == '{' || c == '[')
    return skip_members(pull, room, depth, c);
  if (c == '"')
    return pull_string(pull, room, false);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t length = strlen(words[i]);
    if (pull->end - pull->at >= length && memcmp(pull->text + pull->at, words[i], length) == 0) {
      pull->at += length;
      return 0;
    }
  }
  return json_pull_number(pull, &number);
}

void pull_text_finish(struct pull_text *text) {
  free(text->text);
  *text = (struct pull_text){0};
}
