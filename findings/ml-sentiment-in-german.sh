#!/bin/sh
# ml-sentiment 2.0.7 (npm): in German, no listed word with an umlaut counts, and the README's own example is positive.
#
# The package cuts a text at spaces, and removes what is not an unaccented letter, a digit or "_" from each word. So
# "Glück" (luck) is looked up as "glck", while the list has "glück". 212 of the 909 listed words thus score 0, among
# them the words for fun, beauty, lie, hell and disappointment. Of the 184 words with a score of at least 1, these are
# 31. Words on both sides of a line break, or of a comma without a space, are joined and found no more, in English too.
# A negation turns only the word right after it. The README gives "Es ist nicht so toll" (it is not that great) as an
# example of a negative score, but its score is that of "toll".
#
# Output seen on 2026-11-29:
#   listed words that do not get their own score: 212 of 909
#   Es ist toll 2    Es ist nicht toll -2    Es ist nicht so toll 2
#   of 120 sentences with score 0: 120 with an umlaut, 0 without
#   English: "As good as ever" in one line 3, with a line break after "good" 0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund ml-sentiment@2.0.7
cat > score.js <<'JAVASCRIPT'
const assert = require("node:assert");
const listed = require("ml-sentiment/german.json");
const create = require("ml-sentiment");

const german = create({ lang: "de" });
const lost = Object.keys(listed).filter((word) => german.classify(word) !== listed[word]);
console.log(`listed words that do not get their own score: ${lost.length} of ${Object.keys(listed).length}`);
assert.equal(lost.length, 212);
assert.equal(Object.keys(listed).length, 909);
assert(lost.every((word) => /[äöüß]/.test(word) && german.classify(word) === 0));
const strong = Object.keys(listed).filter((word) => Math.abs(listed[word]) >= 1);
assert.equal(strong.length, 184);
assert.equal(strong.filter((word) => lost.includes(word)).length, 31);

const seen = { "Es ist toll": 2, "Es ist nicht toll": -2, "Es ist nicht so toll": 2 };
for (const [text, score] of Object.entries(seen)) {
  console.log(text, german.classify(text));
  assert.equal(german.classify(text), score);
}

const withUmlaut =
  "Glück Schönheit Spaß Fleiß Glückwunsch Lüge Hölle Lügner Enttäuschung Müll Fälschung Missverständnis";
const without = "Freude Mut Ruhe Geschenk Erfolg Talent Gefahr Nachteil Fehler Krankheit Angst Betrug";
const frames = ["{}!", "Heute nur {}", "Das war {}", "{} im Büro", "Wieder {}, wie immer", "Es geht um {}",
  "Alle reden von {}", "Ich denke an {}", "Ein Tag voller {}", "{} pur"];
const zeros = (words) => {
  const texts = words.split(" ").flatMap((word) => frames.map((frame) => frame.replace("{}", word)));
  return texts.filter((text) => german.classify(text) === 0).length;
};
console.log(`of 120 sentences with score 0: ${zeros(withUmlaut)} with an umlaut, ${zeros(without)} without`);
assert.deepEqual([zeros(withUmlaut), zeros(without)], [120, 0]);

const english = create();
const byBreak = ["As good as ever", "As good\nas ever"].map((text) => english.classify(text));
console.log(`English: "As good as ever" in one line ${byBreak[0]}, with a line break after "good" ${byBreak[1]}`);
assert.deepEqual(byBreak, [3, 0]);
JAVASCRIPT
node score.js
