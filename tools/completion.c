/* completion.c - a table of options as a script that bash reads.
 *
 *     _tfm_weights() { ... }                the words that may stand at the cursor
 *     complete -o default -F _tfm_weights tfm-weights
 *
 * An option's name is completed, and its argument where the table lists what it can
 * be: "name|size".  Elsewhere bash completes files, as it does without the script. */
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

void completion_print(const char *program, const struct option_row *row, size_t count) {
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
