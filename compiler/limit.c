/* limit.c - the count of steps. */
#include "compiler/limit.h"

#include "compiler/report.h"

bool limit_step(struct compiler *c, struct span span, uint32_t cost) {
  if (c->stop)
    return false;
  if (span.source != UINT32_MAX)
    c->at = span;
  c->steps += cost + 1;
  if (c->steps <= LIMIT_STEPS)
    return true;
  report(c, CODE_LIMIT_STEPS, span, "the expansion of this file takes too long");
  c->stop = true;
  return false;
}
