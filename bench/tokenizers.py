#!/usr/bin/env python3
"""Speed of tfm's tokenizers beside Hugging Face's `tokenizers`: MB of text a second,
one thread each, the same lines in the same run, A B A B.

    bench/tokenizers.py --build build [--rounds 7] [--write bench/README.md]

Both are called from Python, a line at a time, and count the tokens, so that each
call's result is made and dropped.  Time is processor time.  The figure is the median of the rounds; the
ratio is the median of the rounds' ratios, with the lowest and the highest.
"""

import argparse
import os
import statistics
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[0] = os.path.join(ROOT, "tests/differential")  # this file has the peer's name
import real  # noqa: E402
import tfm  # noqa: E402


def lines_of(path, megabytes):
    """Lines of a file, again and again until there are so many bytes."""
    with open(path, encoding="utf8") as file:
        lines = [line for line in file.read().split("\n") if line]
    size = sum(len(line.encode()) for line in lines)
    return lines * max(1, round(megabytes * 1e6 / size))


def rate(count, lines, size):
    """(MB/s, tokens)"""
    begin = time.process_time()
    tokens = sum(map(count, lines))
    return size / 1e6 / (time.process_time() - begin), tokens


def measure(mine, theirs, lines, rounds):
    raw = [line.encode() for line in lines]
    size = sum(map(len, raw))
    pairs, tokens = [], None
    for i in range(rounds + 1):
        a, mine_tokens = rate(lambda t: mine.count(t, False), raw, size)
        b, tokens = rate(lambda t: len(theirs.encode(t, add_special_tokens=False)), lines, size)
        if mine_tokens != tokens:
            sys.exit("the two do not make the same number of tokens")
        if i > 0:  # the first round warms both up
            pairs.append((a, b))
    ratios = [a / b for a, b in pairs]
    return (statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs),
            statistics.median(ratios), min(ratios), max(ratios))


def write(path, text):
    first, last = "<!-- tokenizers: begin -->\n", "<!-- tokenizers: end -->\n"
    with open(path, encoding="utf8") as file:
        page = file.read()
    begin, end = page.index(first) + len(first), page.index(last)
    with open(path, "w", encoding="utf8") as file:
        file.write(page[:begin] + text + "\n" + page[end:])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", help="a build tree; otherwise the installed library")
    parser.add_argument("--shared", default=os.path.join(ROOT, "..", "shared"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=float, default=0.5, help="of each text, each round")
    parser.add_argument("--only", nargs="*", help="parts of names")
    parser.add_argument("--write", metavar="PAGE", help="put the table into the page")
    args = parser.parse_args()
    library = tfm.load(args.build)
    corpora = os.path.join(args.shared, "data/corpora")
    texts = [("English", "en/tinyshakespeare.txt"), ("Korean", "ko/kim_yujeong_dongbaek.txt")]
    table = ["| tokenizer | text | tfm, MB/s | tokenizers, MB/s | ratio (lowest to highest) |",
             "| --- | --- | --- | --- | --- |"]
    for name, folder, make in real.FAMILIES:
        if args.only and not any(o in name for o in args.only):
            continue
        path = os.path.join(args.shared, "data/tokenizers", folder)
        if not os.path.isdir(path):
            print(f"skipped: {name}: no {path}")
            continue
        mine, theirs = tfm.Tokenizer(library, path), make(path)
        for language, file in texts:
            lines = lines_of(os.path.join(corpora, file), args.megabytes)
            row = measure(mine, theirs, lines, args.rounds)
            table.append(f"| {name} | {language} | {row[0]:.1f} | {row[1]:.1f} | "
                         f"{row[2]:.2f} ({row[3]:.2f} to {row[4]:.2f}) |")
            print(table[-1], flush=True)
        mine.close()
    if args.write:
        write(args.write, "\n".join(table))


if __name__ == "__main__":
    main()
