# ruff: noqa: RUF001
"""Labelled texts that a tiny classifier can learn, and texts that tokenizers stumble over."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasft.data.rows import Rows

# The label follows from a word.
WORDS = {"news": ["people", "year", "place"], "opinion": ["good", "think"], "comparison": ["more"]}
FILLING = [
    *("the", "a", "of", "to", "and", "in", "is", "it", "you", "that"),
    *("he", "was", "for", "on", "are", "with", "as", "his", "they", "be"),
]


def write_rows(path: Path, rows: int = 72, header: tuple[str, str] = ("text", "label")) -> Path:
    """Writes a csv of texts of 4 to 20 words, the classes in turn."""
    random = np.random.default_rng(0)
    names = sorted(WORDS)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in range(rows):
            label = names[row % len(names)]
            words = list(random.choice(FILLING, size=random.integers(4, 20)))
            words.insert(int(random.integers(len(words))), str(random.choice(WORDS[label])))
            writer.writerow([" ".join(words), label])
    return path


AWKWARD = [
    "",
    " ",
    "\t \n\r\n",
    "hello world",
    "Hello World",
    "HELLO WORLD hElLo WoRlD",
    "the way you say it",
    "Jon's model, isn't it?",
    "wait... what?! (really) -- yes; no: maybe",
    "a-b_c/d\\e|f",
    "3.14 1,000,000 50% $5 €7 £8 ¥9",
    "café naïve résumé Ångström",
    "cafe\u0301 nai\u0308ve A\u030angstro\u0308m",  # the same in NFD
    "ﬁne ﬂow ½ ² ①",
    "İstanbul ıstanbul STRASSE straße ẞ",
    "Ελληνικά ΣΊΣΥΦΟΣ σίσυφος",
    "Привет мир Ёлка ёлка",
    "中文字符 and english",
    "hello世界hello",
    "日本語のテキスト カタカナ ひらがな",
    "ﾊﾝｶｸ ｶﾀｶﾅ ＦＵＬＬ width",
    "한국어 텍스트 한국어",
    "𠮷野家 𠀀",
    "مرحبا بالعالم",
    "שלום עולם שָׁלוֹם",
    "עברית mixed with english",
    "\u202bright to left\u202c \u200fmark\u200e",
    "हिन्दी में पाठ",
    "ภาษาไทยไม่มีช่องว่าง",
    "Tiếng Việt có dấu",
    "emoji 😀 here 👍🏽",
    "family 👨‍👩‍👧‍👦 flag 🇮🇹 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "❤️ ❤ ☺️",
    "zero\u200bwidth\u200cnon\u200djoiner\ufeffbom",
    "soft\u00adhyphen and non\u2011breaking\u00a0space",
    "\u2028line\u2029paragraph\u0085next",
    "control\x00\x01\x02\x07\x08chars\x1b[0m\x7f",
    "replacement \ufffd character",
    "private \ue000 use, unassigned \u0378, noncharacter \uffff",
    "tabs\tand\nnewlines\r\nand\x0bvertical\x0cfeed",
    "many     spaces    between",
    "　ideographic　space　",
    "\u2003em space\u2009thin",
    "[CLS] hello [SEP] world [PAD] [UNK] [MASK]",
    "[SEP][SEP][MASK]hello[MASK]",
    "[sep] [mask] [ CLS ] [CLS",
    "hello [MASK], hello[MASK]world [UNK]!",
    "<s> </s> <pad> <unk> ##ing ## #",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "a" * 5000,
    "supercalifragilisticexpialidocious" * 5,
    "hello " * 600,
    "the cat, " * 300 + "[SEP] end",
    "中" * 700,
    "word [MASK] " * 300,
    "é" * 600,
    "😀" * 600,
    "https://www.example.com/path?query=1&other=%20#fragment",
    "mail@example.com @user #hashtag $TICKER",
    "C:\\Users\\name\\file.txt /usr/local/bin",
    "<html><body>&nbsp;&amp;</body></html>",
    '{"json": [1, 2, 3], "null": null}',
    "def f(x): return x ** 2  # comment",
    "“smart” ‘quotes’ — dash – en … ellipsis",
    "``latex'' $x^2_i$ \\alpha",
    "A.B.C. U.S.A. e.g. i.e. Ph.D.",
    "don't can't won't I'm you're",
    "\u0301 leading combining",
    "Z\u0335\u0327a\u0320l\u0334g\u0322o\u0338",
    "ǅ ǈ Ǆ titlecase",
    "ſ long s, K kelvin, Å angstrom sign",
    "𝕳𝖊𝖑𝖑𝖔 𝟙𝟚𝟛",
    "١٢٣ ۴۵۶ १२३",
    "XXXX XX/XX/2020 redacted",
]


def labelled(
    texts: Sequence[str], labels: Sequence[str], source: str = "made.csv", sha256: str = ""
) -> Rows:
    """Rows as a reader of labelled texts returns them."""
    return Rows({"text": list(texts), "label": list(labels)}, source, sha256)


def paired(
    sources: Sequence[str],
    targets: Sequence[str],
    origins: Sequence[str] | None = None,
    source: str = "made.tsv",
    sha256: str = "",
) -> Rows:
    """Rows as a reader of pairs returns them."""
    fields = {"source": list(sources), "target": list(targets)}
    return Rows(fields if origins is None else fields | {"origin": list(origins)}, source, sha256)
