/* parse.y - the grammar of a model file, and of an op schema.
 *
 * Each rule calls one constructor of ast.c.  NEWLINE ends every statement:
 * layout.c sees to that, also before a `}` and at the end of the file.
 *
 * One mistake costs one statement: at a syntax error the scanner is told to
 * skip to the statement's end, and `error NEWLINE` goes on from there.  The
 * expected tokens of a message are true, since LAC looks before it reduces. */

%code requires {
#include "compiler/ast.h"

struct lex;
struct ast_builder;
}

%code {
#include "compiler/ast_build.h"
#include "compiler/codes.h"
#include "compiler/lex.h"
#include "compiler/syntax.h"

/* The depth of brackets: each costs a few entries.  Never on the C stack. */
#define YYMAXDEPTH 2000
#define YYINITDEPTH 200
#define YYSTACK_USE_ALLOCA 0

/* From the first symbol to the last; an empty rule stands after the last token. */
#define YYLLOC_DEFAULT(now, rhs, n)                                                                \
  ((now) = (n) ? (struct span){YYRHSLOC(rhs, 1).source, YYRHSLOC(rhs, 1).begin,                    \
                               YYRHSLOC(rhs, n).end}                                               \
               : (struct span){YYRHSLOC(rhs, 0).source, YYRHSLOC(rhs, 0).end,                      \
                               YYRHSLOC(rhs, 0).end})

static void parse_yyerror(const struct span *span, struct lex *lex, struct ast_builder *build,
                          const char *message);

static const struct ast_name no_name = {NULL, {0, 0, 0}};
static const struct ast_exprs no_exprs;
static const struct ast_fields no_fields;
static const struct ast_stmts no_stmts;
static const struct ast_rules no_rules;
static const struct ast_slots no_slots;
}

%require "3.8"
%define api.pure full
%define api.prefix {parse_yy}
%define api.token.prefix {TOKEN_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {struct lex *lex}
%parse-param {struct ast_builder *build}

%union {
  const char *text;
  int64_t integer;
  double real;
  struct ast_name name;
  struct ast_expr *expr;
  struct ast_exprs exprs;
  struct ast_field *field;
  struct ast_fields fields;
  struct ast_type *type;
  struct ast_path *path;
  struct ast_stmt *stmt;
  struct ast_stmts stmts;
  struct ast_rules rules;
  struct ast_assert check;
  struct ast_decl *decl;
  struct ast_term *term;
  struct ast_slot *slot;
  struct ast_slots slots;
}

%initial-action { @$ = (struct span){lex->source, 0, 0}; }

/* An alias with a space in it is a description; the others are shown as code. */
%token END 0 "end of file"
%token START_FILE "start of file" START_SCHEMA "start of schema"
%token NEWLINE "end of line"
%token <text> IDENT "a name" STRING "a string"
%token <text> PATH_NAME "a path component" PLUGIN_NAME "a plugin's name"
%token <integer> INT "an integer"
%token <real> REAL "a real number"

%token TFM "tfm" MODEL "model" LIBRARY "library" USE "use" IMPORT "import"
%token CHECKPOINT "checkpoint" PARAM "param" DIM "dim" INPUT "input" STATE "state"
%token CONFIG "config" WEIGHTS "weights" WEIGHT "weight" BLOCK "block" GRAPH "graph" HEAD "head"
%token ASSERT "assert" OP "op"
%token FOR "for" AS "as" TO "to" RENAME "rename" IGNORE "ignore" REPEAT "repeat"
%token RETURN "return" TAPS "taps" WHERE "where" FUSES "fuses"
%token IF "if" THEN "then" ELSE "else" TRUE "true" FALSE "false" NONE "none"

%token LPAREN "(" RPAREN ")" LBRACKET "[" RBRACKET "]" LBRACE "{" RBRACE "}"
%token COMMA "," COLON ":" SEMICOLON ";" DOT "." ASSIGN "=" QUESTION "?" ARROW "->"
%token ELLIPSIS "..." ANY "_" AT "@"
%token PATH_DOT "path ." PATH_STAR "path *" PATH_OPEN "path {" PATH_CLOSE "path }"

%token OR "or" AND "and" NOT "not" EQ "==" NE "!=" LT "<" LE "<=" GT ">" GE ">=" IN "in"
%token COALESCE "??" PIPE "|" AMPERSAND "&" PLUS "+" MINUS "-" STAR "*" SLASH "/"
%token REMAINDER "%" QUOTIENT "//" POWER "**"

%left "or"
%left "and"
%precedence "not"
%nonassoc "==" "!=" "<" "<=" ">" ">=" "in"
%left "??"
%left "|"
%left "&"
%left "+" "-"
%left "*" "/" "%" "//"
%precedence NEGATIVE
%right "**"

%type <expr> expr binary postfix primary dim
%type <exprs> exprs list_items strings dims dim_list architectures choices
%type <field> arg param constant bound target entry output tap
%type <fields> args arg_list params param_list constants bounds targets
%type <fields> section entries outputs taps tap_list attributes
%type <type> type annotation slot_type
%type <path> path path_parts
%type <name> name source string
%type <stmt> stmt
%type <stmts> body stmts
%type <rules> rules rule
%type <decl> decl
%type <check> assertion
%type <term> callee part
%type <slot> slot
%type <slots> slots slot_list
%type <field> given
%type <fields> givens given_list

%start start
%%

start:
  START_FILE TFM INT NEWLINE decls
| START_SCHEMA schema
;

name: IDENT { $$ = (struct ast_name){$1, @1}; };
string: STRING { $$ = (struct ast_name){$1, @1}; };

strings:
  STRING              { $$ = ast_exprs_add(no_exprs, ast_text(build, AST_EXPR_STR, @1, $1)); }
| strings "," STRING  { $$ = ast_exprs_add($1, ast_text(build, AST_EXPR_STR, @3, $3)); }
;

/* ------------------------------------------------------------- declarations */

decls:
  %empty
| decls decl NEWLINE  { ast_add_decl(build, $2); }
| decls error NEWLINE { yyerrok; }
;

decl:
  MODEL name FOR strings {
    if (($$ = ast_decl(build, AST_DECL_MODEL, @$, $2)) != NULL)
      $$->unit = $4;
  }
| LIBRARY name { $$ = ast_decl(build, AST_DECL_LIBRARY, @$, $2); }
| USE PLUGIN_NAME INT {
    if (($$ = ast_decl(build, AST_DECL_USE, @$, (struct ast_name){$2, @2})) != NULL) {
      $$->use.major = $3;
      $$->use.major_span = @3;
    }
  }
| IMPORT string AS name {
    if (($$ = ast_decl(build, AST_DECL_IMPORT, @$, $4)) != NULL)
      $$->import.path = $2;
  }
| CHECKPOINT string {
    if (($$ = ast_decl(build, AST_DECL_CHECKPOINT, @$, no_name)) != NULL)
      $$->checkpoint = $2;
  }
| PARAM constants {
    if (($$ = ast_decl(build, AST_DECL_PARAM, @$, no_name)) != NULL)
      $$->fields = $2;
  }
| DIM bounds {
    if (($$ = ast_decl(build, AST_DECL_DIM, @$, no_name)) != NULL)
      $$->fields = $2;
  }
| INPUT name ":" type "=" source {
    if (($$ = ast_decl(build, AST_DECL_INPUT, @$, $2)) != NULL) {
      $$->input.type = $4;
      $$->input.source = $6;
    }
  }
| STATE name ":" type {
    if (($$ = ast_decl(build, AST_DECL_STATE, @$, $2)) != NULL)
      $$->state.type = $4;
  }
| STATE name "[" expr "]" ":" type {
    if (($$ = ast_decl(build, AST_DECL_STATE, @$, $2)) != NULL) {
      $$->state.layers = $4;
      $$->state.type = $7;
    }
  }
| WEIGHTS "{" rules "}" {
    if (($$ = ast_decl(build, AST_DECL_WEIGHTS, @$, no_name)) != NULL)
      $$->rules = $3;
  }
| CONFIG "{" rules "}" {
    if (($$ = ast_decl(build, AST_DECL_CONFIG, @$, no_name)) != NULL)
      $$->rules = $3;
  }
| WEIGHT name annotation "=" expr {
    if (($$ = ast_decl(build, AST_DECL_WEIGHT, @$, $2)) != NULL) {
      $$->weight.type = $3;
      $$->weight.value = $5;
    }
  }
| BLOCK name "(" params ")" body {
    if (($$ = ast_decl(build, AST_DECL_BLOCK, @$, $2)) != NULL) {
      $$->block.params = $4;
      $$->block.body = $6;
    }
  }
| GRAPH name body {
    if (($$ = ast_decl(build, AST_DECL_GRAPH, @$, $2)) != NULL)
      $$->graph = $3;
  }
| HEAD name "(" params ")" ":" name attributes architectures body {
    if (($$ = ast_decl(build, AST_DECL_HEAD, @$, $2)) != NULL) {
      $$->head.params = $4;
      $$->head.task = $7;
      $$->head.attrs = $8;
      $$->head.archs = $9;
      $$->head.body = $10;
    }
  }
| assertion {
    if (($$ = ast_decl(build, AST_DECL_ASSERT, @$, no_name)) != NULL)
      $$->check = $1;
  }
;

constants:
  constant               { $$ = ast_fields_add(no_fields, $1); }
| constants "," constant { $$ = ast_fields_add($1, $3); }
;
constant: name "=" expr { $$ = ast_field(build, @$, $1, NULL, $3); };

bounds:
  bound            { $$ = ast_fields_add(no_fields, $1); }
| bounds "," bound { $$ = ast_fields_add($1, $3); }
;
bound:
  name           { $$ = ast_field(build, @$, $1, NULL, NULL); }
| name "<=" expr { $$ = ast_field(build, @$, $1, NULL, $3); }
;

source: IDENT "." IDENT {
    $$ = (struct ast_name){arena_printf(build->arena, "%s.%s", $1 ? $1 : "", $3 ? $3 : ""), @$};
  }
;

annotation:
  %empty   { $$ = NULL; }
| ":" type { $$ = $2; }
;

rules:
  %empty              { $$ = no_rules; }
| rules rule NEWLINE  { $$ = ast_rules_add($1, $2); }
| rules error NEWLINE { $$ = $1; yyerrok; }
;
rule:
  RENAME string TO string {
    struct ast_rule *rule = ast_rule(build, AST_RULE_RENAME, @$, $2, $4);
    $$ = (struct ast_rules){rule, rule, 1};
  }
| IGNORE strings { $$ = ast_ignores(build, $2); }
;

params:
  %empty         { $$ = no_fields; }
| param_list
| param_list ","
;
param_list:
  param                { $$ = ast_fields_add(no_fields, $1); }
| param_list "," param { $$ = ast_fields_add($1, $3); }
;
param:
  name annotation          { $$ = ast_field(build, @$, $1, $2, NULL); }
| name annotation "=" expr { $$ = ast_field(build, @$, $1, $2, $4); }
;

attributes:
  %empty       { $$ = no_fields; }
| "(" args ")" { $$ = $2; }
;
architectures:
  %empty      { $$ = no_exprs; }
| FOR strings { $$ = $2; }
;

assertion: ASSERT expr "," STRING { $$ = (struct ast_assert){$2, $4 ? $4 : "", @4}; };

/* --------------------------------------------------------------- statements */

body: "{" stmts "}" { $$ = $2; };

stmts:
  %empty              { $$ = no_stmts; }
| stmts stmt NEWLINE  { $$ = ast_stmts_add($1, $2); }
| stmts error NEWLINE { $$ = $1; yyerrok; }
;

stmt:
  targets "=" expr             { $$ = ast_assign(build, @$, $1, $3); }
| REPEAT expr AS name body     { $$ = ast_repeat(build, @$, $2, $4, $5); }
| RETURN exprs                 { $$ = ast_return(build, @$, $2, NULL); }
| RETURN exprs "=" expr        { $$ = ast_return(build, @$, $2, $4); }
| assertion                    { $$ = ast_check(build, @$, $1); }
;

targets:
  target             { $$ = ast_fields_add(no_fields, $1); }
| targets "," target { $$ = ast_fields_add($1, $3); }
;
target:
  name annotation { $$ = ast_field(build, @$, $1, $2, NULL); }
| "_"             { $$ = ast_field(build, @$, no_name, NULL, NULL); }
;

/* -------------------------------------------------------------- expressions */

exprs:
  expr           { $$ = ast_exprs_add(no_exprs, $1); }
| exprs "," expr { $$ = ast_exprs_add($1, $3); }
;

expr:
  binary
| IF expr THEN expr ELSE expr { $$ = ast_choice(build, @$, $2, $4, $6); }
;

binary:
  postfix
| binary "or" binary  { $$ = ast_binary(build, AST_OP_OR, @2, $1, $3); }
| binary "and" binary { $$ = ast_binary(build, AST_OP_AND, @2, $1, $3); }
| "not" binary        { $$ = ast_unary(build, @$, AST_OP_NOT, @1, $2); }
| binary "==" binary  { $$ = ast_binary(build, AST_OP_EQ, @2, $1, $3); }
| binary "!=" binary  { $$ = ast_binary(build, AST_OP_NE, @2, $1, $3); }
| binary "<" binary   { $$ = ast_binary(build, AST_OP_LT, @2, $1, $3); }
| binary "<=" binary  { $$ = ast_binary(build, AST_OP_LE, @2, $1, $3); }
| binary ">" binary   { $$ = ast_binary(build, AST_OP_GT, @2, $1, $3); }
| binary ">=" binary  { $$ = ast_binary(build, AST_OP_GE, @2, $1, $3); }
| binary "in" binary  { $$ = ast_binary(build, AST_OP_IN, @2, $1, $3); }
| binary "??" binary  { $$ = ast_binary(build, AST_OP_COALESCE, @2, $1, $3); }
| binary "|" binary   { $$ = ast_binary(build, AST_OP_MASK_OR, @2, $1, $3); }
| binary "&" binary   { $$ = ast_binary(build, AST_OP_MASK_AND, @2, $1, $3); }
| binary "+" binary   { $$ = ast_binary(build, AST_OP_ADD, @2, $1, $3); }
| binary "-" binary   { $$ = ast_binary(build, AST_OP_SUB, @2, $1, $3); }
| binary "*" binary   { $$ = ast_binary(build, AST_OP_MUL, @2, $1, $3); }
| binary "/" binary   { $$ = ast_binary(build, AST_OP_DIV, @2, $1, $3); }
| binary "%" binary   { $$ = ast_binary(build, AST_OP_REMAINDER, @2, $1, $3); }
| binary "//" binary  { $$ = ast_binary(build, AST_OP_QUOTIENT, @2, $1, $3); }
| binary "**" binary  { $$ = ast_binary(build, AST_OP_POWER, @2, $1, $3); }
| "-" binary %prec NEGATIVE { $$ = ast_unary(build, @$, AST_OP_NEG, @1, $2); }
;

postfix:
  primary
| postfix "." name     { $$ = ast_member(build, @$, $1, $3); }
| postfix "[" expr "]" { $$ = ast_index(build, @$, $1, $3); }
| postfix "(" args ")" { $$ = ast_call(build, @$, $1, $3); }
| postfix path         { $$ = ast_scope(build, @$, $1, $2); }
;

primary:
  INT                { $$ = ast_int(build, @1, $1); }
| REAL               { $$ = ast_real(build, @1, $1); }
| STRING             { $$ = ast_text(build, AST_EXPR_STR, @1, $1); }
| IDENT              { $$ = ast_text(build, AST_EXPR_NAME, @1, $1); }
| TRUE               { $$ = ast_bool(build, @1, true); }
| FALSE              { $$ = ast_bool(build, @1, false); }
| NONE               { $$ = ast_leaf(build, AST_EXPR_NONE, @1); }
| "(" expr ")"       { $$ = $2; }
| "[" list_items "]" { $$ = ast_list(build, @$, $2); }
| path               { $$ = ast_path_expr(build, $1); }
;

list_items:
  %empty        { $$ = no_exprs; }
| dim_list
| dim_list ","
;

args:
  %empty       { $$ = no_fields; }
| arg_list
| arg_list ","
;
arg_list:
  arg              { $$ = ast_fields_add(no_fields, $1); }
| arg_list "," arg { $$ = ast_args_add(build, $1, $3); }
;
arg:
  expr          { $$ = ast_field(build, @$, no_name, NULL, $1); }
| name ":" expr { $$ = ast_field(build, @$, $1, NULL, $3); }
;

/* Tokens between the @ and the end of the path have no spaces between them. */
path: AT path_parts { $$ = ast_path_end(build, $2, @$); };

path_parts:
  PATH_NAME {
    $$ = ast_path(build);
    ast_path_text(build, $$, @1);
  }
| PATH_STAR {
    $$ = ast_path(build);
    ast_path_star(build, $$, @1);
  }
| PATH_OPEN expr PATH_CLOSE {
    $$ = ast_path(build);
    ast_path_value(build, $$, @$, $2);
  }
| path_parts PATH_NAME { ast_path_text(build, $$ = $1, @2); }
| path_parts PATH_OPEN expr PATH_CLOSE {
    ast_path_value(build, $$ = $1, ((struct span){@2.source, @2.begin, @4.end}), $3);
  }
| path_parts PATH_DOT PATH_NAME {
    ast_path_text(build, $$ = $1, ((struct span){@2.source, @2.begin, @3.end}));
  }
| path_parts PATH_DOT PATH_STAR {
    ast_path_text(build, $$ = $1, @2);
    ast_path_star(build, $$, @3);
  }
| path_parts PATH_DOT PATH_OPEN expr PATH_CLOSE {
    ast_path_text(build, $$ = $1, @2);
    ast_path_value(build, $$, ((struct span){@3.source, @3.begin, @5.end}), $4);
  }
;

/* -------------------------------------------------------------------- types */

type:
  name              { $$ = ast_type(build, @$, $1, false, false, no_exprs); }
| "[" dims "]"      { $$ = ast_type(build, @$, no_name, true, false, $2); }
| name "[" dims "]" { $$ = ast_type(build, @$, $1, true, false, $3); }
| "[" "..." "]"      { $$ = ast_type(build, @$, no_name, true, true, no_exprs); }
| name "[" "..." "]" { $$ = ast_type(build, @$, $1, true, true, no_exprs); }
| "[" "..." "," dim_list "]"      { $$ = ast_type(build, @$, no_name, true, true, $4); }
| name "[" "..." "," dim_list "]" { $$ = ast_type(build, @$, $1, true, true, $5); }
;

dims:
  %empty { $$ = no_exprs; }
| dim_list
;
dim_list:
  dim              { $$ = ast_exprs_add(no_exprs, $1); }
| dim_list "," dim { $$ = ast_exprs_add($1, $3); }
;
dim:
  expr
| "_" { $$ = ast_leaf(build, AST_EXPR_ANY, @1); }
;

/* --------------------------------------------------------------- op schemas */

schema:
  OP name "(" section ")" "->" outputs taps constraints fusions {
    build->schema->section[0] = $4;
    ast_schema_end(build, @$, $2, $7, $8);
  }
| OP name "(" section ";" section ")" "->" outputs taps constraints fusions {
    build->schema->section[0] = $4;
    build->schema->section[1] = $6;
    ast_schema_end(build, @$, $2, $9, $10);
  }
| OP name "(" section ";" section ";" section ")" "->" outputs taps constraints fusions {
    build->schema->section[0] = $4;
    build->schema->section[1] = $6;
    build->schema->section[2] = $8;
    ast_schema_end(build, @$, $2, $11, $12);
  }
;

section:
  %empty { $$ = no_fields; }
| entries
;
entries:
  entry             { $$ = ast_fields_add(no_fields, $1); }
| entries "," entry { $$ = ast_fields_add($1, $3); }
;
/* "a" | "b": a str that is one of these */
choices:
  STRING             { $$ = ast_exprs_add(no_exprs, ast_text(build, AST_EXPR_STR, @1, $1)); }
| choices "|" STRING { $$ = ast_exprs_add($1, ast_text(build, AST_EXPR_STR, @3, $3)); }
;
slot_type:
  type
| choices { $$ = ast_type_choices(build, @$, $1); }
;
entry:
  name ":" slot_type              { $$ = ast_field(build, @$, $1, $3, NULL); }
| name ":" slot_type "?"          { $$ = ast_field(build, @$, $1, ast_type_optional($3, @4), NULL); }
| name ":" slot_type "=" expr     { $$ = ast_field(build, @$, $1, $3, $5); }
| name ":" slot_type "?" "=" expr { $$ = ast_field(build, @$, $1, ast_type_optional($3, @4), $6); }
;

outputs:
  output             { $$ = ast_fields_add(no_fields, $1); }
| outputs "," output { $$ = ast_fields_add($1, $3); }
| "..."              { $$ = no_fields; build->schema->outputs_open = true; }
;
output:
  type          { $$ = ast_field(build, @$, no_name, $1, NULL); }
| name ":" type { $$ = ast_field(build, @$, $1, $3, NULL); }
| "_"           { $$ = ast_field(build, @$, no_name, NULL, NULL); }
| name ":" "_"  { $$ = ast_field(build, @$, $1, NULL, NULL); }
;

taps:
  %empty       { $$ = no_fields; }
| TAPS tap_list { $$ = $2; }
;
tap_list:
  tap              { $$ = ast_fields_add(no_fields, $1); }
| tap_list "," tap { $$ = ast_fields_add($1, $3); }
;
tap: name annotation { $$ = ast_field(build, @$, $1, $2, NULL); };
constraints:
  %empty
| WHERE exprs { build->schema->constraints = $2; }
;

/* ---- what the op stands for: fuses add(y, linear(x; weight, bias)) */

fusions:
  %empty
| fusions FUSES { ast_fusion_add(build, @2); } terms
;
terms:
  term
| terms "," term
;
term:
  part         { ast_fusion_term(build, $1, no_name); }
| part AS name { ast_fusion_term(build, $1, $3); }
;
callee:
  name          { $$ = ast_term(build, no_name, $1); }
| name "." name { $$ = ast_term(build, $1, $3); }
;
part:
  callee "(" slots ")" {
    if (($$ = $1) != NULL)
      $$->span = @$, $$->section[0] = $3;
  }
| callee "(" slots ";" slots ")" {
    if (($$ = $1) != NULL)
      $$->span = @$, $$->section[0] = $3, $$->section[1] = $5;
  }
| callee "(" slots ";" slots ";" givens ")" {
    if (($$ = $1) != NULL)
      $$->span = @$, $$->section[0] = $3, $$->section[1] = $5, $$->attrs = $7;
  }
;
slots:
  %empty { $$ = no_slots; }
| slot_list
;
slot_list:
  slot               { $$ = ast_slots_add(no_slots, $1); }
| slot_list "," slot { $$ = ast_slots_add($1, $3); }
;
slot:
  name { $$ = ast_slot(build, @1, $1.text, NULL); }
| "_"  { $$ = ast_slot(build, @1, NULL, NULL); }
| part { $$ = ast_slot(build, @1, NULL, $1); }
;
givens:
  %empty { $$ = no_fields; }
| given_list
;
given_list:
  given                { $$ = ast_fields_add(no_fields, $1); }
| given_list "," given { $$ = ast_fields_add($1, $3); }
;
given:
  name          { $$ = ast_field(build, @$, $1, NULL, NULL); }
| name ":" expr { $$ = ast_field(build, @$, $1, NULL, $3); }
;

%%

/* Bison asks only when a stack is full, and when memory is out. */
static void parse_yyerror(const struct span *span, struct lex *lex, struct ast_builder *build,
                          const char *message) {
  (void)message;
  (void)lex;
  diag_report(build->diag, DIAG_ERROR, CODE_LIMIT_NESTING, *span,
              "nested deeper than the parser can follow");
}

/* What a symbol is to a person: alone, or one of a class that is named as a whole. */
static enum syntax_class class_of(yysymbol_kind_t symbol) {
  switch (symbol) {
  case YYSYMBOL_IDENT:
  case YYSYMBOL_ANY:
    return SYNTAX_NAME;
  case YYSYMBOL_ASSERT:
    return SYNTAX_EITHER;
  case YYSYMBOL_YYEOF:
    return SYNTAX_END;
  case YYSYMBOL_INT:
  case YYSYMBOL_REAL:
  case YYSYMBOL_STRING:
  case YYSYMBOL_TRUE:
  case YYSYMBOL_FALSE:
  case YYSYMBOL_NONE:
  case YYSYMBOL_IF:
  case YYSYMBOL_NOT:
  case YYSYMBOL_MINUS:
  case YYSYMBOL_LPAREN:
  case YYSYMBOL_LBRACKET:
  case YYSYMBOL_AT:
  case YYSYMBOL_DOT:
    return SYNTAX_VALUE;
  case YYSYMBOL_OR:
  case YYSYMBOL_AND:
  case YYSYMBOL_EQ:
  case YYSYMBOL_NE:
  case YYSYMBOL_LT:
  case YYSYMBOL_LE:
  case YYSYMBOL_GT:
  case YYSYMBOL_GE:
  case YYSYMBOL_COALESCE:
  case YYSYMBOL_PIPE:
  case YYSYMBOL_AMPERSAND:
  case YYSYMBOL_PLUS:
  case YYSYMBOL_IN:
  case YYSYMBOL_STAR:
  case YYSYMBOL_SLASH:
  case YYSYMBOL_REMAINDER:
  case YYSYMBOL_QUOTIENT:
  case YYSYMBOL_POWER:
    return SYNTAX_OPERATOR;
  case YYSYMBOL_REPEAT:
  case YYSYMBOL_RETURN:
    return SYNTAX_STATEMENT;
  case YYSYMBOL_MODEL:
  case YYSYMBOL_LIBRARY:
  case YYSYMBOL_USE:
  case YYSYMBOL_IMPORT:
  case YYSYMBOL_CHECKPOINT:
  case YYSYMBOL_PARAM:
  case YYSYMBOL_DIM:
  case YYSYMBOL_INPUT:
  case YYSYMBOL_STATE:
  case YYSYMBOL_CONFIG:
  case YYSYMBOL_WEIGHTS:
  case YYSYMBOL_WEIGHT:
  case YYSYMBOL_BLOCK:
  case YYSYMBOL_GRAPH:
  case YYSYMBOL_HEAD:
    return SYNTAX_DECLARATION;
  default:
    return SYNTAX_ALONE;
  }
}

static int yyreport_syntax_error(const yypcontext_t *context, struct lex *lex,
                                 struct ast_builder *build) {
  enum { MOST = 128 };
  yysymbol_kind_t symbol[MOST];
  struct syntax_expected expected[MOST];
  int count = yypcontext_expected_tokens(context, symbol, MOST);
  if (count == YYENOMEM)
    return YYENOMEM;
  for (int i = 0; i < count; i++)
    expected[i] = (struct syntax_expected){class_of(symbol[i]), yysymbol_name(symbol[i])};
  syntax_report(build, lex, *yypcontext_location(context), expected, (unsigned)count);
  return 0;
}

const char *syntax_token_name(int token) {
  return yysymbol_name(YYTRANSLATE(token));
}
