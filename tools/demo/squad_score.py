"""Exact match and F1 of an answer, as SQuAD measures them."""

import re
import string
from collections import Counter


def normalize(text):
    """Lower case, without punctuation, articles and extra blanks (as SQuAD's script)."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1(answer, truth):
    a, t = normalize(answer).split(), normalize(truth).split()
    same = sum((Counter(a) & Counter(t)).values())
    return 2 * same / (len(a) + len(t)) if same else float(a == t)


def score(answer, truths):
    """(exact, F1), each the best over the accepted answers."""
    return max(normalize(answer) == normalize(t) for t in truths), max(f1(answer, t) for t in truths)
