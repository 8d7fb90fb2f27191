/* function.c - what each function of constants gives, and what it refuses. */
#include "compiler/function.h"

#include "compiler/compute.h"
#include "compiler/limit.h"
#include "compiler/list.h"
#include "compiler/origin.h"

#include <math.h>
#include <string.h>

static const struct function functions[FUNCTION_COUNT] = {
#define FUNCTION(name, id, fewest, most) {#name, FUNCTION_##id, fewest, most},
#include "compiler/function.def"
#undef FUNCTION
};

const struct function *function_at(uint32_t index) {
  return &functions[index];
}

const struct function *function_find(const char *name) {
  for (uint32_t i = 0; i < FUNCTION_COUNT; i++)
    if (strcmp(functions[i].name, name) == 0)
      return &functions[i];
  return NULL;
}

bool function_fits(struct compiler *c, const struct function *function,
                   const struct ast_expr *call) {
  const struct ast_fields *args = &call->call.args;
  bool ok = true;
  for (const struct ast_field *f = args->first; f != NULL; f = f->next)
    if (f->name.text != NULL) {
      report(c, CODE_UNKNOWN_ARGUMENT, f->name.span, "`%s` has no argument `%s`", function->name,
             f->name.text);
      ok = false;
    }
  if (call->call.scope != NULL) {
    report(c, CODE_PATH, call->call.scope->span, "`%s` has no weights", function->name);
    ok = false;
  }
  if (args->count < function->fewest || args->count > function->most) {
    report(c, CODE_ARITY, call->call.name.span, "`%s` takes %s, %u are given", function->name,
           function->most == 1 ? "one constant" : "one constant or more", args->count);
    ok = false;
  }
  return ok;
}

static struct value fail(struct compiler *c, const struct value *arg, struct span span,
                         const char *what) {
  origin_note(c, report(c, CODE_ARITHMETIC, span, "%s", what), NULL, arg);
  return value_error();
}

static struct value wrong_kind(struct compiler *c, const struct function *function,
                               const struct value *arg, struct span span, const char *wanted) {
  struct report *r = report(c, CODE_KIND, span, "`%s` takes %s, this is %s", function->name, wanted,
                            value_kind_name(arg));
  origin_note(c, r, NULL, arg);
  return value_error();
}

static struct value root(struct compiler *c, const struct function *function,
                         const struct value *arg, struct span span) {
  if (!compute_is_number(arg))
    return wrong_kind(c, function, arg, span, "a number");
  double x = arg->kind == VALUE_INT ? (double)arg->integer : arg->real;
  if (x < 0)
    return fail(c, arg, span, "a square root of what is below zero");
  return (struct value){.kind = VALUE_REAL, .real = sqrt(x)};
}

static struct value below(struct compiler *c, const struct function *function,
                          const struct value *arg, struct span span) {
  if (arg->kind == VALUE_INT)
    return *arg;
  if (arg->kind != VALUE_REAL)
    return wrong_kind(c, function, arg, span, "a number");
  double x = floor(arg->real);
  if (!(x >= -0x1p63 && x < 0x1p63))
    return fail(c, arg, span, "an integer that does not fit into 64 bits");
  return (struct value){.kind = VALUE_INT, .integer = (int64_t)x};
}

/* Of numbers, or of the elements of one list: the first of them that no other beats. */
static struct value extreme(struct compiler *c, const struct function *function,
                            const struct value *arg, uint32_t count, struct span span) {
  bool list = count == 1 && list_is(arg);
  int64_t among = list ? list_count(arg) : (int64_t)count;
  enum ast_op beats = function->kind == FUNCTION_MIN ? AST_OP_LT : AST_OP_GT;
  struct value best = value_none();
  if (!limit_step(c, span, (uint32_t)among / 16))
    return value_error();
  if (among == 0)
    return fail(c, arg, span, "an empty list has no smallest and no largest element");
  for (int64_t i = 0; i < among; i++) {
    struct value item = list ? list_item(arg, i) : arg[i];
    if (!compute_is_number(&item))
      return wrong_kind(c, function, &item, span, "numbers");
    struct value better = i == 0 ? value_none() : compute_binary(c, beats, &item, &best, span);
    if (i == 0 || better.boolean)
      best = item;
  }
  return best;
}

static struct value length(struct compiler *c, const struct function *function,
                           const struct value *arg, struct span span) {
  if (!list_is(arg) && arg->kind != VALUE_JSON)
    return wrong_kind(c, function, arg, span, "a list or an object");
  int64_t count = list_is(arg) ? list_count(arg) : (int64_t)json_object_size(arg->json);
  return (struct value){.kind = VALUE_INT, .integer = count};
}

struct value function_compute(struct compiler *c, const struct function *function,
                              const struct value *arg, uint32_t count, struct span span) {
  switch (function->kind) {
  case FUNCTION_SQRT:
    return root(c, function, arg, span);
  case FUNCTION_FLOOR:
    return below(c, function, arg, span);
  case FUNCTION_MIN:
  case FUNCTION_MAX:
    return extreme(c, function, arg, count, span);
  case FUNCTION_LEN:
    return length(c, function, arg, span);
  case FUNCTION_COUNT:
    break;
  }
  return value_error();
}
