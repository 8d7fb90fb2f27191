"""Tokenizers with unusual settings, trained here: each normalizer, pre-tokenizer,
model option, post-processor and decoder of the reference at least once.  What is
covered is read from the files that they are saved as, see covered()."""

import os

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders as D
from tokenizers import models as M
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P
from tokenizers import processors as PP
from tokenizers import trainers as TR

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]


def bpe(unk="<unk>", **options):
    both = {k: options.pop(k) for k in ("continuing_subword_prefix", "end_of_word_suffix")
            if k in options}
    return (M.BPE(unk_token=unk, **both, **options),
            TR.BpeTrainer(vocab_size=700, special_tokens=SPECIAL, show_progress=False,
                          limit_alphabet=300, **both))


def wordpiece(**options):
    prefix = {k: v for k, v in options.items() if k == "continuing_subword_prefix"}
    return (M.WordPiece(unk_token="<unk>", **options),
            TR.WordPieceTrainer(vocab_size=700, special_tokens=SPECIAL[:3], limit_alphabet=300,
                                show_progress=False, **prefix))


def unigram():
    return (M.Unigram(),
            TR.UnigramTrainer(vocab_size=9000, unk_token="<unk>", special_tokens=SPECIAL[:3],
                              show_progress=False))


def wordlevel():
    return (M.WordLevel(unk_token="<unk>"),
            TR.WordLevelTrainer(vocab_size=1500, special_tokens=SPECIAL[:2], show_progress=False))


# Every flag of an added token, and tokens that begin and end in blanks.
ADDED = [
    AddedToken("[X]", single_word=True),
    AddedToken("Hello", lstrip=True, normalized=True),
    AddedToken("éa", rstrip=True, normalized=True),
    AddedToken("<q>", lstrip=True, rstrip=True, special=True),
    AddedToken("ab  ", normalized=False),
    AddedToken("한국", single_word=True, normalized=True),
]

# The patterns of Llama 3, of o200k (GPT-4o) and of BLOOM.
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
         r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"

TEMPLATE = PP.TemplateProcessing(
    single="<s> $A </s>", pair="<s>:2 $B:3 </s> $A </s>:1",
    special_tokens=[("<s>", 1), ("</s>", 2)])


def recipes():
    """name: (model and trainer, normalizer, pre-tokenizer, post-processor, decoder)"""
    plain = dict(add_prefix_space=False, use_regex=False)
    return {
        # byte level
        "byte-level, trimmed": (bpe(), None, P.ByteLevel(add_prefix_space=True),
                                PP.ByteLevel(trim_offsets=True), D.ByteLevel()),
        "trimmed, then template": (
            bpe(), None, P.ByteLevel(add_prefix_space=False),
            PP.Sequence([PP.ByteLevel(trim_offsets=True, add_prefix_space=False), TEMPLATE]),
            D.ByteLevel()),
        "template, then trimmed": (
            bpe(), None, P.ByteLevel(add_prefix_space=True),
            PP.Sequence([TEMPLATE, PP.ByteLevel(trim_offsets=True)]), D.ByteLevel()),
        "RoBERTa and NFKC": (bpe(), N.NFKC(), P.ByteLevel(add_prefix_space=True),
                             PP.RobertaProcessing(("</s>", 2), ("<s>", 1)), D.ByteLevel()),
        "Llama 3": (bpe(ignore_merges=True), None,
                    P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(**plain)]),
                    PP.ByteLevel(trim_offsets=False), D.ByteLevel()),
        "o200k": (bpe(), N.NFC(),
                  P.Sequence([P.Split(Regex(O200K), "removed", invert=True),
                              P.ByteLevel(**plain)]), None, D.ByteLevel()),
        "BLOOM": (bpe(), None,
                  P.Sequence([P.Split(Regex(BLOOM), "isolated"), P.ByteLevel(**plain)]), None,
                  D.ByteLevel()),
        "DeepSeek": (bpe(), N.Sequence([]),
                     P.Sequence([P.Split(Regex(r"[\r\n]"), "isolated"),
                                 P.Split(Regex(r"\s?\p{L}+"), "isolated"),
                                 P.Split(Regex(r"\s?\p{P}+"), "isolated"),
                                 P.Split(Regex("[一-龥ࠀ-一가-퟿]+"), "isolated"),
                                 P.Digits(True), P.ByteLevel(**plain)]), None, D.ByteLevel()),
        "byte-level normalizer": (bpe(), N.Sequence([N.NFD(), N.ByteLevel()]), None, None,
                                  D.ByteLevel()),
        # SentencePiece's BPE
        "Llama": (bpe(byte_fallback=True, fuse_unk=True),
                  N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, TEMPLATE,
                  D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(),
                              D.Strip(" ", 1, 0)])),
        "Gemma": (bpe(byte_fallback=True, fuse_unk=False), N.Replace(" ", "▁"),
                  P.Split(" ", "merged_with_previous"), TEMPLATE,
                  D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()])),
        "Metaspace, first": (bpe(), None, P.Metaspace(prepend_scheme="first"), TEMPLATE,
                             D.Metaspace(prepend_scheme="first")),
        "Metaspace, never": (bpe(fuse_unk=True), N.NFKD(),
                             P.Metaspace(replacement="_", prepend_scheme="never", split=False),
                             PP.BertProcessing(("</s>", 2), ("<s>", 1)),
                             D.Metaspace(replacement="_", prepend_scheme="never")),
        # other BPE
        "BPE prefix and suffix": (
            bpe(continuing_subword_prefix="##", end_of_word_suffix="</w>"), N.Lowercase(),
            P.Whitespace(), None, D.BPEDecoder()),
        "BPE suffix, bytes": (bpe(end_of_word_suffix="</w>", byte_fallback=True),
                              N.BertNormalizer(), P.BertPreTokenizer(), None,
                              D.BPEDecoder("</w>")),
        "BPE without unknown": (bpe(unk=None), None, P.Whitespace(), None, None),
        "BPE, scripts": (bpe(), N.NFKC(), P.Sequence([P.UnicodeScripts(), P.WhitespaceSplit()]),
                         TEMPLATE, D.CTC(pad_token="<pad>", word_delimiter_token="a")),
        # WordPiece
        "BERT": (wordpiece(), N.BertNormalizer(lowercase=True), P.BertPreTokenizer(), TEMPLATE,
                 D.WordPiece("##")),
        "WordPiece, short words": (
            wordpiece(max_input_chars_per_word=7),
            N.BertNormalizer(lowercase=False, strip_accents=True, clean_text=False),
            P.Sequence([P.WhitespaceSplit(), P.Punctuation("contiguous")]),
            PP.BertProcessing(("</s>", 2), ("<s>", 1)), D.WordPiece("##", cleanup=False)),
        "WordPiece, accents": (
            wordpiece(),
            N.Sequence([N.BertNormalizer(lowercase=True, strip_accents=False,
                                         handle_chinese_chars=False), N.StripAccents()]),
            P.Sequence([P.Whitespace(), P.Digits(False)]), None, D.WordPiece("##")),
        "WordPiece, @@": (wordpiece(continuing_subword_prefix="@@"), N.NFC(),
                          P.WhitespaceSplit(), None, D.WordPiece("@@")),
        # Unigram
        "Unigram": (unigram(),
                    N.Sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(" {2,}"), " ")]),
                    P.Metaspace(), TEMPLATE, D.Metaspace()),
        "Unigram, words": (unigram(), N.Strip(), P.WhitespaceSplit(), None, None),
        # WordLevel, and what is left
        "words": (wordlevel(),
                  N.Sequence([N.Strip(left=True, right=False), N.NFD(), N.StripAccents(),
                              N.Lowercase()]), P.Whitespace(), TEMPLATE, None),
        "punctuation with next": (
            wordlevel(), N.NFKD(),
            P.Sequence([P.Punctuation("merged_with_next"), P.CharDelimiterSplit(" ")]), None,
            D.Fuse()),
        "punctuation with previous": (
            wordlevel(), N.Strip(left=False, right=True),
            P.Sequence([P.Punctuation("merged_with_previous"),
                        P.Split("a", "merged_with_next"),
                        P.Split(Regex(r"\s"), "contiguous")]), None,
            D.Sequence([D.Fuse(), D.Replace("a", "bb"), D.Strip("b", 2, 0)])),
        "patterns": (wordlevel(), N.Replace(Regex(r"\w\b"), "Q"),
                     P.Split(Regex(r"(?<=[\w])(?=\W)|\d|\h{2}|\p{Han}|\p{Hiragana}"), "isolated"),
                     None,
                     D.Sequence([D.Replace(Regex("[aeiou]"), ""), D.Strip("t", 1, 1)])),
        "empty matches": (wordlevel(),
                          N.Sequence([N.Replace(Regex(r"^\s+|\s+$"), ""),
                                      N.Replace(Regex(r"x*"), "-")]),
                          P.Split(Regex(r"[^\S\n]+|\.{2,3}"), "removed"), None, None),
        "fixed length": (wordlevel(), None, P.Sequence([P.Digits(False), P.FixedLength(4)]), None,
                         D.WordPiece("e", True)),
    }


def _precompiled(shared):
    """T5's map, which the reference cannot make; None where its file is not there."""
    import json
    path = os.path.join(shared, "data/tokenizers/t5-small/tokenizer.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf8") as file:
        normalizer = json.load(file)["normalizer"]
    found = [n for n in normalizer.get("normalizers", [normalizer]) if n["type"] == "Precompiled"]
    t = Tokenizer(M.BPE())
    whole = json.loads(t.to_str())
    whole["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFD"}, found[0]]}
    return Tokenizer.from_str(json.dumps(whole)).normalizer


def train(folder, lines, shared, only=None):
    """Train each and save it; yields (name, its directory)."""
    wanted = recipes()
    precompiled = _precompiled(shared)
    if precompiled is not None:
        wanted["precompiled map"] = (bpe(), precompiled, P.Whitespace(), None, None)
    for name, (model, normalizer, pre_tokenizer, processor, decoder) in wanted.items():
        if only and not any(o in name for o in only):
            continue
        t = Tokenizer(model[0])
        for part, value in (("normalizer", normalizer), ("pre_tokenizer", pre_tokenizer),
                            ("post_processor", processor), ("decoder", decoder)):
            if value is not None:
                setattr(t, part, value)
        t.train_from_iterator(lines, model[1])
        t.add_tokens(ADDED)
        directory = os.path.join(folder, name.replace(" ", "-").replace(",", ""))
        os.makedirs(directory)
        t.save(os.path.join(directory, "tokenizer.json"))
        yield name, directory


def covered(value, into):
    """Note the type of each component in a tokenizer.json."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            into.add(value["type"])
        for key, inner in value.items():
            if key not in ("vocab", "merges", "added_tokens"):
                covered(inner, into)
    elif isinstance(value, list):
        for inner in value:
            covered(inner, into)
