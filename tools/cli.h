/* cli.h - what every tfm program does the same way: messages on stderr,
 * colours only on a terminal, exit codes, Ctrl-C, numbers from arguments. */
#ifndef TFM_TOOLS_CLI_H
#define TFM_TOOLS_CLI_H

#include "tfm/tfm.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct option_set;

struct cli {
  const char *program;
  bool quiet;
  bool colour;   /* stderr is a terminal, TERM not dumb, NO_COLOR not set */
  bool progress; /* stderr is a terminal, TERM not dumb */
  /* Set by options_parse: the table, and bit i: its row i was given. */
  const struct option_set *options;
  uint64_t given[2];
};

/* Also: SIGPIPE is ignored, a checkpoint that shrinks is no bus error, and a
 * standard stream that is closed is one that fails. */
void cli_init(struct cli *cli, const char *program);

/* "tfmrun: MESSAGE" on stderr; returns TFM_CODE_USAGE. */
int cli_usage_error(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "tfmrun: error: MESSAGE" on stderr; returns code. */
int cli_error(const struct cli *cli, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int cli_no_memory(const struct cli *cli); /* that, of memory */
/* What a format gives on stderr, escaped: for the middle of a message. */
void cli_vmessage(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
/* The error and its notes on stderr; returns its code. */
int cli_fail(const struct cli *cli, const tfm_error *error);
/* A tfm_message callback; arg is the struct cli. */
void cli_message(void *arg, int severity, const char *text);

/* A progress line that the next one overwrites. */
void cli_progress(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Take the progress line away, if there is one: anything else on the line stays. */
void cli_clear(const struct cli *cli);

/* Shown text, all of it, goes through one of these (tfm_text_show). */
/* A name, on one line: always escaped. */
void cli_escaped(FILE *file, const char *text);
void cli_escaped_bytes(FILE *file, const char *text, size_t length);
/* An answer on stdout: escaped on a terminal, but for line breaks and tabs; into a
 * pipe or a file the bytes as they are. */
void cli_answer(const char *text, size_t length);
/* The beginning of a text for a message, escaped, cut between characters. */
enum { CLI_EXCERPT = 84 };
const char *cli_excerpt(const char *text, size_t length, char out[CLI_EXCERPT]);
/* Columns that cli_escaped fills. */
size_t cli_width(const char *text);

/* Numbers with nothing after them, in [low, high]; false = a usage error was
 * printed that names the option. */
bool cli_int(const struct cli *cli, const char *option, const char *text, int64_t low, int64_t high,
             int64_t *out);
bool cli_real(const struct cli *cli, const char *option, const char *text, double low, double high,
              double *out);
/* "1,2,3" (spaces allowed) to ids on the heap. */
bool cli_ids(const struct cli *cli, const char *option, const char *text, int32_t **ids,
             size_t *count);

/* The same from length bytes, which may hold anything; says nothing when they are no ids. */
bool cli_read_ids(const struct cli *cli, const char *text, size_t length, int32_t **ids,
                  size_t *count);

/* From now on SIGINT and SIGTERM cancel runs of the model; a second one ends
 * the process.  NULL = back to the default. */
void cli_catch_interrupts(tfm_model *model);

/* Did a signal come since then? */
bool cli_interrupted(void);

/* The next line of a file without its end ("\n" or "\r\n"), NUL-terminated, on the
 * heap.  1 = a line, 0 = no more, -1 = longer than 16 MiB or no memory: number
 * is then said on stderr. */
int cli_line(const struct cli *cli, FILE *file, size_t number, char **out, size_t *length);

/* stdout, flushed: nobody will read what is still to come.  For what would go on
 * with endless input; cli_finish_output says why. */
bool cli_output_lost(void);
/* stdout, flushed and checked: a full disk or a closed pipe is an error.
 * Returns status, or TFM_CODE_RUN when the output was lost. */
int cli_finish_output(const struct cli *cli, int status);

uint64_t cli_peak_memory(void); /* bytes, of this process */
uint64_t cli_clock_ns(void);

/* Append to a growing list of pointers; false = out of memory. */
bool cli_push(void *list, size_t *count, const void *item, size_t item_size);
/* The same, for what the command line gives; without memory the program ends. */
void cli_keep(const struct cli *cli, void *list, size_t *count, const void *item, size_t item_size);

#endif
