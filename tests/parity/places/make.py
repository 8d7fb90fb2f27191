#!/usr/bin/env python3
"""What transformers makes of the logits of heads that anyone can compute: expected.json.

    ./make.py            needs torch and transformers; make check only reads the file

A head gives token `id` at place `at` for column `c` the logit h(id, c) + h'(at, c), as
logit() has it; tests/parity/heads.h computes the same.

groups   TokenClassificationPipeline with each aggregation strategy: label, first and last
         byte (without a leading blank), score
"""
import json
import os
import sys
import warnings

import numpy as np
import torch
from transformers import AutoTokenizer, BertConfig, BertForTokenClassification
from transformers.modeling_outputs import TokenClassifierOutput
from transformers.pipelines import TokenClassificationPipeline

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "fixtures")
sys.path.insert(0, FIXTURES)
import corpus  # noqa: E402

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]


def share(x):
    """Of an index: -5.00 to 4.99, in float32."""
    x = (np.asarray(x, dtype=np.uint64) * np.uint64(2654435761)) & np.uint64(0xffffffff)
    return ((x >> np.uint64(12)) % np.uint64(1000)).astype(np.float32) / np.float32(100) - np.float32(5)


def logits(seed, ids, columns):
    ids = np.asarray(ids, dtype=np.uint64)[:, None]
    at = np.arange(len(ids), dtype=np.uint64)[:, None]
    c = np.arange(columns, dtype=np.uint64)[None]
    seed = np.uint64(seed * 1000003)
    return share(seed + ids * np.uint64(64) + c) + share(seed + np.uint64(500009) + at * np.uint64(64) + c)


def bytes_of(text, at):
    return len(text[:at].encode())


def groups():
    texts = [t for t in corpus.TEXTS if 2 <= len(t.strip()) <= 36][:24]
    config = BertConfig(hidden_size=8, num_hidden_layers=0, num_attention_heads=1, intermediate_size=8,
                        id2label=dict(enumerate(LABELS)), label2id={n: i for i, n in enumerate(LABELS)})
    for seed in range(100):
        name = ["bert-cased", "gpt2", "llama", "bert-uncased"][seed % 4]
        tokenizer = AutoTokenizer.from_pretrained(os.path.join(FIXTURES, "tokenizers", name))
        model = BertForTokenClassification(config).eval()
        model.forward = lambda input_ids=None, **_: TokenClassifierOutput(
            logits=torch.tensor(logits(seed, input_ids[0].tolist(), len(LABELS)))[None])
        tokenizer.model_max_length = 10**6
        pipeline = TokenClassificationPipeline(model=model, tokenizer=tokenizer)
        text = texts[(seed // 4) % len(texts)]
        found = {}
        for how in ["simple", "first", "average", "max"]:
            pipeline_groups = pipeline(text, aggregation_strategy=how)
            found[how] = []
            for g in pipeline_groups:
                begin = g["start"]
                while begin < g["end"] and text[begin] in " \t\r\n":
                    begin += 1
                found[how].append([g["entity_group"], bytes_of(text, begin), bytes_of(text, g["end"]),
                                   float(f"{g['score']:.6g}")])
        yield {"seed": seed, "tokenizer": name, "text": text, **found}


def main():
    warnings.simplefilter("ignore")
    found = {"groups": list(groups())}
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        f.write("{\n")
        for i, (name, cases) in enumerate(found.items()):
            lines = ",\n".join("  " + json.dumps(c, separators=(",", ":"), ensure_ascii=False) for c in cases)
            f.write(f'"{name}": [\n{lines}\n]{"," if i + 1 < len(found) else ""}\n')
        f.write("}\n")


if __name__ == "__main__":
    main()
