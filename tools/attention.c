/* attention.c - the heads of a run as heat maps over the tokens' own text.
 *
 * Two runs where text is generated: the first writes it, the second reads prompt and text at
 * once, so that each token's attention is seen.  The page is one file without anything from
 * elsewhere (attention_page.html); probabilities are bytes in it, 255 = all. */
#include "tools/attention.h"

#include "tools/attention_page.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TOKENS_MAX = 256, BYTES_MAX = 64 << 20, SHOWN = 4 };

struct tokens {
  int32_t *ids;
  size_t count;
  char **text; /* count, each tfm_free'd; NULL until told */
};

static void tokens_finish(struct tokens *t) {
  for (size_t i = 0; t->text && i < t->count; i++)
    tfm_free(t->text[i]);
  free(t->text);
  free(t->ids);
}

/* Each token's own text, as the tokenizer decodes it alone; a piece of a letter, or nothing, is
 * as the vocabulary has it. */
static bool tell_tokens(const struct job *job, struct tokens *t) {
  const tfm_tokenizer *tokenizer = tfm_model_tokenizer(job->model, NULL);
  t->text = calloc(t->count ? t->count : 1, sizeof *t->text);
  for (size_t i = 0; t->text && i < t->count; i++) {
    char number[16];
    size_t length = 0;
    const char *spelt = tokenizer ? tfm_tokenizer_token(tokenizer, t->ids[i]) : NULL;
    snprintf(number, sizeof number, "%d", (int)t->ids[i]);
    if (tokenizer)
      tfm_tokenizer_decode(tokenizer, &t->ids[i], 1, 0, &t->text[i], &length, NULL);
    if (t->text[i] && (length == 0 || strstr(t->text[i], "\xef\xbf\xbd"))) {
      tfm_free(t->text[i]);
      t->text[i] = NULL;
    }
    if (!t->text[i] && !(t->text[i] = strdup(spelt ? spelt : number)))
      return false;
  }
  return t->text != NULL;
}

/* What the run read: given ids, or those of the text, then those of the answer. */
static bool gather(const struct job *job, const tfm_input *input, const tfm_answer *answer,
                   struct tokens *t) {
  const tfm_tokenizer *tokenizer = tfm_model_tokenizer(job->model, NULL);
  bool generates = job->info.task == TFM_TASK_GENERATE;
  tfm_encoding *encoding = NULL;
  const int32_t *prompt = input->ids;
  size_t count = generates ? input->id_count : 0;
  if (generates && !input->ids && tokenizer &&
      tfm_tokenizer_encode(tokenizer, input, &encoding, job->error) == 0) {
    prompt = encoding->ids;
    count = encoding->count;
  }
  t->count = count + answer->id_count;
  t->ids = calloc(t->count ? t->count : 1, sizeof *t->ids);
  if (t->ids && count)
    memcpy(t->ids, prompt, count * sizeof *t->ids);
  if (t->ids && answer->id_count)
    memcpy(t->ids + count, answer->ids, answer->id_count * sizeof *t->ids);
  tfm_encoding_destroy(encoding);
  return t->ids && tell_tokens(job, t);
}

/* --------------------------------------------------------------------- text */

/* The mean over the heads. */
static double mean(const tfm_attention *a, size_t query, size_t key) {
  double sum = 0;
  for (size_t h = 0; h < a->heads; h++)
    sum += (double)a->weight[(h * a->queries + query) * a->keys + key];
  return a->heads ? sum / (double)a->heads : 0;
}

static void print_token(const struct tokens *t, size_t i, size_t of) {
  if (of == t->count)
    cli_answer(t->text[i], strlen(t->text[i]));
  else
    printf("%zu", i);
}

/* The keys that a query looks at most, best first. */
static void print_query(const tfm_attention *a, const struct tokens *t, size_t query) {
  bool taken[TOKENS_MAX] = {false};
  fputs("  ", stdout);
  print_token(t, query, a->queries);
  fputs(" ->", stdout);
  for (size_t n = 0; n < SHOWN && n < a->keys; n++) {
    size_t best = a->keys;
    for (size_t k = 0; k < a->keys; k++)
      if (!taken[k] && (best == a->keys || mean(a, query, k) > mean(a, query, best)))
        best = k;
    if (mean(a, query, best) < 0.005)
      break;
    taken[best] = true;
    fputs("  ", stdout);
    print_token(t, best, a->keys);
    printf(" %.2f", mean(a, query, best));
  }
  putchar('\n');
}

static void print_text(const tfm_attention *list, size_t count, const struct tokens *t) {
  for (size_t i = 0; i < count; i++) {
    printf("%s (mean of %zu heads)\n", list[i].value, list[i].heads);
    for (size_t q = 0; q < list[i].queries; q++)
      print_query(&list[i], t, q);
  }
}

/* --------------------------------------------------------------------- page */

/* Probabilities as bytes, in base64; NULL = out of memory. */
static char *encode(const tfm_attention *a) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t count = a->heads * a->queries * a->keys, at = 0;
  char *out = malloc((count + 2) / 3 * 4 + 1);
  for (size_t i = 0; out && i < count; i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; k++) {
      float w = i + k < count ? a->weight[i + k] : 0;
      three = three << 8 | (uint32_t)lroundf(255 * (w > 1 ? 1 : w > 0 ? w : 0));
    }
    for (unsigned k = 0; k < 4; k++)
      out[at++] = i + k > count ? '=' : digit[three >> (18 - 6 * k) & 63];
  }
  if (out)
    out[at] = '\0';
  return out;
}

static json_t *describe(const struct job *job, const tfm_attention *list, size_t count,
                        const struct tokens *t) {
  json_t *layers = json_array(), *tokens = json_array();
  bool ok = layers && tokens;
  for (size_t i = 0; ok && i < t->count; i++) {
    json_t *text = json_string(t->text[i]);
    ok = json_array_append_new(tokens, text ? text : json_string("?")) == 0;
  }
  for (size_t i = 0; ok && i < count; i++) {
    char *weight = encode(&list[i]);
    json_t *layer =
        weight ? json_pack("{s:s, s:I, s:I, s:I, s:s}", "name", list[i].value, "heads",
                           (json_int_t)list[i].heads, "queries", (json_int_t)list[i].queries,
                           "keys", (json_int_t)list[i].keys, "weight", weight)
               : NULL;
    free(weight);
    ok = layer && json_array_append_new(layers, layer) == 0;
  }
  json_t *all =
      json_pack("{s:s, s:o, s:o}", "model", job->info.name, "tokens", tokens, "layers", layers);
  if (ok)
    return all;
  json_decref(all);
  return NULL;
}

/* The page with the data where it says so.  A `<` is written as an escape, so that no text
 * ends the script. */
static bool write_page(FILE *file, const char *data) {
  static const char mark[] = "/*DATA*/null";
  bool ok = true;
  for (size_t i = 0; ok && attention_page[i]; i++) {
    const char *line = attention_page[i], *at = strstr(line, mark);
    if (!at) {
      ok = fputs(line, file) >= 0;
      continue;
    }
    ok = fwrite(line, 1, (size_t)(at - line), file) == (size_t)(at - line);
    for (const char *c = data; ok && *c; c++)
      ok = *c == '<' ? fputs("\\u003c", file) >= 0 : putc(*c, file) != EOF;
    ok = ok && fputs(at + sizeof mark - 1, file) >= 0;
  }
  return ok;
}

/* Does the file begin as this page does, up to its title? */
static bool is_page(const char *path) {
  FILE *file = fopen(path, "r");
  char line[256];
  bool titled = false, same = file != NULL;
  for (size_t i = 0; same && !titled && attention_page[i]; i++) {
    same = fgets(line, sizeof line, file) && strcmp(line, attention_page[i]) == 0;
    titled = same && strncmp(line, "<title>", 7) == 0;
  }
  if (file)
    fclose(file);
  return titled;
}

/* A page takes the place of nothing but an earlier page or an empty file. */
static int check_place(const struct cli *cli, const char *path) {
  struct stat st;
  if (stat(path, &st) != 0 || (S_ISREG(st.st_mode) && (st.st_size == 0 || is_page(path))))
    return 0;
  return cli_error(cli, TFM_CODE_USAGE,
                   "cannot write a page to %s: it is there, and no page of tfm", path);
}

static int write_file(const struct job *job, const tfm_attention *list, size_t count,
                      const struct tokens *t) {
  const char *path = job->options->attention;
  json_t *all = describe(job, list, count, t);
  char *data = all ? json_dumps(all, JSON_COMPACT) : NULL;
  json_decref(all);
  if (!data)
    return cli_no_memory(job->cli);
  FILE *file = fopen(path, "w");
  bool ok = file && write_page(file, data);
  if (file)
    ok = fclose(file) == 0 && ok;
  free(data);
  return ok ? 0 : cli_error(job->cli, TFM_CODE_RUN, "cannot write %s", path);
}

/* --------------------------------------------------------------------- runs */

static int show(const struct job *job, const tfm_result *result, const struct tokens *t) {
  const tfm_attention *list;
  size_t count = tfm_result_attentions(result, &list), bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bytes += list[i].heads * list[i].queries * list[i].keys;
    if (list[i].keys > TOKENS_MAX || list[i].queries > TOKENS_MAX || bytes > BYTES_MAX)
      return cli_error(job->cli, TFM_CODE_LIMIT,
                       "attention over %zu tokens is too much to show; a text of at most %d fits",
                       list[i].keys, (int)TOKENS_MAX);
  }
  if (count == 0)
    return cli_error(job->cli, TFM_CODE_MODEL, "no op of this model says what it looks at");
  if (strcmp(job->options->attention, "-") != 0)
    return write_file(job, list, count, t);
  print_text(list, count, t);
  return 0;
}

/* Prompt and text at once. */
static int run_again(struct job *job, const struct tokens *t, tfm_result **result) {
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = 1, .ignore_stop = 1};
  tfm_input input = {.struct_size = sizeof input, .ids = t->ids, .id_count = t->count};
  tfm_result_destroy(*result);
  *result = NULL;
  return tfm_model_run(job->model, &input, 1, &run, result, job->error) == 0
             ? 0
             : cli_fail(job->cli, job->error);
}

int attention_run(struct job *job, const tfm_input *input) {
  const struct options *o = job->options;
  tfm_result *result = NULL;
  struct tokens tokens = {0};
  if (strcmp(o->attention, "-") != 0 && check_place(job->cli, o->attention) != 0)
    return TFM_CODE_USAGE;
  if (tfm_model_run(job->model, input, 1, &o->run, &result, job->error) != 0)
    return cli_fail(job->cli, job->error);
  int status =
      gather(job, input, tfm_result_answer(result, 0), &tokens) ? 0 : cli_no_memory(job->cli);
  if (strcmp(o->attention, "-") != 0)
    run_print(job, input, o->run.seed, result, 0, false);
  if (status == 0 && job->info.task == TFM_TASK_GENERATE)
    status = run_again(job, &tokens, &result);
  if (status == 0)
    status = show(job, result, &tokens);
  tokens_finish(&tokens);
  tfm_result_destroy(result);
  return status;
}
