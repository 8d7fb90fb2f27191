"""Trains the Korean BERT: masked words and the sentiment of reviews, one body, both heads at once.

A quarter of the tokens of a row are chosen: eight in ten become [MASK], one a random token, one
stays (Devlin et al. 2018, section 3.1; a quarter, for short rows).  One labelled row in five is
left whole and teaches the sentiment only.  The two classes weigh the same.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import corpus
import training
from network import Bert, bert_tensors

SIZE = {"width": 256, "layers": 4, "heads": 4, "inner": 1024}
CHOSEN = 0.25
PAD, UNK, CLS, SEP, MASK = range(5)


def read_rows(data, tokenizer):
    train, _ = corpus.reviews(data)
    pairs, _ = corpus.remarks(data)
    texts = train + [(text, -1) for pair in pairs for text in pair]
    texts += [(text, -1) for text in corpus.story(data)]
    tokenizer.enable_truncation(training.PLACES)
    encoded = tokenizer.encode_batch_fast([text for text, _ in texts])
    return [(e.ids, label) for e, (_, label) in zip(encoded, texts) if len(e.ids) > 2]


def blank(ids, labels, draw, vocabulary):
    """(ids with blanks, where the chosen are)"""
    free = ids > MASK
    whole = (labels >= 0) & (torch.rand(len(labels), generator=draw) < 0.2)
    chosen = free & (torch.rand(ids.shape, generator=draw) < CHOSEN) & ~whole[:, None]
    kind = torch.rand(ids.shape, generator=draw)
    other = torch.randint(MASK + 1, vocabulary, ids.shape, generator=draw)
    seen = torch.where(chosen & (kind < 0.8), MASK, ids)
    return torch.where(chosen & (kind >= 0.9), other, seen), chosen


def config_of(size, vocabulary):
    return {
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
        "vocab_size": vocabulary,
        "hidden_size": size["width"],
        "num_hidden_layers": size["layers"],
        "num_attention_heads": size["heads"],
        "intermediate_size": size["inner"],
        "max_position_embeddings": training.PLACES,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "pad_token_id": PAD,
        "tie_word_embeddings": True,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "id2label": {"0": "negative", "1": "positive"},
        "label2id": {"negative": 0, "positive": 1},
        "dtype": "bfloat16",
    }


TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": training.PLACES,
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
    "clean_up_tokenization_spaces": False,
}


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", required=True, help="the folder of the corpora")
    args.add_argument("--out", required=True, help="a folder with tokenizer.json")
    args.add_argument("--steps", type=int, default=3000)
    args.add_argument("--threads", type=int, default=1)
    args = args.parse_args()

    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    draw = torch.Generator().manual_seed(2)
    tokenizer = Tokenizer.from_file(str(Path(args.out) / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab_size()
    rows = read_rows(args.data, tokenizer)
    count = [sum(1 for _, label in rows if label == k) for k in (0, 1)]
    weight = torch.tensor([sum(count) / 2 / c for c in count])
    model = Bert(vocabulary, places=training.PLACES, **SIZE)
    optimizers = training.Optimizers(model, args.steps, matrix_rate=0.005, other_rate=1.5e-3)
    curve = training.Curve(Path(args.out) / "curve.jsonl")
    print(f"{len(rows)} rows, {sum(len(r[0]) for r in rows)} tokens,", f"{sum(p.numel() for p in model.parameters())} parameters")

    for step, batch in zip(range(args.steps), training.batches(rows, seed=3)):
        ids = training.padded(batch, PAD)
        labels = torch.tensor([label for _, label in batch])
        seen, chosen = blank(ids, labels, draw, vocabulary)
        known = labels >= 0
        with torch.autocast("cpu", torch.bfloat16):
            x = model(seen, (ids != PAD)[:, None, None, :])
            words = model.word_logits(x[chosen]).float()
            feelings = model.label_logits(x).float()[known]
        word_loss = F.cross_entropy(words, ids[chosen])
        label_loss = F.cross_entropy(feelings, labels[known], weight) if known.any() else word_loss * 0
        (word_loss + 0.5 * label_loss).backward()
        optimizers.step(step)
        with torch.no_grad():
            right = (words.argmax(-1) == ids[chosen]).float().mean()
            agreed = (feelings.argmax(-1) == labels[known]).float().mean() if known.any() else right * 0
        curve.add(step, args.steps, words=word_loss.item(), sentiment=label_loss.item(), top1=right.item(), accuracy=agreed.item())
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            training.save(args.out, bert_tensors(model), config_of(SIZE, vocabulary), TOKENIZER)


if __name__ == "__main__":
    main()
