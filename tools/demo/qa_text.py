"""Generates question-context-answer examples in English from the pattern files.

A pattern file is made of topics:

    # river                          a topic
    name: the {proper} River / ...   how its subject may be called
    ref: the river / the stream      how it may be called later
    pron: it                         it, none, or person (a person with a name, he or she)
    * intro sentence                 may start a paragraph
    - further sentence
      a: question / question         questions whose answer is the span <a:...>

In sentences and questions [x|y] is a choice, {kind} a slot filled by qa_words.SLOTS,
{S} the subject (full name first, then a pronoun or the like), {S's} its possessive,
{O} its object form, {N} and {N's} the name in a question, {he} {his} {him} pronouns.
A {kind} in a question is the value that the sentence has for it; a question that needs a
value which the sentence lacks, or not exactly one, is dropped.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import qa_frames
from qa_words import SLOTS, person, gender

HERE = Path(__file__).resolve().parent
FILES = ["patterns_world.txt", "patterns_daily.txt", "patterns_mixed.txt"]
CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{([^{}#]+)(?:#(\w+))?\}")
MARK = re.compile(r"<(\w+):|>")
ARTICLE = re.compile(r"\b([Aa]) (?=(?:<\w+:)?\"?(?:[aeio]|u(?!ni|k|r[aeiou])|8|11\b|18\b)(?!ne\b|uro))", re.I)
PRONOUNS = {"f": dict(he="she", his="her", him="her", child="daughter"), "m": dict(he="he", his="his", him="him", child="son"),
            "it": dict(he="it", his="its", him="it", child="part")}


@dataclass
class Topic:
    name: list = field(default_factory=list)
    ref: list = field(default_factory=list)
    pron: str = "it"
    intros: list = field(default_factory=list)
    others: list = field(default_factory=list)


def parse(text):
    """Reads a pattern file's text into {topic name: Topic}."""
    topics, topic, questions = {}, None, None
    for line in text.splitlines():
        head, _, rest = line.partition(":")
        if line.startswith("# "):
            topic = topics.setdefault(line[2:].strip(), Topic())
        elif line.startswith("name:") or line.startswith("ref:"):
            setattr(topic, head, rest.strip().split(" / "))
            if rest.strip() == "person":
                topic.pron = "person"
        elif line.startswith("pron:"):
            topic.pron = rest.strip()
        elif line[:2] in ("* ", "- "):
            questions = {}
            (topic.intros if line[0] == "*" else topic.others).append((line[2:], questions))
        elif line.strip():
            questions[head.strip()] = rest.strip().split(" / ")
    return topics


def load_topics():
    topics = {}
    for name in FILES:
        topics.update(parse((HERE / name).read_text()))
    return topics


def choose(text, rng):
    """Resolves every [x|y], innermost first."""
    while CHOICE.search(text):
        text = CHOICE.sub(lambda m: rng.choice(m[1].split("|")), text)
    return text


def possessive(name):
    return name + ("'" if name.endswith("s") else "'s")


class Subject:
    """What a paragraph is about, and how it is mentioned."""

    def __init__(self, topic, rng):
        self.topic, self.rng, self.mentioned = topic, rng, False
        if topic.pron == "person":
            self.sex = gender(rng)
            self.name = person(rng, self.sex)
        else:
            self.sex = "it"
            self.name = SLOT.sub(lambda m: fill(m[1], rng), choose(rng.choice(topic.name), rng)) if topic.name else ""
        self.words = PRONOUNS[self.sex]

    def short(self):
        """A later mention that is not a pronoun."""
        if self.topic.pron == "person" and self.rng.random() < .75:
            return self.name.split()[-1]
        return self.rng.choice(self.topic.ref) if self.topic.ref and self.rng.random() < .8 else self.name

    def mention(self, kind):
        first, self.mentioned = not self.mentioned, True
        name = self.name if first or self.rng.random() < .15 else self.short()
        pronoun = not first and self.topic.pron != "none" and self.rng.random() < .5
        if kind == "S":
            return self.words["he"] if pronoun else name
        if kind == "O":
            return self.words["him"] if pronoun else name
        return self.words["his"] if pronoun else possessive(name)

    def in_question(self, kind, alone):
        name = self.name
        if self.rng.random() < (.3 if alone else .08) and (alone or self.topic.pron == "person"):
            name = self.short() if alone else self.name.split()[-1]
        return possessive(name) if kind == "N's" else name


def fill(kind, rng):
    return SLOTS[kind](rng)


class Missing(Exception):
    pass


def sentence_text(template, subject, rng):
    """Fills a sentence; returns its text with marked answers, and the values by slot or variable name."""
    values = {}

    def slot(m):
        kind, var = m[1], m[2]
        if kind in ("S", "S's", "O"):
            return subject.mention(kind)
        if kind == "ref":
            return rng.choice(subject.topic.ref)
        if kind in ("He", "His") and not subject.mentioned:
            return subject.mention("S" if kind == "He" else "S's")
        if kind.lower() in subject.words:
            word = subject.words[kind.lower()]
            return word.capitalize() if kind[0].isupper() else word
        if kind not in SLOTS:  # {Animals}: begins a sentence
            kind = kind.lower()
        value = fill(kind, rng)
        values.setdefault(var or kind, []).append(value)
        return value

    text = SLOT.sub(slot, choose(template, rng))
    return text, values


def question_text(template, subject, values, alone, rng):
    def slot(m):
        kind = m[1]
        if kind in ("N", "N's"):
            return subject.in_question(kind, alone)
        if kind == "ref":
            return rng.choice(subject.topic.ref)
        if kind.lower() in subject.words:
            word = subject.words[kind.lower()]
            return word.capitalize() if kind[0].isupper() else word
        if len(values.get(kind, [])) != 1:
            raise Missing(kind)
        return values[kind][0]
    return SLOT.sub(slot, choose(template, rng))


def tidy(text):
    """Mends articles and blanks, and capitalizes the first letter."""
    text = ARTICLE.sub(lambda m: m[1] + "n ", re.sub(r"  +", " ", text)).replace(" ,", ",").replace(",.", ".").strip()
    return re.sub(r"^((?:<\w+:)?\W*)(\w)", lambda m: m[1] + m[2].upper(), text, count=1)


def render_sentence(pattern, subject, alone, rng):
    """One sentence as (marked text, [(key, question)])."""
    template, questions = pattern
    text, values = sentence_text(template, subject, rng)
    asked = []
    for key, forms in questions.items():
        try:
            asked.append((key, tidy(question_text(rng.choice(forms), subject, values, alone, rng))))
        except Missing:
            pass
    return tidy(text), asked


def paragraph(topic, alone, rng, most=5):
    """Sentences about one new subject."""
    subject = Subject(topic, rng)
    count = rng.choice([1, 2, 2, 3, 3, 4, 5][:most + 2])
    patterns = rng.sample(topic.others, min(count, len(topic.others)))
    if topic.intros and (not alone or rng.random() < .85 or not patterns):
        patterns = [rng.choice(topic.intros)] + patterns[:max(0, most - 1)]
    return [render_sentence(p, subject, alone, rng) for p in patterns]


def add_fillers(sentences, rng):
    """Puts sentences between that nobody asks about."""
    mixed = []
    for sentence in sentences:
        if rng.random() < .10:
            text = SLOT.sub(lambda m: fill(m[1], rng), choose(rng.choice(FILLERS), rng))
            mixed.append((tidy(text), []))
        mixed.append(sentence)
    return mixed


def lower_first(text):
    """For a sentence that follows a connecting word; names keep their capital."""
    word = MARK.sub("", text).split()[0]
    common = word in ("The", "A", "An", "It", "He", "She", "Its", "His", "Her", "In", "On", "At", "Every", "This", "By", "After", "During", "For", "Some", "When", "Records", "According")
    return re.sub(r"^((?:<\w+:)?)(\w)", lambda m: m[1] + m[2].lower(), text, count=1) if common else text


def connect(sentences, rng):
    """Joins some neighbours to one long sentence, and begins others with a linking word."""
    joined = []
    for text, asked in sentences:
        r = rng.random()
        if joined and r < .12 and "<x" not in joined[-1][0]:
            old, questions = joined.pop()
            text = re.sub(r"<(\w+):", lambda m: "<x" + m[1] + ":", text)
            joined.append((old.rstrip(".") + rng.choice([", and ", "; ", ", while ", ", but "]) + lower_first(text),
                           questions + [("x" + k, q) for k, q in asked]))
        elif joined and r < .2:
            joined.append((rng.choice(LINKS) + lower_first(text), asked))
        else:
            joined.append((text, asked))
    return joined


def join_sentences(sentences):
    """Makes a plain context of marked sentences; returns it with the (question, start, end) of all spans."""
    context, asked = "", []
    for text, questions in sentences:
        context += " " if context else ""
        spans, stack, pos = {}, [], 0
        for m in MARK.finditer(text):
            context += text[pos:m.start()]
            pos = m.end()
            if m[1]:
                stack.append((m[1], len(context)))
            else:
                key, start = stack.pop()
                spans[key] = (start, len(context))
        context += text[pos:]
        asked += [(q, *spans[k]) for k, q in questions if k in spans]
    return context, asked


LINKS = ["However, ", "In addition, ", "Today, ", "As is well known, ", "Later, ", "In fact, ", "Moreover, ", "Surprisingly, ", "Still, ", "At that time, "]
FILLERS = [line[2:] for line in (HERE / "fillers.txt").read_text().splitlines() if line.startswith("- ")]
PREFIXES = ["According to the text, ", "Do you know ", "Tell me: ", "Please tell me, ", "I would like to know: "]


def vary_question(question, rng):
    """Small changes that users make."""
    r = rng.random()
    if r < .06:
        return question.rstrip("?")
    if r < .10:
        return question.lower()
    if r < .13:
        return rng.choice(PREFIXES) + question[0].lower() + question[1:]
    return question


class Generator:
    """An endless source of contexts with questions."""

    def __init__(self, rng, frame_share=.35):
        self.rng, self.frame_share = rng, frame_share
        self.topics = load_topics()
        self.names = list(self.topics)
        self.weights = [len(t.intros) + len(t.others) for t in self.topics.values()]

    def topic(self):
        return self.topics[self.rng.choices(self.names, self.weights)[0]]

    def paragraphs(self):
        rng = self.rng
        if rng.random() < self.frame_share:
            parts = [qa_frames.story(rng)]
            if rng.random() < .4:
                parts.append(paragraph(self.topic(), False, rng, 3) if rng.random() < .5 else qa_frames.story(rng))
        else:
            main, other = self.topic(), rng.random()
            parts = [paragraph(main, other > .5, rng)]
            if other < .3:
                parts.append(paragraph(main, False, rng, 3))
            elif other < .42:
                parts.append(paragraph(self.topic(), False, rng, 3))
            elif other < .5:
                parts.append(qa_frames.story(rng))
        rng.shuffle(parts)
        return [s for p in parts for s in p]

    def context(self):
        """A context and up to three examples (question, start, end)."""
        context, asked = join_sentences(connect(add_fillers(self.paragraphs(), self.rng), self.rng))
        asked = [a for a in asked if context[a[1]:a[2]].lower() not in a[0].lower()]
        picked = self.rng.sample(asked, min(3, len(asked)))
        return context, [(vary_question(q, self.rng), s, e) for q, s, e in picked]

    def examples(self):
        while True:
            context, asked = self.context()
            for question, start, end in asked:
                yield {"question": question, "context": context, "start": start, "end": end}


if __name__ == "__main__":
    import random
    source = Generator(random.Random(0)).examples()
    for _ in range(40):
        e = next(source)
        print(e["context"], "\n  Q:", e["question"], "\n  A:", e["context"][e["start"]:e["end"]])
