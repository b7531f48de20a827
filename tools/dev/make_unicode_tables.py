#!/usr/bin/env python3
"""Writes shared/tokenizer/unicode_tables.cpp: what the Hugging Face tokenizers package knows of each code point.

    python tools/dev/make_unicode_tables.py shared/tokenizer/unicode_tables.cpp

The package mixes tables of several Unicode versions (Rust's, two crates' and Oniguruma's). So nothing is taken
from a Unicode database: every code point is fed to the package's own normalizers and pre-tokenizers, and the
tables record what came out. Needs tokenizers 0.22.2; takes about a minute.
"""
import sys
import unicodedata
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

# The same bits as in unicode_tables.h.
DROPPED, SPACE, MARK, PUNCTUATION, LETTER, NUMBER, WORD, LOWERS, DECOMPOSES = (1 << i for i in range(9))

CODES = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
clean = normalizers.BertNormalizer(True, False, False, False).normalize_str
strip = normalizers.BertNormalizer(False, False, True, False).normalize_str
chinese = normalizers.BertNormalizer(False, True, False, False).normalize_str
nfd = normalizers.NFD().normalize_str
lowercase = normalizers.Lowercase().normalize_str
bert_split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
byte_split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str

MARKER = "@#@"  # no character before it makes it match earlier


def marker_tokenizer(**options):
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.add_tokens([AddedToken(MARKER, normalized=False, **options)])
    return tokenizer


single_word, left_strip = marker_tokenizer(single_word=True), marker_tokenizer(lstrip=True)

HANGUL = range(0xAC00, 0xD7A4)
CHINESE = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
           (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]


def flags_of(code):
    c, flags = chr(code), 0
    cleaned = clean(f"a{c}b")
    if cleaned == "ab":
        flags |= DROPPED
    pieces = [piece for piece, _ in bert_split(f"a{c}b")]
    if pieces == ["a", "b"]:
        flags |= SPACE
    elif pieces == ["a", c, "b"]:
        flags |= PUNCTUATION
    else:
        assert pieces == [f"a{c}b"], (code, pieces)
    assert cleaned == ("ab" if flags & DROPPED else "a b" if flags & SPACE else f"a{c}b"), code
    assert (chinese(c) == f" {c} ") == any(a <= code <= b for a, b in CHINESE), code

    together = [before for before in "a1!" if len(byte_split(before + c)) == 1]
    flags |= {"a": LETTER, "1": NUMBER, "!": 0, "": 0}["".join(together)]
    # White space is the same set for Rust, its regular expressions and Oniguruma.
    assert (not together) == bool(flags & SPACE), code
    assert (left_strip.encode(c + MARKER).offsets[0] == (0, 4)) == bool(flags & SPACE), code
    if single_word.encode(c + MARKER).offsets[-1] != (1, 4):
        flags |= WORD

    if lowercase(c) != c:
        flags |= LOWERS
    if nfd(c) != c:
        flags |= DECOMPOSES
    elif strip(c) == "":
        flags |= MARK
    return flags


def keeps_order(text):
    return nfd(text) == text


def combining_classes():
    """From the order in which NFD puts each code point and one known mark of every class."""
    # Marks move around marks of the lowest class (1) or the highest (240); starters don't.
    marks = [c for c in map(chr, CODES) if keeps_order(c) and not (keeps_order(c + "\u0334") and keeps_order("\u0345" + c))]
    known = {}
    for mark in marks:
        known.setdefault(unicodedata.combining(mark), mark)
    classes = {}
    for mark in marks:
        same = [k for k, other in known.items() if keeps_order(other + mark) and keeps_order(mark + other)]
        assert len(same) == 1, (hex(ord(mark)), same)
        classes[ord(mark)] = same[0]
    return classes


def lowered_ranges(codes):
    """(first, last, step, difference) for runs of code points whose lower case is equally far away."""
    runs = []
    for code in codes:
        lower = lowercase(chr(code))
        if len(lower) > 1:
            assert (code, lower) == (0x130, "i\u0307"), "only U+0130 becomes two characters"
            lower = "i"
        difference = ord(lower) - code
        run = runs[-1] if runs else None
        if run and run[3] == difference and code - run[1] in (1, 2) and run[2] in (0, code - run[1]):
            run[1:3] = code, code - run[1]
        else:
            runs.append([code, code, 0, difference])
    return [(first, last, step or 1, difference) for first, last, step, difference in runs]


def lines(items, width=98):
    line = " "
    for item in items:
        if len(line) + len(item) + 2 > width:
            yield line
            line = " "
        line += f" {item},"
    yield line


def main():
    classes = combining_classes()
    flags = {code: flags_of(code) for code in CODES}
    kinds, ranges = [], []
    previous = None
    for code in range(0x110000):
        kind = (flags.get(code, 0), classes.get(code, 0))
        if kind != previous:
            if kind not in kinds:
                kinds.append(kind)
            ranges.append((code, kinds.index(kind)))
            previous = kind
    assert len(kinds) <= 256
    decomposed = [code for code in CODES if flags[code] & DECOMPOSES and code not in HANGUL]
    assert all(flags[code] & DECOMPOSES for code in HANGUL)
    pool, starts = [], []
    for code in decomposed:
        starts.append((code, len(pool)))
        pool += map(ord, nfd(chr(code)))
    assert len(pool) < 65536
    lowered = lowered_ranges(code for code in CODES if flags[code] & LOWERS)

    parts = [
        "// Written by tools/dev/make_unicode_tables.py; do not edit.\n// clang-format off\n"
        '#include "shared/tokenizer/unicode_tables.h"\n\nnamespace onecopy::unicode {\n\n'
        "// Flags and canonical combining class of each kind of code point.",
        f"constexpr CharKind kKinds[{len(kinds)}] = {{",
        *lines(f"{{{f},{k}}}" for f, k in kinds), "};\n",
        "// First code point of each range << 8 | index of its kind.",
        f"constexpr std::uint32_t kRanges[{len(ranges)}] = {{",
        *lines(f"{code << 8 | kind:#x}" for code, kind in ranges), "};\n",
        "// First, last, step and difference of the code points that have a lower case.",
        f"constexpr LowerRange kLower[{len(lowered)}] = {{",
        *lines(f"{{{a:#x},{b:#x},{s},{d}}}" for a, b, s, d in lowered), "};\n",
        "// Code point and where its canonical decomposition begins in kDecomposedChars (Hangul is computed).",
        f"constexpr Decomposed kDecomposed[{len(starts) + 1}] = {{",
        *lines([f"{{{code:#x},{start}}}" for code, start in starts] + [f"{{0x110000,{len(pool)}}}"]), "};\n",
        f"constexpr char32_t kDecomposedChars[{len(pool)}] = {{",
        *lines(f"{code:#x}" for code in pool), "};\n",
        "constexpr auto kBlockIndex = index_blocks(kRanges);\n",
        "constinit const Tables kTables = {kKinds, kRanges, kBlockIndex, kLower, kDecomposed, kDecomposedChars,\n"
        "                                  ascii_kinds(kRanges, kKinds)};\n",
        "}  // namespace onecopy::unicode\n",
    ]
    Path(sys.argv[1]).write_text("\n".join(parts))
    print(f"{len(kinds)} kinds, {len(ranges)} ranges, {len(lowered)} lower-case runs, {len(starts)} decompositions")


if __name__ == "__main__":
    main()
