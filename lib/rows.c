/* rows.c - inputs to ids, each checked before anything runs. */
#include "lib/rows.h"

#include "base/checked.h"
#include "graph/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rows_finish(struct rows *rows) {
  for (size_t i = 0; rows->row && i < rows->count; i++) {
    encoding_finish(&rows->row[i].encoding);
    free(rows->row[i].prompted);
  }
  free(rows->row);
  *rows = (struct rows){0};
}

size_t rows_longest(const struct tfm_model *model) {
  size_t own = tokenizer_longest(model->tokenizer), most = (size_t)model->source_tokens;
  return own > 0 && (own < most || most == 0) ? own : most;
}

/* A text that is far too long is not cut to its end to be refused. */
static size_t stop_length(const struct tfm_model *model) {
  enum { TIMES = 4, MORE = 4096 };
  return model->source_tokens > 0 && model->source_tokens < (1 << 28)
             ? (size_t)model->source_tokens * TIMES + MORE
             : 0;
}

static int too_long(const struct tfm_model *model, const char *name, const char *how, size_t count,
                    struct tfm_error *err) {
  error_set(err, TFM_ERROR_LIMIT, "%s is %s%zu tokens long, the model takes %" PRId64, name, how,
            count, model->source_tokens);
  error_note(err, "help: shorten or split the text, or let it be truncated");
  return -1;
}

/* The text after its prompt, if there is one. */
static int put_prompt(const struct prompt *prompt, const tfm_input *input, struct row *row,
                      struct encode_request *request, struct tfm_error *err) {
  size_t before = prompt->text ? strlen(prompt->text) : 0, room;
  if (!prompt->text)
    return 0;
  if (!checked_add(before, input->text_length, &room) || !checked_add(room, 1, &room) ||
      !(row->prompted = malloc(room)))
    return error_oom(err);
  memcpy(row->prompted, prompt->text, before);
  memcpy(row->prompted + before, input->text, input->text_length);
  row->prompted[room - 1] = '\0';
  row->skip = prompt->skip;
  request->text = row->prompted;
  request->length = room - 1;
  return 0;
}

/* A context that goes before its question: text and pair change places, and in what comes of
 * them the pair is still the context. */
static bool is_context_first(const struct tfm_model *model, const tfm_input *input) {
  return input->pair && model->graph->task == GRAPH_TASK_QA &&
         tokenizer_pads_left(model->tokenizer);
}

static void change_places(struct encode_request *request) {
  const struct encode_request r = *request;
  request->text = r.pair;
  request->length = r.pair_length;
  request->pair = r.text;
  request->pair_length = r.length;
}

static void name_texts_back(struct encoding *e) {
  for (size_t t = 0; t < e->count; t++)
    if (!e->special[t])
      e->sequence[t] = !e->sequence[t];
}

static int encode_row(const struct tfm_model *model, const struct prompt *prompt,
                      const tfm_input *input, const char *name, uint32_t flags, struct row *row,
                      struct tfm_error *err) {
  struct encode_request request = {.text = input->text,
                                   .length = input->text_length,
                                   .pair = input->pair,
                                   .pair_length = input->pair ? input->pair_length : 0,
                                   .flags = flags & ROWS_NO_SPECIAL ? 0 : ENCODE_SPECIAL};
  if (put_prompt(prompt, input, row, &request, err) != 0)
    return -1;
  if (flags & TFM_RUN_PLAIN_SPECIAL)
    request.flags |= ENCODE_PLAIN;
  if (flags & TFM_RUN_TRUNCATE && (request.most = rows_longest(model)) > 0)
    request.flags |= ENCODE_TRUNCATE;
  else if (!(flags & ROWS_LONG_PAIRS && input->pair))
    request.stop = stop_length(model);
  bool context_first = is_context_first(model, input);
  if (context_first)
    change_places(&request);
  if (tokenizer_encode_request(model->tokenizer, &request, &row->encoding, err) == 0) {
    if (context_first)
      name_texts_back(&row->encoding);
    return 0;
  }
  if (!row->encoding.stopped)
    return -1;
  error_clear(err);
  return too_long(model, name, "more than ", request.stop, err);
}

static int fill_row(const struct tfm_model *model, const struct prompt *prompt,
                    const tfm_input *input, const char *name, uint32_t flags, struct row *row,
                    struct tfm_error *err) {
  if (!input->text) {
    row->ids = input->ids;
    row->count = input->id_count;
    return 0;
  }
  if (!model->tokenizer)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "this checkpoint has no tokenizer, so text cannot be read"),
           error_note(err, "help: give token ids: --ids 1,2,3"), -1;
  if (encode_row(model, prompt, input, name, flags, row, err) != 0)
    return -1;
  row->ids = row->encoding.ids;
  row->types = row->encoding.types;
  row->count = row->encoding.count;
  row->truncated = row->encoding.truncated;
  row->start = tokenizer_roles(model->tokenizer)->bos;
  if (row->count == 0 && row->start >= 0 && !(flags & ROWS_NO_SPECIAL) &&
      model->graph->task == GRAPH_TASK_GENERATE) {
    row->ids = &row->start;
    row->types = NULL;
    row->count = 1;
  }
  return 0;
}

const char *row_name(size_t row, size_t count, char out[ROW_NAME]) {
  if (count == 1)
    return "the input";
  snprintf(out, ROW_NAME, "input %zu", row + 1);
  return out;
}

const char *rows_name(const struct rows *rows, size_t row, char out[ROW_NAME]) {
  return row_name(rows->first + row, rows->all ? rows->all : rows->count, out);
}

/* rows: of the embedding, 0 if it has none; vocabulary: ids are below it, 0 = it is not known. */
static int check_ids(const struct tfm_model *model, const struct row *row, const char *name,
                     int64_t rows, int64_t vocabulary, struct tfm_error *err) {
  for (size_t i = 0; i < row->count; i++) {
    int32_t id = row->ids[i];
    if (rows > 0 && id >= rows && model->tokenizer && tokenizer_token(model->tokenizer, id))
      return model_id_beyond(model, id, rows, err);
    if (vocabulary > 0 && (id < 0 || id >= vocabulary))
      return error_set(err, TFM_ERROR_USAGE,
                       "id %" PRId32 " of %s is not in the vocabulary (0 to %" PRId64 ")", id, name,
                       vocabulary - 1);
  }
  return 0;
}

static int check_row(const struct tfm_model *model, const struct row *row, const char *name,
                     bool any_length, int64_t rows, struct tfm_error *err) {
  int64_t maximum = model->source_tokens;
  if (row->count == 0)
    return error_set(err, TFM_ERROR_USAGE, "%s is empty: there is nothing to run on", name);
  if (maximum > 0 && row->count > (size_t)maximum && !any_length)
    return too_long(model, name, "", row->count, err);
  return check_ids(model, row, name, rows, model->vocabulary, err);
}

int rows_check_target(const struct tfm_model *model, const int32_t *ids, size_t count,
                      struct tfm_error *err) {
  const struct row row = {.ids = ids, .count = count};
  if (model->max_tokens > 0 && count > (size_t)model->max_tokens)
    return error_set(err, TFM_ERROR_LIMIT,
                     "start and prefix are %zu tokens long, the model writes %" PRId64, count,
                     model->max_tokens);
  return check_ids(model, &row, "start and prefix", 0, model->target_vocabulary, err);
}

static bool takes_types(const struct graph *graph) {
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (source_is(graph->input[i].source, GRAPH_SOURCE_TYPES))
      return true;
  return false;
}

void rows_warn_types(const struct tfm_model *model, const struct rows *rows) {
  bool types = false;
  if (atomic_load(&model->use->types_said) || !model->tokenizer ||
      tokenizer_types(model->tokenizer) != TOKENIZER_TYPES_UNSAID || !takes_types(model->graph))
    return;
  for (size_t r = 0; r < rows->count; r++)
    for (size_t t = 0; rows->row[r].types && t < rows->row[r].count; t++)
      types = types || rows->row[r].types[t] != 0;
  if (!types || atomic_exchange(&model->use->types_said, true))
    return;
  model_warn(model,
             "tokenizer_config.json leaves open whether the texts of a pair have token types: "
             "those of tokenizer.json are taken, as transformers 4 does; transformers 5 takes "
             "none\n  help: say it there: \"model_input_names\", with or without "
             "\"token_type_ids\"");
}

int rows_create(const struct tfm_model *model, const struct prompt *prompt, const tfm_input *input,
                size_t count, uint32_t flags, struct rows *out, struct tfm_error *err) {
  char name[ROW_NAME];
  int64_t rows = model_id_rows(model);
  out->count = count;
  out->row = calloc(count ? count : 1, sizeof *out->row);
  if (!out->row)
    return error_oom(err);
  for (size_t i = 0; i < count; i++) {
    const char *named = rows_name(out, i, name);
    bool any_length = flags & ROWS_LONG_PAIRS && input[i].text && input[i].pair;
    if (fill_row(model, prompt, &input[i], named, flags, &out->row[i], err) != 0 ||
        check_row(model, &out->row[i], named, any_length, rows, err) != 0) {
      rows_finish(out);
      return -1;
    }
  }
  return 0;
}
