/* json_tree.h - JSON text as a tree of jansson's values.
 *
 * Not by jansson's own reader, which does not look whether its buffer for a token
 * could grow (load.c, lex_save; 2.14 and before): without memory it ends the program
 * or writes past the buffer. */
#ifndef TFM_BASE_JSON_TREE_H
#define TFM_BASE_JSON_TREE_H

#include "base/json_pull.h"
#include "base/json_span.h"

#include <jansson.h>

/* Read all that is left of the text: an array or an object, nested at most max_depth
 * levels deep; the reader recurses as deep.  A value that is one of the holes is passed
 * over: it is null in the tree.  The caller owns one reference to *out. */
int json_tree_read(struct json_pull *pull, unsigned max_depth, const struct json_span *hole,
                   size_t holes, json_t **out);

#endif
