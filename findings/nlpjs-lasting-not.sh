#!/bin/sh
# @nlpjs/sentiment 4.26.1 (npm): one "not" turns every later word of the text, and Portuguese "não" turns none.
#
# The package adds up the scores of listed words. After a negation it subtracts them, and nothing ends that: no full
# stop, no "but", no second "not". So praise that follows "It is not far." is negative, but praise before it is
# positive. Packages of this kind usually limit a negation to the next words.
# Outside English, negations are looked up after the tokenizer has removed accents or endings, while the list has the
# full words. So "não" and "nunca" do not negate in Portuguese, nor do "nunca" and "jamás" in Spanish. According to the
# documentation of version 3, both languages have negations. That of version 4 lists 37 languages, and no longer tells
# that most of them, such as French and Italian, have none.
#
# Output seen on 2026-11-29 (score):
#   en: I love it 0.5             It is not far but I love it -0.5      I love it but it is not far 0.5
#   pt: Estou feliz 3             Não estou feliz 2 (I am happy; I am not happy)
#   es: Estoy feliz 0.719         Nunca estoy feliz 0.719 (I am happy; I am never happy)
#   fr: C'est bon 0.7             Ce n'est pas bon 0.7 (it is good; it is not good)
#   listed negations that do not negate: de 2 of 10, es 2 of 4, nl 1 of 6, pt 4 of 6
#   100 texts of two sentences, "not" in the first, praise in the second: 100 negative, and in the other order 0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @nlpjs/sentiment@4.26.1 @nlpjs/core@4.26.1 @nlpjs/lang-de@4.26.1 \
  @nlpjs/lang-en@4.26.1 @nlpjs/lang-es@4.26.1 @nlpjs/lang-fr@4.26.1 @nlpjs/lang-nl@4.26.1 @nlpjs/lang-pt@4.26.1
cat > score.js <<'JAVASCRIPT'
const assert = require("node:assert");
const { Container } = require("@nlpjs/core");
const { SentimentAnalyzer } = require("@nlpjs/sentiment");

const SEEN = [
  ["en", "I love it", 0.5],
  ["en", "It is not far but I love it", -0.5],
  ["en", "I love it but it is not far", 0.5],
  ["pt", "Estou feliz", 3],
  ["pt", "Não estou feliz", 2],
  ["es", "Estoy feliz", 0.719],
  ["es", "Nunca estoy feliz", 0.719],
  ["fr", "C'est bon", 0.7],
  ["fr", "Ce n'est pas bon", 0.7],
];
const HAPPY = { de: "toll", es: "feliz", nl: "goed", pt: "feliz" };
const LOST = { de: [2, 10], es: [2, 4], nl: [1, 6], pt: [4, 6] };
const WITH_NOT = ["We did not see the sea.", "It is not far.", "We do not sit here.", "They were not at the door.",
  "It did not snow.", "This is not my uncle.", "It was not on Monday.", "It is not on the table.",
  "They are not on a bus.", "He did not ask me."];
const PRAISE = ["I love this place.", "We enjoyed every song.", "The food is good.", "What a happy day!",
  "The staff are kind.", "It is a beautiful park.", "She is a brilliant singer.", "Everybody was friendly.",
  "The view is wonderful.", "It was a pleasant walk."];

const container = new Container();
for (const language of ["De", "En", "Es", "Fr", "Nl", "Pt"]) {
  container.use(require(`@nlpjs/lang-${language.toLowerCase()}`)[`Lang${language}`]);
}
const analyzer = new SentimentAnalyzer({ container });

async function score(locale, utterance) {
  return (await analyzer.process({ locale, utterance })).sentiment.score;
}

async function main() {
  for (const [locale, text, seen] of SEEN) {
    const received = await score(locale, text);
    console.log(`${locale}: ${text} ${received}`);
    assert.equal(received, seen);
  }
  for (const [locale, word] of Object.entries(HAPPY)) {
    assert((await score(locale, word)) > 0);
    const { words } = container.get(`sentiment-${locale}`).negations;
    let lost = 0;
    for (const negation of words) lost += (await score(locale, `${negation} ${word}`)) > 0;
    console.log(`listed negations that do not negate: ${locale} ${lost} of ${words.length}`);
    assert.deepEqual([lost, words.length], LOST[locale]);
  }
  const negative = [0, 0];
  for (const first of WITH_NOT) {
    for (const second of PRAISE) {
      assert.equal(await score("en", first), 0, first);
      assert((await score("en", second)) > 0, second);
      negative[0] += (await score("en", `${first} ${second}`)) < 0;
      negative[1] += (await score("en", `${second} ${first}`)) < 0;
    }
  }
  console.log(`100 texts with "not" in the first sentence: ${negative[0]} negative, in the other order ${negative[1]}`);
  assert.deepEqual(negative, [100, 0]);
}

main();
JAVASCRIPT
node score.js
