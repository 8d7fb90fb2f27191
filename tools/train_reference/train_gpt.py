"""Trains the Korean GPT: the next token of reviews, sentences and remarks with their answers.

A text is <s> text </s>; a remark is <s><user>remark<bot>answer</s>, and only its answer is learnt
from.  The last tenth of the steps sees a dialogue in every second batch (the fine-tuning).
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import corpus
import training
from network import Gpt, gpt_tensors

SIZE = {"width": 256, "layers": 4, "heads": 4, "inner": 1024}
PAD, START, END, USER, BOT = range(5)


def read_rows(data, tokenizer):
    """(texts, dialogues): lists of (ids, the place of the first token that is learnt)."""
    train, _ = corpus.reviews(data)
    pairs, _ = corpus.remarks(data)
    texts = [text for text, _ in train] + corpus.story(data)
    tokenizer.enable_truncation(training.PLACES - 1)
    texts = [(e.ids + [END], 1) for e in tokenizer.encode_batch_fast(texts)]
    dialogues = []
    for question, answer in pairs:
        asked = tokenizer.encode(f"<user>{question}<bot>").ids
        ids = tokenizer.encode(f"<user>{question}<bot>{answer}").ids + [END]
        dialogues.append((ids, len(asked)))
    return texts, dialogues


def config_of(size, vocabulary):
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": vocabulary,
        "n_embd": size["width"],
        "n_layer": size["layers"],
        "n_head": size["heads"],
        "n_inner": size["inner"],
        "n_positions": training.PLACES,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "pad_token_id": PAD,
        "bos_token_id": START,
        "eos_token_id": END,
        "dtype": "bfloat16",
    }


TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": training.PLACES,
    "pad_token": "<pad>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "clean_up_tokenization_spaces": False,
}
GENERATION = {"bos_token_id": START, "eos_token_id": END, "pad_token_id": PAD}


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", required=True, help="the folder of the corpora")
    args.add_argument("--out", required=True, help="a folder with tokenizer.json")
    args.add_argument("--steps", type=int, default=3300)
    args.add_argument("--threads", type=int, default=1)
    args = args.parse_args()

    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    tokenizer = Tokenizer.from_file(str(Path(args.out) / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab_size()
    texts, dialogues = read_rows(args.data, tokenizer)
    model = Gpt(vocabulary, places=training.PLACES, **SIZE)
    optimizers = training.Optimizers(model, args.steps)
    curve = training.Curve(Path(args.out) / "curve.jsonl")
    print(f"{len(texts) + len(dialogues)} rows, {sum(len(r[0]) for r in texts + dialogues)} tokens,", f"{sum(p.numel() for p in model.parameters())} parameters")

    all_rows = training.batches(texts + dialogues, seed=3)
    talk = training.batches(dialogues, seed=4)
    for step in range(args.steps):
        tuning = step >= 0.9 * args.steps and step % 2 == 0
        batch = next(talk if tuning else all_rows)
        ids = training.padded(batch, PAD)
        place = torch.arange(ids.shape[1])
        first = torch.tensor([first for _, first in batch])
        learnt = ((place >= first[:, None]) & (ids != PAD))[:, 1:]
        with torch.autocast("cpu", torch.bfloat16):
            x = model(ids[:, :-1])
            words = model.word_logits(x[learnt]).float()
        loss = F.cross_entropy(words, ids[:, 1:][learnt])
        loss.backward()
        optimizers.step(step)
        curve.add(step, args.steps, **{"dialogue" if tuning else "loss": loss.item()})
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            training.save(args.out, gpt_tensors(model), config_of(SIZE, vocabulary), TOKENIZER, GENERATION)


main()
