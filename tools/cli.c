/* cli.c - the common manners of the command-line programs. */
#include "tools/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static _Atomic(tfm_model *) interrupt_target;
static atomic_bool interrupted;
static bool progress_shown; /* the cursor stands behind it */
static bool to_terminal;    /* stdout is one */
static int output_error;    /* errno of the first write to stdout that failed */
static const size_t LINE_LIMIT = 16u << 20;

/* What would have come of a fault, by its signal. */
enum { FAULTS = 4 };
static const int fault_signal[FAULTS] = {SIGSEGV, SIGILL, SIGFPE, SIGABRT};
static struct sigaction fault_before[FAULTS];
static const char *fault_program;

static void put_error(const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t done = write(STDERR_FILENO, text, length);
    if (done <= 0)
      return;
    text += done;
    length -= (size_t)done;
  }
}

/* Whose fault it is, where that is known; then what would have come of it. */
static void on_fault(int number) {
  const char *file = tfm_plugin_loading();
  if (file) {
    put_error(fault_program);
    put_error(": error: the plugin ");
    put_error(file);
    put_error(" ends the program while it is loaded\n"
              "  help: build or copy it again, or take it out of the directory\n");
  }
  for (int i = 0; i < FAULTS; i++)
    if (fault_signal[i] == number) {
      sigaction(number, &fault_before[i], NULL);
      if (!(fault_before[i].sa_flags & SA_SIGINFO) && fault_before[i].sa_handler == SIG_DFL)
        raise(number); /* when this returns; what was only sent would not happen again */
    }
}

/* A mapped file that shrank is an error of the call that reads it; any other
 * bus error happens again, and ends the process. */
static void on_bus(int number, siginfo_t *info, void *context) {
  int kept = errno;
  (void)context;
  if (!tfm_mapped_fault(info->si_addr)) {
    on_fault(number);
    signal(number, SIG_DFL);
  }
  errno = kept;
}

static void name_faults(const char *program) {
  struct sigaction action = {0};
  fault_program = program;
  action.sa_handler = on_fault;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < FAULTS; i++)
    sigaction(fault_signal[i], &action, &fault_before[i]);
}

/* A standard stream that is closed must not become the number of the next file
 * that is opened.  What stands there instead fails to be read, or written. */
static void keep_streams(void) {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++)
    if (fcntl(number, F_GETFD) < 0 && errno == EBADF)
      if (open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
        return;
}

void cli_init(struct cli *cli, const char *program) {
  const char *no_color = getenv("NO_COLOR");
  keep_streams();
  const char *kind = getenv("TERM");
  bool terminal = isatty(STDERR_FILENO) != 0 && !(kind && strcmp(kind, "dumb") == 0);
  *cli = (struct cli){.program = program};
  cli->colour = terminal && !(no_color && *no_color);
  cli->progress = terminal;
  to_terminal = isatty(STDOUT_FILENO) != 0;
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action = {0};
  action.sa_sigaction = on_bus;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
  name_faults(program);
}

/* More than this of a message is a stranger's name that goes on and on. */
enum { MESSAGE_ROOM = 4096, SHOWN_ROOM = 1024 };

static void show(FILE *file, const char *text, size_t length, uint32_t flags) {
  char shown[SHOWN_ROOM];
  for (size_t taken; length > 0; text += taken, length -= taken)
    fwrite(shown, 1, tfm_text_show(text, length, flags, shown, sizeof shown, &taken, NULL), file);
}

void cli_vmessage(const char *format, va_list args) {
  char text[MESSAGE_ROOM];
  if (vsnprintf(text, sizeof text, format, args) > 0)
    show(stderr, text, strlen(text), 0);
}

int cli_usage_error(const struct cli *cli, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s: ", cli->program);
  cli_vmessage(format, args);
  fprintf(stderr, "\nTry '%s --help'.\n", cli->program);
  va_end(args);
  return TFM_CODE_USAGE;
}

int cli_error(const struct cli *cli, int code, const char *format, ...) {
  va_list args;
  cli_clear(cli);
  va_start(args, format);
  fprintf(stderr, "%s: %serror:%s ", cli->program, cli->colour ? "\033[1;31m" : "",
          cli->colour ? "\033[0m" : "");
  cli_vmessage(format, args);
  fputc('\n', stderr);
  va_end(args);
  return code;
}

int cli_no_memory(const struct cli *cli) {
  return cli_error(cli, TFM_CODE_LIMIT, "out of memory");
}

int cli_fail(const struct cli *cli, const tfm_error *error) {
  const char *notes = tfm_error_notes(error);
  int code = tfm_error_code(error);
  cli_error(cli, code, "%s", tfm_error_message(error));
  while (*notes) {
    size_t length = strcspn(notes, "\n");
    fprintf(stderr, "  %.*s\n", (int)length, notes);
    notes += length + (notes[length] == '\n');
  }
  return code ? code : TFM_CODE_RUN;
}

void cli_message(void *arg, int severity, const char *text) {
  const struct cli *cli = arg;
  if (cli->quiet && severity < 2)
    return;
  cli_clear(cli);
  fprintf(stderr, "%s\n", text);
}

void cli_clear(const struct cli *cli) {
  if (progress_shown && !cli->quiet)
    fputs("\r\033[K", stderr);
  progress_shown = false;
}

void cli_progress(const struct cli *cli, const char *format, ...) {
  if (!cli->progress || cli->quiet)
    return;
  progress_shown = true;
  va_list args;
  va_start(args, format);
  fputs("\r\033[K", stderr);
  cli_vmessage(format, args);
  fflush(stderr);
  va_end(args);
}

void cli_escaped_bytes(FILE *file, const char *text, size_t length) {
  show(file, text, length, 0);
}

void cli_escaped(FILE *file, const char *text) {
  show(file, text, strlen(text), 0);
}

void cli_answer(const char *text, size_t length) {
  if (to_terminal)
    show(stdout, text, length, TFM_SHOW_PROSE);
  else
    fwrite(text, 1, length, stdout);
}

const char *cli_excerpt(const char *text, size_t length, char out[CLI_EXCERPT]) {
  static const char more[] = "...";
  size_t taken, used = tfm_text_show(text, length, 0, out, CLI_EXCERPT - sizeof more, &taken, NULL);
  if (taken < length) {
    memcpy(out + used, more, sizeof more);
    return out;
  }
  out[used] = '\0';
  return out;
}

size_t cli_width(const char *text) {
  char shown[SHOWN_ROOM];
  size_t width = 0, taken, columns;
  for (size_t length = strlen(text); length > 0; text += taken, length -= taken) {
    tfm_text_show(text, length, 0, shown, sizeof shown, &taken, &columns);
    width += columns;
  }
  return width;
}

bool cli_int(const struct cli *cli, const char *option, const char *text, int64_t low, int64_t high,
             int64_t *out) {
  char *end;
  errno = 0;
  intmax_t value = strtoimax(text, &end, 10);
  if (end == text || *end || isspace((unsigned char)*text) || errno || value < low ||
      value > high) {
    cli_usage_error(cli, "%s needs a whole number from %" PRId64 " to %" PRId64 ", not '%s'",
                    option, low, high, text);
    return false;
  }
  *out = value;
  return true;
}

bool cli_real(const struct cli *cli, const char *option, const char *text, double low, double high,
              double *out) {
  char *end;
  double value = strtod(text, &end);
  bool plain = text[strspn(text, "+-.0123456789eE")] == '\0'; /* no blanks, no hexadecimal */
  if (end == text || *end || !plain || !isfinite(value) || value < low || value > high) {
    cli_usage_error(cli, "%s needs a number from %g to %g, not '%s'", option, low, high, text);
    return false;
  }
  *out = value;
  return true;
}

bool cli_push(void *list, size_t *count, const void *item, size_t item_size) {
  char **base = list;
  if ((*count & (*count - 1)) == 0) { /* full at each power of two */
    size_t capacity = *count ? *count * 2 : 1;
    char *grown = realloc(*base, capacity * item_size);
    if (!grown)
      return false;
    *base = grown;
  }
  memcpy(*base + *count * item_size, item, item_size);
  ++*count;
  return true;
}

void cli_keep(const struct cli *cli, void *list, size_t *count, const void *item,
              size_t item_size) {
  if (cli_push(list, count, item, item_size))
    return;
  exit(cli_no_memory(cli));
}

bool cli_read_ids(const struct cli *cli, const char *text, size_t length, int32_t **ids,
                  size_t *count) {
  *ids = NULL;
  *count = 0;
  for (const char *at = text;;) {
    char *end;
    errno = 0;
    long long value = strtoll(at, &end, 10);
    int32_t id = (int32_t)value;
    end += strspn(end, " \t\r");
    if (end == at || errno || value < 0 || value > INT32_MAX || (*end && *end != ','))
      break;
    cli_keep(cli, ids, count, &id, sizeof id);
    if (!*end && end == text + length)
      return true;
    if (!*end)
      break; /* a NUL, and more */
    at = end + 1;
  }
  free(*ids);
  *ids = NULL;
  *count = 0;
  return false;
}

bool cli_ids(const struct cli *cli, const char *option, const char *text, int32_t **ids,
             size_t *count) {
  char excerpt[CLI_EXCERPT];
  if (cli_read_ids(cli, text, strlen(text), ids, count))
    return true;
  cli_usage_error(cli, "%s needs whole numbers such as 1,2,3, not '%s'", option,
                  cli_excerpt(text, strlen(text), excerpt));
  return false;
}

static void on_interrupt(int number) {
  tfm_model *model = atomic_exchange(&interrupt_target, NULL);
  if (model) {
    atomic_store(&interrupted, true);
    tfm_model_cancel(model);
  } else {
    signal(number, SIG_DFL);
    raise(number);
  }
}

void cli_catch_interrupts(tfm_model *model) {
  struct sigaction action = {0};
  atomic_store(&interrupt_target, model);
  action.sa_handler = model ? on_interrupt : SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void) {
  return atomic_load(&interrupted);
}

int cli_line(const struct cli *cli, FILE *file, size_t number, char **out, size_t *length) {
  char *line = NULL;
  size_t used = 0;
  int c;
  while ((c = getc(file)) != EOF && c != '\n') {
    char byte = (char)c;
    if (used == LINE_LIMIT || !cli_push(&line, &used, &byte, 1)) {
      cli_error(cli, TFM_CODE_LIMIT, "line %zu is longer than 16 MiB, or there is no memory",
                number);
      free(line);
      return -1;
    }
  }
  if (c == EOF && used == 0)
    return 0;
  if (number == 1 && used >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
    used -= 3;
    memmove(line, line + 3, used);
  }
  if (used && line[used - 1] == '\r')
    used--;
  size_t count = used;
  *length = used;
  if (!cli_push(&line, &count, "", 1)) {
    free(line);
    return -1;
  }
  line[used] = '\0';
  *out = line;
  return 1;
}

bool cli_output_lost(void) {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return false;
  if (output_error == 0)
    output_error = errno;
  return true;
}

int cli_finish_output(const struct cli *cli, int status) {
  if (!cli_output_lost())
    return status;
  if (output_error != EPIPE)
    cli_error(cli, TFM_CODE_RUN, "cannot write the result: %s", strerror(output_error));
  return status ? status : TFM_CODE_RUN;
}

/* VmHWM rather than getrusage: ru_maxrss also counts the process that this
 * one was forked from. */
uint64_t cli_peak_memory(void) {
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  uint64_t peak = 0;
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %" SCNu64 " kB", &peak) == 1)
      break;
  if (status)
    fclose(status);
  if (peak)
    return peak * 1024;
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

uint64_t cli_clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
