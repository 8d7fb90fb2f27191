#!/usr/bin/env python3
"""What transformers generates and how it samples: rewrites expected.json.

    ./make.py            needs torch and transformers; make check only reads the file

greedy   ids that generate() makes with a repetition penalty, and for some of them the
         logarithms of the model's own probabilities at each step, the three best first
filters  logits, the sampler's settings, and the tokens with their probabilities that
         the reference's warpers leave
"""
import json
import os

import torch
import transformers
from transformers import (LogitsProcessorList, MinPLogitsWarper, TemperatureLogitsWarper,
                          TopKLogitsWarper, TopPLogitsWarper)

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "fixtures")
NEW_TOKENS = 24


def prompts(seed, vocabulary, count):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, vocabulary - 8, (int(n),), generator=generator).tolist()
            for n in torch.randint(1, 12, (count,), generator=generator)]


def greedy(name, model_file, seed):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        os.path.join(FIXTURES, name), dtype=torch.float32, attn_implementation="eager").eval()
    penalties = [1.0, 1.1, 1.3, 2.0, 0.7]
    for i, ids in enumerate(prompts(seed, model.config.vocab_size, 20)):
        penalty = penalties[i % len(penalties)]
        ngram = [0, 0, 0, 2, 0, 3, 0, 1][i % 8]
        out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                             max_new_tokens=NEW_TOKENS, do_sample=False,
                             repetition_penalty=penalty, no_repeat_ngram_size=ngram, output_logits=True,
                             return_dict_in_generate=True, pad_token_id=0)
        made = out.sequences[0, len(ids):].tolist()
        case = {"model": model_file, "weights": name, "repetition_penalty": penalty, "no_repeat_ngram": ngram,
                "prompt": ids, "ids": made}
        if i % 3 == 0:
            rows = [torch.log_softmax(x[0].double(), -1) for x in out.logits]
            best = [row.topk(3) for row in rows]
            case["log_probabilities"] = [row[t].item() for row, t in zip(rows, made)]
            case["best"] = [[[t, v] for t, v in zip(b.indices.tolist(), b.values.tolist())] for b in best]
        yield case


def filters():
    generator = torch.Generator().manual_seed(5)
    settings = [(t, k, p, m) for t in (0.5, 1.0, 1.7) for k in (0, 1, 5) for p in (0.0, 0.3, 0.9)
                for m in (0.0, 0.1, 0.4)]
    for temperature, k, p, m in settings:
        logits = (torch.randn(20, generator=generator) * 2).round(decimals=1)  # with ties
        warpers = LogitsProcessorList()
        if temperature != 1:
            warpers.append(TemperatureLogitsWarper(temperature))
        if k:
            warpers.append(TopKLogitsWarper(k))
        if p:
            warpers.append(TopPLogitsWarper(p))
        if m:
            warpers.append(MinPLogitsWarper(m))
        left = warpers(None, logits[None])[0].double().softmax(-1)
        yield {"logits": logits.tolist(), "temperature": temperature, "top_k": k, "top_p": p, "min_p": m,
               "probabilities": left.tolist()}


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


def main():
    found = {"greedy": [*greedy("gpt2-tied", "gpt2.tfm", 1), *greedy("llama-gqa", "llama.tfm", 2)],
             "filters": list(filters())}
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        f.write("{\n")
        for i, (name, cases) in enumerate(found.items()):
            lines = ",\n".join("  " + json.dumps(rounded(c), separators=(",", ":")) for c in cases)
            f.write(f'"{name}": [\n{lines}\n]{"," if i == 0 else ""}\n')
        f.write("}\n")


if __name__ == "__main__":
    main()
