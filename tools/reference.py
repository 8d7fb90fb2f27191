#!/usr/bin/env python3
"""reference.py - a run of transformers, written down for `tfmrun --compare`.

    python reference.py DIR OUT.safetensors [--text TEXT | --ids 1,2,3]

Writes what each module gave, by the module's name (a second call of one is NAME@1), the
ids that were read, and the logits, in f32.  Then

    tfmrun MODEL.tfm --weights DIR --compare OUT.safetensors
"""
import argparse

import torch
import transformers
from safetensors.torch import save_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("directory")
parser.add_argument("out")
parser.add_argument("--text", default="나는 책을 좋아해. The quick brown fox")
parser.add_argument("--ids", help="in place of a text")
args = parser.parse_args()

config = transformers.AutoConfig.from_pretrained(args.directory)
cls = getattr(transformers, (config.architectures or ["AutoModel"])[0])
model = cls.from_pretrained(args.directory, dtype=torch.float32, attn_implementation="eager").eval()
if args.ids:
    ids = torch.tensor([[int(i) for i in args.ids.split(",")]])
else:
    ids = transformers.AutoTokenizer.from_pretrained(args.directory)(args.text, return_tensors="pt").input_ids
seen = {"input_ids": ids}


def keep(name, calls=[]):
    def hook(_module, _inputs, output):
        first = next((v for v in output.values()), None) if isinstance(output, dict) else output
        first = first[0] if isinstance(first, (tuple, list)) and first else first
        if isinstance(first, torch.Tensor) and first.is_floating_point():
            turn = calls.count(name)
            calls.append(name)
            seen[f"{name}@{turn}" if turn else name] = first.detach().float().clone()
    return hook


for name, module in model.named_modules():
    if name:
        module.register_forward_hook(keep(name))
with torch.no_grad():
    output = model(ids)
for key in ("logits", "start_logits", "end_logits"):
    if getattr(output, key, None) is not None:
        seen[key.replace("_logits", "")] = getattr(output, key).float().clone()
save_file({k: v.contiguous() for k, v in seen.items()}, args.out)
print(f"{len(seen)} tensors of {ids.shape[1]} tokens: {args.out}")
