/* Where tokens say that they come from: always bytes of the text, whatever the
 * vocabulary puts around them. */
#include "tests/unit/tokenizer_dir.h"
#include "tests/unit/unit.h"

/* BPE that spells what it does not know in bytes. */
#define BYTES(affix, merges)                                                                       \
  "{\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"model\": {\"type\": \"BPE\", "           \
  "\"byte_fallback\": true, " affix                                                                \
  ", \"vocab\": {\"a\": 0, \"##b\": 1, \"b</w>\": 2, \"<0x23>\": 3, \"<0x5D>\": 4, "               \
  "\"<0x3C>\": 5, \"<0x2F>\": 6, \"<0x77>\": 7, \"<0x3E>\": 8, \"<0xEA>\": 9, \"<0xB0>\": 10, "    \
  "\"<0x80>\": 11, \"<0x23>x23>\": 12, \"<0x23>x23>x5D>\": 13}, \"merges\": [" merges "]}}"
#define PREFIX "\"continuing_subword_prefix\": \"##\""
#define SUFFIX "\"end_of_word_suffix\": \"</w>\""

/* "id:begin-end ..." of each token. */
static void places_are(const char *json, const char *text, const char *wanted) {
  struct tokenizer *tokenizer = dir_must_open(json);
  struct tfm_error err = {0};
  struct encoding encoding;
  struct buffer shown;
  buffer_init(&shown);
  for (int again = 0; again < 2; again++) { /* the second time from the cache of words */
    buffer_clear(&shown);
    ck_assert_msg(tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, 0, &encoding, &err) == 0,
                  "%s", err.message);
    for (size_t i = 0; i < encoding.count; i++) {
      buffer_printf(&shown, "%s%d:%zu-%zu", i > 0 ? " " : "", encoding.ids[i], encoding.begin[i],
                    encoding.end[i]);
    }
    ck_assert_str_eq(buffer_text(&shown), wanted);
    encoding_finish(&encoding);
  }
  buffer_finish(&shown);
  tokenizer_destroy(tokenizer);
}

/* What spells a prefix or a suffix has the place of the character that it is put to:
 * the reference's places go on beyond the word here, and beyond the text. */
START_TEST(test_affixes_in_bytes) {
  places_are(BYTES(PREFIX, ""), "]]", "4:0-1 3:1-2 3:1-2 4:1-2");
  places_are(BYTES(PREFIX, ""), "a ]\xea\xb0\x80 ab",
             "0:0-1 4:2-3 3:3-6 3:3-6 9:3-6 10:3-6 11:3-6 0:7-8 1:8-9");
  places_are(BYTES(SUFFIX, ""), "]", "4:0-1 5:0-1 6:0-1 7:0-1 8:0-1");
  places_are(BYTES(SUFFIX, ""), "ab ]", "0:0-1 2:1-2 4:3-4 5:3-4 6:3-4 7:3-4 8:3-4");
  places_are(BYTES(PREFIX ", " SUFFIX, ""), "]]",
             "4:0-1 3:1-2 3:1-2 4:1-2 5:1-2 6:1-2 7:1-2 8:1-2");
}
END_TEST

/* The same where the bytes are merged, in a short word and in one of many symbols. */
START_TEST(test_affixes_merged) {
  const char *json = BYTES(PREFIX, "\"<0x23> <0x23>\", \"<0x23>x23> <0x5D>\"");
  places_are(json, "]]", "4:0-1 13:1-2");
  places_are(json, "]\xea\xb0\x80", "4:0-1 12:1-4 9:1-4 10:1-4 11:1-4");
  places_are(json, "]]]]]]]]]]",
             "4:0-1 13:1-2 13:2-3 13:3-4 13:4-5 13:5-6 13:6-7 13:7-8 13:8-9 13:9-10");
}
END_TEST

/* Unknown characters side by side are one token of all of them; a token's blank is not its
 * place. */
START_TEST(test_fused_and_trimmed) {
  places_are("{\"model\": {\"type\": \"BPE\", \"unk_token\": \"u\", \"fuse_unk\": true, "
             "\"vocab\": {\"u\": 0, \"a\": 1}, \"merges\": []}}",
             "axyza", "1:0-1 0:1-4 1:4-5");
  places_are("{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, "
             "\"post_processor\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
             "\"trim_offsets\": true}, \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, "
             "\"\\u0120a\": 1, \"\\u0120\": 2}, \"merges\": [\"\\u0120 a\"]}}",
             "a a", "0:0-1 1:2-3");
}
END_TEST

/* A word that is remembered is where it stands now; a token that is a whole word is none inside
 * of one. */
START_TEST(test_words) {
  places_are("{\"model\": {\"type\": \"BPE\", \"unk_token\": \"u\", \"vocab\": {\"\\u2581\": 0, "
             "\"a\": 1, \"u\": 2}, \"merges\": []}}",
             "\xe2\x96\x81"
             "a\xe2\x96\x81"
             "a",
             "0:0-3 1:3-4 0:4-7 1:7-8");
  places_are(
      "{\"added_tokens\": [{\"id\": 3, \"content\": \"ab\", \"single_word\": true}], \"model\": "
      "{\"type\": \"BPE\", \"unk_token\": \"u\", \"vocab\": {\"u\": 0, \"a\": 1, \"b\": 2, "
      "\"ab\": 3}, \"merges\": []}}",
      "abb ab bab", "1:0-1 2:1-2 2:2-3 0:3-4 3:4-6 0:6-7 2:7-8 1:8-9 2:9-10");
}
END_TEST

/* The ids of a text and a pair under the file's limits, as digits. */
static void limited_are(const char *limits, const char *text, const char *pair,
                        const char *wanted) {
  char json[1024], ids[64] = "";
  struct tfm_error err = {0};
  struct encoding encoding;
  snprintf(json, sizeof json,
           "{\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, %s, \"model\": {\"type\": "
           "\"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"u\": 0, \"a\": 1, \"b\": 2, \"p\": "
           "9}}}",
           limits);
  struct tokenizer *tokenizer = dir_must_open(json);
  const struct encode_request request = {.text = text,
                                         .length = strlen(text),
                                         .pair = pair,
                                         .pair_length = pair ? strlen(pair) : 0,
                                         .flags = ENCODE_LIMITS};
  ck_assert_msg(tokenizer_encode_request(tokenizer, &request, &encoding, &err) == 0, "%s",
                err.message);
  for (size_t i = 0; i < encoding.count; i++)
    snprintf(ids + i, sizeof ids - i, "%d", encoding.ids[i]);
  ck_assert_str_eq(ids, wanted);
  encoding_finish(&encoding);
  tokenizer_destroy(tokenizer);
}

/* Of an odd number of tokens for two texts the second has one more; padding goes up to the
 * next multiple. */
START_TEST(test_limits) {
  static const char cut[] = "\"truncation\": {\"direction\": \"Right\", \"max_length\": 5, "
                            "\"strategy\": \"LongestFirst\", \"stride\": 0}";
  static const char pad[] =
      "\"padding\": {\"strategy\": \"BatchLongest\", \"direction\": \"Right\", "
      "\"pad_to_multiple_of\": 4, \"pad_id\": 9, \"pad_type_id\": 0, "
      "\"pad_token\": \"p\"}";
  limited_are(cut, "a a a a", "b b b b", "11222");
  limited_are(cut, "a a a a", "b", "11112");
  limited_are(pad, "a a a a a", NULL, "11111999");
  limited_are(pad, "a a a a", NULL, "1111");
}
END_TEST

UNIT_MAIN("tokenizer_places", test_affixes_in_bytes, test_affixes_merged, test_fused_and_trimmed,
          test_words, test_limits)
