// A file dropped on the page: read, answered and written a piece at a time, with progress and the shares of the labels.

import { csvRow, records } from "./csv.js";
import { make, percent, save, tint } from "./elements.js";
import { predict } from "./service.js";
import { values } from "./table.js";

const ROWS = 400;
const CHARACTERS = 400000;
const LIKELY = /^(text|tweet|content|message|body|comment|review)s?$/i;

/** Show `file` in `place` and score it; `settings()` gives model, classes, threshold and limits. */
export async function showFile(place, file, settings) {
  const first = [];
  for await (const record of records(file.stream())) {
    first.push(record);
    if (first.length === 20) break;
  }
  place.hidden = false;
  if (!first.length) {
    place.replaceChildren(make("div.panel", make("p.note", `${file.name} holds no rows.`)));
    return;
  }
  const column = likelyColumn(first);
  const chooser = columnChooser(first[0], column);
  const view = progressView(file, chooser);
  place.replaceChildren(view.panel);
  place.scrollIntoView({ block: "nearest" });
  let run = null;
  const start = () => {
    run?.abort();
    run = new AbortController();
    score(file, Number(chooser.value), hasHeader(first), settings(), view, run.signal);
  };
  chooser.addEventListener("change", start);
  view.stop.addEventListener("click", () => run?.abort());
  start();
}

/** The first line names the columns unless one of its cells is as long as a tweet is. */
const hasHeader = (first) => first.length > 1 && first[0].every((cell) => cell.length < 40);

function likelyColumn(first) {
  const named = first[0].findIndex((name) => LIKELY.test(name.trim()));
  if (named >= 0 && hasHeader(first)) return named;
  const length = first[0].map((_, i) => first.reduce((sum, record) => sum + (record[i] ?? "").length, 0));
  return length.indexOf(Math.max(...length));
}

function columnChooser(names, column) {
  const select = make("select");
  names.forEach((name, i) => {
    const option = make("option", name.slice(0, 30) || `column ${i + 1}`);
    option.value = i;
    option.selected = i === column;
    select.append(option);
  });
  return select;
}

function progressView(file, chooser) {
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
  const head = make("div.row", make("strong", file.name), make("label", "tweets in ", chooser), make("span.spring"), stop, download);
  return { panel: make("div.panel", head, bar, shares, legend, state), stop, download, state, bar, shares, legend };
}

async function score(file, column, header, settings, view, signal) {
  const run = { column, settings, signal, view, counts: new Map(), done: 0, written: [], read: 0 };
  view.download.hidden = true;
  view.stop.hidden = false;
  try {
    await scoreRows(file, header, run);
    finish(file, run, `${run.done.toLocaleString("en")} tweets scored.`);
  } catch (error) {
    const why = signal.aborted ? "Stopped" : error.message;
    finish(file, run, `${why} after ${run.done.toLocaleString("en")} tweets.`);
  }
}

async function scoreRows(file, header, run) {
  let batch = [];
  let characters = 0;
  let names = null;
  for await (const record of records(file.stream())) {
    run.read += record.length + record.reduce((sum, cell) => sum + cell.length, 0);
    if (names === null) {
      names = header ? record : record.map((_, i) => `column_${i + 1}`);
      run.written.push(csvRow([...names, "label", "probability", "known", ...run.settings.classes.map((name) => `p_${name}`)]));
      if (header) continue;
    }
    batch.push(record);
    characters += (record[run.column] ?? "").length;
    if (batch.length < ROWS && characters < CHARACTERS) continue;
    await answerBatch(batch, run, file.size);
    batch = [];
    characters = 0;
  }
  await answerBatch(batch, run, file.size);
}

async function answerBatch(batch, run, size) {
  if (!batch.length) return;
  if (run.signal.aborted) throw new Error("Stopped");
  const { model, threshold, classes, limits } = run.settings;
  const texts = batch.map((record) => (record[run.column] ?? "").slice(0, limits.characters).toWellFormed());
  const answers = await predict(texts, { model, threshold, signal: run.signal });
  run.written.push(batch.map((record, i) => csvRow([...record, ...values(answers[i], classes)])).join(""));
  for (const { label } of answers) run.counts.set(label, (run.counts.get(label) ?? 0) + 1);
  run.done += batch.length;
  run.view.bar.value = Math.min(1, run.read / size); // characters for bytes: near enough for a bar
  run.view.state.textContent = `${run.done.toLocaleString("en")} tweets …`;
  showShares(run.view, run.counts, classes);
}

function showShares(view, counts, classes) {
  const order = [...classes, "uncertain", "unknown"].filter((label) => counts.has(label));
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

function finish(file, run, message) {
  run.view.bar.value = run.signal.aborted ? run.view.bar.value : 1;
  run.view.state.textContent = message;
  run.view.stop.hidden = true;
  run.view.download.hidden = !run.done;
  run.view.download.onclick = () => save(file.name.replace(/(\.\w+)?$/, "_scored.csv"), run.written);
}
