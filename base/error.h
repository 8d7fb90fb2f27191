/* error.h - one failure, told once.
 *
 * A call that can fail returns 0 or -1 and fills the struct tfm_error that
 * its caller passed.  The message is written where the failure happened;
 * everyone above only passes it up.  Messages are one lower-case sentence
 * that stands alone, then optional notes: expected, found, what to do. */
#ifndef TFM_BASE_ERROR_H
#define TFM_BASE_ERROR_H

#include <stdarg.h>
#include <stdint.h>

/* What went wrong, and the exit code a tool ends with. */
enum tfm_error_code {
  TFM_ERROR_NONE = 0,
  TFM_ERROR_RUN = 1,        /* at run time                                */
  TFM_ERROR_USAGE = 2,      /* the caller's arguments                     */
  TFM_ERROR_MODEL = 3,      /* the .tfm file                              */
  TFM_ERROR_CHECKPOINT = 4, /* config.json or the weights                 */
  TFM_ERROR_TOKENIZER = 5,  /* the tokenizer's files                      */
  TFM_ERROR_PLUGIN = 6,     /* a plugin's file, ABI or op                 */
  TFM_ERROR_LIMIT = 7,      /* a stated limit, or out of memory           */
  TFM_ERROR_INTERRUPTED = 130
};

struct tfm_error {
  enum tfm_error_code code;
  char message[1024]; /* UTF-8, NUL-terminated, no final newline */
  char notes[3072];   /* lines "expected: ...", "help: ...", or "" */
};

#if defined(__GNUC__)
#define TFM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TFM_PRINTF(fmt, args)
#endif

/* Set the error and return -1, so that a caller can write
 * `return error_set(err, TFM_ERROR_MODEL, "...")`.  err may be NULL.
 * An error that is already set is kept: the first failure is the cause. */
int error_set(struct tfm_error *err, enum tfm_error_code code, const char *format, ...)
    TFM_PRINTF(3, 4);
int error_vset(struct tfm_error *err, enum tfm_error_code code, const char *format, va_list args);

/* Append one line to the notes: "expected: [768, 768]". */
void error_note(struct tfm_error *err, const char *format, ...) TFM_PRINTF(2, 3);

/* "out of memory" with TFM_ERROR_LIMIT; returns -1. */
int error_oom(struct tfm_error *err);

void error_clear(struct tfm_error *err);

#endif
