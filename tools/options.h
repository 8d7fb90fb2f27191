/* options.h - a program's options as one table: parsing, --help, the nearest name
 * of a mistyped one and a shell's completion all follow from it.
 *
 *     static const struct option_row rows[] = {
 *         OPTION_HEAD("Generation"),
 *         {OPTION_INT, "top-k", 0, "K", "keep the K likeliest (default 0: all)",
 *          OPTION_FIELD(struct options, run.top_k), .high = INT32_MAX},
 *         OPTION_USE("weights"),
 *     };
 *
 * An option is one row.  Those that several programs have alike are in
 * tools/common.c; OPTION_USE takes one from there. */
#ifndef TFM_TOOLS_OPTIONS_H
#define TFM_TOOLS_OPTIONS_H

#include "tools/cli.h"

enum option_kind {
  OPTION_HEADING, /* no option: a line of --help, name as it stands; "" = an empty line */
  OPTION_WORD,    /* no option: an argument of the program, name and help            */
  OPTION_SHARED,  /* the row of that name in option_shared; a help here replaces its own */
  OPTION_TEXT,    /* const char *                                                     */
  OPTION_FLAG,    /* bool becomes true                                                */
  OPTION_BITS,    /* uint32_t |= bits                                                 */
  OPTION_INT,     /* a whole number in [low, high], a field of 4 or 8 bytes           */
  OPTION_REAL,    /* a double in [low, high]                                          */
  OPTION_LIST,    /* struct option_list gets one more; may be given again             */
  OPTION_CALL,    /* call says what it means                                          */
  OPTION_QUIET,   /* cli->quiet                                                       */
  OPTION_COMPLETION,
  OPTION_HELP,
  OPTION_VERSION
};

struct option_list {
  const char **item; /* on the heap; the texts are argv's */
  size_t count;
};

/* values: the struct that the fields of the rows are in.  option is as the user
 * knows it ("--feed"); argument may be cut, it is argv's.  false = a usage error
 * was printed. */
typedef bool option_call(const struct cli *cli, void *values, const char *option, char *argument);

struct option_row {
  enum option_kind kind;
  const char *name;     /* "top-k" */
  char letter;          /* 't' for -t; 0 = none */
  const char *argument; /* "N", as --help shows it; "a|b": one of these; "[=N]" = may be left out;
                           NULL = takes none */
  const char *help;     /* for --help, which breaks its lines; NULL = not shown there */
  size_t offset, size;  /* of the field: OPTION_FIELD */
  int64_t low, high;
  uint32_t bits;
  option_call *call;
  const char *also; /* other spellings, blanks between: "temperature" */
  /* OPTION_TASK(...) of each task that it is for; 0 = all, or those of the heading that it
   * stands under.  --help names those of the row itself. */
  uint32_t tasks;
};

#define OPTION_TASK(id)  (1u << TFM_TASK_##id)
#define OPTION_ALL_TASKS (~OPTION_TASK(NONE))

#define OPTION_FIELD(type, field) .offset = offsetof(type, field), .size = sizeof((type *)0)->field

#define OPTION_HEAD(text)                                                                          \
  { .kind = OPTION_HEADING, .name = (text) }
/* The rows down to the next heading are for these tasks. */
#define OPTION_HEAD_FOR(for_tasks, text)                                                           \
  { .kind = OPTION_HEADING, .name = (text), .tasks = (for_tasks) }
#define OPTION_ARGUMENT(word, text)                                                                \
  { .kind = OPTION_WORD, .name = (word), .help = (text) }
/* The shared row of that name; the other with a help of its own. */
#define OPTION_USE(word)                                                                           \
  { .kind = OPTION_SHARED, .name = (word) }
#define OPTION_USE_AS(word, text)                                                                  \
  { .kind = OPTION_SHARED, .name = (word), .help = (text) }
/* With the names of some tasks before its help; this program takes it whatever the task. */
#define OPTION_USE_FOR(for_tasks, word, text)                                                      \
  { .kind = OPTION_SHARED, .name = (word), .help = (text), .tasks = (for_tasks) }

struct option_set {
  const char *usage; /* what --help begins with, lines and all */
  const struct option_row *row;
  size_t count;
  const char *end; /* what it ends with */
};

/* Set the fields of values.  The place in argv (whose arguments are moved) of the
 * first that is no option; -1 = the program ends with *status. */
int options_parse(struct cli *cli, const struct option_set *set, void *values, int argc,
                  char **argv, int *status);

/* Those that programs have alike (tools/common.c). */
extern const struct option_row option_shared[];
extern const size_t option_shared_count;

/* The word of a list that is most like text; NULL = none is. */
const char *option_nearest(const char *text, const char *const *word, size_t count);

/* Once the task is known (tools/option_tasks.c): 0, or a usage error that names the first
 * option given that is for other tasks. */
int options_check_task(const struct cli *cli, int task);

/* "a, b and c", by what stands before the last; cut where it does not fit. */
enum { OPTION_TASKS_TEXT = 256 };
void option_tasks_text(uint32_t tasks, const char *last, char out[OPTION_TASKS_TEXT]);

#endif
