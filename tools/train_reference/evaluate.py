"""What tfmeval measures, measured by PyTorch and transformers: the same figures under the same keys.

    evaluate.py DIR --data FILE [--task TASK] [--limit N] [--seed N] [--end TOKEN] [--after TOKEN]

DIR is a checkpoint.  The rules are those of tfmeval(1); the weights are widened to f32.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertForMaskedLM, BertForSequenceClassification, GPT2LMHeadModel

TASKS = {
    "GPT2LMHeadModel": "generate",
    "BertForMaskedLM": "fill_mask",
    "BertForPreTraining": "fill_mask",
    "BertForSequenceClassification": "classify",
}
MODELS = {"generate": GPT2LMHeadModel, "fill_mask": BertForMaskedLM, "classify": BertForSequenceClassification}
MASKED_BELOW = 0x2666666666666666  # 0.15 * 2^64
WORD = (1 << 64) - 1


def mix(x):
    """The output function of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) & WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def read_lines(path, limit):
    """(number, line) from 1; the end of a line is "\\n" or "\\r\\n", and nothing else."""
    with open(path, encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            if limit and number > limit:
                return
            yield number, line.removesuffix("\n").removesuffix("\r")


class Text:
    """The tokens of one text."""

    def __init__(self, tokenizer, text):
        encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
        self.ids = encoded["input_ids"]
        self.ends = [end for _, end in encoded["offset_mapping"]]
        self.added = encoded["special_tokens_mask"]

    def cut(self, most):
        """The places that a model of `most` tokens sees: what stands after the text stays."""
        count, tail = len(self.ids), 0
        while tail < count and self.added[count - 1 - tail]:
            tail += 1
        left = min(count, most)
        tail = min(tail, left)
        return list(range(left - tail)) + list(range(count - tail, count))


class Evaluation:
    def __init__(self, args, task):
        self.args, self.task = args, task
        self.tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
        self.model = MODELS[task].from_pretrained(args.checkpoint, dtype=torch.float32).eval()
        config = self.model.config
        self.most = getattr(config, "n_positions", None) or config.max_position_embeddings
        added = self.tokenizer.added_tokens_decoder.items()
        self.special = {number for number, token in added if token.special}
        self.sums = {"lines": 0, "empty": 0, "truncated": 0, "tokens": 0}

    def rows(self):
        """Each line that can be measured, prepared."""
        for number, line in read_lines(self.args.data, self.args.limit):
            row = self.prepare(number, line) if line.strip(" \t") else None
            if row is None:
                self.sums["empty"] += 1
                continue
            self.sums["lines"] += 1
            self.sums["tokens"] += row["tokens"]
            yield row

    def logits(self, rows):
        """Each row's logits, f32, in batches of rows of like length."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]["ids"]))
        for at in range(0, len(order), 32):
            batch = order[at : at + 32]
            longest = max(len(rows[i]["ids"]) for i in batch)
            ids = torch.zeros(len(batch), longest, dtype=torch.long)
            mask = torch.zeros(len(batch), longest, dtype=torch.long)
            for j, i in enumerate(batch):
                ids[j, : len(rows[i]["ids"])] = torch.tensor(rows[i]["ids"])
                mask[j, : len(rows[i]["ids"])] = 1
            out = self.model(input_ids=ids, attention_mask=mask).logits
            for j, i in enumerate(batch):
                yield rows[i], out[j]

    def measure(self):
        rows = list(self.rows())
        for row, logits in self.logits(rows):
            self.judge(row, logits)
        return {
            "task": self.task,
            "weights": self.args.checkpoint,
            "data": self.args.data,
            **self.sums,
            **self.figures(rows),
        }


class Tokens(Evaluation):
    """Tokens at places: the mean of -log p, and how often the target is among the best."""

    def judge(self, row, logits):
        p = torch.log_softmax(logits[row["places"]].double(), -1)
        target = torch.tensor(row["targets"])
        own = p.gather(1, target[:, None])
        earlier = torch.arange(p.shape[1]) < target[:, None]
        rank = ((p > own) | ((p == own) & earlier)).sum(1)
        row["nll"] = -own.sum().item()
        row["top1"], row["top5"] = (rank < 1).sum().item(), (rank < 5).sum().item()

    @staticmethod
    def total(rows, key):
        return sum(row[key] for row in rows)

    def mean(self, rows, count):
        return self.total(rows, "nll") / count


class Generate(Tokens):
    def __init__(self, args, task):
        super().__init__(args, task)
        stop = self.model.generation_config.eos_token_id
        stop = stop[0] if isinstance(stop, list) else stop
        self.end = stop if args.end is None else self.tokenizer.convert_tokens_to_ids(args.end) if args.end else None
        self.after = self.tokenizer.convert_tokens_to_ids(args.after) if args.after else None

    def prepare(self, number, line):
        text = Text(self.tokenizer, line)
        ids, first = list(text.ids), 1
        if self.after is not None:
            first = ids.index(self.after) + 1
        if self.end is not None and ids[-1:] != [self.end]:
            ids.append(self.end)
        truncated = len(ids) > self.most
        self.sums["truncated"] += truncated
        ids = ids[: self.most]
        targets = ids[first:]
        if not targets:
            return None
        last = len(ids) - 1
        end = text.ends[last] if truncated and last < len(text.ends) else len(line)
        return {
            "ids": ids[:-1],
            "places": list(range(first - 1, last)),
            "targets": targets,
            "tokens": len(targets),
            "characters": end - text.ends[first - 1],
        }

    def figures(self, rows):
        characters = self.total(rows, "characters")
        token, character = self.mean(rows, self.sums["tokens"]), self.mean(rows, characters)
        return {
            "characters": characters,
            "nll": token,
            "perplexity": math.exp(token),
            "perplexity_per_character": math.exp(character),
            "bits_per_character": character / math.log(2),
        }


class FillMask(Tokens):
    def prepare(self, number, line):
        text = Text(self.tokenizer, line)
        kept = text.cut(self.most)
        self.sums["truncated"] += len(kept) < len(text.ids)
        ids = [text.ids[k] for k in kept]
        free = [i for i, k in enumerate(kept) if not text.added[k] and ids[i] not in self.special]
        if not free:
            return None
        row = mix(mix(self.args.seed) ^ number)
        draw = {i: mix(row ^ i) for i in free}
        places = [i for i in free if draw[i] < MASKED_BELOW] or [min(free, key=draw.get)]
        targets = [ids[i] for i in places]
        for i in places:
            ids[i] = self.tokenizer.mask_token_id
        return {"ids": ids, "places": places, "targets": targets, "tokens": len(free)}

    def figures(self, rows):
        masked = sum(len(row["targets"]) for row in rows)
        return {
            "seed": self.args.seed,
            "masked": masked,
            "top1": self.total(rows, "top1") / masked,
            "top5": self.total(rows, "top5") / masked,
            "nll": self.mean(rows, masked),
        }


class Classify(Evaluation):
    def label(self, number, name):
        for i, known in self.model.config.id2label.items():
            if name == known:
                return i
        if name.isdecimal() and int(name) in self.model.config.id2label:
            return int(name)
        raise SystemExit(f"{self.args.data}:{number}: no label {name!r}")

    def prepare(self, number, line):
        name, text = line.split("\t", 1)
        if not text.strip(" \t"):
            return None
        text = Text(self.tokenizer, text)
        kept = text.cut(self.most)
        self.sums["truncated"] += len(kept) < len(text.ids)
        return {"ids": [text.ids[k] for k in kept], "tokens": len(kept), "label": self.label(number, name)}

    def judge(self, row, logits):
        row["guess"] = logits.argmax().item()

    def figures(self, rows):
        names = self.model.config.id2label
        n = len(names)
        confusion = [[0] * n for _ in range(n)]
        for row in rows:
            confusion[row["label"]][row["guess"]] += 1
        share = lambda part, whole: part / whole if whole else 0.0
        labels = []
        for i in range(n):
            lines, guessed = sum(confusion[i]), sum(r[i] for r in confusion)
            right = confusion[i][i]
            label = {"label": names[i], "lines": lines, "precision": share(right, guessed)}
            label |= {"recall": share(right, lines), "f1": share(2 * right, lines + guessed)}
            labels.append((label, lines + guessed > 0))
        seen, occur = sum(s for _, s in labels), sum(l["lines"] > 0 for l, _ in labels)
        return {
            "accuracy": sum(confusion[i][i] for i in range(n)) / len(rows),
            "balanced_accuracy": sum(l["recall"] for l, _ in labels) / occur,
            "macro_f1": sum(l["f1"] for l, _ in labels) / seen,
            "labels": [l for l, _ in labels],
            "confusion": confusion,
        }


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("checkpoint")
    args.add_argument("--data", required=True)
    args.add_argument("--task", choices=MODELS)
    args.add_argument("--limit", type=int, default=0)
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--end")
    args.add_argument("--after")
    args.add_argument("--threads", type=int, default=1)
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    config = json.loads((Path(args.checkpoint) / "config.json").read_text())
    task = args.task or TASKS[config["architectures"][0]]
    kinds = {"generate": Generate, "fill_mask": FillMask, "classify": Classify}
    with torch.no_grad():
        print(json.dumps(kinds[task](args, task).measure(), ensure_ascii=False))


main()
