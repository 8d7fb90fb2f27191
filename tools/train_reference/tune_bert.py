"""Ends the training of the Korean BERT on labelled reviews, every second one without blanks.

It goes on from the weights of train_bert.py with a small rate that falls to zero; the masked words
stay in the loss, so that they are not forgotten.
"""

import argparse
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer

import corpus
import training
from network import Bert, bert_tensors
from train_bert import PAD, SIZE, TOKENIZER, blank, config_of

ROWS = 100_000


def read_rows(data, tokenizer):
    """A hundred thousand labelled reviews of the training part, as many of each label."""
    train, _ = corpus.reviews(data)
    by_label = [[row for row in train if row[1] == label] for label in (0, 1)]
    texts = [row for rows in by_label for row in random.Random(5).sample(rows, ROWS // 2)]
    tokenizer.enable_truncation(training.PLACES)
    encoded = tokenizer.encode_batch_fast([text for text, _ in texts])
    return [(e.ids, label) for e, (_, label) in zip(encoded, texts) if len(e.ids) > 2]


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", required=True, help="the folder of the corpora")
    args.add_argument("--out", required=True, help="the folder that train_bert.py wrote")
    args.add_argument("--steps", type=int, default=240)
    args.add_argument("--threads", type=int, default=1)
    args = args.parse_args()

    torch.manual_seed(6)
    torch.set_num_threads(args.threads)
    draw = torch.Generator().manual_seed(7)
    tokenizer = Tokenizer.from_file(str(Path(args.out) / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab_size()
    rows = read_rows(args.data, tokenizer)
    model = Bert(vocabulary, places=training.PLACES, **SIZE)
    stored = load_file(Path(args.out) / "model.safetensors")
    with torch.no_grad():
        for name, tensor in bert_tensors(model).items():
            tensor.copy_(stored[name])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, betas=(0.9, 0.98), weight_decay=0.01)
    curve = training.Curve(Path(args.out) / "tuning.jsonl", every=20)

    for step, batch in zip(range(args.steps), training.batches(rows, seed=8)):
        ids = training.padded(batch, PAD)
        labels = torch.tensor([label for _, label in batch])
        seen, chosen = blank(ids, labels, draw, vocabulary)
        whole = torch.rand(len(labels), generator=draw) < 0.4
        seen = torch.where(whole[:, None], ids, seen)
        chosen &= ~whole[:, None]
        with torch.autocast("cpu", torch.bfloat16):
            x = model(seen, (ids != PAD)[:, None, None, :])
            words = model.word_logits(x[chosen]).float()
            feelings = model.label_logits(x).float()
        word_loss = F.cross_entropy(words, ids[chosen])
        label_loss = F.cross_entropy(feelings, labels)
        (0.3 * word_loss + label_loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = 2e-4 * min((step + 1) / 20, 1 - step / args.steps)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        right = (feelings.argmax(-1) == labels).float().mean()
        curve.add(step, args.steps, words=word_loss.item(), sentiment=label_loss.item(), accuracy=right.item())
    training.save(args.out, bert_tensors(model), config_of(SIZE, vocabulary), TOKENIZER)


main()
