"""Seeded strings that tokenizers trip over."""

import random

# What is put together at random: letters that change when they are normalized or
# lowercased, marks, jamo and syllables, half-width and compatibility forms, emoji
# sequences, bidirectional and control characters, blanks of every kind, what
# tokenizers use themselves, and code points younger than most libraries.
PARTS = (
    ["a", "b", "the", " ", "  ", "\n", "\t", "\r\n", "\r", ".", ",", "'s", "'ll", "don't", "!",
     "?", "1", "22", "333", "_", "__", "-", "--", '"', "(", ")", "[", "]", "{", "}", "<", ">",
     "/", "\\", "#", "##", "$", "^", "`", "~", "|", "+", "=", "*", "&", "%", "@", ":", ";",
     "Hello", "WORLD", "hello world", "    ", "        ", "aaaa", "ing", "##ing"]
    + ["é", "e\u0301", "ß", "İ", "ı", "ſ", "ǆ", "ﬁ", "½", "①", "²", "٣", "Ⅷ", "ⓐ", "🄰", "㎏",
       "㈱", "ﷺ", "ậ", "Ǖ", "Ω", "Å", "\u2126", "\u212b", "ä", "ÄÖÜ", "ΑΣ", "ς", "Привет", "ёЙ"]
    + ["한", "국", "어", "가나다", "각", "\u1100\u1161", "\u1100\u1161\u11a8", "\u11a8", "ᄒ",
       "\u1112\u1161\u11ab\u1100\u116e\u11a8", "中", "文", "日本", "カ", "ガ", "か\u3099", "ｶﾞ",
       "𠀀", "\U00031350"]
    + ["🙂", "👨‍👩‍👧", "🇰🇷", "👍🏽", "\u20e3", "♥", "\ufe0f"]
    + ["שלום", "مرحبا", "ไทย", "हिन्दी", "क्\u200dष", "\u0958", "\u0f73", "\u0344"]
    + ["\u0300\u0316", "\u0345", "\u0327\u0301", "\u1e9b\u0323", "\u034f"]
    + ["\u200b", "\u200c", "\u200d", "\ufeff", "\u202e", "\u202b", "\u2066", "\u00ad", "\xa0",
       "\u3000", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x00", "\x01", "\x1f", "\x7f",
       "\x9f", "\u180e"]
    + ["\ufffd", "\ufffe", "\U0010ffff", "\U000e0001", "\ue000", "\u0378", "\u0897", "\u1c89",
       "\ua7cb", "\U0001d400"]
    + ["▁", "▁▁", "Ġ", "Ċ", "<0x41>", "<0x", "</w>"]
    + ["…", "—", "“", "”", "‘", "’", "·", "¡", "¿", "、", "。", "！", "؟", "×", "÷", "€", "₩", "©",
       "™"]
)


def code_point(r):
    """One of all planes, the common ones more often; no surrogate."""
    kind = r.random()
    if kind < 0.3:
        code = r.randrange(0x20, 0x250)
    elif kind < 0.5:
        code = r.randrange(0x250, 0x3000)
    elif kind < 0.6:
        code = r.randrange(0xAC00, 0xD7A4)
    elif kind < 0.8:
        code = r.randrange(0x3000, 0x10000)
    elif kind < 0.97:
        code = r.randrange(0x10000, 0x32400)
    else:
        code = r.randrange(0x32400, 0x110000)
    return "x" if 0xD800 <= code < 0xE000 else chr(code)


def make(r, words, glued=()):
    """One string.  glued: the added tokens, put between any two characters."""
    kind, n = r.random(), r.choice([1, 2, 3, 4, 6, 8, 12, 20])
    if kind < 0.5:
        text = "".join(r.choice(PARTS) for _ in range(n))
    elif kind < 0.7:
        text = "".join(code_point(r) for _ in range(n))
    elif kind < 0.9:
        text = "".join(r.choice([r.choice(PARTS), code_point(r), r.choice(words),
                                 " " + r.choice(words)]) for _ in range(n))
    elif kind < 0.93:
        text = r.choice(PARTS) * r.randrange(1, 300)
    else:
        text = " ".join(r.choice(words) for _ in range(n * 2))
    if glued and r.random() < 0.35:
        for _ in range(r.choice([1, 1, 2, 3])):
            at = r.randrange(len(text) + 1)
            text = text[:at] + r.choice(glued) + text[at:]
    return text


def words_of(paths):
    """Up to 20,000 words of each file."""
    words = []
    for path in paths:
        with open(path, encoding="utf8") as file:
            words += file.read().split()[:20000]
    return words


def corpus(words):
    """What the script's own tokenizers are trained on."""
    r = random.Random(3)
    lines = [" ".join(r.choice(words) for _ in range(12)) for _ in range(1500)]
    return lines + [make(r, words).replace("\0", "") for _ in range(400)]
