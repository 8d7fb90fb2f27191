#!/usr/bin/env python3
"""make.py - final answers of transformers' pipelines on random heads.

    python make.py [OUT]        # default: answers.json beside it; 30 s

Each set takes a small body of tests/fixtures and gives it HEADS heads, one after
another: the tensors that `heads` names are filled by number(), which test_answers.c
computes to the same bits.  What the pipelines then say is kept: texts, places in
bytes, scores.  A head whose answer hangs by a thread (GAP) is left out.

question-answering is not in transformers 5: answer_question() is what its last
pipeline did (4.57, pipelines/question_answering.py), on the logits of today's model.
"""
import json
import os
import pathlib
import sys

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TQDM_DISABLE="1")
sys.dont_write_bytecode = True

import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "fixtures"
HEADS, GAP, NEW_TOKENS = 100, 2e-5, 12


def number(seed, tensor, count, scale):
    """count numbers in [-scale, scale): 24 bits each of a linear congruential generator."""
    state, out = (seed * 2654435761 + tensor * 40503 + 1) & 0xFFFFFFFF, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append(((state >> 8) - 8388608) / 8388608 * scale)
    return out


TEXTS = ["나는 오늘 책을 읽는다.", "The cat sat near the door.", "What is the name of the river in Seoul?", "모델도 언어를 배운다",
         "I like 커피, and you like tea", "도서관은 강 옆에 있다. Where is it?", "she", "답을 준다 선생님은 책을"]
PAIRS = [["그는 어디에?", "서울의 강은 길고 아름답다."], ["She reads", "a book in the library every day."],
         ["the river", "너는 커피를 좋아해?"], ["춥다", "today"]]
QUESTIONS = [["who", "the cat sat on the mat"], ["어디에 있어?", "도서관은 강 옆에 있다. 고양이는 문 옆에 있다."],
             ["the book?", "He said that the answer is in the book. The Book is near."], ["날씨는?", "오늘 서울 날씨는 춥다."],
             ["What is it?", "door"], ["when", "There are 12 months and 365 days in a year, 커피는 12 months"],
             ["뭐야", "커피 the 커피 THE 커피 a A the"], ["?", "Reading and learning, (walk) home; 강을 걷는다: done"]]
MASKED = ["나는 [MASK]를 좋아해", "The [MASK] sat near the door.", "[MASK]", "오늘 서울 날씨는 [MASK].", "I like  [MASK]  tea", "책[MASK]"]
MASKS = ["[MASK] 책을 [MASK] 답을 한다.", "The [MASK] reads [MASK] [MASK] in the library", "[MASK][MASK]", "강 [MASK], 문 [MASK]"]
MASKED_PAIRS = [["나는 오늘 커피를 좋아해, 너는", "[MASK]를 좋아해"], ["The cat sat", "near the [MASK] and [MASK]."],
                ["a [MASK] here", "강은 [MASK] 아름답다"], ["[MASK] like", "tea"]]
PROMPTS = ["나는 딥러닝을", "The model reads", "오늘 서울 날씨는", "I like tea, and", "a"]

TRANSFORM = [["cls.predictions.transform.dense.weight", 2], ["cls.predictions.transform.dense.bias", 2],
             ["cls.predictions.bias", 4], ["cls.predictions.decoder.bias", 4, 2]]
SETS = [
    {"name": "qa", "fixture": "bert-qa", "heads": [["qa_outputs.weight", 1], ["qa_outputs.bias", 1]], "inputs": QUESTIONS},
    {"name": "fill_mask", "fixture": "bert-mlm", "heads": TRANSFORM, "inputs": MASKED},
    {"name": "fill_masks", "fixture": "bert-mlm", "heads": TRANSFORM, "inputs": MASKS},
    {"name": "fill_mask_pair", "fixture": "bert-mlm", "heads": TRANSFORM, "inputs": MASKED_PAIRS},
    {"name": "classify", "fixture": "bert-classify", "inputs": TEXTS + PAIRS,
     "heads": [["bert.pooler.dense.weight", 0.5], ["bert.pooler.dense.bias", 0.5], ["classifier.weight", 1], ["classifier.bias", 1]]},
    {"name": "classify_tokens", "fixture": "bert-tags", "heads": [["classifier.weight", 1], ["classifier.bias", 1]],
     "inputs": TEXTS},
    {"name": "embed", "fixture": "bert-model", "inputs": TEXTS + PAIRS,
     "heads": [["encoder.layer.1.output.dense.weight", 1], ["encoder.layer.1.output.dense.bias", 1],
               ["encoder.layer.1.output.LayerNorm.bias", 1]]},
    {"name": "generate", "fixture": "gpt2-untied", "heads": [["lm_head.weight", 2]], "inputs": PROMPTS},
    {"name": "generate", "fixture": "llama-gqa", "heads": [["lm_head.weight", 2]], "inputs": PROMPTS},
]


def load(row):
    folder = FIXTURES / row["fixture"]
    name = json.loads((folder / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval(), transformers.AutoTokenizer.from_pretrained(folder)


def give_head(model, row, seed):
    state = model.state_dict()
    for place, (name, scale, *same) in enumerate(row["heads"]):
        tensor = state[name]
        values = number(seed, same[0] if same else place, tensor.numel(), scale)
        tensor.copy_(torch.tensor(values, dtype=torch.float64).reshape(tensor.shape))


def near(scores):
    """Are two that stand beside each other in order too close to tell apart?"""
    scores = sorted(scores, reverse=True)
    return any(a - b < GAP for a, b in zip(scores, scores[1:]))


def byte(text, at):
    return len(text[:at].encode())


def texts(one):
    return (one, None) if isinstance(one, str) else tuple(one)


def shown(score):
    return round(float(score), 7)


# ------------------------------------------------------------------ qa

def select(start, end, wanted, top_k, longest):
    """select_starts_ends() and decode_spans(), without impossible answers."""
    start, end = (np.where(wanted == 0, -10000.0, v) for v in (start, end))
    start, end = (np.exp(v - v.max(axis=-1, keepdims=True)) for v in (start, end))
    start, end = start / start.sum(), end / end.sum()
    start[0, 0] = end[0, 0] = 0.0
    outer = np.matmul(np.expand_dims(start, -1), np.expand_dims(end, 1))
    candidates = np.tril(np.triu(outer), longest - 1)
    flat = candidates.flatten()
    if len(flat) < top_k:
        order = np.argsort(-flat)
    else:
        index = np.argpartition(-flat, top_k)[0:top_k]
        order = index[np.argsort(-flat[index])]
    starts, ends = np.unravel_index(order, candidates.shape)[1:]
    keep = np.isin(starts, wanted.nonzero()) & np.isin(ends, wanted.nonzero())
    starts, ends = starts[keep], ends[keep]
    return starts, ends, candidates[0, starts, ends], flat


def words_around(enc, s, e):
    try:
        first, last = enc.token_to_word(s), enc.token_to_word(e)
        return enc.word_to_chars(first, sequence_index=1)[0], enc.word_to_chars(last, sequence_index=1)[1]
    except Exception:
        return enc.offsets[s][0], enc.offsets[e][1]


def answer_question(model, tok, question, context, top_k=1, longest=15):
    x = tok(question, context, return_tensors="pt")
    out, enc = model(**x), x.encodings[0]
    wanted = np.array([[int(s == 1) for s in x.sequence_ids(0)]])
    wanted[0, np.nonzero(x["input_ids"][0].numpy() == tok.cls_token_id)[0]] = 1
    many = top_k * 2 + 10
    starts, ends, scores, flat = select(out.start_logits.double().numpy(), out.end_logits.double().numpy(), wanted, many, longest)
    answers = []
    for s, e, score in zip(starts, ends, scores):
        begin, end = words_around(enc, s, e)
        text = context[begin:end]
        same = next((a for a in answers if a["answer"].lower() == text.lower()), None)
        if same:
            same["score"] += score.item()
        else:
            answers.append({"score": score.item(), "start": begin, "end": end, "answer": text})
    answers.sort(key=lambda a: a["score"], reverse=True)
    cut = np.sort(flat)[::-1][many - 1:many + 1]  # what was left out could add to the best
    return answers, len(cut) == 2 and cut[0] - cut[1] < 1e-9 and cut[0] > 1e-6


def ask_qa(model, tok, one):
    answers, thread = answer_question(model, tok, *one)
    if thread or near([a["score"] for a in answers[:2]]):
        return None
    best = answers[0]
    return [best["answer"], byte(one[1], best["start"]), byte(one[1], best["end"]), shown(best["score"])]


# ------------------------------------------------------------------ the others

def fill_scores(model, tok, one):
    """The pipeline's own where there is no pair, which it does not take."""
    if isinstance(one, str):
        got = transformers.pipeline("fill-mask", model=model, tokenizer=tok, top_k=4)(one)
        got = got if isinstance(got[0], list) else [got]
        return [[(c["token"], c["token_str"], c["score"]) for c in mask] for mask in got]
    x = tok(*one, return_tensors="pt")
    logits = model(**x).logits[0][x["input_ids"][0] == tok.mask_token_id]
    values, ids = logits.softmax(-1).topk(4)
    return [[(i, tok.decode([i]), v) for i, v in zip(*m)] for m in zip(ids.tolist(), values.tolist())]


def ask_fill_mask(model, tok, one):
    enc = tok(*[t for t in texts(one) if t is not None], return_offsets_mapping=True)
    filled, places, done = ["", None if isinstance(one, str) else ""], [], [0, 0]
    spots = [t for t, i in enumerate(enc["input_ids"]) if i == tok.mask_token_id]
    scores = fill_scores(model, tok, one)
    if len(scores) != len(spots) or any(near([c[2] for c in mask]) for mask in scores):
        return None
    for t, mask in zip(spots, scores):
        which, (begin, end) = enc.sequence_ids(0)[t], enc["offset_mapping"][t]
        words = [[i, word.removeprefix("##").strip(), shown(score)] for i, word, score in mask[:3]]
        whole = texts(one)[which]
        filled[which] += whole[done[which]:begin] + words[0][1]
        done[which] = end
        places.append([which, byte(whole, begin), byte(whole, end), words])
    filled = [f if f is None else f + whole[at:] for f, whole, at in zip(filled, texts(one), done)]
    return [*filled, places]


def ask_classify(model, tok, one):
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tok, top_k=None)
    text, pair = texts(one)
    got = pipe({"text": text, "text_pair": pair}) if pair else pipe(text)
    got = got[0] if isinstance(got[0], list) else got
    return None if near([c["score"] for c in got]) else [[c["label"], shown(c["score"])] for c in got]


def ask_classify_tokens(model, tok, one):
    pipe = transformers.pipeline("token-classification", model=model, tokenizer=tok, ignore_labels=[],
                                 aggregation_strategy="none")
    enc = tok(one, return_offsets_mapping=True)
    words, spans, out = enc.word_ids(0), enc["offset_mapping"], []
    for token in pipe(one):
        t = token["index"]
        if words[t] == words[t - 1]:
            continue
        last = max(i for i, w in enumerate(words) if w == words[t])
        out.append([byte(one, spans[t][0]), byte(one, spans[last][1]), token["entity"], shown(token["score"])])
    return out


def ask_embed(model, tok, one):
    x = tok(*[t for t in texts(one) if t is not None], return_tensors="pt")
    return [shown(v) for v in model(**x).last_hidden_state.mean(1)[0].tolist()]


def ask_generate(model, tok, one):
    x = tok(one, return_tensors="pt")
    settings = {"do_sample": False, "max_new_tokens": NEW_TOKENS}
    out = model.generate(**x, **settings, return_dict_in_generate=True, output_logits=True)
    new = out.sequences[0, x["input_ids"].shape[1]:].tolist()
    top = torch.stack(out.logits)[:, 0].topk(2).values
    if (top[:, 0] - top[:, 1]).min() < 1e-3:
        return None
    stopped = new[-1] == model.generation_config.eos_token_id
    ids = new[:-1] if stopped else new
    pipe = transformers.pipeline("text-generation", model=model, tokenizer=tok)
    text = pipe(one, **settings, return_full_text=False)[0]["generated_text"]
    whole = [tok.decode(i, skip_special_tokens=True) for i in (out.sequences[0], x["input_ids"][0])]
    # A SentencePiece decoder takes the blank before the first word, and this pipeline
    # then has "The model readsit": what goes on after the prompt is meant here.
    assert whole[0].startswith(whole[1]) and whole[0][len(whole[1]):].removeprefix(" ") == text.removeprefix(" ")
    text = whole[0][len(whole[1]):]
    return [ids, text, "stop" if stopped else "length"]


def answers(row):
    model, tok = load(row)
    ask = globals()["ask_" + {"fill_masks": "fill_mask", "fill_mask_pair": "fill_mask"}.get(row["name"], row["name"])]
    count, seed, out = len(row["inputs"]), 0, []
    model.generation_config = transformers.GenerationConfig(eos_token_id=model.config.eos_token_id, pad_token_id=0) \
        if row["name"] == "generate" else None
    while len(out) < HEADS:
        give_head(model, row, seed)
        which = [seed % count] if row["name"] == "embed" else [seed % count, (seed // 2 + 1) % count]
        got = [ask(model, tok, row["inputs"][i]) for i in which]
        if all(a is not None for a in got):
            out.append([seed, [[i, a] for i, a in zip(which, got)]])
        seed += 1
        assert seed < 100 * HEADS, row["name"]
    different = len({json.dumps(a) for _, both in out for _, a in both})
    print(f"{row['name']:16} {row['fixture']:14} {seed:4} heads tried, {different} different answers", flush=True)
    return out


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "answers.json"
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    lines = []
    for row in SETS:
        head = {**row, "heads": [[n, s, same[0] if same else k] for k, (n, s, *same) in enumerate(row["heads"])]}
        rows = ",\n".join(json.dumps(a, ensure_ascii=False, separators=(",", ":")) for a in answers(row))
        lines.append(json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1] + ',"answers":[\n' + rows + "]}")
    out.write_text('{"new_tokens":%d,"sets":[\n%s\n]}\n' % (NEW_TOKENS, ",\n".join(lines)))
    print(out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
