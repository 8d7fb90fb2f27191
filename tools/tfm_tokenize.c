/* tfm_tokenize.c - text to token ids, and back, as a checkpoint's own files say.
 *
 * Texts are arguments, or the lines of a pipe: read and written in large blocks,
 * and written out whenever the pipe has no more for now. */
#include "tools/options.h"
#include "tools/stream.h"

#include <stdlib.h>
#include <string.h>

enum form { FORM_IDS, FORM_TOKENS, FORM_COUNT, FORM_JSON };

struct options {
  const char *pair;
  enum form form;
  uint32_t flags; /* TFM_ENCODE_ */
  bool decode, tabs, null;
  bool tokens, count, json;
  char separator; /* of texts in a pipe, both ways */
};

struct job {
  const struct cli *cli;
  const struct options *options;
  const tfm_tokenizer *tokenizer;
  tfm_error *error;
  struct stream_out out;
  int32_t *ids; /* of one line, when decoding */
  size_t id_room;
  size_t done; /* texts */
};

/* ---- from text */

/* A token in the table: what would break a line, or talk to a terminal, is
 * escaped. */
static void put_token(struct stream_out *out, const char *token) {
  static const char hex[] = "0123456789abcdef";
  for (const char *at = token; *at; at++)
    switch (*at) {
    case '\n':
      stream_puts(out, "\\n");
      break;
    case '\r':
      stream_puts(out, "\\r");
      break;
    case '\t':
      stream_puts(out, "\\t");
      break;
    case '\\':
      stream_puts(out, "\\\\");
      break;
    default:
      if ((unsigned char)*at >= ' ' && *at != 0x7f)
        stream_put(out, at, 1);
      else
        stream_put(out, (char[]){'\\', 'x', hex[*at >> 4], hex[*at & 15]}, 4);
    }
}

static const char *token_text(const struct job *job, int32_t id) {
  const char *token = tfm_tokenizer_token(job->tokenizer, id);
  return token ? token : "";
}

static void put_table(struct job *job, const tfm_encoding *e) {
  struct stream_out *out = &job->out;
  if (job->done > 0)
    stream_puts(out, "\n");
  for (size_t i = 0; i < e->count; i++) {
    stream_number(out, (uint64_t)e->ids[i]);
    stream_puts(out, "\t");
    stream_number(out, e->begin[i]);
    stream_puts(out, "\t");
    stream_number(out, e->end[i]);
    stream_puts(out, "\t");
    put_token(out, token_text(job, e->ids[i]));
    stream_puts(out, "\n");
  }
}

/* ,"name":[ one entry a token ] */
static void put_list(struct job *job, const tfm_encoding *e, const char *name,
                     void (*put)(struct job *, const tfm_encoding *, size_t)) {
  stream_puts(&job->out, name);
  stream_puts(&job->out, "[");
  for (size_t i = 0; i < e->count; i++) {
    if (i > 0)
      stream_puts(&job->out, ",");
    put(job, e, i);
  }
  stream_puts(&job->out, "]");
}

static void put_id(struct job *job, const tfm_encoding *e, size_t i) {
  stream_number(&job->out, (uint64_t)e->ids[i]);
}
static void put_text(struct job *job, const tfm_encoding *e, size_t i) {
  const char *token = token_text(job, e->ids[i]);
  stream_json(&job->out, token, strlen(token));
}
static void put_offset(struct job *job, const tfm_encoding *e, size_t i) {
  stream_puts(&job->out, "[");
  stream_number(&job->out, e->begin[i]);
  stream_puts(&job->out, ",");
  stream_number(&job->out, e->end[i]);
  stream_puts(&job->out, "]");
}
static void put_type(struct job *job, const tfm_encoding *e, size_t i) {
  stream_number(&job->out, (uint64_t)e->types[i]);
}
static void put_special(struct job *job, const tfm_encoding *e, size_t i) {
  stream_puts(&job->out, e->kind[i] >= TFM_TOKEN_ADDED ? "1" : "0");
}
static void put_attention(struct job *job, const tfm_encoding *e, size_t i) {
  stream_puts(&job->out, e->kind[i] == TFM_TOKEN_PADDING ? "0" : "1");
}
static void put_sequence(struct job *job, const tfm_encoding *e, size_t i) {
  stream_puts(&job->out, e->kind[i] >= TFM_TOKEN_ADDED ? "null" : e->sequence[i] ? "1" : "0");
}

static void put_json(struct job *job, const tfm_encoding *e) {
  put_list(job, e, "{\"ids\":", put_id);
  put_list(job, e, ",\"tokens\":", put_text);
  put_list(job, e, ",\"offsets\":", put_offset);
  put_list(job, e, ",\"type_ids\":", put_type);
  put_list(job, e, ",\"special_tokens_mask\":", put_special);
  put_list(job, e, ",\"attention_mask\":", put_attention);
  put_list(job, e, ",\"sequence_ids\":", put_sequence);
  stream_puts(&job->out, "}");
}

static void put_encoding(struct job *job, const tfm_encoding *e) {
  switch (job->options->form) {
  case FORM_TOKENS:
    put_table(job, e);
    return;
  case FORM_COUNT:
    stream_number(&job->out, e->count);
    break;
  case FORM_JSON:
    put_json(job, e);
    break;
  case FORM_IDS:
    for (size_t i = 0; i < e->count; i++) {
      if (i > 0)
        stream_puts(&job->out, " ");
      stream_number(&job->out, (uint64_t)e->ids[i]);
    }
  }
  stream_put(&job->out, &job->options->separator, 1);
}

/* Before what is wrong with it.  line 0: an argument. */
static void name_line(struct job *job, size_t line) {
  stream_flush(&job->out);
  if (line > 0)
    fprintf(stderr, "%s: %s %zu of the input:\n", job->cli->program,
            job->options->separator ? "line" : "text", line);
}

static int fail(struct job *job, size_t line) {
  name_line(job, line);
  return cli_fail(job->cli, job->error);
}

static int encode(struct job *job, const char *text, size_t length, size_t line) {
  const struct options *o = job->options;
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = length};
  tfm_encoding *encoding;
  const char *tab = o->tabs ? memchr(text, '\t', length) : NULL;
  if (o->pair) {
    input.pair = o->pair;
    input.pair_length = strlen(o->pair);
  } else if (tab) {
    input.text_length = (size_t)(tab - text);
    input.pair = tab + 1;
    input.pair_length = length - input.text_length - 1;
  }
  if (tfm_tokenizer_encode_with(job->tokenizer, &input, o->flags, &encoding, job->error) != 0)
    return fail(job, line);
  put_encoding(job, encoding);
  tfm_encoding_destroy(encoding);
  job->done++;
  return 0;
}

/* ---- from ids */

/* "1 2 3", "1,2,3", "[1, 2, 3]": digits between anything of these. */
static bool read_ids(struct job *job, const char *text, size_t length, size_t *count) {
  *count = 0;
  for (size_t at = 0; at < length;) {
    uint64_t id = 0;
    size_t begin = at;
    for (; at < length && text[at] >= '0' && text[at] <= '9' && at - begin < 11; at++)
      id = id * 10 + (uint64_t)(text[at] - '0');
    if (at == begin) {
      if (!memchr(" ,[]\t\r\n", text[at], 7))
        return false;
      at++;
      continue;
    }
    if (id > INT32_MAX)
      id = INT32_MAX; /* no vocabulary has it: nothing */
    if (*count == job->id_room) {
      size_t room = job->id_room ? job->id_room * 2 : 1024;
      int32_t *grown = realloc(job->ids, room * sizeof *grown);
      if (!grown)
        return false;
      job->ids = grown;
      job->id_room = room;
    }
    job->ids[(*count)++] = (int32_t)id;
  }
  return true;
}

static int decode(struct job *job, const char *line, size_t size, size_t number) {
  const struct options *o = job->options;
  size_t count, length;
  char *text;
  if (!read_ids(job, line, size, &count)) {
    char excerpt[CLI_EXCERPT];
    name_line(job, number);
    return cli_usage_error(job->cli, "--decode needs token ids such as 1 2 3, not '%s'",
                           cli_excerpt(line, size, excerpt));
  }
  if (tfm_tokenizer_decode(job->tokenizer, job->ids, count, o->flags, &text, &length, job->error) !=
      0)
    return fail(job, number);
  if (o->form == FORM_JSON) {
    stream_puts(&job->out, "{\"text\":");
    stream_json(&job->out, text, length);
    stream_puts(&job->out, "}");
  } else
    stream_put(&job->out, text, length);
  stream_put(&job->out, &o->separator, 1);
  tfm_free(text);
  return 0;
}

/* ---- all of them */

static int decode_arguments(struct job *job, char **id, int count) {
  size_t length = 0, at = 0;
  for (int i = 0; i < count; i++)
    length += strlen(id[i]) + 1;
  char *all = malloc(length + 1);
  if (!all)
    return cli_no_memory(job->cli);
  for (int i = 0; i < count; i++) {
    size_t size = strlen(id[i]);
    memcpy(all + at, id[i], size);
    all[at + size] = ' ';
    at += size + 1;
  }
  int status = decode(job, all, at, 0);
  free(all);
  return status;
}

static int run_lines(struct job *job) {
  const struct options *o = job->options;
  struct stream_in in = {.separator = o->separator, .text = !o->decode};
  const char *line;
  size_t length;
  int status = 0, more = STREAM_LINE;
  while (status == 0 && !job->out.lost &&
         (more = stream_line(&in, &job->out, &line, &length)) == STREAM_LINE)
    status =
        o->decode ? decode(job, line, length, in.number) : encode(job, line, length, in.number);
  if (more == STREAM_MEMORY)
    status = cli_no_memory(job->cli);
  if (more == STREAM_ERROR) {
    status = cli_error(job->cli, TFM_CODE_RUN, "cannot read the input");
  }
  stream_in_finish(&in);
  return status;
}

static int run_texts(struct job *job, char **text, int count) {
  int status = 0;
  if (count == 0)
    return run_lines(job);
  if (job->options->decode)
    return decode_arguments(job, text, count);
  for (int i = 0; i < count && status == 0; i++)
    status = encode(job, text[i], strlen(text[i]), 0);
  return status;
}

static int run(const struct cli *cli, const struct options *options, char **argument, int count) {
  struct job job = {.cli = cli, .options = options, .error = tfm_error_create()};
  if (!job.error)
    return cli_no_memory(cli);
  tfm_tokenizer *tokenizer = tfm_tokenizer_open(argument[0], job.error);
  job.tokenizer = tokenizer;
  int status = tokenizer ? run_texts(&job, argument + 1, count - 1) : cli_fail(cli, job.error);
  stream_flush(&job.out);
  if (job.out.failed) {
    status = cli_no_memory(cli);
  }
  stream_out_finish(&job.out);
  tfm_tokenizer_destroy(tokenizer);
  tfm_error_destroy(job.error);
  free(job.ids);
  return status;
}

#define FIELD(field) OPTION_FIELD(struct options, field)

static const struct option_row rows[] = {
    OPTION_ARGUMENT("TOKENIZER",
                    "a checkpoint: a directory, a .gguf file, or org/model of the Hugging Face "
                    "cache; or a tokenizer.json, tokenizer.model, spiece.model, vocab.txt, "
                    "vocab.json with merges.txt beside it, or encoder.json with vocab.bpe"),
    OPTION_ARGUMENT("TEXT", "what to cut; none: one text a line from the input"),
    OPTION_HEAD(""),
    OPTION_HEAD("Input"),
    {OPTION_TEXT, "pair", 0, "TEXT", "a second text beside each", FIELD(pair)},
    {OPTION_FLAG, "tabs", .help = "a line of the input is text, tab, second text", FIELD(tabs)},
    {OPTION_FLAG, "null", '0', .help = "texts end in NUL, in the input and in the output",
     FIELD(null)},
    {OPTION_FLAG, "decode", 'd',
     .help = "from ids to text; ids are arguments or lines: 1 2 3 or 1,2,3", FIELD(decode)},
    {OPTION_BITS, "no-special",
     .help = "put no special tokens around a text; --decode: leave them out", FIELD(flags),
     .bits = TFM_ENCODE_NO_SPECIAL},
    {OPTION_BITS, "limits", .help = "follow the file's truncation and padding", FIELD(flags),
     .bits = TFM_ENCODE_LIMITS},
    OPTION_HEAD(""),
    OPTION_HEAD("Output (ids with spaces between, a line a text)"),
    {OPTION_FLAG, "tokens", .help = "a line a token: id, begin, end (bytes of the text), token",
     FIELD(tokens)},
    {OPTION_FLAG, "count", .help = "only how many tokens", FIELD(count)},
    {OPTION_FLAG, "json", .help = "a JSON object a line", FIELD(json)},
    OPTION_HEAD(""),
    OPTION_USE("completion"),
    OPTION_USE("help"),
    OPTION_USE("version"),
};

static const struct option_set set = {
    "Usage: tfm-tokenize TOKENIZER [OPTION]... [TEXT]...\n"
    "       tfm-tokenize TOKENIZER --decode [OPTION]... [ID]...\n"
    "Text to token ids and back, as Hugging Face's tokenizers does it.\n\n",
    rows, sizeof rows / sizeof *rows,
    "Exit status: 0 done, 1 run time, 2 usage or a text that is not UTF-8, 5 tokenizer,\n"
    "7 limit or memory.\n"};

static int check_usage(const struct cli *cli, struct options *o, int words) {
  if (words == 0)
    return cli_usage_error(cli, "which tokenizer?");
  if (o->tokens + o->count + o->json > 1)
    return cli_usage_error(cli, "one of --tokens, --count and --json");
  o->form = o->tokens ? FORM_TOKENS : o->count ? FORM_COUNT : o->json ? FORM_JSON : FORM_IDS;
  o->separator = o->null ? '\0' : '\n';
  if (o->decode && (o->pair || o->tabs || o->tokens || o->count))
    return cli_usage_error(cli, "--decode gives text: no --pair, --tabs, --tokens or --count");
  if (o->pair && o->tabs)
    return cli_usage_error(cli, "--pair or --tabs, not both");
  return 0;
}

int main(int argc, char **argv) {
  struct cli cli;
  struct options o = {0};
  int status;
  cli_init(&cli, "tfm-tokenize");
  int word = options_parse(&cli, &set, &o, argc, argv, &status);
  if (word < 0)
    return status;
  status = check_usage(&cli, &o, argc - word);
  if (status == 0)
    status = run(&cli, &o, argv + word, argc - word);
  return cli_finish_output(&cli, status);
}
