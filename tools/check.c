/* check.c - the tensors in their order, with a count of what was seen. */
#include "tools/check.h"

#include <inttypes.h>
#include <string.h>

enum { NAMED_MAX = 10 };

/* Element number `at` as its place in the shape: "[3, 0]". */
static void print_place(const tfm_weight *tensor, uint64_t at) {
  int64_t place[64];
  uint32_t rank = tensor->rank < 64 ? tensor->rank : 64;
  for (uint32_t i = rank; i-- > 0; at /= (uint64_t)tensor->shape[i])
    place[i] = (int64_t)(at % (uint64_t)tensor->shape[i]);
  fputc('[', stderr);
  for (uint32_t i = 0; i < rank; i++)
    fprintf(stderr, "%s%" PRId64, i ? ", " : "", place[i]);
  fputc(']', stderr);
}

static void print_found(const struct cli *cli, const tfm_weight *tensor,
                        const tfm_weight_scan *scan) {
  fprintf(stderr, "%s: %serror:%s tensor `", cli->program, cli->colour ? "\033[1;31m" : "",
          cli->colour ? "\033[0m" : "");
  cli_escaped(stderr, tensor->name);
  fprintf(stderr, "` has %" PRIu64 " NaN and %" PRIu64 " Inf in %" PRIu64 " values, the first at ",
          scan->nan, scan->infinite, tensor->elements);
  print_place(tensor, scan->first);
  fputs("\n  file: ", stderr);
  cli_escaped(stderr, tensor->file);
  fputc('\n', stderr);
}

int check_tensors(const struct cli *cli, const tfm_weights *weights, tfm_error *error) {
  tfm_weights_info info = {.struct_size = sizeof info};
  uint64_t seen = 0;
  size_t bad = 0;
  tfm_weights_describe(weights, &info);
  for (size_t i = 0; i < info.tensor_count; i++) {
    const tfm_weight *tensor = &info.tensor[i];
    tfm_weight_scan scan;
    if (tensor->alias)
      continue;
    cli_progress(cli, "tensor %zu of %zu, %.0f %%", i + 1, info.tensor_count,
                 info.bytes ? 100.0 * (double)seen / (double)info.bytes : 100.0);
    if (tfm_weights_scan(weights, i, &scan, error) != 0)
      return cli_fail(cli, error);
    seen += tensor->bytes;
    if (scan.nan + scan.infinite == 0)
      continue;
    cli_clear(cli);
    if (bad++ < NAMED_MAX)
      print_found(cli, tensor, &scan);
  }
  cli_clear(cli);
  if (bad > NAMED_MAX)
    fprintf(stderr, "%s: and %zu tensors more\n", cli->program, bad - NAMED_MAX);
  return bad ? TFM_CODE_CHECKPOINT : 0;
}
