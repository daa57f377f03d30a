#!/bin/sh
# vaderSentiment-fr 1.3.4: "Je n'aime pas" scores as "J'aime", and "le plus beau" (the most beautiful) is negative.
#
# The package keeps VADER's rule for English: a negation turns the scored words up to three places after it. French says
# "ne" before a verb, which is not in the list of negations, and "pas", "plus" or "jamais" after it, which is too late.
# So no negation of such a verb counts in the present tense. Instead "pas" can turn a word of the next clause.
# "plus" is always a negation in the list, but before an adjective it means "more" or, with an article, "most": praise
# by comparison gets the opposite sign. polarity_scores_max, which also finds similar words, negates as late. It takes
# the pronoun "elle" (she) for "belle" (beautiful), so neutral sentences about a woman are positive.
#
# Output seen on 2026-11-29 (compound score):
#   J'aime ce film 0.5994      Je n'aime pas ce film 0.5994 (I do not like this film)
#   J'adore ce livre 0.1531    Je ne dors pas, j'adore ce livre -0.1139 (I am not asleep, I love this book)
#   Un beau film 0.1779        Le plus beau film -0.1326 (the most beautiful film)
#   100 negated verbs: 100 scored as without the negation
#   100 comparisons with positive adjectives: 100 negative
#   polarity_scores_max: Je n'aime pas ce film 0.5994    Elle habite ici 0.1779 (she lives here)    Il habite ici 0.0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check vaderSentiment-fr==1.3.4 \
  fuzzywuzzy==0.18.0 unidecode==1.4.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from itertools import product

from vaderSentiment_fr.vaderSentiment import SentimentIntensityAnalyzer

SEEN = {
    "J'aime ce film": 0.5994,
    "Je n'aime pas ce film": 0.5994,
    "J'adore ce livre": 0.1531,
    "Je ne dors pas, j'adore ce livre": -0.1139,
    "Un beau film": 0.1779,
    "Le plus beau film": -0.1326,
}
BY_MAX = {"Je n'aime pas ce film": 0.5994, "Elle habite ici": 0.1779, "Il habite ici": 0.0}
VERBS = "aime adore apprécie admire déteste hais regrette recommande méprise respecte".split()
OBJECTS = "ce film,cette photo,ce livre,cette ville,le thé,le train,cet avis,ma rue,leur site,ton bus".split(",")
ADJECTIVES = "belle gentille agréable heureuse jolie amusante drôle calme élégante utile".split()
FRAMES = (
    "Elle est plus {} que Marie", "La plus {} des voisines", "Elle est la plus {} de toutes", "Une voisine plus {}",
    "Cette ville est plus {} que la nôtre", "La ville la plus {} du pays", "La plus {} ville du monde",
    "Elle me semble plus {}", "Toujours plus {} !", "La rue est plus {} en mai",
)  # fmt: skip
analyzer = SentimentIntensityAnalyzer()


def score(text: str, by=analyzer.polarity_scores) -> float:
    return by(text)["compound"]


for text, seen in SEEN.items():
    print(f"{text}: {score(text)}")
    assert score(text) == seen, f"expected {seen}"

unchanged = 0
for verb, thing in product(VERBS, OBJECTS):
    je, ne = ("J'", "Je n'") if verb[0] in "aeiou" else ("Je ", "Je ne ")
    alone = score(f"{je}{verb} {thing}")
    assert alone != 0, "the verb is not in the lexicon"
    unchanged += score(f"{ne}{verb} pas {thing}") == alone
print("negated verbs that score as without the negation:", unchanged)
assert unchanged == 100

negative = 0
for adjective, frame in product(ADJECTIVES, FRAMES):
    assert score(f"Elle est {adjective}") > 0, "the adjective is not in the lexicon"
    negative += score(frame.format(adjective)) < 0
print("comparisons with a positive adjective that are negative:", negative)
assert negative == 100
by_max = {text: score(text, analyzer.polarity_scores_max) for text in BY_MAX}
print("polarity_scores_max:", by_max)
assert by_max == BY_MAX
PYTHON
