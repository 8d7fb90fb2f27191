/* tfmc.c - the compiler by itself: check a model file, format it, or show
 * what it becomes at each stage. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath */
#endif
#include "tools/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "Usage: tfmc check [OPTION]... MODEL.tfm...\n"
    "       tfmc fmt [--write|--check] MODEL.tfm...\n"
    "       tfmc --emit=tokens|ast|graph|dot|json|plan [OPTION]... MODEL.tfm\n"
    "Check, format and translate model files.\n"
    "\n"
    "  check                report every error of the file; with --weights also every\n"
    "                       tensor name and shape.  Nothing is run\n"
    "  fmt                  print the file in the one format; --write puts it in place,\n"
    "                       --check says which files differ and ends with 1\n"
    "  --emit=WHAT          print the tokens, the tree, the graph as text (parses back to\n"
    "                       itself), as Graphviz dot, as JSON, or the memory plan\n"
    "\n"
    "  --weights DIR        a checkpoint, or a directory with just a config.json\n"
    "  --task TASK          which head (default: by config.json)\n"
    "  --no-fuse            the graph before ops are merged\n"
    "  --diagnostics=json   errors as a JSON array, with byte ranges\n"
    "  --plugin-dir DIR     look for plugins here first\n"
    "  --model-dir DIR      look for model files here first\n"
    "  -q, --quiet          no warnings\n"
    "  -h, --help   -V, --version\n"
    "\n"
    "Exit status: 0 sound, 1 fmt --check found a difference or the output cannot be written,\n"
    "2 usage, 3 model file, 4 checkpoint, 6 plugin, 7 limit or memory.\n";

enum {
  OPT_EMIT = 256,
  OPT_WEIGHTS,
  OPT_TASK,
  OPT_NO_FUSE,
  OPT_DIAGNOSTICS,
  OPT_PLUGIN_DIR,
  OPT_MODEL_DIR,
  OPT_WRITE,
  OPT_CHECK
};

static const struct option long_options[] = {
    {"emit", required_argument, NULL, OPT_EMIT},
    {"weights", required_argument, NULL, OPT_WEIGHTS},
    {"task", required_argument, NULL, OPT_TASK},
    {"no-fuse", no_argument, NULL, OPT_NO_FUSE},
    {"diagnostics", required_argument, NULL, OPT_DIAGNOSTICS},
    {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
    {"model-dir", required_argument, NULL, OPT_MODEL_DIR},
    {"write", no_argument, NULL, OPT_WRITE},
    {"check", no_argument, NULL, OPT_CHECK},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

struct options {
  tfm_open_options open;
  const char *emit;
  const char **plugin_dir, **model_dir;
  size_t plugin_dir_count, model_dir_count;
  bool write, check, reported; /* reported: the diagnostics of the file are out */
};

static int parse_option(struct cli *cli, struct options *o, int option, int *status) {
  bool ok = true;
  switch (option) {
  case OPT_EMIT:
    o->emit = optarg;
    break;
  case OPT_WEIGHTS:
    o->open.weights = optarg;
    break;
  case OPT_TASK:
    o->open.task = optarg;
    break;
  case OPT_NO_FUSE:
    o->open.flags |= TFM_OPEN_NO_FUSE;
    break;
  case OPT_DIAGNOSTICS:
    ok = strcmp(optarg, "json") == 0 || strcmp(optarg, "text") == 0;
    if (!ok)
      cli_usage_error(cli, "--diagnostics is text or json, not '%s'", optarg);
    else if (*optarg == 'j')
      o->open.flags |= TFM_OPEN_JSON_MESSAGES;
    break;
  case OPT_PLUGIN_DIR:
    cli_keep(cli, &o->plugin_dir, &o->plugin_dir_count, &optarg, sizeof optarg);
    break;
  case OPT_MODEL_DIR:
    cli_keep(cli, &o->model_dir, &o->model_dir_count, &optarg, sizeof optarg);
    break;
  case OPT_WRITE:
    o->write = true;
    break;
  case OPT_CHECK:
    o->check = true;
    break;
  case 'q':
    cli->quiet = true;
    break;
  case 'h':
    fputs(usage, stdout);
    *status = cli_finish_output(cli, 0);
    return -1;
  case 'V':
    printf("tfmc %s\n", tfm_version());
    *status = cli_finish_output(cli, 0);
    return -1;
  default:
    fprintf(stderr, "Try 'tfmc --help'.\n");
    ok = false;
  }
  *status = ok ? 0 : TFM_CODE_USAGE;
  return ok ? 0 : -1;
}

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
  bool json = (o->open.flags & TFM_OPEN_JSON_MESSAGES) != 0;
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
    fprintf(stderr, "%s: error: cannot write %s: %s\n", cli->program, name, strerror(errno));
    if (descriptor >= 0)
      unlink(beside);
  }
  free(beside);
  free(path);
  return ok ? 0 : TFM_CODE_RUN;
}

static int format_file(const struct cli *cli, struct options *o, tfm_error *error) {
  char *text = tfm_source_emit(&o->open, "fmt", error);
  int status = 0;
  if (!text)
    return fail(cli, o, error);
  if (o->write || o->check) {
    char *now = read_file(o->open.model);
    bool same = now && strcmp(now, text) == 0;
    free(now);
    if (!same && o->check)
      printf("%s\n", o->open.model), status = 1;
    else if (!same)
      status = replace_file(cli, o->open.model, text);
  } else {
    fputs(text, stdout);
  }
  tfm_free(text);
  return status;
}

/* With weights: all that is needed to make the graph, which is then not shown.
 * A directory with just a config.json tells the shapes, and lacks no tensor. */
static int check_file(const struct cli *cli, struct options *o, tfm_error *error) {
  if (!o->open.weights)
    return tfm_source_check(&o->open, error) == 0 ? 0 : fail(cli, o, error);
  char *graph = tfm_source_emit(&o->open, "graph", error);
  int status = graph ? 0 : fail(cli, o, error);
  tfm_free(graph);
  return status;
}

static int emit_file(const struct cli *cli, struct options *o, tfm_error *error) {
  char *text = tfm_source_emit(&o->open, o->emit, error);
  if (!text)
    return fail(cli, o, error);
  fputs(text, stdout);
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
      return cli_usage_error(cli, "say what to do: check, fmt or --emit=WHAT");
    files++;
    count--;
  }
  if (count == 0)
    return cli_usage_error(cli, "which model file?");
  tfm_error *error = tfm_error_create();
  if (!error)
    return fprintf(stderr, "tfmc: out of memory\n"), TFM_CODE_LIMIT;
  for (int i = 0; i < count; i++) {
    o->open.model = files[i];
    o->reported = false;
    int one = action(cli, o, error);
    status = status ? status : one;
  }
  tfm_error_destroy(error);
  return status;
}

int main(int argc, char **argv) {
  struct cli cli;
  struct options o = {.open = {.struct_size = sizeof o.open}};
  int option, status = 0;
  cli_init(&cli, "tfmc");
  while (status == 0 && (option = getopt_long(argc, argv, "qhV", long_options, NULL)) != -1)
    if (parse_option(&cli, &o, option, &status) != 0)
      goto done;
  o.open.colour = cli.colour;
  o.open.message = on_message;
  o.open.message_arg = &(struct report){&cli, &o};
  o.open.plugin_dir = o.plugin_dir;
  o.open.plugin_dir_count = o.plugin_dir_count;
  o.open.model_dir = o.model_dir;
  o.open.model_dir_count = o.model_dir_count;
  status = run(&cli, &o, argv + optind, argc - optind);
  status = cli_finish_output(&cli, status);
done:
  free(o.plugin_dir);
  free(o.model_dir);
  return status;
}
