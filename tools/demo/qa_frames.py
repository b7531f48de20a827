"""Sentences about who did what, when, where, why and how, put together from a list of verbs.

The text patterns know much about few things; these sentences say little about anything,
in many word orders, so that the model learns which part of a sentence a question asks for.
"""

from qa_words import SLOTS, PROF, JOB, GROUP, KIN

# base, past, participle (when it is not the past); subjects; objects; words with the same meaning, as base/past/participle
VERBS = """
build built | p g b | the {thing} | construct/constructed/constructed
repair repaired | p g j | the {thing} | fix/fixed/fixed mend/mended/mended
steal stole stolen | p j g | the {thing} | take/took/taken
buy bought | p b j k | the {thing} | purchase/purchased/purchased acquire/acquired/acquired
sell sold | p b j k | the {thing} |
find found | p g k j | the {thing} | discover/discovered/discovered
lose lost | p j k | the {thing} |
paint painted | p g k | the {thing} |
clean cleaned | p j k | the {thing} | wash/washed/washed
break broke broken | p j k | the {thing} | damage/damaged/damaged
hide hid hidden | p g k | the {thing} | conceal/concealed/concealed
design designed | p b j | the {thing} | plan/planned/planned
order ordered | p b j k | the {product} | request/requested/requested
return returned | p j k | the {product} | send back/sent back/sent back bring back/brought back/brought back
install installed | p b j | the {product} | set up/set up/set up
test tested | p b j g | the {device} | try out/tried out/tried out examine/examined/examined
invent invented | p j g | the {device} | create/created/created develop/developed/developed
patent patented | p b | the {device} |
improve improved | p b g | the {device} |
destroy destroyed | g b p | the {building} | demolish/demolished/demolished wreck/wrecked/wrecked
restore restored | p g b | the {building} | renovate/renovated/renovated
open opened | p b | the {building} | inaugurate/inaugurated/inaugurated
close closed | b p | the {building} | shut/shut/shut
occupy occupied | g | the {building} | seize/seized/seized take over/took over/taken over
visit visited | p g j k | the {building} | tour/toured/toured
rent rented | p b g | the {building} | lease/leased/leased
attack attacked | g b | the {building} | assault/assaulted/assaulted
guard guarded | g j p | the {building} | protect/protected/protected watch/watched/watched
photograph photographed | p j | the {building} | take pictures of/took pictures of/x
describe described | p j | {disease} |
study studied | p g | {animals} | examine/examined/examined investigate/investigated/investigated research/researched/researched
catch caught | p g k | {animals} | capture/captured/captured
feed fed | p j k | the {pet} |
train trained | p j g | the {pet} | teach/taught/taught
grow grew grown | g p k | {crop} | cultivate/cultivated/cultivated plant/planted/planted
import imported | b g | {crop} | bring in/brought in/brought in
export exported | b g | {crop} | ship abroad/shipped abroad/shipped abroad
tax taxed | b | {crop} |
cook cooked | p j k | {foods2} | prepare/prepared/prepared make/made/made
eat ate eaten | g k p | {foods2} | have/had/x consume/consumed/consumed
drink drank drunk | p g k | {drink} | have/had/x
serve served | p j g | {drink} | offer/offered/offered
avoid avoided | p k | {food} | not eat/did not eat/x
teach taught | p j | {field} |
learn learned | p k g | {lang} | study/studied/studied
speak spoke spoken | g p | {lang} | use/used/used
play played | p k g | the {instr} |
practise practised | p k g | {sport} | do/did/x train/trained/x
write wrote written | p j | {title} |
publish published | p b | {title} | bring out/brought out/brought out print/printed/printed
translate translated | p j | {title} |
read read | p k j | {title} |
review reviewed | p j | {title} | criticize/criticized/criticized
ban banned | b | {title} | forbid/forbade/forbidden prohibit/prohibited/prohibited
perform performed | p g | {title} | play/played/played
win won | p g k | {award} | receive/received/received get/got/x
refuse refused | p j | {award} | reject/rejected/rejected turn down/turned down/turned down decline/declined/declined
donate donated | p b | {money} | give/gave/given contribute/contributed/contributed
borrow borrowed | p b k | {money} |
owe owed | p b | {money} |
collect collected | g p b | {money} | raise/raised/raised
spend spent | p b | {money} | pay/paid/paid
measure measured | p g | the {noun} |
deliver delivered | p b j | the {product} | bring/brought/brought
recommend recommended | p j k | the {product} | suggest/suggested/suggested
complain about/complained about/complained about | p k | the {product} | object to/objected to/objected to
meet met | p k j | {person} |
marry married | p j | {person} | wed/wed/wed
hire hired | b p | {person} | employ/employed/employed take on/took on/taken on
dismiss dismissed | b p | {person} | fire/fired/fired sack/sacked/sacked
appoint appointed | b p | {person} | choose/chose/chosen name/named/named
arrest arrested | b g | {person} | detain/detained/detained capture/captured/captured
rescue rescued | g p j | {person} | save/saved/saved
invite invited | p b k | {person} |
interview interviewed | p j | {person} | question/questioned/questioned
defeat defeated | p g | {person} | beat/beat/beaten
accuse accused | p b | {person} |
admire admired | p k | {person} | look up to/looked up to/looked up to
succeed succeeded | p | {person} | follow/followed/followed replace/replaced/replaced
murder murdered | p g | {person} | kill/killed/killed
conquer conquered | g | {region} | take/took/taken invade/invaded/invaded
explore explored | p g | {region} | travel through/travelled through/x
leave left | p g k | {town} | move away from/moved away from/x
reach reached | p g | {town} | arrive in/arrived in/x get to/got to/x
settle in/settled in/settled in | g p | {town} | move to/moved to/x
cross crossed | p g | {rivername} |
climb climbed | p g | {range} |
use used | p g b j | {subst} | apply/applied/applied
produce produced | b g | {subst} | make/made/made manufacture/manufactured/manufactured
discover discovered | p g | {subst} | find/found/found
remove removed | p g b | {subst} | take out/took out/taken out
wear wore worn | p g k | a {cloth} |
choose chose chosen | p k j | the {color} {cloth} | pick/picked/picked select/selected/selected
miss missed | p k j | the {vehicle} | be late for/was late for/x
take took | p k j | the {vehicle} | go by/went by/x use/used/used
approve approved | b j | the plan | accept/accepted/accepted
cancel cancelled | p b j | the meeting | call off/called off/called off
postpone postponed | b j | the concert | put off/put off/put off delay/delayed/delayed
organise organised | p g b j | the exhibition | arrange/arranged/arranged
attend attended | p k g | the lecture | go to/went to/x
watch watched | p k g | the match | see/saw/x
lead led | p j | the expedition | head/headed/headed command/commanded/commanded
found founded | p g | the {orgtype} | start/started/started establish/established/established set up/set up/set up
own owned | p b k | the {orgtype} | have/had/x possess/possessed/x
run ran run | p j k | the {orgtype} | manage/managed/managed
"""
ADJUNCTS = ["time", "place", "reason", "purpose", "means", "duration", "companion", "tool"]


def parse_verbs():
    frames = []
    for line in VERBS.strip().splitlines():
        forms, subjects, obj, synonyms = [x.strip() for x in line.split("|")]
        forms = forms.split("/") if "/" in forms else forms.split()
        base, past, part = (forms + forms[-1:])[:3]
        same = [tuple(s.replace("_", " ").split("/")) for s in split_synonyms(synonyms)]
        frames.append((base, past, part, subjects.split(), obj, same))
    return frames


def split_synonyms(text):
    """'send back/sent back/sent back fix/..': three forms each, of which the last has as many words as the first (or is x)."""
    found, words = [], text.split()
    while words:
        rest = " ".join(words)
        base, past, tail = rest.split("/", 2)
        size = len(base.split())
        tail_words = tail.split()
        part = tail_words[:1] if tail_words[0] == "x" else tail_words[:len(past.split())]
        found.append(f"{base}/{past}/{' '.join(part)}" if size else "")
        words = tail_words[len(part):]
    return found


FRAMES = parse_verbs()


def fill(text, rng):
    while "{" in text:
        a, b = text.index("{"), text.index("}")
        text = text[:a] + SLOTS[text[a + 1:b]](rng) + text[b + 1:]
    return text


class Actor:
    """A subject: the marked text when it is introduced, its plain name, and the words that ask for it."""

    def __init__(self, kind, rng):
        self.ask, self.after, self.before = "Who", "", ""
        self.pronoun = ""
        if kind == "p":
            sex = rng.choice("fm")
            self.name = SLOTS["woman" if sex == "f" else "man"](rng)
            self.pronoun = "she" if sex == "f" else "he"
            r = rng.random()
            if r < .18:
                self.after = f", {rng.choice(['a', 'the'])} {fill('{prof}', rng)} from {fill('{town}', rng)},"
            elif r < .28:
                self.before = rng.choice(["the ", "the young ", "the retired ", "the famous "]) + fill("{prof} ", rng)
            elif r < .36:
                self.before = rng.choice(["Dr ", "Mr " if sex == "m" else "Ms ", "Professor ", "Captain ", "Sir " if sex == "m" else "Lady ", "General "])
            elif r < .42:
                self.after = f" ({fill('{year}–{year}', rng)})"
        elif kind == "g":
            self.name = rng.choice(["a group of ", "", "", "some ", "the ", "several "]) + rng.choice(GROUP)
        elif kind == "b":
            self.name = fill(rng.choice(["{body}", "{company}", "{uni}"]), rng)
        elif kind == "j":
            self.name = "the " + rng.choice(JOB + PROF)
        else:
            self.name = rng.choice(["his ", "her ", "their ", "my ", "our "]) + rng.choice(KIN)

    def intro(self):
        return f"{self.before}<s:{self.name}>{self.after}"

    def again(self, rng):
        return self.name.split()[-1] if self.pronoun and rng.random() < .3 else self.name


def adjunct(kind, rng):
    """(text, kind of question) of a detail; the answer is marked with the kind's name."""
    if kind == "time":
        return fill(rng.choice(["in <time:{year}>", "in <time:{year}>", "on <time:{daymonth}>", "in <time:{month} {year}>", "on <time:{weekday}>", "in the <time:{century}>",
                    "at <time:{time}>", "on <time:{daymonth} {year}>", "<time:last {weekday}>", "<time:{years} later>", "during <time:{event}>", "in the <time:{decade}>",
                    "<time:two days before the wedding>", "after <time:{event}>", "in <time:the spring of {year}>", "<time:{days} ago>"]), rng)
    if kind == "place":
        return fill(rng.choice(["in <place:{town}>", "in <place:{country}>", "near <place:{town}>", "in <place:{region}>", "in <place:a {building} in {town}>", "in <place:{town}, {country}>",
                    "behind <place:the {building}>", "at <place:{uni}>", "on <place:{island}>", "in <place:{room}>", "at <place:{street}>", "on the banks of <place:{rivername}>",
                    "at <place:the {building}>", "outside <place:{town}>", "in <place:the cellar of the {building}>", "under <place:a {plant} tree>"]), rng)
    if kind == "reason":
        return fill(rng.choice(["because <reason:{reason}>", "because <reason:{reason}>", "as <reason:{reason}>", "since <reason:{reason}>", "because of <reason:{event}>",
                    "due to <reason:a lack of {subst}>", "owing to <reason:the high price of {crop}>", "out of <reason:[fear|pity|curiosity]>"]), rng).replace("[fear|pity|curiosity]", rng.choice(["fear", "pity", "curiosity", "anger"]))
    if kind == "purpose":
        return fill(rng.choice(["<purpose:to {vp}>", "<purpose:to {vp}>", "in order <purpose:to {vp}>", "so as <purpose:to {vp}>"]), rng)
    if kind == "means":
        return fill(rng.choice(["by <means:{ving}>", "by <means:{ving}>", "by means of <means:{tool}>", "through <means:{ving}>"]), rng)
    if kind == "duration":
        return fill(rng.choice(["for <duration:{years}>", "for <duration:{days}>", "for <duration:{mins}>", "within <duration:{days}>", "for <duration:almost {years}>"]), rng)
    if kind == "companion":
        return fill(rng.choice(["together with <companion:{person}>", "with the help of <companion:{person}>", "with <companion:his {kin}>", "alongside <companion:{group}>"]), rng)
    return fill("with <tool:{tool}>", rng)


ASK = {
    "time": ["When {aux}?", "When {aux}?", "When {aux}?", "At what time {aux}?", "When was it that {stmt}?"],
    "place": ["Where {aux}?", "Where {aux}?", "Where {aux}?", "In what place {aux}?", "In which place {aux}?"],
    "reason": ["Why {aux}?", "Why {aux}?", "For what reason {aux}?", "What was the reason that {stmt}?"],
    "purpose": ["Why {aux}?", "For what purpose {aux}?", "To what end {aux}?", "What was the purpose when {stmt}?"],
    "means": ["How {aux}?", "How {aux}?", "By what means {aux}?", "In what way {aux}?"],
    "duration": ["How long {aux}?", "For how long {aux}?"],
    "companion": ["With whom {aux}?", "Who helped when {stmt}?", "Together with whom {aux}?"],
    "tool": ["With what {aux}?", "What was used when {stmt}?"],
}
TIME_ASK = [(r"\d{4}$", ["In what year {aux}?", "In which year {aux}?", "What year {aux}?"]), (r"day$", ["On which day {aux}?", "On what day {aux}?"]),
            (r"century$", ["In which century {aux}?", "In what century {aux}?"])]


def time_question(detail, rng):
    import re
    answer = detail[detail.index(":") + 1:detail.index(">")]
    for pattern, forms in TIME_ASK:
        if re.search(pattern, answer) and rng.random() < .35:
            return rng.choice(forms)
    return rng.choice(ASK["time"])


def word_order(actor, subject, past, part, obj, details, rng):
    """One of several sentences that say the same; obj and details hold their marks."""
    first, tail = "", list(details)
    if tail and rng.random() < .4 and not tail[0].startswith(("with ", "to ", "so as")):
        first, tail = tail[0], tail[1:]
    rng.shuffle(tail)
    end = "".join(" " + d for d in tail)
    lead = first + (", " if rng.random() < .6 else " ") if first else ""
    r = rng.random()
    if part != "x" and r < .33:
        verb = "were" if plural(obj) else "was"
        if rng.random() < .5 and end:
            return f"{lead}{obj} {verb} {part}{end} by {subject}".rstrip(",")
        return f"{lead}{obj} {verb} {part} by {subject}{end}"
    if r < .4 and not first:
        return f"it was {subject.rstrip(',')} who {past} {obj}{end}"
    if r < .5 and actor.pronoun and not actor.after and not first:
        return f"{subject}, who {past} {obj}{end}, " + fill(rng.choice(["later became {job} of {company}", "was born in {town}", "had once been a {profa}", "spoke {lang}", "came from a family of {group}"]), rng)
    if r < .58:
        return fill(rng.choice(["according to {paper}, ", "records show that ", "it is said that ", "a letter from {town} reports that ", "everyone knew that ", "the report says that "]), rng) + \
            f"{subject} {past} {obj}{end}"
    return f"{lead}{subject} {past} {obj}{end}"


def plural(obj):
    words = obj.replace("<o:", "").replace(">", "").lower()
    return " and " in words and not words.startswith(("the ", '"')) or words.startswith(("some ", "two "))


def make_questions(actor, frame, obj, details, rng):
    """(key, question) for every part of a sentence."""
    base, past, part, _, _, same = frame
    if same and rng.random() < .5:
        base, past, part = rng.choice(same)
        if base.startswith("not ") or base.startswith("be "):
            base, past, part = frame[:3]
    name, asked = actor.again(rng), []
    plain = {kind: d.replace(f"<{kind}:", "").replace(">", "") for kind, d in details}

    def extra(skip):
        others = [d for k, d in plain.items() if k != skip and k in ("time", "place")]
        return " " + rng.choice(others) if others and rng.random() < .3 else ""

    be = "were" if plural(obj) else "was"
    forms = [f"Who {past} {obj}{extra('')}?", f"Who {past} {obj}?"]
    if part != "x":
        forms += [f"By whom {be} {obj} {part}?", f"{obj} {be} {part} by whom?"]
    if actor.pronoun:
        forms += [f"Who was it that {past} {obj}?", f"What is the name of the person who {past} {obj}?", f"Which person {past} {obj}?"]
    asked.append(("s", rng.choice(forms)))
    whom = frame[4] == "{person}"
    what = rng.choice(["Who", "Whom"]) if whom else "How much" if frame[4] == "{money}" else "What"
    forms = [f"{what} did {name} {base}{extra('')}?", f"{what} did {name} {base}?"]
    if part != "x" and not whom:
        forms += [f"{what} was {part} by {name}?", f"{what} was it that {name} {past}?"]
    if frame[4] in ("{town}", "{region}"):
        forms += [f"Which place did {name} {base}?"]
    if frame[4] == "{title}":
        forms += [f"Which book did {name} {base}?"]
    if frame[4] == "{award}":
        forms += [f"Which prize did {name} {base}?", f"Which award did {name} {base}?"]
    if frame[4] == "{animals}":
        forms += [f"Which animals did {name} {base}?", f"What animals did {name} {base}?"]
    asked.append(("o", rng.choice(forms)))
    for kind, detail in details:
        form = time_question(detail, rng) if kind == "time" else rng.choice(ASK[kind])
        if part != "x" and rng.random() < .4:
            aux = f"{be} {obj} {part}" + (f" by {name}" if rng.random() < .3 else "")
        else:
            aux = f"did {name} {base} {obj}"
        asked.append((kind, form.format(aux=aux + (extra(kind) if rng.random() < .3 else ""), stmt=f"{name} {past} {obj}")))
    return [(k, q[0].upper() + q[1:]) for k, q in asked]


def event(rng, frame, actor=None, pronoun=False):
    """One sentence with its questions."""
    from qa_text import tidy
    actor = actor or Actor(rng.choice(frame[3]), rng)
    obj = fill(frame[4], rng)
    kinds = rng.sample(ADJUNCTS, rng.choice([0, 1, 1, 2, 2, 3]))
    if "reason" in kinds and "purpose" in kinds:
        kinds.remove("purpose")
    if "means" in kinds and "tool" in kinds:
        kinds.remove("tool")
    kinds.sort(key=ADJUNCTS.index)
    details = [(k, adjunct(k, rng)) for k in kinds]
    subject = actor.pronoun if pronoun else actor.intro()
    text = word_order(actor, subject, frame[1], frame[2], mark_object(obj, rng), [d for _, d in details], rng) \
        if not pronoun else f"{rng.choice(['', 'later ', 'there '])}{subject} {frame[1]} {mark_object(obj, rng)}" + "".join(" " + d for _, d in details)
    asked = [(k, tidy(q)) for k, q in make_questions(actor, frame, obj, details, rng) if not (pronoun and k == "s")]
    return tidy(text + "."), asked, actor


def mark_object(obj, rng):
    """The object as it stands in the text: 'the bell' may be introduced as 'a bell'."""
    if obj.startswith("the ") and rng.random() < .35:
        obj = "a " + obj[4:]
    return f"<o:{obj}>"


def story(rng):
    """Two to five events; often the same verb or the same person again."""
    sentences, frame, actor = [], None, None
    for _ in range(rng.choice([1, 2, 3, 3, 4, 5])):
        if frame is None or rng.random() < .6:
            frame = rng.choice(FRAMES)
        again = actor is not None and actor.pronoun and rng.random() < .35
        text, asked, actor = event(rng, frame, actor if again else None, pronoun=again and rng.random() < .7)
        sentences.append((text, asked))
    return sentences
