/* output.h - how tfmrun shows answers: lines for people, or JSON. */
#ifndef TFM_TOOLS_OUTPUT_H
#define TFM_TOOLS_OUTPUT_H

#include "tools/cli.h"

/* An answer on stdout.  For generate, streamed says that the text of the only input is
 * there already.  shown: how many choices classify prints. */
void output_text(const tfm_model_info *info, const tfm_answer *answer, bool streamed,
                 uint32_t shown);

/* One JSON object, a line; timing as output_share gives it; seed, score: NULL = not told.
 * false = out of memory. */
bool output_json(const tfm_model_info *info, const tfm_input *input, const tfm_answer *answer,
                 const uint64_t *seed, const double *score, const tfm_timing *timing);
/* rerank: one document of a query; index: its place among the query's as they came, from 0. */
struct output_rank {
  const char *query;
  size_t query_length;
  const char *document;
  size_t document_length, index;
  double score, logit;
  size_t tokens, truncated;
};
bool output_rank_json(const tfm_model_info *info, const struct output_rank *rank);
/* The object in the place of an answer that there is not. */
bool output_json_error(const tfm_model_info *info, const tfm_input *input, size_t line, int code,
                       const char *message, const char *notes);

/* What of a batch's tokens and times falls to one row, so that the rows of a job add up to
 * it: the times of the prompt by its tokens, those of later steps by the new tokens.  The
 * time to the first token is the batch's: a row waits so long. */
tfm_timing output_share(const tfm_result *result, size_t row);

/* Tokens and times on stderr, one line. */
void output_timing(const struct cli *cli, const tfm_model_info *info, const tfm_timing *timing);

#endif
