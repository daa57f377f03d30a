// One tweet's answer: label, a bar a class, its tokens.

import { counted, make, percent, tint } from "./elements.js";

const WHY = {
  "stop word": "dropped",
  "cut off": "not read",
  unknown: "unknown",
};

/** The card. `name` is the model's, shown where there are two. */
export function answerCard(answer, classes, name) {
  const { label, probability, known } = answer;
  const best = classes.reduce((a, b) => (answer.probabilities[b] > answer.probabilities[a] ? b : a));
  const special = classes.includes(label) ? "" : label;
  const card = make(`article.answer${special && `.${special}`}`);
  if (name) card.append(make("p.of", name));
  card.append(make("p.label", label, " ", special ? "" : make("small", percent(probability, 1))));
  if (label === "unknown") {
    card.append(make("p.note", "The model knows none of these words, so its answer would say nothing about them."));
  } else {
    if (label === "uncertain") card.append(make("p.note", `Most likely ${best}, at ${percent(probability, 1)}.`));
    const cut = (answer.tokens ?? []).filter((view) => view.state === "cut off").length;
    if (cut) card.append(make("p.note.problem", `The tweet is too long for the model: it did not read the last ${counted(cut, "word")}.`));
    if (known < 1) card.append(make("p.note", `It knows ${percent(known)} of the words that count.`));
  }
  card.append(bars(answer, classes), tokens(answer.tokens ?? [], best, classes));
  return card;
}

function bars(answer, classes) {
  const grid = make("div.bars");
  for (const name of classes) {
    const share = answer.probabilities[name];
    const fill = make(`div.fill.${tint(name, classes)}`);
    fill.style.width = percent(share, 2);
    const track = make("div.track", fill);
    track.setAttribute("aria-hidden", "true");
    grid.append(make("span", name), track, make("span", percent(share, 1)));
  }
  return grid;
}

function tokens(views, best, classes) {
  const list = make("ul.tokens");
  const largest = Math.max(...views.map((view) => Math.abs(view.contribution ?? 0)), 0.5);
  for (const view of views.slice(0, 400)) list.append(token(view, largest, best, classes));
  return list;
}

function token(view, largest, best, classes) {
  const item = make("li", make("b", view.token), make("small", described(view)));
  if (view.contribution === null) {
    item.classList.add("dropped");
  } else {
    const against = classes.length === 2 ? classes.find((name) => name !== best) : null;
    const speaksFor = view.contribution >= 0 ? best : against;
    item.classList.add("weighed", speaksFor ? tint(speaksFor, classes) : "middle");
    item.style.setProperty("--weight", (Math.abs(view.contribution) / largest).toFixed(3));
    item.title = `${view.contribution >= 0 ? "for" : "against"} ${best}, log-odds ${view.contribution.toFixed(2)}`;
  }
  if (view.state === "unknown" || view.state.includes("not seen")) item.classList.add("lost");
  return item;
}

function signed(number) {
  const digits = Math.abs(number).toFixed(1);
  return digits === "0.0" ? digits : `${number > 0 ? "+" : "−"}${digits}`;
}

function described(view) {
  const parts = [];
  if (view.contribution !== null) parts.push(signed(view.contribution));
  if (view.state !== "kept") parts.push(WHY[view.state] ?? view.state);
  else if (view.lemma !== view.token) parts.push(`as ${view.lemma}`);
  return parts.join(" · ") || "·";
}
