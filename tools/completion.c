/* completion.c - a table of options as a script that a shell reads.
 *
 *     _tfm_weights() { ... }                the words that may stand at the cursor
 *     complete -o default -F _tfm_weights tfm-weights              in bash
 *     compdef _tfm_weights tfm-weights                             in zsh
 *
 * An option's name is completed, and its argument where the table lists what it can
 * be: "name|size".  Elsewhere the shell completes files, as it does without the script.
 * zsh shows beside each option what --help says of it. */
#include "tools/completion.h"

#include <stdio.h>
#include <string.h>

static bool is_shown(const struct option_row *row) {
  return row->kind >= OPTION_TEXT &&
         (row->help || row->kind == OPTION_HELP || row->kind == OPTION_VERSION);
}

/* Lower-case words with `|` between: what stands there is what is typed. */
static bool is_choice(const struct option_row *row) {
  return row->argument && strchr(row->argument, '|') &&
         row->argument[strspn(row->argument, "abcdefghijklmnopqrstuvwxyz_|")] == '\0';
}

static void print_function_name(const char *program) {
  putchar('_');
  for (; *program; program++)
    putchar(*program == '-' ? '_' : *program);
}

static void print_choice(const struct option_row *row) {
  printf("  --%s) COMPREPLY=($(compgen -W '", row->name);
  for (const char *at = row->argument; *at; at++)
    putchar(*at == '|' ? ' ' : *at);
  puts("' -- \"$word\")); return ;;");
}

/* The options whose argument is anything: bash's own completion. */
static void print_open(const struct option_row *row, size_t count) {
  bool begun = false;
  for (size_t i = 0; i < count; i++) {
    if (!is_shown(&row[i]) || !row[i].argument || *row[i].argument == '[' || is_choice(&row[i]))
      continue;
    printf("%s--%s", begun ? "|" : "  ", row[i].name);
    if (row[i].letter)
      printf("|-%c", row[i].letter);
    begun = true;
  }
  if (begun)
    puts(") return ;;");
}

static void print_bash(const char *program, const struct option_row *row, size_t count) {
  printf("# bash completion for %s: source <(%s --completion bash)\n", program, program);
  print_function_name(program);
  puts("() {\n"
       "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
       "  [ \"$word\" = = ] && word=\n" /* bash cuts --sort=name in three */
       "  [ \"$before\" = = ] && before=${COMP_WORDS[COMP_CWORD-2]}\n"
       "  COMPREPLY=()\n"
       "  case $before in");
  for (size_t i = 0; i < count; i++)
    if (is_shown(&row[i]) && is_choice(&row[i]))
      print_choice(&row[i]);
  print_open(row, count);
  fputs("  esac\n"
        "  case $word in\n"
        "  -*) COMPREPLY=($(compgen -W '",
        stdout);
  for (size_t i = 0, shown = 0; i < count; i++)
    if (is_shown(&row[i]))
      printf("%s--%s", shown++ ? " " : "", row[i].name);
  fputs("' -- \"$word\")) ;;\n"
        "  esac\n"
        "}\n"
        "complete -o default -F ",
        stdout);
  print_function_name(program);
  printf(" %s\n", program);
}

/* ----------------------------------------------------------------------- zsh */

/* Inside single quotes, where _arguments reads `:` and `]` as its own. */
static void print_quoted(const char *text) {
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\'", stdout);
    else if (*text == ':' || *text == ']' || *text == '[' || *text == '\\')
      putchar('\\');
    putchar(*text);
  }
}

/* "'(-t --threads)'{-t+,--threads=}", "'*--feed=", "'--quiet": up to what is said of it. */
static void print_spelling(const struct option_row *row) {
  bool optional = row->argument && *row->argument == '[';
  const char *sign = !row->argument ? "" : optional ? "=-" : "=";
  if (row->letter && row->kind == OPTION_LIST)
    printf("'*'{-%c+,--%s%s}'", row->letter, row->name, sign);
  else if (row->letter)
    printf("'(-%c --%s)'{-%c%s,--%s%s}'", row->letter, row->name, row->letter,
           row->argument ? "+" : "", row->name, sign);
  else
    printf("'%s--%s%s", row->kind == OPTION_LIST ? "*" : "", row->name, sign);
}

static void print_argument(const struct option_row *row) {
  bool optional = *row->argument == '[';
  fputs(optional ? "::" : ":", stdout);
  print_quoted(row->argument);
  putchar(':');
  if (!is_choice(row)) {
    fputs(optional ? " " : "_files", stdout);
    return;
  }
  putchar('(');
  for (const char *at = row->argument; *at; at++)
    putchar(*at == '|' ? ' ' : *at);
  putchar(')');
}

static void print_zsh(const char *program, const struct option_row *row, size_t count) {
  printf("#compdef %s\n# zsh completion for %s: source <(%s --completion zsh)\n", program, program,
         program);
  print_function_name(program);
  puts("() {\n  _arguments -S \\");
  for (size_t i = 0; i < count; i++) {
    if (!is_shown(&row[i]))
      continue;
    fputs("    ", stdout);
    print_spelling(&row[i]);
    if (row[i].help) {
      putchar('[');
      print_quoted(row[i].help);
      putchar(']');
    }
    if (row[i].argument)
      print_argument(&row[i]);
    puts("' \\");
  }
  fputs("    '*:file:_files'\n}\ncompdef ", stdout);
  print_function_name(program);
  printf(" %s\n", program);
}

bool completion_print(const char *shell, const char *program, const struct option_row *row,
                      size_t count) {
  bool bash = strcmp(shell, "bash") == 0;
  if (!bash && strcmp(shell, "zsh") != 0)
    return false;
  (bash ? print_bash : print_zsh)(program, row, count);
  return true;
}
