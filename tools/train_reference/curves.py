"""Draws the curves of a training (curve.jsonl) as one SVG: `curves.py CURVE.jsonl OUT.svg NAME...`."""

import json
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 300, 56, 40, 28, 16
COLOURS = ("#1f6feb", "#bf5b04", "#1a7f37", "#8250df")


def drawn(lines, names):
    last = lines[-1]["step"]
    values = [line[n] for line in lines for n in names if n in line]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    at = lambda step, value: (LEFT + wide * step / last, TOP + tall * (1 - (value - low) / span))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for i in range(5):
        value = low + span * i / 4
        y = at(0, value)[1]
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#57606a">{value:.2f}</text>')
        step = last * i / 4
        x = at(step, low)[0]
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#57606a">{step:.0f}</text>')
    out.append(f'<text x="{LEFT + wide / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle" fill="#57606a">steps</text>')
    for i, name in enumerate(names):
        points = " ".join("%.1f,%.1f" % at(l["step"], l[name]) for l in lines if name in l)
        colour = COLOURS[i % len(COLOURS)]
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        out.append(f'<text x="{LEFT + 8 + 150 * i}" y="18" fill="{colour}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    curve, out, *names = sys.argv[1:]
    lines = [json.loads(line) for line in open(curve)]
    with open(out, "w") as svg:
        svg.write(drawn(lines, names))


main()
