"""Trains the two vocabularies and writes them as tokenizer.json.

Both are BPE over words that carry the space before them (▁), so that a particle
after [MASK] is the same piece as after any noun.  BERT's has [UNK] for rare
characters; GPT's falls back to bytes, so that it can write any text.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

VOCABULARY = 8000
ALPHABET = 2200
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
GPT_SPECIAL = ["<pad>", "<s>", "</s>", "<user>", "<bot>"]


def train(model, special, texts, space):
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=space),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=special,
            limit_alphabet=ALPHABET,
            max_token_length=8,
            show_progress=False,
        ),
    )
    return tokenizer


def for_bert(texts, path):
    tokenizer = train(models.BPE(unk_token="[UNK]", fuse_unk=True), BERT_SPECIAL, texts, "first")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="first")
    ids = [(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    # A blank takes the space before it: "나는 [MASK]를" is ▁나는 [MASK] 를.
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, normalized=False, special=True)])
    tokenizer.save(str(Path(path)), pretty=False)
    return tokenizer


def for_gpt(texts, path):
    byte_pieces = [f"<0x{b:02X}>" for b in range(256)]
    tokenizer = train(models.BPE(byte_fallback=True), GPT_SPECIAL + byte_pieces, texts, "always")
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    # The byte pieces belong to the model: only the special five are looked for in a text.
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] in GPT_SPECIAL]
    tokenizer = Tokenizer.from_str(json.dumps(data, ensure_ascii=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    tokenizer.save(str(Path(path)), pretty=False)
    return tokenizer
