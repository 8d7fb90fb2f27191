#!/usr/bin/env python3
"""What transformers' beam search finds: rewrites expected.json.

    ./make.py            needs torch and transformers; make check only reads the file

Each case is a checkpoint among the fixtures, the ids at which a text ends in place of the
checkpoint's own, options by transformers' names, prompts, and for each prompt the best texts with
their scores.
"""
import json
import os

import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "fixtures")
NEW_TOKENS = 16

# 66, 29, 77, ...: tokens that these checkpoints write often, so that texts end.
DECODERS = [("gpt2-tied", "gpt2.tfm", [66, 29, 77]), ("llama-gqa", "llama.tfm", [63, 99, 185])]
PROMPTS = [[5, 9, 20], [7], [30, 31, 40, 12, 100]]
OPTIONS = [
    dict(num_beams=4),
    dict(num_beams=4, length_penalty=0.0, num_return_sequences=4),
    dict(num_beams=3, length_penalty=2.0, early_stopping=True),
    dict(num_beams=4, length_penalty=1.5, early_stopping="never", num_return_sequences=2),
    dict(num_beams=4, length_penalty=-1.0, num_return_sequences=4),
    dict(num_beams=4, repetition_penalty=1.3, num_return_sequences=3),
    dict(num_beams=2, no_repeat_ngram_size=2, min_new_tokens=5),
    dict(num_beams=4, min_length=9, suppress_tokens=[3, 7], begin_suppress_tokens=[20, 21, 68],
         bad_words_ids=[[7, 29], [9]]),
    dict(num_beams=4, forced_eos_token_id=29),
    dict(num_beams=7, max_new_tokens=1, num_return_sequences=7),
    dict(num_beams=1, suppress_tokens=[68], bad_words_ids=[[7, 7], [29, 29, 29]], min_new_tokens=7,
         forced_eos_token_id=[29, 77]),
]


def search(model, stops, options, prompt):
    options = dict(dict(max_new_tokens=NEW_TOKENS), **options)
    with torch.no_grad():
        out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                             do_sample=False, pad_token_id=0, eos_token_id=stops, output_scores=True,
                             return_dict_in_generate=True, **options)
    new = 1 if model.config.is_encoder_decoder else len(prompt)
    scores = out.sequences_scores.tolist() if options["num_beams"] > 1 else [0.0]
    found = []
    for ids, score in zip(out.sequences[:, new:].tolist(), scores):
        end = min([ids.index(s) for s in stops if s in ids] or [len(ids)])
        found.append({"ids": ids[:end], "score": score})
    return found


def cases(name, model_file, stops, kind):
    model = kind.from_pretrained(os.path.join(FIXTURES, name), dtype=torch.float32,
                                 attn_implementation="eager").eval()
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None))
    for options in OPTIONS:
        yield {"model": model_file, "weights": name, "stop": stops, "options": options,
               "prompts": PROMPTS, "answers": [search(model, stops, options, p) for p in PROMPTS]}


def main():
    found = [c for d in DECODERS for c in cases(*d, transformers.AutoModelForCausalLM)]
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in found) + "\n]\n")


if __name__ == "__main__":
    main()
