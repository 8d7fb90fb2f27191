"""Writes the files that checkpoints are measured on: `held_out.py --data DATA --out DIR`.

reviews.txt             the texts of the test part, one a line
sentiment.tsv           label, tab, text: the labelled reviews of the test part
sentiment-balanced.tsv  the same, as many of each label: the first ones of the larger class
remarks.txt             <user>remark<bot>answer, of the test pairs
"""

import argparse
from pathlib import Path

import corpus

NAMES = ("negative", "positive")


def balanced(rows):
    """The rows in order, until a label has as many as the rarer one has in all."""
    most = min(sum(1 for _, label in rows if label == k) for k in range(len(NAMES)))
    taken, kept = [0] * len(NAMES), []
    for text, label in rows:
        if taken[label] < most:
            taken[label] += 1
            kept.append((text, label))
    return kept


def write(path, lines):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.writelines(line + "\n" for line in lines)
    print(f"{path}: {len(lines)} lines")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--data", required=True, help="the folder of the corpora")
    args.add_argument("--out", required=True)
    args = args.parse_args()

    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    _, reviews = corpus.reviews(args.data)
    _, remarks = corpus.remarks(args.data)
    labelled = [(text, label) for text, label in reviews if label >= 0]
    as_lines = lambda rows: [f"{NAMES[label]}\t{text}" for text, label in rows]
    write(out / "reviews.txt", [text for text, _ in reviews])
    write(out / "sentiment.tsv", as_lines(labelled))
    write(out / "sentiment-balanced.tsv", as_lines(balanced(labelled)))
    write(out / "remarks.txt", [f"<user>{remark}<bot>{answer}" for remark, answer in remarks])


main()
