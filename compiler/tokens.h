/* tokens.h - ops that mix the tokens of a text, and what follows of it.
 *
 * An op keeps tokens apart (TFM_OP_KEEPS_TOKENS) or gets all of them.  So the choice of the
 * last token's logits moves down only through ops that keep them apart; and beside a state,
 * where a step has the new tokens alone, no other op may see them. */
#ifndef TFM_COMPILER_TOKENS_H
#define TFM_COMPILER_TOKENS_H

#include "compiler/expand.h"

/* Of the logits only those of the last token: last_token before all that keeps tokens apart
 * among the nodes from `first` on, those of the head, whose first parameter is at span. */
void tokens_take_last(struct compiler *c, struct results *results, uint32_t first,
                      struct span span);

/* Reports each live node of a step that mixes tokens beside a state. */
void tokens_check(struct compiler *c);

/* Does an output of the node depend on several tokens, or keys, of a row of an input? */
bool tokens_mixes(const struct compiler *c, const struct ir_node *node);

#endif
