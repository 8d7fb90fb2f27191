"""Measures the checkpoints on what was kept apart, by tfmeval and by PyTorch, and compares.

    measure.py --tfmeval PROGRAM --checkpoints DIR --held-out DIR [--limit N]

Prints a table in Markdown; fails when a figure of the two differs within four digits.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent.parent / "models"
RUNS = [  # what, model file, checkpoint, task, file, further options, figures
    ("masked words of reviews", "bert.tfm", "bert-ko-reviews", "fill_mask", "reviews.txt", [], ("top1", "top5")),
    ("sentiment, as the ratings come", "bert.tfm", "bert-ko-reviews", "classify", "sentiment.tsv", [], ("accuracy", "balanced_accuracy", "macro_f1")),
    ("sentiment, as many of each", "bert.tfm", "bert-ko-reviews", "classify", "sentiment-balanced.tsv", [], ("accuracy", "macro_f1")),
    ("reviews", "gpt2.tfm", "gpt-ko-reviews", "generate", "reviews.txt", [], ("perplexity", "perplexity_per_character")),
    ("answers to remarks", "gpt2.tfm", "gpt-ko-reviews", "generate", "remarks.txt", ["--after", "<bot>"], ("perplexity", "perplexity_per_character")),
]


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed with status {done.returncode}")
    return json.loads(done.stdout)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--tfmeval", required=True)
    args.add_argument("--checkpoints", required=True, type=Path)
    args.add_argument("--held-out", required=True, type=Path)
    args.add_argument("--limit", type=int, default=0)
    args = args.parse_args()

    limit = ["--limit", str(args.limit)] if args.limit else []
    differ = 0
    print("| on | figure | tfmeval | PyTorch | of |\n| --- | --- | --- | --- | --- |")
    for what, model, name, task, file, more, figures in RUNS:
        weights, data = str(args.checkpoints / name), ["--data", str(args.held_out / file), "--task", task, *more, *limit]
        ours = run([args.tfmeval, str(MODELS / model), "--weights", weights, "--json", "-q", *data])
        theirs = run([sys.executable, str(HERE / "evaluate.py"), weights, *data])
        for figure in figures:
            a, b = (f"{x[figure]:.4g}" for x in (ours, theirs))
            differ += a != b
            lines = f"{ours['lines']} lines, {ours.get('masked', ours['tokens'])} tokens"
            print(f"| {what} | {figure} | {ours[figure]:.5g} | {theirs[figure]:.5g} | {lines} |", flush=True)
    if differ:
        sys.exit(f"{differ} figures differ")


main()
