/* output.h - how tfmrun shows answers: lines for people, or JSON. */
#ifndef TFM_TOOLS_OUTPUT_H
#define TFM_TOOLS_OUTPUT_H

#include "tools/cli.h"

/* The answers of one batch on stdout, in the order of the inputs.  For
 * generate, streamed says that the text of the only input is there already.
 * shown: how many choices classify prints. */
void output_text(const tfm_model_info *info, const tfm_result *result, bool streamed,
                 uint32_t shown);

/* One JSON object a line for each answer; seeds: of each, NULL = not told. */
bool output_json(const tfm_model_info *info, const tfm_input *inputs, const uint64_t *seeds,
                 const tfm_result *result);

/* Tokens and times on stderr, one line. */
void output_timing(const struct cli *cli, const tfm_model_info *info, const tfm_timing *timing);

#endif
