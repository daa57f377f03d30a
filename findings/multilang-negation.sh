#!/bin/sh
# multilang-sentiment 2.0.0 (npm): five words at the start of a sentence undo its "not", and mixed texts are "negative".
#
# The package lets a negation work for five words. But its counter starts with the text, not with the negation: at the
# 6th, 11th, 16th ... word (negations are not counted) it ends whatever negation there is, even one right before this
# word. So "not good" is positive after 5 or 10 other words, and negative after 0 to 4 or 6 to 9.
# `category` follows `comparative`, which is not the score per word that the README describes: the positive score
# divided by the negative one is added to it, and that is below 0. More positive words usually make it lower still:
# 100 of 100 sentences that have a positive word twice and a negative one once have score > 0 and category "negative".
# A word that is not in the list takes the score of a listed one that differs in the last letter: "green" is "greed".
#
# Output seen on 2026-11-29:
#   score of "not good" after 0 to 11 neutral words: -3 -3 -3 -3 -3 3 -3 -3 -3 -3 3 -3
#   I have to say that not one of us was happy: score 3, positive    Not one of us was happy: score -3, negative
#   100 sentences with score > 0: 100 negative
#   "green" -3 as greed, "thread" -2 as threat, "price" -5 as prick, "comment" 2 as commend, "cheap" -3 as cheat
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund multilang-sentiment@2.0.0 fuse.js@6.6.2 wink-tokenizer@5.3.0
cat > score.js <<'JAVASCRIPT'
const assert = require("node:assert");
const sentiment = require("multilang-sentiment");

const POSITIVE = "great lovely wonderful perfect good nice excellent superb brilliant happy".split(" ");
const NEGATIVE = "bad noisy horrible sad dirty boring ugly awful poor terrible".split(" ");
const NEUTRAL = "so as we sat here in this town today with our".split(" ");
const SIMILAR = ["green greed -3", "thread threat -2", "price prick -5", "comment commend 2", "cheap cheat -3"];

function expect(name, seen, expected) {
  console.log(`${name}:`, JSON.stringify(seen));
  assert.deepStrictEqual(seen, expected, name);
}

const starts = [...NEUTRAL.keys(), NEUTRAL.length].map((number) => NEUTRAL.slice(0, number));
const scores = starts.map((words) => sentiment([...words, "not", "good"].join(" "), "en").score);
expect("score of 'not good' after 0 to 11 neutral words", scores, [-3, -3, -3, -3, -3, 3, -3, -3, -3, -3, 3, -3]);
for (const [start, ...expected] of [["I have to say that not", 3, "positive"], ["Not", -3, "negative"]]) {
  const { score, category } = sentiment(`${start} one of us was happy`, "en");
  expect(`${start} one of us was happy`, [score, category], expected);
}
const categories = {};
for (const good of POSITIVE) {
  for (const bad of NEGATIVE) {
    const text = `The food was ${good} and the staff were ${good} but the tea was ${bad}`;
    const { score, category } = sentiment(text, "en");
    assert.ok(score > 0);
    categories[category] = (categories[category] || 0) + 1;
  }
}
expect("categories of 100 sentences with score > 0", categories, { negative: 100 });
for (const line of SIMILAR) {
  const word = line.split(" ")[0];
  const { score, words } = sentiment(`the ${word} one`, "en");
  expect("similar words", [word, ...words, score].join(" "), line);
}
JAVASCRIPT
node score.js
