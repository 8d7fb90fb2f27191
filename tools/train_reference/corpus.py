"""The reviews and the remarks, cleaned, and split once and for all.

A review belongs to the test part when its id leaves 7 on division by 30.  The
test part is never trained on; to keep that true of the texts as well as of the
ids, a text that also stands in the training part is left out of the test part,
and so is a second copy of a text.
"""

import csv
import lzma
import re
import unicodedata
from pathlib import Path

TEST_MODULUS, TEST_REMAINDER = 30, 7
SPACE = re.compile(r"\s+")


def clean(text):
    """NFC, no control characters, one space where there were several."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cn") else " " for c in text)
    return SPACE.sub(" ", text).strip()


def label_of(rating):
    """1 to 4 is negative (0), 9 and 10 positive (1); the others say neither (-1)."""
    return 0 if rating <= 4 else 1 if rating >= 9 else -1


def reviews(data):
    """(train, test): lists of (text, label)."""
    train, test = [], []
    with lzma.open(Path(data) / "ko/nsmc-reviews.tsv.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            number, rating, text = line.rstrip("\n").split("\t", 2)
            text = clean(text)
            if not text:
                continue
            part = test if int(number) % TEST_MODULUS == TEST_REMAINDER else train
            part.append((text, label_of(int(rating))))
    seen = {text for text, _ in train}
    kept = []
    for text, label in test:
        if text not in seen:
            seen.add(text)
            kept.append((text, label))
    return train, kept


def remarks(data):
    """(train, test): lists of (remark, answer); each twentieth remark is kept apart."""
    train, test = [], []
    with open(Path(data) / "ko/ChatbotData.csv", newline="", encoding="utf-8") as lines:
        for i, row in enumerate(csv.DictReader(lines)):
            (test if i % 20 == 7 else train).append((clean(row["Q"]), clean(row["A"])))
    asked = {question for question, _ in train}
    return train, [pair for pair in test if pair[0] not in asked]


def story(data):
    """The sentences of a short story of 1936."""
    text = (Path(data) / "ko/kim_yujeong_dongbaek.txt").read_text(encoding="utf-8")
    sentences = re.split(r"(?<=[.?!])\s+", clean(text))
    return [s for s in sentences if len(s) > 1]
