"""The published tokenizers, on both sides.  Older directories have no file that the
reference reads, so it is put together here as transformers puts it together."""

import json
import os

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors


def _file(directory):
    return Tokenizer.from_file(os.path.join(directory, "tokenizer.json"))


def _bert(directory):
    with open(os.path.join(directory, "vocab.txt"), encoding="utf8", newline="\n") as file:
        vocab = {line.rstrip("\n"): i for i, line in enumerate(file)}
    t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])])
    t.add_special_tokens(["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"])
    return t


def _gpt2(directory):
    with open(os.path.join(directory, "vocab.bpe"), encoding="utf8") as file:
        merges = [tuple(line.split(" ")) for line in file.read().split("\n")[1:-1]]
    with open(os.path.join(directory, "encoder.json"), encoding="utf8") as file:
        t = Tokenizer(models.BPE(json.load(file), merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens(["<|endoftext|>"])
    return t


# name in the table, folder, reference
FAMILIES = [
    ("BERT uncased", "bert-uncased", _bert),
    ("Korean BERT", "bert-ko", _file),
    ("GPT-2", "gpt2", _gpt2),
    ("RoBERTa", "roberta-base", _file),
    ("T5", "t5-small", _file),
    ("phi-3", "phi-3-mini", _file),
]
