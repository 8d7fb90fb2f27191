/* text_parse.c - read back what graph_print wrote (the form is shown in text.c).
 *
 * One line, one thing; a name is a plain word or a JSON string.  The number of
 * lines and of % bounds every table, so they are made once, up front.  What
 * the tables mean to each other is left to graph_verify. */
#include "graph/graph.h"

#include "base/json.h"
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ATTR_DEPTH = 64, LIST_MAX = 4096 };

struct reader {
  const char *name; /* of the text, for messages */
  const char *at, *end;
  unsigned line;
  struct tfm_error *err;
  struct graph *graph;
  struct graph_dim *dim;
  struct graph_input *input;
  struct graph_weight *weight;
  struct graph_state *state;
  struct graph_node *node;
  struct graph_output *output;
  uint32_t value_room;
  enum graph_stage stage;
  struct map weights; /* name -> index */
};

static int fail(struct reader *r, const char *what) {
  return error_set(r->err, TFM_ERROR_MODEL, "%s:%u: %s", r->name, r->line, what);
}

static void skip_blanks(struct reader *r) {
  while (r->at < r->end && *r->at == ' ')
    r->at++;
}

/* Is the text next?  Takes it if so. */
static bool take(struct reader *r, const char *text) {
  skip_blanks(r);
  size_t length = strlen(text);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, text, length) != 0)
    return false;
  r->at += length;
  return true;
}

static int expect(struct reader *r, const char *text) {
  if (take(r, text))
    return 0;
  return error_set(r->err, TFM_ERROR_MODEL, "%s:%u: expected `%s`", r->name, r->line, text);
}

static bool at_line_end(struct reader *r) {
  skip_blanks(r);
  return r->at == r->end || *r->at == '\n';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *read_string(struct reader *r) {
  const char *begin = r->at;
  for (r->at++; r->at < r->end && *r->at != '"' && *r->at != '\n'; r->at++)
    if (*r->at == '\\' && r->at + 1 < r->end)
      r->at++;
  if (r->at >= r->end || *r->at != '"') {
    fail(r, "a string without its closing quote");
    return NULL;
  }
  r->at++;
  json_t *json = json_loadb(begin, (size_t)(r->at - begin), JSON_DECODE_ANY, NULL);
  if (!json_is_string(json)) {
    json_decref(json);
    fail(r, "a malformed string");
    return NULL;
  }
  const char *text = arena_strdup(&r->graph->arena, json_string_value(json));
  json_decref(json);
  if (text == NULL)
    error_oom(r->err);
  return text;
}

/* A word of letters and of the characters in more, or a string. */
static const char *read_word(struct reader *r, const char *more) {
  skip_blanks(r);
  if (r->at < r->end && *r->at == '"')
    return read_string(r);
  const char *begin = r->at;
  while (r->at < r->end && *r->at != '\0' && (is_letter(*r->at) || strchr(more, *r->at) != NULL))
    r->at++;
  if (r->at == begin) {
    fail(r, "expected a name");
    return NULL;
  }
  const char *text = arena_strndup(&r->graph->arena, begin, (size_t)(r->at - begin));
  if (text == NULL)
    error_oom(r->err);
  return text;
}

static const char *read_name(struct reader *r) {
  return read_word(r, "_.:#[]{}-");
}

/* The number at the cursor as text; strtoll and strtod want an end. */
static size_t number_text(struct reader *r, char text[64]) {
  skip_blanks(r);
  size_t n = 0;
  while (n < 63 && r->at + n < r->end && r->at[n] != '\0' &&
         (is_letter(r->at[n]) || strchr("+-.", r->at[n]) != NULL))
    n++;
  memcpy(text, r->at, n);
  text[n] = '\0';
  return n;
}

static int read_integer(struct reader *r, int64_t least, int64_t most, int64_t *out) {
  char text[64], *stop;
  number_text(r, text);
  errno = 0;
  long long value = strtoll(text, &stop, 10);
  if (stop == text || errno != 0 || value < least || value > most)
    return fail(r, "expected a number");
  r->at += stop - text;
  *out = value;
  return 0;
}

static int read_u32(struct reader *r, uint32_t *out) {
  int64_t value;
  if (read_integer(r, 0, UINT32_MAX, &value) != 0)
    return -1;
  *out = (uint32_t)value;
  return 0;
}

/* ------------------------------------------------------------------- types */

static int read_factor(struct reader *r, struct dim *out) {
  skip_blanks(r);
  if (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
    int64_t value;
    if (read_integer(r, 0, INT64_MAX, &value) != 0)
      return -1;
    *out = dim_number(value);
    return 0;
  }
  const char *name = read_word(r, "");
  if (name == NULL)
    return -1;
  for (uint32_t i = 0; i < r->graph->dim_count; i++) {
    if (strcmp(r->dim[i].name, name) == 0) {
      *out = dim_variable(i);
      return 0;
    }
  }
  return fail(r, "an unknown run-time dimension");
}

static int read_term(struct reader *r, struct dim *out) {
  if (read_factor(r, out) != 0)
    return -1;
  while (take(r, "*")) {
    struct dim factor;
    if (read_factor(r, &factor) != 0)
      return -1;
    if (!dim_mul(out, &factor, out))
      return fail(r, "a dimension that is too large");
  }
  return 0;
}

static int read_dim(struct reader *r, struct dim *out) {
  bool negative = take(r, "-");
  *out = dim_number(0);
  for (;;) {
    struct dim term;
    if (read_term(r, &term) != 0)
      return -1;
    if (!(negative ? dim_sub(out, &term, out) : dim_add(out, &term, out)))
      return fail(r, "a dimension that is too large");
    if (take(r, "+"))
      negative = false;
    else if (take(r, "-"))
      negative = true;
    else
      return 0;
  }
}

static int read_dtype(struct reader *r, enum dtype *out) {
  const char *name = read_word(r, "");
  if (name == NULL)
    return -1;
  *out = strcmp(name, "f") == 0 ? DTYPE_NONE : dtype_from_name(name);
  if (*out == DTYPE_NONE && strcmp(name, "f") != 0)
    return fail(r, "an unknown element type");
  return 0;
}

static int read_type(struct reader *r, struct type *out) {
  *out = (struct type){0};
  if (read_dtype(r, &out->dtype) != 0)
    return -1;
  if (out->dtype == DTYPE_MASK)
    return 0;
  if (expect(r, "[") != 0)
    return -1;
  if (take(r, "]"))
    return 0;
  do {
    if (out->rank == GRAPH_MAX_RANK)
      return fail(r, "too many dimensions");
    if (read_dim(r, &out->shape[out->rank++]) != 0)
      return -1;
  } while (take(r, ","));
  return expect(r, "]");
}

/* -------------------------------------------------------------- attributes */

static int read_attr_value(struct reader *r, struct graph_attr *out, unsigned depth);

/* Up to the closing bracket, which is taken. */
static int read_attrs(struct reader *r, const char *close, bool named,
                      const struct graph_attr **out, uint32_t *count, unsigned depth) {
  struct graph_attr *list = NULL;
  uint32_t n = 0, room = 0;
  int status = 0;
  bool more = !take(r, close);
  while (status == 0 && more) {
    if (n == room) {
      room = room == 0 ? 8 : room * 2;
      struct graph_attr *grown = realloc(list, room * sizeof *list);
      if (grown == NULL) {
        status = error_oom(r->err);
        break;
      }
      list = grown;
    }
    struct graph_attr *attr = &list[n++];
    *attr = (struct graph_attr){.name = ""};
    if (named && ((attr->name = read_word(r, "_")) == NULL || expect(r, ":") != 0))
      status = -1;
    else
      status = read_attr_value(r, attr, depth + 1);
    if (status == 0 && !take(r, ",")) {
      status = expect(r, close);
      more = false;
    }
  }
  if (status == 0 && n > 0) {
    struct graph_attr *kept = arena_array(&r->graph->arena, n, sizeof *kept);
    if (kept == NULL)
      status = error_oom(r->err);
    else
      memcpy(kept, list, n * sizeof *kept);
    *out = kept;
  }
  *count = n;
  free(list);
  return status;
}

static int read_number_attr(struct reader *r, struct graph_attr *out) {
  char text[64], *stop;
  number_text(r, text);
  errno = 0;
  long long integer = strtoll(text, &stop, 10);
  if (stop != text && *stop == '\0' && errno == 0) {
    out->kind = GRAPH_ATTR_INT;
    out->integer = integer;
    out->real = (double)integer;
  } else {
    out->kind = GRAPH_ATTR_REAL;
    out->real = strtod(text, &stop);
    if (stop == text)
      return fail(r, "expected a value");
  }
  r->at += stop - text;
  return 0;
}

static int read_attr_value(struct reader *r, struct graph_attr *out, unsigned depth) {
  if (depth > ATTR_DEPTH)
    return fail(r, "an attribute is nested too deep");
  skip_blanks(r);
  if (r->at < r->end && *r->at == '"') {
    out->kind = GRAPH_ATTR_STR;
    out->text = read_string(r);
    return out->text == NULL ? -1 : 0;
  }
  if (take(r, "[")) {
    out->kind = GRAPH_ATTR_LIST;
    return read_attrs(r, "]", false, &out->item, &out->count, depth);
  }
  if (take(r, "{")) {
    out->kind = GRAPH_ATTR_OBJECT;
    return read_attrs(r, "}", true, &out->item, &out->count, depth);
  }
  out->kind = GRAPH_ATTR_BOOL;
  out->integer = 1;
  if (take(r, "true"))
    return 0;
  out->integer = 0;
  if (take(r, "false"))
    return 0;
  out->kind = GRAPH_ATTR_NONE;
  if (take(r, "none"))
    return 0;
  return read_number_attr(r, out);
}

/* ------------------------------------------------------------------ values */

static int read_value_index(struct reader *r, int32_t *out) {
  int64_t index;
  if (expect(r, "%") != 0 || read_integer(r, 0, (int64_t)r->value_room - 1, &index) != 0)
    return -1;
  *out = (int32_t)index;
  return 0;
}

/* ": type @name | alias !" of a value that is defined here. */
static int read_value(struct reader *r, int32_t index, int32_t node, uint32_t output) {
  struct graph_value *value = &r->graph->value[index];
  const char *alias[64];
  if (value->name != NULL)
    return fail(r, "a value that is defined already");
  if (read_type(r, &value->type) != 0 || expect(r, "@") != 0 ||
      (value->name = read_name(r)) == NULL)
    return -1;
  while (take(r, "|")) {
    if (value->alias_count == sizeof alias / sizeof alias[0])
      return fail(r, "a value with too many names");
    if ((alias[value->alias_count++] = read_name(r)) == NULL)
      return -1;
  }
  const char **kept = arena_array(&r->graph->arena, value->alias_count, sizeof *kept);
  if (kept == NULL)
    return error_oom(r->err);
  memcpy(kept, alias, value->alias_count * sizeof *kept);
  value->alias = kept;
  skip_blanks(r);
  /* "!" alone; "!0:5-9" is a span */
  if (r->at < r->end && *r->at == '!' &&
      (r->at + 1 == r->end || r->at[1] < '0' || r->at[1] > '9')) {
    r->at++;
    value->dump = true;
  }
  value->node = node;
  value->output = output;
  value->span = SPAN_NONE;
  if ((uint32_t)index >= r->graph->value_count)
    r->graph->value_count = (uint32_t)index + 1;
  return 0;
}

static int read_span(struct reader *r, struct span *out) {
  *out = SPAN_NONE;
  if (!take(r, "!"))
    return 0;
  if (read_u32(r, &out->source) != 0 || expect(r, ":") != 0 || read_u32(r, &out->begin) != 0 ||
      expect(r, "-") != 0)
    return -1;
  return read_u32(r, &out->end);
}

/* -------------------------------------------------------------- statements */

static int read_graph_line(struct reader *r) {
  struct graph *g = r->graph;
  if ((g->model = read_name(r)) == NULL)
    return -1;
  if (!take(r, ":"))
    return 0;
  const char *task = read_word(r, "");
  if (task == NULL || (g->head = read_name(r)) == NULL)
    return -1;
  g->task = graph_task_from_name(task);
  if (g->task == GRAPH_TASK_NONE && strcmp(task, "none") != 0)
    return fail(r, "an unknown task");
  return take(r, "(") ? read_attrs(r, ")", true, &g->task_attr, &g->task_attr_count, 0) : 0;
}

static int read_dim_line(struct reader *r) {
  struct graph_dim *dim = &r->dim[r->graph->dim_count];
  if (r->graph->dim_count == DIM_VARIABLES)
    return fail(r, "too many run-time dimensions");
  if ((dim->name = read_word(r, "")) == NULL)
    return -1;
  r->graph->dim_count++;
  return take(r, "<=") ? read_integer(r, 1, INT64_MAX, &dim->bound) : 0;
}

static int read_input_line(struct reader *r) {
  struct graph_input *input = &r->input[r->graph->input_count];
  if (read_value_index(r, &input->value) != 0 || (input->name = read_name(r)) == NULL ||
      expect(r, "=") != 0 || (input->source = read_name(r)) == NULL || expect(r, ":") != 0 ||
      read_value(r, input->value, GRAPH_NONE, 0) != 0)
    return -1;
  input->stage = r->stage;
  r->graph->input_count++;
  return read_span(r, &r->graph->value[input->value].span);
}

static int read_state_line(struct reader *r) {
  struct graph_state *state = &r->state[r->graph->state_count];
  if (read_value_index(r, &state->value) != 0 || (state->name = read_name(r)) == NULL ||
      expect(r, ":") != 0 || read_value(r, state->value, GRAPH_NONE, 0) != 0)
    return -1;
  state->width = r->graph->value[state->value].type.shape[0];
  r->graph->state_count++;
  return read_span(r, &r->graph->value[state->value].span);
}

static int read_weight_ref(struct reader *r, int32_t *out) {
  *out = GRAPH_NONE;
  if (take(r, "_"))
    return 0;
  if (expect(r, "$") != 0)
    return -1;
  const char *name = read_name(r);
  if (name == NULL)
    return -1;
  const struct map_entry *entry = map_find_text(&r->weights, name);
  if (entry == NULL)
    return fail(r, "an unknown weight");
  *out = (int32_t)entry->value.number;
  return 0;
}

/* "transpose($a; 0, 0, 0)" */
static int read_view(struct reader *r, struct graph_weight *weight) {
  static const char *const kinds[] = {"", "transpose", "split", "concat", "stack", "reshape"};
  const char *kind = read_word(r, "");
  if (kind == NULL)
    return -1;
  uint32_t k = 1;
  while (k <= GRAPH_WEIGHT_RESHAPE && strcmp(kinds[k], kind) != 0)
    k++;
  if (k > GRAPH_WEIGHT_RESHAPE)
    return fail(r, "an unknown view of a weight");
  weight->kind = (enum graph_weight_kind)k;
  if (expect(r, "(") != 0)
    return -1;
  int32_t list[LIST_MAX];
  do {
    if (weight->operand_count == LIST_MAX)
      return fail(r, "a weight of too many operands");
    if (read_weight_ref(r, &list[weight->operand_count++]) != 0)
      return -1;
  } while (take(r, ","));
  int32_t *kept = arena_array(&r->graph->arena, weight->operand_count, sizeof *kept);
  if (kept == NULL)
    return error_oom(r->err);
  memcpy(kept, list, weight->operand_count * sizeof *kept);
  weight->operand = kept;
  int64_t number[3];
  for (int i = 0; i < 3; i++)
    if (expect(r, i == 0 ? ";" : ",") != 0 ||
        read_integer(r, INT32_MIN, INT32_MAX, &number[i]) != 0)
      return -1;
  weight->axis = (int32_t)number[0];
  weight->parts = (int32_t)number[1];
  weight->index = (int32_t)number[2];
  return expect(r, ")");
}

static int read_weight_shape(struct reader *r, struct graph_weight *weight) {
  if (read_dtype(r, &weight->dtype) != 0 || expect(r, "[") != 0)
    return -1;
  if (take(r, "]"))
    return 0;
  do {
    if (weight->rank == GRAPH_MAX_RANK)
      return fail(r, "too many dimensions");
    if (read_integer(r, 0, INT64_MAX, &weight->shape[weight->rank++]) != 0)
      return -1;
  } while (take(r, ","));
  return expect(r, "]");
}

static int read_weight_line(struct reader *r) {
  struct graph_weight *weight = &r->weight[r->graph->weight_count];
  if (expect(r, "$") != 0 || (weight->name = read_name(r)) == NULL || expect(r, ":") != 0 ||
      read_weight_shape(r, weight) != 0 || expect(r, "=") != 0)
    return -1;
  skip_blanks(r);
  if (r->at < r->end && *r->at == '"') {
    if ((weight->tensor = read_string(r)) == NULL)
      return -1;
  } else if (read_view(r, weight) != 0) {
    return -1;
  }
  weight->used = !take(r, "unused");
  struct map_entry *entry = map_insert_text(&r->weights, weight->name, NULL);
  if (entry == NULL)
    return error_oom(r->err);
  entry->value.number = r->graph->weight_count++;
  return 0;
}

static int read_output_line(struct reader *r) {
  struct graph_output *output = &r->output[r->graph->output_count];
  if ((output->name = read_name(r)) == NULL || expect(r, "=") != 0 ||
      read_value_index(r, &output->value) != 0)
    return -1;
  r->graph->output_count++;
  return 0;
}

static int keep_indices(struct reader *r, const int32_t *list, uint32_t count,
                        const int32_t **out) {
  int32_t *kept = arena_array(&r->graph->arena, count, sizeof *kept);
  if (kept == NULL)
    return error_oom(r->err);
  if (count > 0)
    memcpy(kept, list, count * sizeof *kept);
  *out = kept;
  return 0;
}

/* After "op(": "%1, _; $w, _; eps: 1e-05)" */
static int read_operands(struct reader *r, struct graph_node *node) {
  int32_t list[LIST_MAX];
  skip_blanks(r);
  if (r->at < r->end && (*r->at == '%' || *r->at == '_')) {
    do {
      int32_t *slot = &list[node->input_count++];
      *slot = GRAPH_NONE;
      if (node->input_count == LIST_MAX)
        return fail(r, "a node of too many inputs");
      if (!take(r, "_") && read_value_index(r, slot) != 0)
        return -1;
    } while (take(r, ","));
  }
  if (keep_indices(r, list, node->input_count, &node->input) != 0)
    return -1;
  if (take(r, ";")) {
    skip_blanks(r);
    if (r->at < r->end && (*r->at == '$' || *r->at == '_')) {
      do {
        if (node->weight_count == LIST_MAX)
          return fail(r, "a node of too many weights");
        if (read_weight_ref(r, &list[node->weight_count++]) != 0)
          return -1;
      } while (take(r, ","));
    }
    if (keep_indices(r, list, node->weight_count, &node->weight) != 0)
      return -1;
    if (take(r, ";"))
      return read_attrs(r, ")", true, &node->attr, &node->attr_count, 0);
  }
  return expect(r, ")");
}

static int read_taps(struct reader *r, struct graph_node *node) {
  const char *list[64];
  do {
    if (node->tap_count == 64)
      return fail(r, "a node of too many taps");
    if ((list[node->tap_count] = read_name(r)) == NULL)
      return -1;
    if (take(r, "!"))
      node->taps |= UINT64_C(1) << node->tap_count;
    node->tap_count++;
  } while (take(r, ","));
  const char **kept = arena_array(&r->graph->arena, node->tap_count, sizeof *kept);
  if (kept == NULL)
    return error_oom(r->err);
  memcpy(kept, list, node->tap_count * sizeof *kept);
  node->tap = kept;
  return expect(r, ")");
}

static int read_node_tail(struct reader *r, struct graph_node *node) {
  int64_t layer;
  if (read_span(r, &node->span) != 0)
    return -1;
  if (take(r, "layer ")) {
    if (read_integer(r, 0, INT32_MAX, &layer) != 0)
      return -1;
    node->layer = (int32_t)layer;
  }
  if (take(r, "version ") && read_u32(r, &node->op_version) != 0)
    return -1;
  node->holds_inputs = take(r, "holds");
  return take(r, "taps(") ? read_taps(r, node) : 0;
}

/* "%4, %5 = op(...) : type @name, type @name !0:1-2 layer 0" */
static int read_node_line(struct reader *r) {
  struct graph_node *node = &r->node[r->graph->node_count];
  int32_t list[LIST_MAX];
  node->stage = r->stage;
  node->layer = GRAPH_NONE;
  node->op_version = 1;
  do {
    if (node->output_count == LIST_MAX)
      return fail(r, "a node of too many outputs");
    if (read_value_index(r, &list[node->output_count++]) != 0)
      return -1;
  } while (take(r, ","));
  if (keep_indices(r, list, node->output_count, &node->output) != 0 || expect(r, "=") != 0 ||
      (node->op = read_word(r, "_.")) == NULL || expect(r, "(") != 0 || read_operands(r, node) != 0)
    return -1;
  for (uint32_t i = 0; i < node->output_count; i++)
    if (expect(r, i == 0 ? ":" : ",") != 0 ||
        read_value(r, node->output[i], (int32_t)r->graph->node_count, i) != 0)
      return -1;
  node->name = r->graph->value[node->output[0]].name;
  if (read_node_tail(r, node) != 0)
    return -1;
  for (uint32_t i = 0; i < node->output_count; i++)
    r->graph->value[node->output[i]].span = node->span;
  r->graph->node_count++;
  return 0;
}

static int read_line(struct reader *r) {
  static const struct {
    const char *word;
    int (*read)(struct reader *r);
  } lines[] = {{"graph ", read_graph_line},   {"dim ", read_dim_line},
               {"input ", read_input_line},   {"state ", read_state_line},
               {"weight ", read_weight_line}, {"output ", read_output_line}};
  if (take(r, "encode") || take(r, "decode")) {
    r->stage = r->at[-6] == 'e' ? GRAPH_ENCODE : GRAPH_DECODE;
    return 0;
  }
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
    if (take(r, lines[i].word))
      return lines[i].read(r);
  return read_node_line(r);
}

static int read_lines(struct reader *r) {
  while (r->at < r->end) {
    if (!at_line_end(r) && read_line(r) != 0)
      return -1;
    if (!at_line_end(r))
      return fail(r, "something is left over at the end of the line");
    if (r->at < r->end)
      r->at++;
    r->line++;
  }
  for (uint32_t i = 0; i < r->graph->value_count; i++)
    if (r->graph->value[i].name == NULL)
      return error_set(r->err, TFM_ERROR_MODEL, "%s: value %%%u is not defined", r->name, i);
  return 0;
}

static int make_tables(struct reader *r) {
  struct arena *arena = &r->graph->arena;
  size_t lines = 1, values = 0;
  for (const char *c = r->at; c < r->end; c++) {
    lines += *c == '\n';
    values += *c == '%';
  }
  r->value_room = values < INT32_MAX ? (uint32_t)values : INT32_MAX;
  r->graph->value = arena_array(arena, values, sizeof *r->graph->value);
  r->graph->dim = r->dim = arena_array(arena, DIM_VARIABLES, sizeof *r->dim);
  r->graph->input = r->input = arena_array(arena, lines, sizeof *r->input);
  r->graph->weight = r->weight = arena_array(arena, lines, sizeof *r->weight);
  r->graph->state = r->state = arena_array(arena, lines, sizeof *r->state);
  r->graph->node = r->node = arena_array(arena, lines, sizeof *r->node);
  r->graph->output = r->output = arena_array(arena, lines, sizeof *r->output);
  return arena_failed(arena) ? error_oom(r->err) : 0;
}

struct graph *graph_parse(const char *name, const char *text, size_t size, struct tfm_error *err) {
  struct reader r = {.name = name, .at = text, .end = text + size, .line = 1, .err = err};
  r.graph = graph_create(err);
  if (r.graph == NULL)
    return NULL;
  map_init(&r.weights);
  int status = make_tables(&r) != 0 ? -1 : read_lines(&r);
  map_finish(&r.weights);
  if (status != 0) {
    graph_destroy(r.graph);
    return NULL;
  }
  return r.graph;
}
