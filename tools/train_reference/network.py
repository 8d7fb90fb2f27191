"""BERT (post-norm, Devlin et al. 2018) and GPT-2 (pre-norm, Radford et al. 2019), as small as they go.

The parameters keep the names and the shapes of the Hugging Face checkpoints when they are written
out, by `bert_tensors` and `gpt_tensors`.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Layer(nn.Module):
    def __init__(self, width, heads, inner, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-5 if causal else 1e-12)
        self.norm2 = nn.LayerNorm(width, eps=1e-5 if causal else 1e-12)

    def attend(self, x, mask):
        rows, places, width = x.shape
        q, k, v = self.qkv(x).view(rows, places, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-1, -2)) * (width // self.heads) ** -0.5
        scores = scores.float().masked_fill(~mask, float("-inf"))
        a = torch.softmax(scores, -1).to(v.dtype) @ v
        return self.out(a.transpose(1, 2).reshape(rows, places, width))

    def feed_forward(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh" if self.causal else "none"))

    def forward(self, x, mask):
        if self.causal:
            x = x + self.attend(self.norm1(x), mask)
            return x + self.feed_forward(self.norm2(x))
        x = self.norm1(x + self.attend(x, mask))
        return self.norm2(x + self.feed_forward(x))


def start(module):
    for name, p in module.named_parameters():
        if p.dim() == 2:
            nn.init.normal_(p, std=0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(p)


class Bert(nn.Module):
    """ids [rows, places] -> the encoder's last states [rows, places, width]."""

    def __init__(self, vocabulary, width, layers, heads, inner, places, labels=2):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(places, width)
        self.kinds = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width, heads, inner, causal=False) for _ in range(layers))
        self.transform = nn.Linear(width, width)
        self.transform_norm = nn.LayerNorm(width, eps=1e-12)
        self.word_bias = nn.Parameter(torch.zeros(vocabulary))
        self.pooler = nn.Linear(width, width)
        self.classifier = nn.Linear(width, labels)
        start(self)

    def forward(self, ids, mask):
        x = self.words(ids) + self.places.weight[: ids.shape[1]] + self.kinds.weight[0]
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        return x

    def word_logits(self, x):
        h = self.transform_norm(F.gelu(self.transform(x)))
        return F.linear(h, self.words.weight, self.word_bias)

    def label_logits(self, x):
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


class Gpt(nn.Module):
    """ids [rows, places] -> the decoder's normed states [rows, places, width]."""

    def __init__(self, vocabulary, width, layers, heads, inner, places):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(places, width)
        self.layers = nn.ModuleList(Layer(width, heads, inner, causal=True) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        start(self)
        for layer in self.layers:  # what is added to the stream shrinks with the depth
            for p in (layer.out.weight, layer.down.weight):
                nn.init.normal_(p, std=0.02 / (2 * layers) ** 0.5)

    def forward(self, ids):
        x = self.words(ids) + self.places.weight[: ids.shape[1]]
        earlier = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
        for layer in self.layers:
            x = layer(x, earlier)
        return self.norm(x)

    def word_logits(self, x):
        return F.linear(x, self.words.weight)


def bert_tensors(m):
    t = {
        "bert.embeddings.word_embeddings.weight": m.words.weight,
        "bert.embeddings.position_embeddings.weight": m.places.weight,
        "bert.embeddings.token_type_embeddings.weight": m.kinds.weight,
        "cls.predictions.bias": m.word_bias,
    }
    parts = {
        "bert.embeddings.LayerNorm": m.norm,
        "cls.predictions.transform.dense": m.transform,
        "cls.predictions.transform.LayerNorm": m.transform_norm,
        "bert.pooler.dense": m.pooler,
        "classifier": m.classifier,
    }
    for i, layer in enumerate(m.layers):
        at = f"bert.encoder.layer.{i}."
        for j, name in enumerate(("query", "key", "value")):
            t[f"{at}attention.self.{name}.weight"] = layer.qkv.weight.chunk(3)[j]
            t[f"{at}attention.self.{name}.bias"] = layer.qkv.bias.chunk(3)[j]
        parts[at + "attention.output.dense"] = layer.out
        parts[at + "attention.output.LayerNorm"] = layer.norm1
        parts[at + "intermediate.dense"] = layer.up
        parts[at + "output.dense"] = layer.down
        parts[at + "output.LayerNorm"] = layer.norm2
    for name, part in parts.items():
        t[name + ".weight"], t[name + ".bias"] = part.weight, part.bias
    return t


def gpt_tensors(m):
    t = {
        "transformer.wte.weight": m.words.weight,
        "transformer.wpe.weight": m.places.weight,
        "transformer.ln_f.weight": m.norm.weight,
        "transformer.ln_f.bias": m.norm.bias,
    }
    for i, layer in enumerate(m.layers):
        at = f"transformer.h.{i}."
        for name, part in (("ln_1", layer.norm1), ("ln_2", layer.norm2)):
            t[at + name + ".weight"], t[at + name + ".bias"] = part.weight, part.bias
        for name, part in (
            ("attn.c_attn", layer.qkv),
            ("attn.c_proj", layer.out),
            ("mlp.c_fc", layer.up),
            ("mlp.c_proj", layer.down),
        ):  # Conv1D keeps its weight as [in, out]
            t[at + name + ".weight"], t[at + name + ".bias"] = part.weight.t(), part.bias
    return t
