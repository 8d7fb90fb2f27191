"""What transformers makes of the checkpoints, for tests/parity/test_checkpoints.

`expected.py CHECKPOINTS PROMPTS.tsv OUT`: for the first three prompts of each task, the ids and the
float32 logits (at the mask, of the labels, of the last place), in OUT/<checkpoint>.safetensors.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertForMaskedLM, BertForSequenceClassification, GPT2LMHeadModel

TASKS = {
    "fill_mask": ("bert-ko-reviews", BertForMaskedLM),
    "classify": ("bert-ko-reviews", BertForSequenceClassification),
    "generate": ("gpt-ko-reviews", GPT2LMHeadModel),
    "dialogue": ("gpt-ko-reviews", GPT2LMHeadModel),
}
PROMPTS_A_TASK = 3


def prompts(path):
    chosen = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            task, text = line.split("\t")
            chosen.setdefault(task, []).append(text)
    return {task: texts[:PROMPTS_A_TASK] for task, texts in chosen.items()}


def main():
    root, chosen, out = Path(sys.argv[1]), prompts(sys.argv[2]), Path(sys.argv[3])
    files = {}
    for task, (name, kind) in TASKS.items():
        tokenizer = AutoTokenizer.from_pretrained(root / name)
        model = kind.from_pretrained(root / name, dtype=torch.float32).eval()
        for i, text in enumerate(chosen[task]):
            ids = tokenizer(text, return_tensors="pt").input_ids
            with torch.no_grad():
                logits = model(ids).logits[0]
            if task == "fill_mask":
                logits = logits[ids[0] == tokenizer.mask_token_id][0]
            elif task != "classify":
                logits = logits[-1]
            tensors = files.setdefault(name, {})
            tensors[f"{task}.{i}.ids"] = ids[0].to(torch.int32)
            tensors[f"{task}.{i}.logits"] = logits.float().contiguous()
    out.mkdir(parents=True, exist_ok=True)
    for name, tensors in files.items():
        save_file(tensors, out / f"{name}.safetensors")


main()
