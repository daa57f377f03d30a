// A file dropped on the page: sent to the service, which scores it; shown are the shares of the labels.

import { counted, make, percent, save, tint } from "./elements.js";
import { scoreFile } from "./service.js";

const HEAD = 65536; // bytes in which the first lines are looked for
const LIKELY = /^(text|tweet|content|message|body|comment|review|post)s?$/i;
const KIND = /\.(csv|tsv|jsonl|ndjson|json|js|parquet)(\.(gz|bz2|xz|zst|zip))?$|\.zip$/i;
const ENDINGS = { "text/tab-separated-values": "tsv", "application/x-ndjson": "jsonl", "application/vnd.apache.parquet": "parquet" };

let current = null; // ends the request for the newest file

/** Score `file` in `place`, instead of the file before; `settings()` gives model, classes and threshold. */
export async function showFile(place, file, settings) {
  current?.abort();
  place.replaceChildren();
  const { names, likely } = await guess(file);
  const view = makeView(file, names, likely);
  place.replaceChildren(view.panel);
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
  view.column.addEventListener("change", () => score(file, settings(), view));
  view.stop.addEventListener("click", () => current.abort());
  await score(file, settings(), view);
}

/** Names of the columns by the first line of `file`, and the column that probably contains the tweets. */
async function guess(file) {
  const kind = KIND.exec(file.name);
  if (kind && (kind[2] || !/^[ct]sv$/i.test(kind[1]))) return { names: [], likely: "text" };
  const [first, second] = (await file.slice(0, HEAD).text()).replace(/^\ufeff/, "").split(/\r?\n/);
  const count = (separator) => first.split(separator).length;
  const separator = [",", ";", "\t", "|"].reduce((a, b) => (count(b) > count(a) ? b : a));
  const cells = (line) => (line ?? "").split(separator).map((cell) => cell.replace(/^"|"$/g, "").trim());
  const names = cells(first);
  const named = names.includes("text") ? "text" : names.find((name) => LIKELY.test(name));
  if (named) return { names, likely: named };
  const longest = (row) => row.reduce((best, cell, i) => (cell.length > row[best].length ? i : best), 0);
  const isHeader = second && names.every((name) => name && name.split(/\s+/).length < 3 && !/^[-\d.,:/ ]+$/.test(name));
  if (isHeader) return { names, likely: names[longest(cells(second))] ?? names[0] };
  return { names: names.map((_, i) => `${i}`), likely: `${longest(names)}` };
}

function makeView(file, names, likely) {
  const column = make("input");
  column.value = likely;
  column.size = 12;
  column.title = "A name from the first row, or a position from 0 where the file has no header.";
  const list = make("datalist", ...names.map((name) => Object.assign(make("option"), { value: name })));
  list.id = "columns";
  column.setAttribute("list", list.id);
  const stop = Object.assign(make("button", "Stop"), { type: "button" });
  const download = Object.assign(make("button", "Save"), { type: "button", hidden: true });
  const bar = make("progress");
  const shares = make("div.shares");
  shares.setAttribute("role", "img");
  const legend = make("div.row");
  const state = make("p.note");
  const head = make("div.row", make("strong", file.name), make("label", "tweets in ", column, list), make("span.spring"), stop, download);
  return { panel: make("div.panel", head, bar, shares, legend, state), column, stop, download, bar, shares, legend, state };
}

async function score(file, { model, classes, threshold }, view) {
  current?.abort();
  const mine = (current = new AbortController());
  begin(view);
  try {
    const { labels, content } = await scoreFile(file, { model, threshold, column: view.column.value, signal: mine.signal });
    if (mine !== current) return;
    showShares(view, labels, classes);
    end(view, summary(labels), false);
    view.download.hidden = false;
    view.download.onclick = () => save(savedName(file.name, content.type), [content], content.type);
  } catch (error) {
    if (mine === current) end(view, mine.signal.aborted ? "Stopped." : error.message, true);
  }
}

function begin(view) {
  view.bar.removeAttribute("value"); // the service does not report progress
  view.shares.replaceChildren();
  view.legend.replaceChildren();
  view.download.hidden = true;
  view.stop.hidden = false;
  view.state.classList.remove("problem");
  view.state.textContent = "The service reads and scores it …";
}

function end(view, sentence, isProblem) {
  view.bar.value = isProblem ? 0 : 1;
  view.stop.hidden = true;
  view.state.classList.toggle("problem", isProblem);
  view.state.textContent = sentence;
}

function showShares(view, labels, classes) {
  const order = [...classes, "uncertain", "unknown", "missing"].filter((label) => labels[label]);
  const total = Object.values(labels).reduce((a, b) => a + b, 0);
  view.shares.replaceChildren(...order.map((label) => {
    const part = make(`div.${tint(label, classes)}`);
    part.style.width = percent(labels[label] / total, 3);
    return part;
  }));
  const texts = order.map((label) => `${label} ${percent(labels[label] / total, 1)}`);
  view.shares.setAttribute("aria-label", texts.join(", "));
  view.legend.replaceChildren(...order.map((label, i) => make(`span.chip.${tint(label, classes)}`, texts[i])));
}

function summary({ missing = 0, ...labels }) {
  const scored = Object.values(labels).reduce((a, b) => a + b, 0);
  return `${counted(scored, "tweet")} scored${missing ? `, ${missing.toLocaleString("en")} missing` : ""}.`;
}

/** The name of the scored file; its ending is that of the answer's format, JSON lines for all files of JSON. */
const savedName = (name, type) => `${name.replace(KIND, "")}_scored.${ENDINGS[type.split(";")[0]] ?? "csv"}`;
