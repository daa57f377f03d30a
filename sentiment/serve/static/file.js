// A file dropped on the page: read, answered and written a piece at a time, with progress and the shares of the labels.

import { csvRow, records } from "./csv.js";
import { make, percent, save, tint } from "./elements.js";
import { refuseForeign } from "./foreign.js";
import { predict } from "./service.js";
import { values } from "./table.js";

const ROWS = 400;
const CHARACTERS = 400000;
const HEAD = 20; // rows by which columns are guessed
const LIKELY = /^(text|tweet|content|message|body|comment|review|post)s?$/i;

let current = null; // of what reads or scores the newest file

/** Score `file` in `place`, instead of the file before; `settings()` gives model, classes, threshold and limits. */
export async function showFile(place, file, settings) {
  const { signal } = instead();
  place.hidden = true;
  place.replaceChildren();
  const first = await head(file);
  if (signal.aborted) return;
  const chooser = make("select");
  const header = make("input");
  header.type = "checkbox";
  header.checked = isHeader(first);
  nameColumns(chooser, first[0], header.checked);
  chooser.value = likelyColumn(first, header.checked);
  const view = progressView(file, chooser, header);
  place.replaceChildren(view.panel);
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
  const start = () => score(file, Number(chooser.value), header.checked, settings(), view, instead().signal);
  chooser.addEventListener("change", start);
  header.addEventListener("change", () => {
    nameColumns(chooser, first[0], header.checked);
    start();
  });
  view.stop.addEventListener("click", () => current.abort());
  start();
}

/** The controller of what begins now; what ran before ends. */
function instead() {
  current?.abort();
  current = new AbortController();
  return current;
}

async function head(file) {
  await refuseForeign(file);
  const first = [];
  for await (const { cells } of records(file.stream())) {
    first.push(cells);
    if (first.length === HEAD) break;
  }
  if (!first.length) throw new Error("expected a CSV or TSV in UTF-8, received no rows");
  return first;
}

/** A guess: the first row names the columns where it names a tweet, or reads like names and is not met again below. */
function isHeader([names, ...rows]) {
  if (textColumn(names) >= 0) return true;
  const words = names.length > 1 ? 4 : 2; // a lone "I love it" is a tweet rather
  const isName = (name) =>
    name && name.length < 40 && name.trim().split(/\s+/).length <= words && !/^[-+\d.,:/ ]+$/.test(name);
  const different = new Set(names).size === names.length;
  return rows.length > 0 && different && names.every((name, i) => isName(name) && rows.every((row) => row[i] !== name));
}

/** Place of the column that is named for tweets, `text` before all others, as on the command line; or -1. */
const textColumn = (names) =>
  names.includes("text") ? names.indexOf("text") : names.findIndex((name) => LIKELY.test((name ?? "").trim()));

function likelyColumn(first, header) {
  const named = header ? textColumn(first[0]) : -1;
  if (named >= 0) return named;
  const length = first[0].map((_, i) => first.reduce((sum, cells) => sum + (cells[i] ?? "").length, 0));
  return length.indexOf(Math.max(...length));
}

const columnNames = (cells, header) => cells.map((cell, i) => (header ? cell : `column_${i + 1}`));

/** Fill `chooser`; what was chosen in it stays so. */
function nameColumns(chooser, cells, header) {
  const { value } = chooser;
  chooser.replaceChildren(...columnNames(cells, header).map((name, i) => {
    const option = make("option", name?.slice(0, 30) || `column_${i + 1}`);
    option.value = i;
    return option;
  }));
  chooser.value = value;
}

function progressView(file, chooser, header) {
  const stop = make("button", "Stop");
  stop.type = "button";
  const download = make("button", "Save as CSV");
  download.type = "button";
  const state = make("p.note");
  const bar = make("progress");
  bar.max = 1;
  const shares = make("div.shares");
  shares.setAttribute("role", "img");
  const legend = make("div.row");
  const asked = [make("label", "tweets in ", chooser), make("label", header, " first row is a header")];
  const head = make("div.row", make("strong", file.name), ...asked, make("span.spring"), stop, download);
  return { panel: make("div.panel", head, bar, shares, legend, state), stop, download, state, bar, shares, legend };
}

async function score(file, column, header, settings, view, signal) {
  const run = { column, settings, signal, view, counts: new Map(), done: 0, written: [], read: 0 };
  view.run = run;
  view.bar.value = 0;
  view.shares.replaceChildren();
  view.legend.replaceChildren();
  view.state.classList.remove("problem");
  view.download.hidden = true;
  view.stop.hidden = false;
  try {
    await scoreRows(file, header, run);
    finish(file, run, "");
  } catch (error) {
    finish(file, run, signal.aborted ? "Stopped" : error.message);
  }
}

async function scoreRows(file, header, run) {
  let batch = [];
  let characters = 0;
  let names = null;
  for await (const { cells, line } of records(file.stream())) {
    run.read += cells.length + cells.reduce((sum, cell) => sum + (cell ?? "").length, 0);
    if (names === null) {
      names = columnNames(cells, header);
      const shares = run.settings.classes.map((name) => `p_${name}`);
      run.written.push(csvRow([...names, "label", "probability", "known", ...shares]));
      if (header) continue;
    }
    if (cells.length !== names.length) throw new Error(raggedness(line, names, cells));
    batch.push(cells);
    characters += (cells[run.column] ?? "").length;
    if (batch.length < ROWS && characters < CHARACTERS) continue;
    await answerBatch(batch, run, file.size);
    batch = [];
    characters = 0;
  }
  await answerBatch(batch, run, file.size);
}

const raggedness = (line, names, cells) =>
  `line ${line}: expected ${names.length} columns, received ${cells.length} (a separator within a cell needs quotes)`;

async function answerBatch(batch, run, size) {
  if (!batch.length) return;
  if (run.signal.aborted) throw new Error("Stopped");
  const { classes } = run.settings;
  const answers = await answersTo(batch.map((cells) => cells[run.column]), run);
  run.written.push(batch.map((cells, i) => csvRow([...cells, ...addedCells(answers[i], classes)])).join(""));
  for (const answer of answers) {
    const label = answer?.label ?? "missing";
    run.counts.set(label, (run.counts.get(label) ?? 0) + 1);
  }
  run.done += batch.length;
  run.view.bar.value = Math.min(1, run.read / size); // characters for bytes: near enough for a bar
  run.view.state.textContent = `${run.done.toLocaleString("en")} tweets …`;
  showShares(run.view, run.counts, classes);
}

/** An answer a cell; null for one that is missing, as on the command line. */
async function answersTo(cells, run) {
  const { model, threshold, limits } = run.settings;
  const present = cells.filter((cell) => cell !== null);
  const texts = present.map((cell) => cell.slice(0, limits.characters).toWellFormed());
  const answers = texts.length ? await predict(texts, { model, threshold, signal: run.signal }) : [];
  let next = 0;
  return cells.map((cell) => (cell === null ? null : answers[next++]));
}

const addedCells = (answer, classes) => (answer ? values(answer, classes) : new Array(3 + classes.length).fill(null));

function showShares(view, counts, classes) {
  const order = [...classes, "uncertain", "unknown", "missing"].filter((label) => counts.has(label));
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  view.shares.replaceChildren(...order.map((label) => {
    const part = make(`div.${tint(label, classes)}`);
    part.style.width = percent(counts.get(label) / total, 3);
    return part;
  }));
  const told = order.map((label) => `${label} ${percent(counts.get(label) / total, 1)}`);
  view.shares.setAttribute("aria-label", told.join(", "));
  view.legend.replaceChildren(...order.map((label, i) => make(`span.chip.${tint(label, classes)}`, told[i])));
}

/** Show what became of a run; `why` it ended early, or nothing. One that a newer has replaced says nothing. */
function finish(file, run, why) {
  const { view } = run;
  if (view.run !== run) return;
  if (!why) view.bar.value = 1;
  view.state.classList.toggle("problem", Boolean(why));
  view.state.textContent = why ? `${why}. ${told(run)}` : told(run);
  view.stop.hidden = true;
  view.download.hidden = !run.done;
  view.download.onclick = () => save(file.name.replace(/(\.\w+)?$/, "_scored.csv"), run.written);
}

function told(run) {
  const missing = run.counts.get("missing") ?? 0;
  const scored = `${(run.done - missing).toLocaleString("en")} tweets scored`;
  return `${scored}${missing ? `, ${missing.toLocaleString("en")} missing` : ""}.`;
}
