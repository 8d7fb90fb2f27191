/* unread.h - what config.json says and the file does not read. */
#ifndef TFM_COMPILER_UNREAD_H
#define TFM_COMPILER_UNREAD_H

#include "compiler/compiler.h"

struct unread;

/* Before and after all else; open sets c->unread. */
void unread_open(struct compiler *c);
void unread_close(struct compiler *c);

/* The file reads config.a.b, wherever and whether or not it gets there.  false: the
 * expression is no member of config.  A NULL member: all of config. */
bool unread_mention(struct compiler *c, const struct ast_expr *expr);
/* config { ignore "..." } */
void unread_ignore(struct compiler *c, const struct ast_decl *decl);

/* A key that is read and not there, beside one that is there and not read. */
void unread_check_names(struct compiler *c);
/* Warn of what nothing reads. */
void unread_check(struct compiler *c);

#endif
