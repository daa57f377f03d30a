#!/bin/sh
# wink-sentiment 5.0.2 (npm): "I stand with you" is negative, "I can't stand it" is positive, and "work" is praise.
#
# The package is based on AFINN, which has phrases that contain a negation: "can't stand", "not working" and "does not
# work", all -3. In the package's list single words replace them, without the negation: "stand" -3, and "work", "works"
# and "working" 3. These words are not in AFINN, so AFINN counts them as neutral. "stand" has kept the sign of its
# phrase, which the negation now turns round, so "can't stand" is praise. The words for work have the opposite sign,
# which is right after "not", but every mention of a job or an office is praise too. The README tells of neither.
#
# Output seen on 2026-11-29 (wink-sentiment, and AFINN-165 by PyPI's afinn 0.1):
#   I can't stand it 3 -3    I stand with you -3 0    This does not work -3 -3    Back to work on Monday 3 0
#   25 sentences with "can't stand": 25 positive, 0 positive
#   25 neutral sentences with "stand": 25 negative, 0 negative
#   27 neutral sentences with "work", "works" or "working": 27 positive, 0 positive
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check afinn==0.1
cd "$folder"
npm install --silent --no-audit --no-fund wink-sentiment@5.0.2
cat > score.js <<'JAVASCRIPT'
const sentiment = require("wink-sentiment");
const texts = JSON.parse(require("fs").readFileSync(0, "utf-8"));
console.log(JSON.stringify(texts.map((text) => sentiment(text).score)));
JAVASCRIPT
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import subprocess
from itertools import product

from afinn import Afinn

SEEN = {
    "I can't stand it": (3, -3),
    "I stand with you": (-3, 0),
    "This does not work": (-3, -3),
    "Back to work on Monday": (3, 0),
}
PEOPLE = "I,We,They,You,My neighbours".split(",")
THINGS = "this show,that song,the new logo,the noise,these adverts".split(",")
PLACES = "on the platform,by the door,at the corner,in the queue,near the stage".split(",")
WHO = "She works {},He is working {},We work {}".split(",")
WHERE = "at a bank,in an office,from home,on Mondays,at night,in London,with data,upstairs,until six".split(",")
afinn = Afinn()


def scores(texts: list[str]) -> list[tuple[int, int]]:
    done = subprocess.run(["node", "score.js"], input=json.dumps(texts), capture_output=True, text=True, check=True)
    return [(wink, int(afinn.score(text))) for wink, text in zip(json.loads(done.stdout), texts, strict=True)]


def count(name: str, texts: list[str], sign: int, expected: int) -> None:
    by_wink, by_afinn = (sum(score * sign > 0 for score in each) for each in zip(*scores(texts), strict=True))
    word = "positive" if sign > 0 else "negative"
    print(f"{len(texts)} {name}: {by_wink} {word}, {by_afinn} {word}")
    assert (by_wink, by_afinn) == (expected, 0)


for text, received in zip(SEEN, scores(list(SEEN)), strict=True):
    print(text, *received)
    assert received == SEEN[text], f"expected {SEEN[text]}"
count("sentences with \"can't stand\"", [f"{who} can't stand {thing}" for who, thing in product(PEOPLE, THINGS)], 1, 25)
count('neutral sentences with "stand"', [f"{who} stand {place}" for who, place in product(PEOPLE, PLACES)], -1, 25)
work = [who.replace("{}", where) for who, where in product(WHO, WHERE)]
count('neutral sentences with "work", "works" or "working"', work, 1, 27)
PYTHON
