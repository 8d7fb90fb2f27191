/* options.c - getopt_long over a table of rows, and what it does not say: which
 * name was meant. */
#include "tools/options.h"

#include "tools/completion.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  ROWS_MAX = 96,   /* of one program */
  NAMES_MAX = 256, /* with their other spellings */
  NAME_MAX_BYTES = 32,
  FIRST_CODE = 256 /* getopt's codes of long options; lower ones are letters */
};

/* The rows with shared ones put in, and all names. */
struct parser {
  const struct option_set *set;
  struct option_row row[ROWS_MAX];
  size_t count;
  struct option name[NAMES_MAX + 1];
  char spelling[NAMES_MAX][NAME_MAX_BYTES]; /* what name points to */
  size_t name_count;
  char letters[2 * ROWS_MAX + 2]; /* getopt's: "i:qh" */
};

/* ---- the nearest name ---- */

/* How many letters must be put in, taken out or changed; two neighbours that
 * change places count once.  Long words are far from everything. */
static size_t distance(const char *a, const char *b) {
  enum { MOST = 40 };
  size_t n = strlen(a), m = strlen(b);
  size_t row[3][MOST + 1]; /* of a's letters i - 2, i - 1, i */
  if (n > MOST || m > MOST)
    return MOST;
  for (size_t j = 0; j <= m; j++)
    row[1][j] = j;
  for (size_t i = 1; i <= n; i++) {
    row[2][0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t best = row[1][j - 1] + (a[i - 1] != b[j - 1]);
      best = row[1][j] + 1 < best ? row[1][j] + 1 : best;
      best = row[2][j - 1] + 1 < best ? row[2][j - 1] + 1 : best;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
          row[0][j - 2] + 1 < best)
        best = row[0][j - 2] + 1;
      row[2][j] = best;
    }
    memcpy(row[0], row[1], sizeof row[0]);
    memcpy(row[1], row[2], sizeof row[1]);
  }
  return row[1][m];
}

const char *option_nearest(const char *text, const char *const *word, size_t count) {
  const char *best = NULL;
  size_t least = 0, length = strlen(text);
  for (size_t i = 0; i < count; i++) {
    size_t far = distance(text, word[i]), size = strlen(word[i]);
    size_t allowed = (length > size ? length : size) / 3;
    bool begins = length >= 3 && size >= 3 &&
                  (strncmp(text, word[i], length) == 0 || strncmp(text, word[i], size) == 0);
    if (begins && far > 1)
      far = 1; /* "--max" for "--max-tokens" */
    if (far <= (allowed ? allowed : 1) && (!best || far < least)) {
      best = word[i];
      least = far;
    }
  }
  return best;
}

/* ---- the table ---- */

static const struct option_row *shared_row(const char *name) {
  for (size_t i = 0; i < option_shared_count; i++)
    if (strcmp(option_shared[i].name, name) == 0)
      return &option_shared[i];
  return NULL;
}

static void add_name(struct parser *p, const char *text, size_t length, size_t row) {
  if (p->name_count == NAMES_MAX || length >= NAME_MAX_BYTES)
    abort(); /* a table that outgrew these bounds */
  char *to = p->spelling[p->name_count];
  memcpy(to, text, length);
  to[length] = '\0';
  const char *argument = p->row[row].argument;
  int has = !argument ? no_argument : *argument == '[' ? optional_argument : required_argument;
  p->name[p->name_count++] = (struct option){to, has, NULL, FIRST_CODE + (int)row};
}

static bool is_option(const struct option_row *row) {
  return row->kind >= OPTION_TEXT;
}

static void add_row(struct parser *p, const struct option_row *given) {
  size_t at = p->count, used = strlen(p->letters);
  if (at == ROWS_MAX)
    abort();
  struct option_row *row = &p->row[p->count++];
  *row = given->kind == OPTION_SHARED ? *shared_row(given->name) : *given;
  if (given->help)
    row->help = given->help;
  row->tasks = given->tasks;
  if (!is_option(row))
    return;
  add_name(p, row->name, strlen(row->name), at);
  for (const char *also = row->also; also && *also;) {
    size_t length = strcspn(also, " ");
    add_name(p, also, length, at);
    also += length + (also[length] == ' ');
  }
  if (row->letter) {
    p->letters[used] = row->letter;
    p->letters[used + 1] = row->argument ? ':' : '\0';
  }
}

static void parser_init(struct parser *p, const struct option_set *set) {
  memset(p, 0, sizeof *p);
  p->set = set;
  p->letters[0] = ':'; /* a missing argument is told from an unknown option */
  for (size_t i = 0; i < set->count; i++)
    add_row(p, &set->row[i]);
}

/* ---- --help ---- */

enum { HELP_COLUMN = 26, HELP_WIDTH = 94, HELP_TEXT = 512 };

/* "qa: what it says": with the tasks that a row is for. */
static const char *help_text(const struct option_row *row, char out[HELP_TEXT]) {
  char tasks[OPTION_TASKS_TEXT];
  if (row->tasks == 0)
    return row->help;
  option_tasks_text(row->tasks, ", ", tasks);
  snprintf(out, HELP_TEXT, "%s: %s", tasks, row->help);
  return out;
}

/* Words from column HELP_COLUMN on, lines broken before HELP_WIDTH. */
static void print_wrapped(const char *text, size_t column) {
  size_t at = column;
  for (const char *word = text; *word;) {
    size_t length = strcspn(word, " ");
    if (at > HELP_COLUMN && at + 1 + length > HELP_WIDTH) {
      printf("\n%*s", HELP_COLUMN, "");
      at = HELP_COLUMN;
    } else if (word != text) {
      putchar(' ');
      at++;
    }
    printf("%.*s", (int)length, word);
    at += length;
    word += length + (word[length] == ' ');
  }
  putchar('\n');
}

static void print_row(const struct option_row *row) {
  char text[HELP_TEXT];
  int at;
  if (row->kind == OPTION_HEADING) {
    puts(row->name);
    return;
  }
  if (!row->help)
    return;
  if (row->kind == OPTION_WORD)
    at = printf("  %s", row->name);
  else {
    at = row->letter ? printf("  -%c, --%s", row->letter, row->name) : printf("  --%s", row->name);
    if (row->argument)
      at += printf("%s%s", *row->argument == '[' ? "" : " ", row->argument);
  }
  at += printf("%*s", at + 2 > HELP_COLUMN ? 2 : HELP_COLUMN - at, "");
  print_wrapped(help_text(row, text), (size_t)at);
}

/* "  --temp                --temperature" */
static void print_spellings(const struct parser *p) {
  bool begun = false;
  for (size_t i = 0; i < p->count; i++) {
    const struct option_row *row = &p->row[i];
    if (!is_option(row) || !row->also || !row->help)
      continue;
    if (!begun)
      puts("\nAlso understood");
    begun = true;
    printf("  --%-*s", HELP_COLUMN - 4, row->name);
    for (const char *also = row->also; *also;) {
      size_t length = strcspn(also, " ");
      printf("%s--%.*s", also == row->also ? "" : " ", (int)length, also);
      also += length + (also[length] == ' ');
    }
    putchar('\n');
  }
}

static void print_help(const struct parser *p) {
  fputs(p->set->usage, stdout);
  for (size_t i = 0; i < p->count; i++)
    print_row(&p->row[i]);
  puts("  -h, --help   -V, --version");
  print_spellings(p);
  putchar('\n');
  fputs(p->set->end, stdout);
}

/* ---- parsing ---- */

static bool set_int(const struct cli *cli, const struct option_row *row, const char *option,
                    const char *text, char *field) {
  int64_t whole;
  if (!cli_int(cli, option, text, row->low, row->high, &whole))
    return false;
  if (row->size == sizeof whole) {
    memcpy(field, &whole, sizeof whole);
  } else {
    uint32_t low = (uint32_t)whole;
    memcpy(field, &low, sizeof low);
  }
  return true;
}

static bool set_real(const struct cli *cli, const struct option_row *row, const char *option,
                     const char *text, char *field) {
  double value;
  if (!cli_real(cli, option, text, (double)row->low, (double)row->high, &value))
    return false;
  memcpy(field, &value, sizeof value);
  return true;
}

static bool set_field(struct cli *cli, const struct option_row *row, char *text, void *values) {
  char *field = (char *)values + row->offset, option[NAME_MAX_BYTES + 2];
  struct option_list *list = (void *)field;
  snprintf(option, sizeof option, "--%s", row->name);
  switch (row->kind) {
  case OPTION_TEXT:
    memcpy(field, &text, sizeof text);
    return true;
  case OPTION_FLAG:
    *(bool *)field = true;
    return true;
  case OPTION_BITS:
    *(uint32_t *)(void *)field |= row->bits;
    return true;
  case OPTION_INT:
    return set_int(cli, row, option, text, field);
  case OPTION_REAL:
    return set_real(cli, row, option, text, field);
  case OPTION_LIST:
    cli_keep(cli, &list->item, &list->count, &text, sizeof text);
    return true;
  case OPTION_CALL:
    return row->call(cli, values, option, text);
  default:
    cli->quiet = true;
    return true;
  }
}

static void say_unknown(const struct cli *cli, const struct parser *p, const char *given) {
  const char *word[NAMES_MAX] = {0}, *equals = strchr(given, '=');
  char name[NAME_MAX_BYTES * 2], excerpt[CLI_EXCERPT];
  size_t length = equals ? (size_t)(equals - given) : strlen(given);
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
           given);
  cli_excerpt(name, strlen(name), excerpt);
  for (size_t i = 0; i < p->name_count; i++)
    word[i] = p->name[i].name;
  const char *near = option_nearest(name + 2, word, p->name_count);
  for (size_t i = 0; near && i < p->name_count; i++)
    if (strcmp(p->name[i].name, near) == 0) { /* by the name that --help has */
      near = p->row[p->name[i].val - FIRST_CODE].name;
      break;
    }
  if (near)
    cli_usage_error(cli, "unknown option %s: did you mean --%s?", excerpt, near);
  else
    cli_usage_error(cli, "unknown option %s", excerpt);
}

/* "-t" or "--threads", as it stands in the command line. */
static const char *name_of_code(const struct parser *p, int code, char out[NAME_MAX_BYTES + 2]) {
  if (code >= FIRST_CODE)
    snprintf(out, NAME_MAX_BYTES + 2, "--%s", p->row[code - FIRST_CODE].name);
  else
    snprintf(out, NAME_MAX_BYTES + 2, "-%c", code);
  return out;
}

/* What getopt gives '?' or ':' for. */
static void say_wrong(const struct cli *cli, const struct parser *p, int option,
                      const char *given) {
  char name[NAME_MAX_BYTES + 2], excerpt[CLI_EXCERPT];
  size_t matches = 0;
  for (size_t i = 0; optopt == 0 && i < p->name_count; i++)
    matches += strncmp(p->name[i].name, given + 2, strcspn(given + 2, "=")) == 0;
  if (option == ':')
    cli_usage_error(cli, "%s needs an argument", name_of_code(p, optopt, name));
  else if (optopt >= FIRST_CODE)
    cli_usage_error(cli, "%s takes no argument", name_of_code(p, optopt, name));
  else if (optopt)
    cli_usage_error(cli, "unknown option -%s", cli_excerpt((char[]){(char)optopt}, 1, excerpt));
  else if (matches > 1)
    cli_usage_error(cli, "%s is the beginning of more than one option",
                    cli_excerpt(given, strlen(given), excerpt));
  else
    say_unknown(cli, p, given);
}

static const struct option_row *row_of_code(const struct parser *p, int code) {
  if (code >= FIRST_CODE)
    return &p->row[code - FIRST_CODE];
  for (size_t i = 0; i < p->count; i++)
    if (is_option(&p->row[i]) && p->row[i].letter == (char)code)
      return &p->row[i];
  return NULL;
}

/* --help and the like: say it, and the program's status. */
static int say_row(struct cli *cli, const struct parser *p, const struct option_row *row,
                   const char *argument) {
  if (row->kind == OPTION_COMPLETION) {
    if (!completion_print(argument, cli->program, p->row, p->count)) {
      cli_usage_error(cli, "--%s is for bash and zsh", row->name);
      return TFM_CODE_USAGE;
    }
  } else if (row->kind == OPTION_HELP) {
    print_help(p);
  } else {
    printf("%s %s\n", cli->program, tfm_version());
  }
  return cli_finish_output(cli, 0);
}

int options_parse(struct cli *cli, const struct option_set *set, void *values, int argc,
                  char **argv, int *status) {
  struct parser p;
  int code;
  parser_init(&p, set);
  cli->options = set;
  opterr = 0;
  while ((code = getopt_long(argc, argv, p.letters, p.name, NULL)) != -1) {
    const struct option_row *row = code == '?' || code == ':' ? NULL : row_of_code(&p, code);
    *status = TFM_CODE_USAGE;
    if (!row)
      return say_wrong(cli, &p, code, argv[optind - 1]), -1;
    if (row->kind >= OPTION_COMPLETION) {
      *status = say_row(cli, &p, row, optarg);
      return -1;
    }
    size_t at = (size_t)(row - p.row);
    cli->given[at / 64] |= (uint64_t)1 << at % 64;
    if (!set_field(cli, row, optarg, values))
      return -1;
  }
  *status = 0;
  return optind;
}
