/* tfmc.c - the compiler by itself: check a model file, format it, or show
 * what it becomes at each stage. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath */
#endif
#include "tools/common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
  struct common common; /* first */
  const char *emit;
  bool write, check, reported; /* reported: the diagnostics of the file are out */
};

static bool call_diagnostics(const struct cli *cli, void *values, const char *option,
                             char *argument) {
  struct options *o = values;
  if (strcmp(argument, "json") != 0 && strcmp(argument, "text") != 0)
    return cli_usage_error(cli, "%s is text or json, not '%s'", option, argument), false;
  if (*argument == 'j')
    o->common.open.flags |= TFM_OPEN_JSON_MESSAGES;
  return true;
}

#define FIELD(field) OPTION_FIELD(struct options, field)

static const struct option_row rows[] = {
    OPTION_ARGUMENT("check", "report every error of the file; with --weights also every tensor "
                             "name and shape.  Nothing is run"),
    OPTION_ARGUMENT("fmt", "print the file in the one format"),
    {OPTION_FLAG, "write", .help = "fmt: put it in place", FIELD(write)},
    {OPTION_FLAG, "check", .help = "fmt: say which files differ, and end with 1", FIELD(check)},
    {OPTION_TEXT, "emit", 0, "WHAT",
     "print the tokens, the tree (ast), the graph as text (parses back to itself), as Graphviz "
     "dot, as JSON, or the memory plan",
     FIELD(emit)},
    OPTION_HEAD(""),
    OPTION_USE_AS("weights", "a checkpoint, or a directory with just a config.json"),
    OPTION_USE("task"),
    OPTION_USE_AS("no-fuse", "the graph before ops are merged"),
    {OPTION_CALL, "diagnostics", 0, "json|text",
     "json: errors as a JSON array, with byte ranges (default text)", .call = call_diagnostics},
    OPTION_USE("plugin-dir"),
    OPTION_USE("model-dir"),
    OPTION_USE_AS("quiet", "no warnings"),
    OPTION_USE("completion"),
    OPTION_USE("help"),
    OPTION_USE("version"),
};

static const struct option_set set = {
    "Usage: tfmc check [OPTION]... MODEL.tfm...\n"
    "       tfmc fmt [--write|--check] MODEL.tfm...\n"
    "       tfmc --emit=tokens|ast|graph|dot|json|plan [OPTION]... MODEL.tfm\n"
    "Check, format and translate model files.\n\n",
    rows, sizeof rows / sizeof *rows,
    "Exit status: 0 sound, 1 fmt --check found a difference or the output cannot be written,\n"
    "2 usage, 3 model file, 4 checkpoint, 6 plugin, 7 limit or memory.\n"};

struct report {
  struct cli *cli;
  struct options *options;
};

static void on_message(void *arg, int severity, const char *text) {
  const struct report *report = arg;
  report->options->reported = report->options->reported || severity == 2;
  cli_message(report->cli, severity, text);
}

/* As JSON the diagnostics have said it all, and nothing else follows them. */
static int fail(const struct cli *cli, const struct options *o, const tfm_error *error) {
  bool json = (o->common.open.flags & TFM_OPEN_JSON_MESSAGES) != 0;
  return json && o->reported ? tfm_error_code(error) : cli_fail(cli, error);
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  size_t length = 0;
  char *text = NULL, chunk[4096];
  if (!file)
    return NULL;
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0; length += got) {
    char *grown = realloc(text, length + got + 1);
    if (!grown)
      break;
    text = grown;
    memcpy(text + length, chunk, got);
    text[length + got] = '\0';
  }
  fclose(file);
  return text;
}

/* Through a file beside it and a rename, so that nothing is lost half-way.  A
 * link stays one: what it leads to is replaced. */
static int replace_file(const struct cli *cli, const char *name, const char *text) {
  char *path = realpath(name, NULL);
  size_t length = path ? strlen(path) : 0;
  char *beside = path ? malloc(length + 8) : NULL;
  struct stat mode;
  int descriptor = -1;
  FILE *file = NULL;
  bool ok = false;
  if (beside) {
    memcpy(beside, path, length);
    memcpy(beside + length, ".XXXXXX", 8);
    descriptor = mkstemp(beside);
  }
  if (descriptor >= 0 && stat(path, &mode) == 0 && fchmod(descriptor, mode.st_mode & 07777) == 0)
    file = fdopen(descriptor, "wb");
  if (file) {
    ok = fputs(text, file) >= 0;
    ok = fclose(file) == 0 && ok;
    ok = ok && rename(beside, path) == 0;
  }
  if (!ok) {
    cli_error(cli, TFM_CODE_RUN, "cannot write %s: %s", name, strerror(errno));
    if (descriptor >= 0)
      unlink(beside);
  }
  free(beside);
  free(path);
  return ok ? 0 : TFM_CODE_RUN;
}

static int format_file(const struct cli *cli, struct options *o, tfm_error *error) {
  char *text = tfm_source_emit(&o->common.open, "fmt", error);
  int status = 0;
  if (!text)
    return fail(cli, o, error);
  if (o->write || o->check) {
    char *now = read_file(o->common.open.model);
    bool same = now && strcmp(now, text) == 0;
    free(now);
    if (!same && o->check)
      cli_answer(o->common.open.model, strlen(o->common.open.model)), putchar('\n'), status = 1;
    else if (!same)
      status = replace_file(cli, o->common.open.model, text);
  } else {
    cli_answer(text, strlen(text));
  }
  tfm_free(text);
  return status;
}

/* With weights: all that is needed to make the graph, which is then not shown.
 * A directory with just a config.json tells the shapes, and lacks no tensor. */
static int check_file(const struct cli *cli, struct options *o, tfm_error *error) {
  if (!o->common.open.weights)
    return tfm_source_check(&o->common.open, error) == 0 ? 0 : fail(cli, o, error);
  char *graph = tfm_source_emit(&o->common.open, "graph", error);
  int status = graph ? 0 : fail(cli, o, error);
  tfm_free(graph);
  return status;
}

static int emit_file(const struct cli *cli, struct options *o, tfm_error *error) {
  char *text = tfm_source_emit(&o->common.open, o->emit, error);
  if (!text)
    return fail(cli, o, error);
  cli_answer(text, strlen(text));
  tfm_free(text);
  return 0;
}

/* --write and --check are for fmt, one of them; a verb and --emit do not mix. */
static int check_usage(const struct cli *cli, const struct options *o, const char *verb) {
  bool fmt = strcmp(verb, "fmt") == 0;
  if (o->write && o->check)
    return cli_usage_error(cli, "--write or --check, not both");
  if (o->emit && (fmt || strcmp(verb, "check") == 0))
    return cli_usage_error(cli, "%s or --emit, not both", verb);
  if ((o->write || o->check) && (o->emit || !fmt))
    return cli_usage_error(cli, "--%s is for fmt", o->write ? "write" : "check");
  return 0;
}

static int no_verb(const struct cli *cli, const char *given) {
  static const char *const verbs[] = {"check", "fmt"};
  const char *near = option_nearest(given, verbs, sizeof verbs / sizeof *verbs);
  char excerpt[CLI_EXCERPT];
  if (near)
    return cli_usage_error(cli, "no command is called %s: did you mean %s?",
                           cli_excerpt(given, strlen(given), excerpt), near);
  return cli_usage_error(cli, "say what to do: check, fmt or --emit=WHAT");
}

static int run(struct cli *cli, struct options *o, char **files, int count) {
  int (*action)(const struct cli *, struct options *, tfm_error *) = emit_file;
  const char *verb = count ? files[0] : "";
  int status = check_usage(cli, o, verb);
  if (status != 0)
    return status;
  if (!o->emit) {
    if (strcmp(verb, "check") == 0)
      action = check_file;
    else if (strcmp(verb, "fmt") == 0)
      action = format_file;
    else
      return no_verb(cli, verb);
    files++;
    count--;
  }
  if (count == 0)
    return cli_usage_error(cli, "which model file?");
  tfm_error *error = tfm_error_create();
  if (!error)
    return cli_no_memory(cli);
  for (int i = 0; i < count; i++) {
    o->common.open.model = files[i];
    o->reported = false;
    int one = action(cli, o, error);
    status = status ? status : one;
  }
  tfm_error_destroy(error);
  return status;
}

int main(int argc, char **argv) {
  struct cli cli;
  struct options o = {0};
  int status;
  cli_init(&cli, "tfmc");
  int word = options_parse(&cli, &set, &o, argc, argv, &status);
  if (word >= 0) {
    common_apply(&o.common, &cli);
    o.common.open.message = on_message;
    o.common.open.message_arg = &(struct report){&cli, &o};
    status = cli_finish_output(&cli, run(&cli, &o, argv + word, argc - word));
  }
  common_finish(&o.common);
  return status;
}
