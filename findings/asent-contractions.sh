#!/bin/sh
# asent 0.8.3: English contractions do not negate. "They aren't happy" scores exactly as "They are happy".
#
# asent applies VADER's rules to spaCy's tokens. Its list of negations has "isn't", "don't" and so on as one word, but
# spaCy's English tokenizer always cuts them in two ("is" and "n't", "ca" and "nt"), and neither half is in the list.
# So 45 of the 59 listed negations never count. The example in asent's README negates with "not", which works. A word
# that intensifies, such as "very", does not count as the first word of a text.
# asent is described as inspired by VADER, whose scores are a reference for it. On 140 negated sentences all of asent's
# signs are those of the sentence without the negation, and all of VADER's are the opposite, as they should be.
#
# Output seen on 2026-11-29 (compound score of asent, and of vaderSentiment 3.3.2):
#   They are happy 0.5719 0.5719    They are not happy -0.4585 -0.4585    They aren't happy 0.5719 -0.4585
#   Very good 0.4404 0.4927         It is very good 0.4927 0.4927
#   listed negations that do not negate: 45 of 59
#   negated sentences with the opposite sign: asent 0 of 140, VADER 140 of 140
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check asent==0.8.3 spacy==3.8.18 \
  vaderSentiment==3.3.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from itertools import product

import asent
import spacy
from asent.lang.en import NEGATIONS
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

SEEN = {
    "They are happy": (0.5719, 0.5719),
    "They are not happy": (-0.4585, -0.4585),
    "They aren't happy": (0.5719, -0.4585),
    "Very good": (0.4404, 0.4927),
    "It is very good": (0.4927, 0.4927),
}
FRAMES = "I don't {},We didn't {},They won't {},You can't {},It doesn't {},I wouldn't {},We couldn't {},She hasn't {}"
VERBS = "like love enjoy recommend trust hate fear regret blame abuse".split()
IS = "isn't wasn't aren't weren't ain't".split()
ADJECTIVES = "good great nice happy fun perfect bad awful sad ugly angry boring".split()
nlp = spacy.blank("en")
nlp.add_pipe("sentencizer")
nlp.add_pipe("asent_en_v1")
vader = SentimentIntensityAnalyzer()


def scores(text: str) -> tuple[float, float]:
    return round(nlp(text)._.polarity.compound, 4), vader.polarity_scores(text)["compound"]


for text, seen in SEEN.items():
    print(text, *scores(text))
    assert scores(text) == seen, f"expected {seen}"

without = [negation for negation in NEGATIONS if scores(f"They {negation} good")[0] > 0]
print(f"listed negations that do not negate: {len(without)} of {len(NEGATIONS)}")
assert (len(without), len(NEGATIONS)) == (45, 59)

pairs = [(verb, frame.replace("{}", verb)) for frame, verb in product(FRAMES.split(","), VERBS)]
pairs += [(adjective, f"The film {word} {adjective}") for word, adjective in product(IS, ADJECTIVES)]
opposite = [0, 0]
for word, negated in pairs:
    for which, (alone, score) in enumerate(zip(scores(word), scores(negated), strict=True)):
        assert alone * score != 0, "the word is not in the lexicon"
        opposite[which] += alone * score < 0
print(f"negated sentences with the opposite sign: asent {opposite[0]} of {len(pairs)}, VADER {opposite[1]}")
assert opposite == [0, 140]
PYTHON
