#!/usr/bin/env python3
"""What transformers makes of the logits of heads that anyone can compute: expected.json.

    ./make.py            needs torch and transformers; make check only reads the file

A head gives token `id` at place `at` for column `c` the logit h(id, c) + h'(at, c), and
`first` more at the first place, as logits() has it; tests/parity/heads.h computes the same.

groups   TokenClassificationPipeline with each aggregation strategy: label, first and last
         byte (without a leading blank), score
spans    answers to questions on contexts longer than the model, with the windows of
         transformers' tokenizers and the algorithm of its question-answering pipeline
         (transformers 4, align_to_words, the best of all answers): text, first and last
         byte, score, without and with handle_impossible_answer
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


def logits(seed, ids, columns, first=0):
    ids = np.asarray(ids, dtype=np.uint64)[:, None]
    at = np.arange(len(ids), dtype=np.uint64)[:, None]
    c = np.arange(columns, dtype=np.uint64)[None]
    seed = np.uint64(seed * 1000003)
    by_place = share(seed + np.uint64(500009) + at * np.uint64(64) + c)
    by_place[0] += np.float32(first)
    return share(seed + ids * np.uint64(64) + c) + by_place


def bytes_of(text, at):
    return len(text[:at].encode())


def groups():
    texts = [t for t in corpus.TEXTS if 2 <= len(t.strip()) <= 26][:24]
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
                                   float(f"{g['score']:.6f}")])
        yield {"seed": seed, "tokenizer": name, "text": text, **found}


def softmax(x):
    x = np.exp(x - x.max())
    return x / x.sum()


def window_answers(tokenizer, seed, first, enc, context, answers):
    """select_starts_ends and the loop of postprocess for one window; the score of no answer."""
    ids, sequence = np.array(enc.ids), enc.sequence_ids
    in_context = np.array([s == 1 for s in sequence])
    allowed = in_context | (ids == tokenizer.cls_token_id)
    both = logits(seed, ids, 2, first)
    start = softmax(np.where(allowed, both[:, 0], -10000.0).astype(np.float64))
    end = softmax(np.where(allowed, both[:, 1], -10000.0).astype(np.float64))
    none = start[0] * end[0] if ids[0] == tokenizer.cls_token_id else 0.0
    start[0] = end[0] = 0.0
    scores = np.tril(np.triu(np.outer(start, end)), 14)
    desired = scores * np.outer(in_context, in_context)
    for flat in np.argsort(-desired, axis=None, kind="stable")[:12]:
        s, e = np.unravel_index(flat, scores.shape)
        if not (in_context[s] and in_context[e] and s <= e <= s + 14):
            continue
        if enc.word_ids[s] is not None and enc.word_ids[e] is not None:
            begin, stop = enc.word_to_chars(enc.word_ids[s], 1)[0], enc.word_to_chars(enc.word_ids[e], 1)[1]
        else:
            begin, stop = enc.offsets[s][0], enc.offsets[e][1]
        text = context[begin:stop]
        for answer in answers:
            if answer["text"].lower() == text.lower():
                answer["score"] += desired[s, e]
                break
        else:
            answers.append({"text": text, "begin": begin, "end": stop, "score": desired[s, e]})
    return none


def spans():
    words = " ".join(corpus.SENTENCES.split("\n")).split(" ")
    for seed in range(100):
        name = ["bert-cased", "bert-uncased", "bert-cased"][seed % 3]
        longest, stride = [(40, 0), (40, 7), (64, 20), (30, -1)][seed % 4]
        tokenizer = AutoTokenizer.from_pretrained(os.path.join(FIXTURES, "tokenizers", name))
        chosen = np.random.RandomState(seed).choice(words, 12 + seed % 28)
        question, context = "Where is tea?", " ".join(chosen)
        overlap = min(longest // 2, 128) if stride == 0 else max(stride, 0)
        encoded = tokenizer(question, context, truncation="only_second", max_length=longest, stride=overlap,
                            return_overflowing_tokens=True)
        answers, none, first = [], 1000000, 11 * (seed // 4 % 2)
        for enc in encoded.encodings:
            none = min(none, window_answers(tokenizer, seed, first, enc, context, answers))
        best = max(answers, key=lambda a: a["score"])  # the first of equals
        yield {"seed": seed, "tokenizer": name, "places": longest, "stride": stride, "question": question,
               "first": first, "context": context, "windows": len(encoded.encodings), "text": best["text"],
               "begin": bytes_of(context, best["begin"]), "end": bytes_of(context, best["end"]),
               "score": float(f"{min(best['score'], 1.0):.7g}"), "none": float(f"{none:.7g}"),
               "null": bool(none > best["score"])}


def main():
    warnings.simplefilter("ignore")
    found = {"groups": list(groups()), "spans": list(spans())}
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        f.write("{\n")
        for i, (name, cases) in enumerate(found.items()):
            lines = ",\n".join("  " + json.dumps(c, separators=(",", ":"), ensure_ascii=False) for c in cases)
            f.write(f'"{name}": [\n{lines}\n]{"," if i + 1 < len(found) else ""}\n')
        f.write("}\n")


if __name__ == "__main__":
    main()
