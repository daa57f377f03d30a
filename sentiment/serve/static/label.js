// Tweets to label, one at a time: a key or a button gives a label, which is saved before the next tweet is shown.

import { byId, counted, make, tint } from "./elements.js";
import { giveLabel, labels, useToken } from "./service.js";

const view = { classes: [], rows: [], at: 0, given: [], busy: false };

/** Call the service once at a time, and say what went wrong; a service with a token asks for it. */
async function ask(call) {
  if (view.busy) return null;
  view.busy = true;
  try {
    const answer = await call();
    say("");
    return answer;
  } catch (error) {
    if (error.status === 401) useToken(prompt("This service asks for a token") ?? "");
    say(error.status === 401 ? "Try again with the token." : error.message);
    return null;
  } finally {
    view.busy = false;
  }
}

async function start() {
  byId("back").addEventListener("click", () => move(-1));
  byId("skip").addEventListener("click", () => move(1));
  byId("undo").addEventListener("click", undo);
  document.addEventListener("keydown", pressed);
  await load();
}

async function load() {
  const answer = await ask(labels);
  if (!answer) return;
  take(answer);
  byId("file").textContent = answer.file;
  byId("classes").replaceChildren(...view.classes.map((name, i) => {
    const button = make(`button.${tint(name, answer.classes)}`, make("kbd", `${i + 1}`), ` ${name}`);
    button.type = "button";
    button.addEventListener("click", () => give(name));
    return button;
  }));
  next(0);
}

function take({ classes, others, rows }) {
  view.classes = [...classes, ...others];
  view.rows = rows;
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const name = view.classes[Number(event.key) - 1];
  if (name) give(name);
  else if (event.key === "ArrowLeft") move(-1);
  else if (event.key === "ArrowRight") move(1);
  else if (event.key === "Backspace" || event.key.toLowerCase() === "u") undo();
  else return;
  event.preventDefault();
}

/** Save `label` for the tweet that is shown, and go on to the next one without a label. */
async function give(label) {
  if (!view.classes.length) return load();
  const shown = view.rows[view.at];
  if (!shown) return;
  const answer = await ask(() => giveLabel(shown.row, label));
  if (!answer) return;
  view.given.push({ row: shown.row, before: shown.label });
  take(answer);
  next(view.at + 1);
}

/** Take the last label back, and show its tweet. */
async function undo() {
  const last = view.given.at(-1);
  if (!last) return;
  const answer = await ask(() => giveLabel(last.row, view.classes.includes(last.before) ? last.before : ""));
  if (!answer) return;
  view.given.pop();
  take(answer);
  show(view.rows.findIndex((each) => each.row === last.row));
}

function move(step) {
  if (view.rows.length) show(Math.min(view.rows.length, Math.max(0, view.at + step)));
}

/** Show the first tweet from `start` on without a label, or else the first of all; the end if every tweet has one. */
function next(start) {
  const open = (each, i) => !each.label && i >= start;
  const found = [view.rows.findIndex(open), view.rows.findIndex((each) => !each.label)].find((at) => at >= 0);
  show(found ?? view.rows.length);
}

function show(at) {
  view.at = at;
  const done = view.rows.filter((each) => each.label).length;
  const shown = view.rows[at];
  byId("progress").max = Math.max(1, view.rows.length);
  byId("progress").value = done;
  byId("count").textContent = `${done} of ${counted(view.rows.length, "tweet")} labelled.${shown ? ` This is tweet ${at + 1}.` : ""}`;
  byId("tweet").textContent = shown ? shown.text : ending(done);
  byId("tweet").classList.toggle("quiet", !shown);
  byId("undo").disabled = !view.given.length;
  byId("back").disabled = at === 0;
  byId("skip").disabled = !shown;
  view.classes.forEach((name, i) => {
    byId("classes").children[i].disabled = !shown;
    byId("classes").children[i].setAttribute("aria-pressed", String(shown?.label === name));
  });
}

function ending(done) {
  const left = view.rows.length - done;
  return left ? `That was the last tweet; without a label: ${left}.` : "Every tweet has a label. Now run: sentiment share … --labels";
}

function say(sentence) {
  byId("alert").textContent = sentence;
  byId("alert").hidden = !sentence;
}

start();
