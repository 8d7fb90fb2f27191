"""What both trainings share: batches of one length, two optimizers, a schedule, a curve, a checkpoint."""

import json
import random
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

PLACES = 128
TOKENS_A_BATCH = 4096


def batches(rows, seed):
    """Yields lists of rows for ever, each of about TOKENS_A_BATCH tokens and of rows of like length.

    A row is (ids, ...); each epoch shuffles, sorts stretches of the shuffled rows by length, cuts
    them into batches, and shuffles those.
    """
    order = random.Random(seed)
    while True:
        index = list(range(len(rows)))
        order.shuffle(index)
        cut = []
        for at in range(0, len(index), 50_000):
            stretch = sorted(index[at : at + 50_000], key=lambda i: len(rows[i][0]))
            batch, longest = [], 0
            for i in stretch:
                longest = max(longest, len(rows[i][0]))
                if batch and longest * (len(batch) + 1) > TOKENS_A_BATCH:
                    cut.append(batch)
                    batch, longest = [], len(rows[i][0])
                batch.append(i)
            cut.append(batch)
        order.shuffle(cut)
        for batch in cut:
            yield [rows[i] for i in batch]


def padded(rows, pad):
    """[rows, longest] ids."""
    longest = max(len(ids) for ids, *_ in rows)
    out = torch.full((len(rows), longest), pad, dtype=torch.long)
    for i, (ids, *_) in enumerate(rows):
        out[i, : len(ids)] = torch.tensor(ids)
    return out


class Optimizers:
    """Muon for the matrices of the layers (Jordan et al. 2024), AdamW for the rest."""

    def __init__(self, model, steps, matrix_rate=0.02, other_rate=2e-3, warmup=100, decay=0.5):
        matrices = [p for p in model.layers.parameters() if p.dim() == 2]
        chosen = {id(p) for p in matrices}
        others = [p for p in model.parameters() if id(p) not in chosen]
        self.all = [
            torch.optim.Muon(matrices, lr=matrix_rate, momentum=0.95, weight_decay=0.01),
            torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.01),
        ]
        self.parameters = matrices + others
        self.first = [g["lr"] for o in self.all for g in o.param_groups]
        self.steps, self.warmup, self.decay = steps, warmup, decay

    def rate(self, step):
        """Warm up, hold, then fall straight to 0 over the last `decay` of the steps."""
        return min(1.0, (step + 1) / self.warmup, (self.steps - step) / (self.decay * self.steps))

    def step(self, step):
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        groups = [g for o in self.all for g in o.param_groups]
        for group, first in zip(groups, self.first):
            group["lr"] = first * self.rate(step)
        for o in self.all:
            o.step()
            o.zero_grad(set_to_none=True)


class Curve:
    """Writes a line every `every` steps: step, seconds, and the means since the last."""

    def __init__(self, path, every=50):
        self.path, self.every, self.values = Path(path), every, {}
        self.start = time.time()
        self.path.write_text("")

    def add(self, step, steps, **values):
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)
        if (step + 1) % self.every and step + 1 != steps:
            return
        line = {"step": step + 1, "seconds": round(time.time() - self.start, 1)}
        line |= {name: round(sum(values) / len(values), 4) for name, values in self.values.items()}
        with open(self.path, "a") as out:
            out.write(json.dumps(line) + "\n")
        print(line, f"of {steps}", flush=True)
        self.values = {}


def save(directory, tensors, config, tokenizer_config, generation=None):
    """Weights in bf16 beside config.json and the tokenizer that is there already."""
    directory = Path(directory)
    tensors = {k: v.detach().to(torch.bfloat16).contiguous().clone() for k, v in tensors.items()}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    for name, value in (
        ("config.json", config),
        ("tokenizer_config.json", tokenizer_config),
        ("generation_config.json", generation),
    ):
        if value is not None:
            (directory / name).write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
