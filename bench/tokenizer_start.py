#!/usr/bin/env python3
"""What a large tokenizer.json adds to the start of tfmrun: makes files of about 10 MB,
puts each into a copy of a tiny checkpoint, and runs one step of it with each and with
a tiny tokenizer.json, A B A B.

    bench/tokenizer_start.py --build build [--rounds 30]

The figures are differences: the median in wall time, the least wall time of each,
and the least processor time of each; what the machine does besides is only ever
added.  --keep DIR leaves the files there.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def whole(model, **parts):
    file = dict(version="1.0", truncation=None, padding=None, added_tokens=[], normalizer=None,
                pre_tokenizer=None, post_processor=None, decoder=None)
    file.update(parts, model=model)
    return file


def bpe(tokens, arrays):
    """Byte level.  Words grow from words, as in training; each merge makes a new token."""
    r = random.Random(1)
    letters = [chr(c) for c in range(0x61, 0x7B)] + ["\u0120"]
    letters += [chr(c) for c in (*range(0x21, 0x61), *range(0x7B, 0x7F), *range(0xA1, 0xAD),
                                 *range(0xAE, 0x120), *range(0x121, 0x144))]
    vocab, made, merges = {c: i for i, c in enumerate(letters)}, list(letters), []
    while len(made) < tokens:
        a, b = (made[int(len(made) * r.random() ** 3)] for _ in range(2))
        if len(a + b) <= 14 and a + b not in vocab:
            vocab[a + b] = len(made)
            made.append(a + b)
            merges.append([a, b] if arrays else a + " " + b)
    model = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None,
                 end_of_word_suffix=None, fuse_unk=False, byte_fallback=False,
                 ignore_merges=False, vocab=vocab, merges=merges)
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    return whole(model, pre_tokenizer=level, decoder=level)


LETTERS = "abcdefghijklmnopqrstuvwxyz가나다라마바사아자차카타파하éüñ的一是不了"


def unigram(tokens):
    r, seen, vocab = random.Random(1), {"<unk>"}, [["<unk>", 0.0]]
    while len(vocab) < tokens:
        text = "▁" * (r.random() < 0.5)
        text += "".join(r.choice(LETTERS) for _ in range(r.randrange(1, 9)))
        if text not in seen:
            seen.add(text)
            vocab.append([text, -5 - 14 * r.random()])
    space = dict(type="Metaspace", replacement="▁", prepend_scheme="always", split=True)
    return whole(dict(type="Unigram", unk_id=0, vocab=vocab, byte_fallback=False),
                 pre_tokenizer=space, decoder=space)


def wordpiece(tokens):
    r, vocab = random.Random(1), {"[UNK]": 0}
    while len(vocab) < tokens:
        text = "##" * (r.random() < 0.5)
        text += "".join(r.choice(LETTERS) for _ in range(r.randrange(1, 12)))
        vocab.setdefault(text, len(vocab))
    return whole(dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##",
                      max_input_chars_per_word=100, vocab=vocab),
                 pre_tokenizer=dict(type="BertPreTokenizer"))


FILES = [
    ("BPE, 195,000 tokens and merges, indented", lambda: bpe(195000, False), 2),
    ("BPE, 220,000 tokens and merges in arrays", lambda: bpe(220000, True), None),
    ("Unigram, 262,000 tokens", lambda: unigram(262000), None),
    ("WordPiece, 318,000 tokens, indented", lambda: wordpiece(318000), 2),
]


def save(folder, name, content, indent):
    directory = os.path.join(folder, name)
    shutil.copytree(os.path.join(ROOT, "tests/fixtures/gpt2-tied"), directory, dirs_exist_ok=True)
    path = os.path.join(directory, "tokenizer.json")
    with open(path, "w", encoding="utf8") as file:
        json.dump(content, file, ensure_ascii=False, indent=indent)
    return directory, os.path.getsize(path)


def seconds(command, directory):
    """(wall, processor)"""
    begin = time.perf_counter()
    child = subprocess.Popen([*command, directory], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[0]} failed")
    return wall, usage.ru_utime + usage.ru_stime


def least(pairs, which):
    return 1e3 * (min(b[which] for _, b in pairs) - min(a[which] for a, _ in pairs))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--keep", metavar="DIR")
    args = parser.parse_args()
    tool = os.path.join(args.build, "tools/tfmrun")
    os.environ["LD_LIBRARY_PATH"] = os.path.join(args.build, ".libs")
    command = [tool, "-q", "--plugin-dir", os.path.abspath(os.path.join(args.build, "plugins/.libs")),
               os.path.join(ROOT, "models/gpt2.tfm"), "--ids", "1,2", "-n", "1", "--weights"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or temporary
        tiny, _ = save(folder, "tiny", unigram(10), None)
        print("| tokenizer.json | MB | adds, ms: median | least | processor |\n"
              "| --- | --- | --- | --- | --- |")
        for i, (name, make, indent) in enumerate(FILES):
            large, size = save(folder, str(i), make(), indent)
            pairs = [(seconds(command, tiny), seconds(command, large)) for _ in range(args.rounds)]
            added = [1e3 * (b[0] - a[0]) for a, b in pairs]
            print(f"| {name} | {size / 1e6:.1f} | {statistics.median(added):.0f} | "
                  f"{least(pairs, 0):.0f} | {least(pairs, 1):.0f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
