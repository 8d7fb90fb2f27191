/* vocab_json.c - a vocabulary and its merges: GPT-2, or RoBERTa if the configuration
 * says so.  Byte level, BPE. */
#include "tokenizer/legacy.h"

#include "base/file.h"
#include "tokenizer/merges_text.h"

#include <string.h>

static int read_merges(struct legacy *legacy, const char *path, json_t **out) {
  struct file_bytes bytes;
  *out = NULL;
  if (file_read(path, READER_FILE_LIMIT, TFM_ERROR_TOKENIZER, &bytes, legacy->err) != 0)
    return -1;
  json_t *merges = json_array();
  int status = merges == NULL ? error_oom(legacy->err) : 0;
  struct merges_text text = {0};
  struct slice merge;
  merges_text_init(&text, bytes.data, bytes.size);
  while (status == 0 && merges_text_next(&text, &merge))
    if (json_array_append_new(merges, json_stringn(merge.text, merge.length)) != 0)
      status = error_set(legacy->err, TFM_ERROR_TOKENIZER, "%s:%zu: not UTF-8", path, text.line);
  file_bytes_finish(&bytes);
  if (status == 0)
    *out = merges;
  else
    json_decref(merges);
  return status;
}

static const struct legacy_role gpt2_roles[] = {{"bos_token", "<|endoftext|>", false},
                                                {"eos_token", "<|endoftext|>", false},
                                                {"unk_token", "<|endoftext|>", false},
                                                {"sep_token", NULL, false},
                                                {"pad_token", NULL, false},
                                                {"cls_token", NULL, false},
                                                {"mask_token", NULL, false}};
static const struct legacy_role roberta_roles[] = {
    {"bos_token", "<s>", false},   {"eos_token", "</s>", false},  {"unk_token", "<unk>", false},
    {"sep_token", "</s>", false},  {"pad_token", "<pad>", false}, {"cls_token", "<s>", false},
    {"mask_token", "<mask>", true}};
enum { ROLES = sizeof gpt2_roles / sizeof gpt2_roles[0] };

/* What add_bos_token and add_eos_token ask for around each text; NULL = nothing. */
static json_t *gpt2_ends(const struct legacy *legacy) {
  const char *bos = legacy_spelling(legacy, "bos_token", "<|endoftext|>");
  const char *eos = legacy_spelling(legacy, "eos_token", "<|endoftext|>");
  struct legacy_part single[4] = {{0}}, pair[7] = {{0}};
  size_t n = 0;
  for (int type = 0; type < 2; type++) {
    if (bos != NULL && legacy_flag(legacy, "add_bos_token", false))
      pair[n++] = (struct legacy_part){bos, NULL, type};
    pair[n++] = (struct legacy_part){NULL, type == 0 ? "A" : "B", type};
    if (eos != NULL && legacy_flag(legacy, "add_eos_token", false))
      pair[n++] = (struct legacy_part){eos, NULL, type};
    if (type == 0)
      memcpy(single, pair, n * sizeof *pair);
  }
  return n == 2 ? NULL : legacy_template(legacy, single, pair);
}

/* RoBERTa: <s> $A </s></s> $B </s>.  GPT-2: nothing, or what it is told to. */
static json_t *post_processor(const struct legacy *legacy, bool roberta) {
  int prefix = legacy_flag(legacy, "add_prefix_space", false) ? 1 : 0;
  const char *cls = legacy_spelling(legacy, "cls_token", "<s>");
  const char *sep = legacy_spelling(legacy, "sep_token", "</s>");
  if (roberta && cls != NULL && sep != NULL)
    return json_pack("{s:s, s:[s,I], s:[s,I], s:b, s:b}", "type", "RobertaProcessing", "sep", sep,
                     legacy_id(legacy, sep), "cls", cls, legacy_id(legacy, cls), "trim_offsets",
                     legacy_flag(legacy, "trim_offsets", true) ? 1 : 0, "add_prefix_space", prefix);
  json_t *ends = roberta ? NULL : gpt2_ends(legacy);
  if (ends != NULL)
    return ends;
  return json_pack("{s:s, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", prefix,
                   "trim_offsets", 0);
}

int vocab_json_read(struct legacy *legacy, const char *path, const char *merges_path,
                    json_t **out) {
  static const enum legacy_family allowed[] = {LEGACY_GPT2, LEGACY_ROBERTA, LEGACY_NONE};
  enum legacy_family family;
  json_t *merges;
  if (legacy_family(legacy, path, LEGACY_GPT2, allowed, &family) != 0 ||
      json_read(path, READER_FILE_LIMIT, READER_DEPTH_LIMIT, TFM_ERROR_TOKENIZER, &legacy->vocab,
                legacy->err) != 0)
    return -1;
  bool roberta = family == LEGACY_ROBERTA;
  if (legacy_add_tokens(legacy, roberta ? roberta_roles : gpt2_roles, ROLES) != 0 ||
      read_merges(legacy, merges_path, &merges) != 0)
    return -1;
  *out = json_pack("{s:O, s:{s:s, s:b, s:b}, s:o, s:{s:s, s:b, s:b}, s:{s:s, s:O, s:o}}",
                   "added_tokens", legacy->added, /* */
                   "pre_tokenizer", "type", "ByteLevel", "add_prefix_space",
                   legacy_flag(legacy, "add_prefix_space", false) ? 1 : 0, "trim_offsets", 1, /* */
                   "post_processor", post_processor(legacy, roberta),                         /* */
                   "decoder", "type", "ByteLevel", "add_prefix_space", 1, "trim_offsets", 1,
                   "model", "type", "BPE", "vocab", legacy->vocab, "merges", merges);
  return *out == NULL ? error_oom(legacy->err) : 0;
}
