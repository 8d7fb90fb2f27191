"""Trains both vocabularies on the training part: `make_vocabularies.py DATA OUT`.

Writes OUT/bert/tokenizer.json and OUT/gpt/tokenizer.json.
"""

import sys
from pathlib import Path

import corpus
import vocabulary

data, out = sys.argv[1], Path(sys.argv[2])
train, _ = corpus.reviews(data)
pairs, _ = corpus.remarks(data)
texts = [text for text, _ in train] + [text for pair in pairs for text in pair] + corpus.story(data)
for name, make in (("bert", vocabulary.for_bert), ("gpt", vocabulary.for_gpt)):
    (out / name).mkdir(parents=True, exist_ok=True)
    make(texts, out / name / "tokenizer.json")
