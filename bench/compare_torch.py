#!/usr/bin/env python3
"""compare_torch.py - tfm beside PyTorch f32, in turn, in the same run.

    bench/compare_torch.py --tfmbench build/tools/tfmbench [tfmbench options] [--pairs 9]

Random weights of bench/configs/*.  For each workload the two are run
A B A B ..., and the median of the paired ratios (tfm / torch, above 1 is
faster) is printed with its lowest and highest.  Needs torch and transformers.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import time

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent


def load(config_dir):
    config = json.loads((config_dir / "config.json").read_text())
    kind = getattr(transformers, config["architectures"][0])
    settings = transformers.AutoConfig.from_pretrained(config_dir)
    return kind(settings).eval(), config["vocab_size"]


def clock(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def torch_prefill(model, ids):
    """Logits of the last token only, as tfm computes them."""
    call = lambda: model(ids, use_cache=True, logits_to_keep=1)
    call()
    return lambda: ids.numel() / clock(call)


def torch_decode(model, ids, count):
    def run():
        past = model(ids, use_cache=True, logits_to_keep=1)
        token = past.logits[:, -1:].argmax(-1)
        begin = time.perf_counter()
        for _ in range(count - 1):
            past = model(token, past_key_values=past.past_key_values, use_cache=True)
            token = past.logits[:, -1:].argmax(-1)
        return (count - 1) * ids.shape[0] / (time.perf_counter() - begin)

    run()
    return run


def torch_encode(model, ids):
    call = lambda: model(ids)
    call()
    return lambda: ids.shape[0] / clock(call)


def tfm_rate(args, config_dir, what, length, batch, decode):
    command = [args.tfmbench, "--random", "--json", "-q", "-t", str(args.threads), "--runs", "3",
               "--lengths", str(length), "--batch", str(batch), "--decode", str(decode)]
    command += args.rest + [str(config_dir)]
    out = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rate = [r["median"] for r in out["results"] if r["what"] == what and r["tokens"] == length]
    return rate[0], out


def compare(args, name, config_dir, what, length, batch, decode, torch_rate):
    ratios, ours, theirs = [], [], []
    for pair in range(args.pairs):
        order = [0, 1] if pair % 2 == 0 else [1, 0]
        value = {}
        for side in order:
            if side == 0:
                value[0], out = tfm_rate(args, config_dir, what, length, batch, decode)
            else:
                value[1] = statistics.median(torch_rate() for _ in range(3))
        ours.append(value[0])
        theirs.append(value[1])
        ratios.append(value[0] / value[1])
    unit = "seq/s" if what == "encode" else "tok/s"
    print(f"{name:34} tfm {statistics.median(ours):9.1f} {unit}  torch {statistics.median(theirs):9.1f}"
          f"  ratio {statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
          f"  peak {out['peak_memory'] / out['weight_bytes']:.2f} x weights", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tfmbench", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", default="")
    args, args.rest = parser.parse_known_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    generator = torch.Generator().manual_seed(0)
    gpt_dir, bert_dir = HERE / "configs/gpt2-124m", HERE / "configs/bert-base"
    gpt, gpt_vocab = load(gpt_dir)
    bert, bert_vocab = load(bert_dir)
    work = []
    for length in (16, 128, 512):
        ids = torch.randint(0, gpt_vocab, (1, length), generator=generator)
        work.append((f"GPT-2 124M prefill {length}", gpt_dir, "prefill", length, 1, 0,
                     lambda ids=ids: torch_prefill(gpt, ids)))
    for length in (16, 512):
        ids = torch.randint(0, gpt_vocab, (1, length), generator=generator)
        work.append((f"GPT-2 124M decode at {length}", gpt_dir, "decode", length, 1, 32,
                     lambda ids=ids: torch_decode(gpt, ids, 32)))
    for batch, length in ((1, 16), (1, 128), (1, 512), (8, 128)):
        ids = torch.randint(0, bert_vocab, (batch, length), generator=generator)
        work.append((f"BERT-base {batch} x {length}", bert_dir, "encode", length, batch, 0,
                     lambda ids=ids: torch_encode(bert, ids)))
    for name, config_dir, what, length, batch, decode, make in work:
        if args.only in name:
            compare(args, name, config_dir, what, length, batch, decode, make())


if __name__ == "__main__":
    main()
