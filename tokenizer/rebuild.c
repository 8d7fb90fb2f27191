/* rebuild.c - the parts that a class makes anew; which class it is, rebuild_class.c says.
 *
 * The rules are those of transformers 5.24: AutoTokenizer.from_pretrained chooses
 * the class, the __init__ of BertTokenizer, GPT2Tokenizer and LlamaTokenizer say
 * what is built.  PreTrainedTokenizerFast and the like take the file as it is. */
#include "tokenizer/rebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run over a tokenizer. */
struct rebuild {
  json_t *tokenizer;    /* changed */
  json_t *config;       /* tokenizer_config.json, with the roles of special_tokens_map.json */
  json_t *older;        /* added_tokens.json, if it counts: {"token": id} */
  const char *class;    /* as it is named, or NULL */
  struct buffer *parts; /* names of what is built otherwise than the file has it */
  struct rebuilt *made;
  bool failed; /* out of memory */
};

static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

/* Does anything in the tree have "type": name? */
static bool has_type(const json_t *json, const char *name) {
  const char *type = text_of(json, "type"), *key;
  json_t *item;
  size_t i;
  if (type != NULL && strcmp(type, name) == 0)
    return true;
  json_object_foreach((json_t *)json, key, item) {
    if (has_type(item, name))
      return true;
  }
  json_array_foreach(json, i, item) {
    if (has_type(item, name))
      return true;
  }
  return false;
}

/* ---------------------------------------------------------------------- the parts */

static bool flag(const struct rebuild *r, const char *name, bool usual) {
  const json_t *value = json_object_get(r->config, name);
  return json_is_boolean(value) ? json_is_true(value) : usual;
}

/* Does what is said hold the same?  What the file leaves out is not looked at. */
static bool same(const json_t *file, const json_t *made) {
  const char *key;
  json_t *item;
  if (!json_is_object(file) || !json_is_object(made))
    return file == NULL ? json_is_null(made) : json_equal(file, made);
  json_object_foreach((json_t *)file, key, item) {
    const json_t *other = json_object_get(made, key);
    if (other != NULL && !json_equal(item, other))
      return false;
  }
  const char *a = text_of(file, "type"), *b = text_of(made, "type");
  return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void note_part(struct rebuild *r, const char *name) {
  buffer_printf(r->parts, "%s`%s`", r->parts->length ? ", " : "", name);
}

/* made is taken over; NULL: out of memory. */
static void set_part(struct rebuild *r, const char *name, json_t *made) {
  if (made == NULL) {
    r->failed = true;
    return;
  }
  if (!same(json_object_get(r->tokenizer, name), made))
    note_part(r, name);
  r->failed = json_object_set_new(r->tokenizer, name, made) != 0 || r->failed;
}

/* A field of the model, where it is not the usual one; value is taken over. */
static void set_field(struct rebuild *r, const char *name, json_t *value) {
  json_t *model = json_object_get(r->tokenizer, "model"), *old = json_object_get(model, name);
  if (value == NULL || json_equal(old, value)) {
    r->failed = r->failed || value == NULL;
    json_decref(value);
    return;
  }
  /* Absent, null and "" are one for affixes; absent and false for flags. */
  bool empty = old == NULL || json_is_null(old) || json_string_length(old) == 0;
  bool nothing = json_is_null(value) || json_is_false(value);
  if (!(nothing && (old == NULL || (empty && (json_is_null(old) || json_is_string(old))))))
    buffer_printf(r->parts, "%s`model.%s`", r->parts->length ? ", " : "", name);
  r->failed = json_object_set_new(model, name, value) != 0 || r->failed;
}

static void build_bert(struct rebuild *r) {
  const json_t *strip = json_object_get(r->config, "strip_accents");
  const json_t *unknown = json_object_get(r->config, "unk_token");
  if (json_is_object(unknown))
    unknown = json_object_get(unknown, "content");
  set_part(r, "normalizer",
           json_pack("{s:s, s:b, s:b, s:o, s:b}", "type", "BertNormalizer", "clean_text", 1,
                     "handle_chinese_chars", flag(r, "tokenize_chinese_chars", true),
                     "strip_accents", json_is_boolean(strip) ? json_deep_copy(strip) : json_null(),
                     "lowercase", flag(r, "do_lower_case", true)));
  set_part(r, "pre_tokenizer", json_pack("{s:s}", "type", "BertPreTokenizer"));
  set_part(r, "decoder",
           json_pack("{s:s, s:s, s:b}", "type", "WordPiece", "prefix", "##", "cleanup", 1));
  set_field(r, "unk_token",
            json_string(json_is_string(unknown) ? json_string_value(unknown) : "[UNK]"));
  set_field(r, "continuing_subword_prefix", json_string("##"));
  set_field(r, "max_input_chars_per_word", json_integer(100));
}

/* The flags of a BPE that both of the others make. */
static void build_bpe(struct rebuild *r, bool fallback) {
  set_field(r, "dropout", json_null());
  set_field(r, "unk_token", json_null());
  set_field(r, "continuing_subword_prefix", json_null());
  set_field(r, "end_of_word_suffix", json_null());
  set_field(r, "fuse_unk", json_boolean(fallback));
  set_field(r, "byte_fallback", json_boolean(fallback));
  set_field(r, "ignore_merges", json_false());
}

static void build_gpt2(struct rebuild *r) {
  bool prefix = flag(r, "add_prefix_space", false);
  set_part(r, "normalizer", json_null());
  set_part(r, "pre_tokenizer",
           json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", prefix,
                     "trim_offsets", 1, "use_regex", 1));
  set_part(r, "decoder",
           json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 1,
                     "trim_offsets", 1, "use_regex", 1));
  build_bpe(r, false);
}

static void build_llama(struct rebuild *r) {
  bool prefix = flag(r, "add_prefix_space", true), legacy = flag(r, "legacy", false);
  set_part(r, "normalizer", json_null());
  set_part(r, "pre_tokenizer",
           json_pack("{s:s, s:s, s:s, s:b}", "type", "Metaspace", "replacement", "\xe2\x96\x81",
                     "prepend_scheme",
                     !prefix  ? "never"
                     : legacy ? "always"
                              : "first",
                     "split", 0));
  json_t *steps =
      json_pack("[{s:s, s:{s:s}, s:s}, {s:s}, {s:s}]", "type", "Replace", "pattern", "String",
                "\xe2\x96\x81", "content", " ", "type", "ByteFallback", "type", "Fuse");
  if (prefix && steps != NULL &&
      json_array_append_new(steps, json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content",
                                             " ", "start", 1, "stop", 0)) != 0)
    r->failed = true;
  set_part(r, "decoder", json_pack("{s:s, s:o}", "type", "Sequence", "decoders", steps));
  build_bpe(r, true);
}

static void build_added(struct rebuild *r, bool anew) {
  const json_t *said = json_object_get(r->config, "added_tokens_decoder");
  const json_t *old = json_object_get(r->tokenizer, "added_tokens");
  if (!json_is_object(said) || json_object_size(said) == 0 || (old && !json_is_array(old)))
    return;
  json_t *made = rebuild_added(old, said, anew);
  if (made == NULL) {
    r->failed = true;
    return;
  }
  if (!json_equal(old, made))
    note_part(r, "added_tokens");
  r->failed = json_object_set_new(r->tokenizer, "added_tokens", made) != 0 || r->failed;
}

static bool has_text(const json_t *json, const char *text);

/* Tokens of added_tokens.json that tokenizer.json lists neither by text nor by id. */
static void add_older(struct rebuild *r, json_t *list) {
  json_t *said = json_object(), *id, *item;
  const char *token;
  size_t i;
  r->failed = said == NULL || r->failed;
  json_object_foreach(r->older, token, id) {
    bool listed = !json_is_integer(id);
    char key[24];
    json_array_foreach(list, i, item) {
      const char *text = text_of(item, "content");
      listed =
          listed || json_equal(json_object_get(item, "id"), id) || (text && !strcmp(text, token));
    }
    snprintf(key, sizeof key, "%lld", (long long)json_integer_value(id));
    if (!listed && json_object_set_new(said, key,
                                       json_pack("{s:s, s:b}", "content", token, "special",
                                                 has_text(r->config, token))) != 0)
      r->failed = true;
  }
  json_t *more = rebuild_added(NULL, said, true);
  r->failed = more == NULL || json_array_extend(list, more) != 0 || r->failed;
  if (json_array_size(more) > 0)
    note_part(r, "added_tokens");
  json_decref(more);
  json_decref(said);
}

static void add_roles(struct rebuild *r, enum rebuild_family family) {
  json_t *list = json_object_get(r->tokenizer, "added_tokens");
  if (list == NULL || json_is_null(list)) {
    list = json_array();
    r->failed = json_object_set_new(r->tokenizer, "added_tokens", list) != 0 || r->failed;
  }
  if (!r->failed && json_is_array(list) && json_object_size(r->older) > 0)
    add_older(r, list);
  r->made->listed = json_array_size(list);
  if (r->failed || !json_is_array(list))
    return;
  int said = rebuild_roles(list, r->config, rebuild_usual(family));
  r->failed = said < 0;
  if (said > 0)
    note_part(r, "added_tokens");
}

/* The roles of the older file go before, unless there is an added_tokens_decoder. */
static int add_map(struct rebuild *r, const char *directory, struct tfm_error *err) {
  json_t *map = NULL, *value;
  const char *role;
  if (json_object_get(r->config, "added_tokens_decoder") != NULL)
    return 0;
  if (reader_beside(directory, "special_tokens_map.json", &map, err) != 0)
    return -1;
  if (reader_beside(directory, "added_tokens.json", &r->older, err) != 0) {
    json_decref(map);
    return -1;
  }
  if (r->config == NULL)
    r->config = json_object();
  bool ok = r->config != NULL;
  json_object_foreach(map, role, value) {
    if (json_is_object(value) && json_object_get(value, "content") != NULL)
      ok = json_object_set_new(value, "special", json_true()) == 0 && ok;
    ok = json_object_set(r->config, role, value) == 0 && ok;
  }
  json_decref(map);
  return ok ? 0 : error_oom(err);
}

/* ------------------------------------------------------------------------ all of it */

static bool model_is(const struct rebuild *r, const char *type) {
  const char *name = text_of(json_object_get(r->tokenizer, "model"), "type");
  return name != NULL && strcmp(name, type) == 0;
}

/* Is the text anywhere in the tree, as a value or a key? */
static bool has_text(const json_t *json, const char *text) {
  const char *key;
  json_t *item;
  size_t i;
  if (json_is_string(json) && strcmp(json_string_value(json), text) == 0)
    return true;
  json_object_foreach((json_t *)json, key, item) {
    if (strcmp(key, text) == 0 || has_text(item, text))
      return true;
  }
  json_array_foreach(json, i, item) {
    if (has_text(item, text))
      return true;
  }
  return false;
}

/* BertTokenizer puts these around a text, whatever the file's post-processor does. */
static void build_ends(struct rebuild *r) {
  static const char *const ends[][2] = {{"cls_token", "[CLS]"}, {"sep_token", "[SEP]"}};
  const char *text[2];
  const json_t *old = json_object_get(r->tokenizer, "post_processor");
  bool same_ends = true;
  for (size_t i = 0; i < 2; i++) {
    const json_t *said = json_object_get(r->config, ends[i][0]);
    text[i] =
        said == NULL
            ? ends[i][1]
            : json_string_value(json_is_object(said) ? json_object_get(said, "content") : said);
    same_ends = text[i] != NULL && has_text(old, text[i]) && same_ends;
    text[i] = text[i] ? text[i] : "None";
  }
  if (!same_ends)
    note_part(r, "post_processor");
  /* 2 and 3: what the reference takes where there is no such token. */
  json_t *made = json_pack("{s:s, s:[s, i], s:[s, i]}", "type", "BertProcessing", "cls", text[0], 2,
                           "sep", text[1], 3);
  r->failed = json_object_set_new(r->tokenizer, "post_processor", made) != 0 || r->failed;
  r->made->ends = true;
}

static void build(struct rebuild *r, enum rebuild_family family) {
  bool bytes = has_type(json_object_get(r->tokenizer, "pre_tokenizer"), "ByteLevel");
  bool anew = true;
  if (family == FAMILY_BERT && model_is(r, "WordPiece")) {
    build_bert(r);
    build_ends(r);
  } else if (family == FAMILY_GPT2 && model_is(r, "BPE"))
    build_gpt2(r);
  else if (family == FAMILY_LLAMA && model_is(r, "BPE") && !bytes)
    build_llama(r);
  else
    anew = false;
  build_added(r, anew);
  add_roles(r, anew || family == FAMILY_OTHER ? family : FAMILY_FILE);
}

/* A class whose rules are not known here: name what it would follow and the file denies. */
static void warn_other(struct rebuild *r, struct buffer *notice) {
  static const struct {
    const char *key, *field;
  } pairs[] = {{"do_lower_case", "lowercase"},
               {"strip_accents", "strip_accents"},
               {"tokenize_chinese_chars", "handle_chinese_chars"},
               {"add_prefix_space", "add_prefix_space"}};
  const json_t *normalizer = json_object_get(r->tokenizer, "normalizer");
  const json_t *cutter = json_object_get(r->tokenizer, "pre_tokenizer");
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    const json_t *said = json_object_get(r->config, pairs[i].key);
    const json_t *has = json_object_get(i < 3 ? normalizer : cutter, pairs[i].field);
    if (json_is_boolean(said) && json_is_boolean(has) && !json_equal(said, has))
      buffer_printf(notice, "%stokenizer_config.json (%s) has %s %s, tokenizer.json has %s %s",
                    notice->length ? "; " : "", r->class, pairs[i].key,
                    json_is_true(said) ? "true" : "false", pairs[i].field,
                    json_is_true(has) ? "true" : "false");
  }
  if (notice->length)
    buffer_puts(notice, ": the latter is followed");
}

int rebuild_apply(const char *directory, json_t *tokenizer, struct rebuilt *rebuilt,
                  struct buffer *notice, struct tfm_error *err) {
  struct buffer parts;
  json_t *model = NULL;
  struct rebuild r = {.tokenizer = tokenizer, .parts = &parts, .made = rebuilt};
  buffer_init(&parts);
  int status = reader_beside(directory, "tokenizer_config.json", &r.config, err);
  if (status == 0)
    status = add_map(&r, directory, err);
  if (status == 0)
    status = reader_beside(directory, "config.json", &model, err);
  if (status == 0 && json_is_object(tokenizer)) {
    enum rebuild_family family = rebuild_family(r.config, model, &r.class);
    build(&r, family);
    if (family == FAMILY_OTHER)
      warn_other(&r, notice);
    if (parts.length)
      buffer_printf(
          notice, "%stokenizer_config.json (%s) goes before tokenizer.json, which differs in %s",
          notice->length ? "; " : "", r.class ? r.class : "no class", buffer_text(&parts));
    if (r.failed || parts.failed)
      status = error_oom(err);
  }
  buffer_finish(&parts);
  json_decref(r.config);
  json_decref(r.older);
  json_decref(model);
  return status;
}
