/* rows.c - inputs to ids, each checked before anything runs. */
#include "lib/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void rows_finish(struct rows *rows) {
  for (size_t i = 0; rows->row && i < rows->count; i++)
    encoding_finish(&rows->row[i].encoding);
  free(rows->row);
  *rows = (struct rows){0};
}

static int fill_row(const struct tokenizer *tokenizer, const tfm_input *input, struct row *row,
                    struct tfm_error *err) {
  if (!input->text) {
    row->ids = input->ids;
    row->count = input->id_count;
    return 0;
  }
  if (!tokenizer)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "this checkpoint has no tokenizer, so text cannot be read"),
           error_note(err, "help: give token ids: --ids 1,2,3"), -1;
  if (tokenizer_encode(tokenizer, input->text, input->text_length, input->pair,
                       input->pair ? input->pair_length : 0, true, &row->encoding, err) != 0)
    return -1;
  row->ids = row->encoding.ids;
  row->types = row->encoding.types;
  row->count = row->encoding.count;
  row->start = tokenizer_roles(tokenizer)->bos;
  if (row->count == 0 && row->start >= 0) {
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

/* rows: of the embedding, 0 if it has none. */
static int check_ids(const struct tfm_model *model, const struct row *row, const char *name,
                     int64_t rows, struct tfm_error *err) {
  int64_t vocabulary = model->vocabulary;
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
                     int64_t rows, struct tfm_error *err) {
  int64_t maximum = model->max_tokens;
  if (row->count == 0)
    return error_set(err, TFM_ERROR_USAGE, "%s is empty: there is nothing to run on", name);
  if (maximum > 0 && row->count > (size_t)maximum)
    return error_set(err, TFM_ERROR_LIMIT, "%s is %zu tokens long, the model takes %" PRId64, name,
                     row->count, maximum),
           error_note(err, "help: shorten or split the text"), -1;
  return check_ids(model, row, name, rows, err);
}

int rows_create(const struct tfm_model *model, const tfm_input *input, size_t count,
                struct rows *out, struct tfm_error *err) {
  char name[ROW_NAME];
  int64_t rows = model_id_rows(model);
  out->count = count;
  out->row = calloc(count ? count : 1, sizeof *out->row);
  if (!out->row)
    return error_oom(err);
  for (size_t i = 0; i < count; i++)
    if (fill_row(model->tokenizer, &input[i], &out->row[i], err) != 0 ||
        check_row(model, &out->row[i], row_name(i, count, name), rows, err) != 0) {
      rows_finish(out);
      return -1;
    }
  return 0;
}
