#!/usr/bin/env python3
"""Sums of dumped values over their real places only.

    tests/real_places.py TYPES MASK DIRECTORY    a line for each tensor of each dump
    tests/real_places.py --self                  padding does not count, all else does

A dump of rows of unequal lengths is a rectangle.  What it holds behind the end of a row, and in
a row that has stopped while others go on, is no value of the model, and neither is a column of
keys that no row has.  TYPES has a line for each value, `name B,T,...`, as the graph has its
type; MASK is the dumped `tokens.mask` of the same batch, [B, T] or [B, S], which says how long
each row is.  A value with B first and T or S anywhere behind it is cut to the rows; any other
counts whole, with its shape.
"""
import hashlib
import json
import os
import sys

WIDTH = {"BOOL": 1, "I32": 4, "F32": 4}


def read(path):
    """Tensors by name: (dtype, shape, bytes)."""
    with open(path, "rb") as file:
        data = file.read()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"],
                   data[begin + t["data_offsets"][0]:begin + t["data_offsets"][1]])
            for name, t in header.items()}


def pass_of(name):
    tail = name.rpartition("@")[2]
    return int(tail) if "@" in name and tail.isdigit() else 0


def row_lengths(mask, dims):
    """For each pass, the tokens of each row and its keys.

    A mask of keys has all that a row has had: what is new is more than the pass before had."""
    lengths, before = {}, None
    for name, (_, shape, data) in sorted(mask.items(), key=lambda item: pass_of(item[0])):
        real = [sum(data[b * shape[1]:(b + 1) * shape[1]]) for b in range(shape[0])]
        new = real
        if dims[1:2] == ["S"] and before and len(before) == len(real):
            new = [now - then for now, then in zip(real, before)]
        lengths[pass_of(name)] = {"T": new, "S": real}
        before = real
    return lengths


def pieces(data, shape, width, limits):
    """The bytes of one row's real places, in order; limits[i] places of axis i are real."""
    inner = len(shape)
    while inner and limits[inner - 1] == shape[inner - 1]:
        inner -= 1
    if inner == 0:
        yield data
        return
    stride = width
    for size in shape[1:]:
        stride *= size
    if inner == 1:
        yield data[:limits[0] * stride]
        return
    for i in range(limits[0]):
        yield from pieces(data[i * stride:(i + 1) * stride], shape[1:], width, limits[1:])


def summed(tensor, dims, lengths):
    """A line: what is the same in both builds if their real places are."""
    dtype, shape, data = tensor
    digest = hashlib.sha256()
    if not lengths or len(dims) != len(shape) or dims[:1] != ["B"] or shape[0] != len(lengths["T"]):
        digest.update(data)
        return f"{dtype} {shape} {digest.hexdigest()}"
    row = len(data) // shape[0] if shape[0] else 0
    for b in range(shape[0]):
        limits = [min(lengths[d][b], size) if d in lengths else size
                  for d, size in zip(dims[1:], shape[1:])]
        if lengths["T"][b] == 0:  # it rests
            continue
        digest.update(repr((b, limits)).encode())
        for piece in pieces(data[b * row:(b + 1) * row], shape[1:], WIDTH[dtype], limits):
            digest.update(piece)
    return f"{dtype} {','.join(dims)} {digest.hexdigest()}"


def sums(types, mask, directory):
    with open(types, encoding="utf-8") as file:
        dims = {line.split()[0]: line.split()[1].split(",") for line in file if " " in line.strip()}
    path = os.path.join(directory, mask)
    lengths = row_lengths(read(path), dims.get(mask, [])) if mask and os.path.exists(path) else {}
    for name in sorted(os.listdir(directory)):
        for key, tensor in read(os.path.join(directory, name)).items():
            print(key, summed(tensor, dims.get(name, []), lengths.get(pass_of(key))))


def self_test():
    """Two rows, of 2 and 1 tokens and of 3 and 2 keys."""
    lengths = {"T": [2, 1], "S": [3, 2]}
    wide = bytearray(range(2 * 2 * 4 * 4))  # [2, 2, 4] of f32, one key more than any row has

    def of(data, shape=(2, 2, 4), dims=("B", "T", "S"), rows=None):
        return summed(("F32", list(shape), bytes(data)), list(dims), rows or lengths)

    first = of(wide)
    for t in range(4):
        for s in range(4):
            for byte in range(4):
                other = bytearray(wide)
                other[(t * 4 + s) * 4 + byte] ^= 1
                real = s < lengths["S"][t // 2] and t % 2 < lengths["T"][t // 2]
                assert (of(other) != first) == real, (t, s)
    narrow = b"".join(wide[i * 16:i * 16 + 12] for i in range(4))
    assert of(narrow, (2, 2, 3)) == first
    assert of(b"".join(wide[i * 16:i * 16 + 8] for i in range(4)), (2, 2, 2)) != first
    rest = {"T": [0, 1], "S": [3, 2]}
    other = bytearray(wide)
    other[0] ^= 1
    assert of(other, rows=rest) == of(wide, rows=rest)
    assert of(other, dims=("T", "B", "S")) != of(wide, dims=("T", "B", "S"))
    mask = {"m": ("BOOL", [2, 2], b"\1\1\1\0"), "m@1": ("BOOL", [2, 3], b"\1\1\1\1\0\0")}
    assert row_lengths(mask, ["B", "S"])[1] == {"T": [1, 0], "S": [3, 1]}
    assert row_lengths(mask, ["B", "T"])[1] == {"T": [3, 1], "S": [3, 1]}
    print("real places: padding does not count, all else does")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self"]:
        self_test()
    elif len(sys.argv) == 4:
        sums(*sys.argv[1:])
    else:
        sys.exit(__doc__)
