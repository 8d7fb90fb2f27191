/* SentencePiece models, written here field by field: both kinds, their flags, the
 * pieces' types; what is refused; and a model cut short or changed anywhere, which is
 * an error or a tokenizer, never more. */
#include "base/buffer.h"
#include "base/json.h"
#include "tests/unit/tokenizer_dir.h"
#include "tests/unit/unit.h"
#include "tokenizer/protobuf.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

/* ---- writing protobuf ---- */

static void put_varint(struct buffer *out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    buffer_putc(out, (char)(value | 0x80));
  buffer_putc(out, (char)value);
}

static void put_number(struct buffer *out, unsigned field, uint64_t value) {
  put_varint(out, field << 3);
  put_varint(out, value);
}

static void put_bytes(struct buffer *out, unsigned field, const void *bytes, size_t length) {
  put_varint(out, field << 3 | 2);
  put_varint(out, length);
  buffer_append(out, bytes, length);
}

static void put_float(struct buffer *out, unsigned field, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  put_varint(out, field << 3 | 5);
  for (unsigned i = 0; i < 4; i++)
    buffer_putc(out, (char)(bits >> (8 * i)));
}

static void put_message(struct buffer *out, unsigned field, struct buffer *message) {
  put_bytes(out, field, message->data, message->length);
  buffer_finish(message);
}

static void put_piece(struct buffer *out, const char *text, float score, unsigned type) {
  struct buffer piece;
  buffer_init(&piece);
  put_bytes(&piece, 1, text, strlen(text));
  put_float(&piece, 2, score);
  if (type != 1)
    put_number(&piece, 3, type);
  put_message(out, 1, &piece);
}

struct shape {
  unsigned kind; /* 1 unigram, 2 BPE */
  bool bytes, prefix, squeeze, escape;
};

static void put_specs(struct buffer *out, struct shape shape) {
  struct buffer trainer, normalizer;
  buffer_init(&trainer);
  put_bytes(&trainer, 1, "corpus.txt", 10); /* passed over */
  put_number(&trainer, 3, shape.kind);
  put_number(&trainer, 35, shape.bytes);
  put_message(out, 2, &trainer);
  buffer_init(&normalizer);
  put_bytes(&normalizer, 1, "identity", 8);
  put_number(&normalizer, 3, shape.prefix);
  put_number(&normalizer, 4, shape.squeeze);
  put_number(&normalizer, 5, shape.escape);
  put_message(out, 3, &normalizer);
}

/* ids: <unk> 0, <s> 1, </s> 2, <x> 3, then a b c ▁ ab ▁a abc ▁ab ▁▁, then bytes */
static void put_model(struct buffer *out, struct shape shape) {
  static const char *const plain[] = {"a", "b", "c", "▁", "ab", "▁a", "abc", "▁ab", "▁▁"};
  buffer_init(out);
  put_piece(out, "<unk>", 0, 2);
  put_piece(out, "<s>", 0, 3);
  put_piece(out, "</s>", 0, 3);
  put_piece(out, "<x>", 0, 4);
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
    put_piece(out, plain[i], shape.kind == 2 ? -(float)i : -1 - (float)i / 16, 1);
  for (unsigned byte = 0; byte < 256 && shape.bytes; byte++) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", byte);
    put_piece(out, name, 0, 6);
  }
  put_specs(out, shape);
}

/* ---- opening ---- */

static struct tokenizer *open_model(const struct buffer *model, const char *config,
                                    struct tfm_error *err) {
  struct tokenizer_dir dir;
  struct tokenizer *tokenizer = NULL;
  dir_make(&dir);
  dir_write(&dir, "tokenizer.model", model->data, model->length);
  if (config != NULL)
    dir_write(&dir, "tokenizer_config.json", config, strlen(config));
  error_clear(err);
  int status = tokenizer_open(dir.path, &tokenizer, err);
  ck_assert_int_eq(status, tokenizer == NULL ? -1 : 0);
  dir_remove(&dir);
  return tokenizer;
}

static struct tokenizer *must_open(struct shape shape, const char *config) {
  struct tfm_error err = {0};
  struct buffer model;
  put_model(&model, shape);
  struct tokenizer *tokenizer = open_model(&model, config, &err);
  ck_assert_msg(tokenizer != NULL, "%s", err.message);
  buffer_finish(&model);
  return tokenizer;
}

/* The ids of a text, as "1 2 3", and the text again. */
static void check(const struct tokenizer *tokenizer, const char *text, const char *ids,
                  const char *back) {
  struct tfm_error err = {0};
  struct encoding encoding;
  struct buffer got;
  int status = tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, true, &encoding, &err);
  ck_assert_msg(status == 0, "%s", err.message);
  buffer_init(&got);
  for (size_t i = 0; i < encoding.count; i++)
    buffer_printf(&got, i > 0 ? " %d" : "%d", (int)encoding.ids[i]);
  ck_assert_msg(strcmp(buffer_text(&got), ids) == 0, "`%s`: %s, not %s", text, buffer_text(&got),
                ids);
  buffer_clear(&got);
  ck_assert_int_eq(tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &got, &err), 0);
  ck_assert_msg(strcmp(buffer_text(&got), back) == 0, "`%s`: back is `%s`", text,
                buffer_text(&got));
  buffer_finish(&got);
  encoding_finish(&encoding);
}

START_TEST(test_bpe) {
  struct tokenizer *llama = must_open((struct shape){2, true, true, false, true}, NULL);
  check(llama, "abc", "1 7 10", "abc");          /* ab is best, then abc before ▁ab */
  check(llama, "ab  ab", "1 11 7 11", "ab  ab"); /* ▁ab before ▁▁ */
  check(llama, "", "1", "");
  check(llama, "<x>a", "1 7 3 4", "<x>a"); /* a user-defined piece, in the text as a whole */
  check(llama, "é", "1 7 208 182", "é");   /* <0xC3> is 13 + 0xc3 */
  check(llama, "a</s>", "1 9 2", "a");
  tokenizer_destroy(llama);
}
END_TEST

START_TEST(test_unigram) {
  struct tokenizer *t5 = must_open((struct shape){1, false, true, true, true}, NULL);
  check(t5, "abc  a", "7 10 9 2", "abc a");
  check(t5, " ab", "11 2", "ab");
  check(t5, "é", "7 0 2", ""); /* the unknown piece is special */
  tokenizer_destroy(t5);
}
END_TEST

/* White space that is no space is text: only spaces are taken away or made one.  As
 * transformers has it for a file without a class (build_tokenizer_from_spm_proto). */
START_TEST(test_white_space) {
  struct tokenizer *bpe = must_open((struct shape){2, true, true, true, true}, NULL);
  check(bpe, "a\xc2\xa0", "1 9 207 173", "a\xc2\xa0");
  check(bpe, "\n", "1 7 23", "\n");
  check(bpe, " \t a  ", "1 7 22 9", "\t a");
  check(bpe, "a\r\nb", "1 9 26 23 5", "a\r\nb");
  check(bpe, "  ", "1", "");
  tokenizer_destroy(bpe);
  struct tokenizer *unigram = must_open((struct shape){1, false, true, true, true}, NULL);
  check(unigram, "a\xc2\xa0", "9 0 2", "a");
  check(unigram, "\n", "7 0 2", "");
  check(unigram, "a\tb", "9 0 5 2", "ab");
  tokenizer_destroy(unigram);
  unigram = must_open((struct shape){1, true, true, true, true}, NULL);
  check(unigram, "\n", "7 23 2", "\n");
  tokenizer_destroy(unigram);
  unigram = must_open((struct shape){1, false, true, true, true},
                      "{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 0}");
  check(unigram, "a\n", "9 2", "a"); /* T5's is cut at white space of all kinds */
  tokenizer_destroy(unigram);
}
END_TEST

START_TEST(test_flags) {
  struct tokenizer *t = must_open((struct shape){2, true, false, false, true}, NULL);
  check(t, "ab ab", "1 8 11", "ab ab");
  tokenizer_destroy(t);
  t = must_open((struct shape){2, true, true, true, true}, NULL);
  check(t, "  ab   ab ", "1 11 11", "ab ab");
  tokenizer_destroy(t);
  t = must_open((struct shape){1, true, false, true, true}, NULL);
  check(t, " ab  ab ", "8 11 2", "ab ab");
  tokenizer_destroy(t);
  t = must_open((struct shape){1, true, true, false, true}, NULL);
  check(t, "ab  a", "11 7 9 2", "ab  a");
  tokenizer_destroy(t);
  t = must_open((struct shape){2, true, false, false, false}, NULL);
  check(t, "a b", "1 4 45 5", "a b"); /* a space is a byte */
  tokenizer_destroy(t);
}
END_TEST

START_TEST(test_classes) {
  const struct shape bpe = {2, true, true, false, true}, unigram = {1, true, true, true, true};
  struct tfm_error err = {0};
  struct buffer model;
  struct tokenizer *t = must_open(bpe, "{\"tokenizer_class\": \"LlamaTokenizer\","
                                       " \"add_bos_token\": false, \"add_eos_token\": true}");
  check(t, "ab", "11 2", "ab");
  check(t, "<x>a", "3 9 2", "<x> a");
  ck_assert_int_eq(tokenizer_roles(t)->bos, 1);
  ck_assert_int_eq(tokenizer_roles(t)->eos, 2);
  tokenizer_destroy(t);
  t = must_open(bpe, "{\"tokenizer_class\": \"LlamaTokenizer\", \"legacy\": false}");
  check(t, "a<x>a b", "1 9 3 4 7 5", "a<x>a b");
  tokenizer_destroy(t);
  t = must_open(unigram, "{\"tokenizer_class\": \"T5TokenizerFast\", \"extra_ids\": 2}");
  check(t, "ab<extra_id_0>", "11 270 2", "ab");
  check(t, "é", "7 0 2", ""); /* T5 has no byte fallback, whatever the file says */
  ck_assert_int_eq(tokenizer_id(t, "<extra_id_1>"), 269);
  tokenizer_destroy(t);
  t = must_open(bpe, "{\"added_tokens_decoder\": {\"3\": {\"content\": \"<x>\", \"special\": true},"
                     " \"269\": {\"content\": \"<new>\", \"rstrip\": true}}}");
  check(t, "<new> a<x>", "1 269 9 3", "<new> a");
  tokenizer_destroy(t);
  put_model(&model, bpe);
  ck_assert_ptr_null(open_model(&model, "{\"tokenizer_class\": \"XLMRobertaTokenizer\"}", &err));
  ck_assert_msg(strstr(err.message, "XLMRobertaTokenizer") != NULL, "%s", err.message);
  buffer_finish(&model);
}
END_TEST

/* ---- refused ---- */

static void refused(struct buffer *model, const char *why) {
  struct tfm_error err = {0};
  ck_assert_ptr_null(open_model(model, NULL, &err));
  ck_assert_int_eq(err.code, TFM_ERROR_TOKENIZER);
  ck_assert_msg(strstr(err.message, "tokenizer.model: ") != NULL, "%s", err.message);
  ck_assert_msg(strstr(err.message, why) != NULL, "%s", err.message);
  buffer_finish(model);
}

static void refused_piece(const char *text, float score, unsigned type, const char *why) {
  struct buffer model;
  put_model(&model, (struct shape){1, false, true, true, true});
  put_piece(&model, text, score, type);
  refused(&model, why);
}

START_TEST(test_refused) {
  struct buffer model, trainer;
  static const char tiktoken[] = "IQ== 0\nIg== 1\n";
  char *large = malloc(5000);
  memset(large, 'x', 4999);
  large[4999] = '\0';
  refused_piece("a", 0, 1, "piece 13 is there twice");
  refused_piece("", 0, 1, "piece 13 is empty");
  refused_piece("\xff", 0, 1, "piece 13 is not UTF-8");
  refused_piece("z", 0, 7, "piece 13 is of a type that is not known");
  refused_piece("z", 0, 0, "of a type that is not known");
  refused_piece("z", NAN, 1, "piece 13 has a score that is no number");
  refused_piece("z", 0, 2, "there must be one piece of type unknown");
  refused_piece(large, 0, 1, "longer than 4096 bytes");
  free(large);
  put_model(&model, (struct shape){3, false, true, true, true});
  refused(&model, "word and char");
  put_model(&model, (struct shape){9, false, true, true, true});
  refused(&model, "model_type is not known");
  put_model(&model, (struct shape){1, false, true, true, true});
  buffer_init(&trainer);
  put_number(&trainer, 24, 1);
  put_message(&model, 2, &trainer);
  refused(&model, "treat_whitespace_as_suffix");
  buffer_init(&model);
  buffer_append(&model, tiktoken, sizeof tiktoken - 1);
  refused(&model, "not a SentencePiece model");
  buffer_init(&model);
  put_specs(&model, (struct shape){1, false, true, true, true});
  refused(&model, "it has no pieces");
}
END_TEST

/* ---- the wire ---- */

START_TEST(test_protobuf) {
  static const struct {
    const char *bytes;
    size_t length;
    int fields; /* -1: malformed */
  } rows[] = {
      {"", 0, 0},
      {"\x08\x01", 2, 1},
      {"\x08", 1, -1},
      {"\x08\x80", 2, -1},
      {"\x00\x01", 2, -1}, /* field 0 */
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 1},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, -1}, /* 65 bits */
      {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12, -1},
      {"\x0a\x02"
       "ab",
       4, 1},
      {"\x0a\x03"
       "ab",
       4, -1},
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
       "ab",
       13, -1},
      {"\x0d\0\0\0\0", 5, 1},
      {"\x0d\0\0\0", 4, -1},
      {"\x09\0\0\0\0\0\0\0\0", 9, 1},
      {"\x09\0\0\0\0\0\0\0", 8, -1},
      {"\x0b\x0c", 2, -1}, /* a group */
      {"\x0e", 1, -1},
      {"\xff\xff\xff\xff\x1f\x01", 6, -1}, /* wire 7 */
      {"\xf8\xff\xff\xff\x0f\x01", 6, 1},  /* the largest number */
      {"\xf8\xff\xff\xff\x1f\x01", 6, -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct protobuf walk = protobuf_walk(rows[i].bytes, rows[i].length);
    struct protobuf_field field;
    int count = 0, found;
    while ((found = protobuf_next(&walk, &field)) == 1)
      count++;
    ck_assert_msg((found < 0 ? -1 : count) == rows[i].fields, "row %zu: %d", i,
                  found < 0 ? -1 : count);
  }
}
END_TEST

/* Every prefix, and every byte turned over: an error that names the file, or a
 * tokenizer that works. */
static void survive(const struct buffer *model) {
  struct tfm_error err = {0};
  struct tokenizer *t = open_model(model, NULL, &err);
  struct encoding encoding;
  if (t == NULL) {
    ck_assert_msg(strstr(err.message, "tokenizer.model") != NULL, "%s", err.message);
    return;
  }
  if (tokenizer_encode(t, "ab <x>é", 8, NULL, 0, true, &encoding, &err) == 0)
    encoding_finish(&encoding);
  tokenizer_destroy(t);
}

START_TEST(test_damaged) {
  for (unsigned kind = 1; kind <= 2; kind++) {
    struct buffer model;
    put_model(&model, (struct shape){kind, false, true, true, true});
    size_t length = model.length;
    for (model.length = 0; model.length < length; model.length++)
      survive(&model);
    for (size_t i = 0; i < length; i++) {
      model.data[i] = (char)~model.data[i];
      survive(&model);
      model.data[i] = (char)~model.data[i];
    }
    buffer_finish(&model);
  }
}
END_TEST

UNIT_MAIN("sentencepiece", test_bpe, test_unigram, test_white_space, test_flags, test_classes,
          test_refused, test_protobuf, test_damaged)
