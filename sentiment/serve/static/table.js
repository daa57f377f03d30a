// Several tweets: a table to sort and to save.

import { counted, make, percent, save, tint } from "./elements.js";

const SHOWN = 1000;

/** Fill `place` with the answers to `texts`; `columns` are `{ name, classes, answers }`, one a model. */
export function showTable(place, texts, columns) {
  const rows = texts.map((text, index) => ({ index, text, answers: columns.map((column) => column.answers[index]) }));
  const body = make("tbody");
  const table = make("table", make("thead", header(rows, columns, body)), body);
  const download = make("button", "Save as CSV");
  download.type = "button";
  download.addEventListener("click", () => save("answers.csv", asCsv(rows, columns)));
  const count = make("span.note", counted(texts.length, "tweet"));
  place.replaceChildren(make("div.panel", make("div.row", count, make("span.spring"), download), make("div.scroll", table)));
  place.hidden = false;
  fill(body, rows, columns);
}

function header(rows, columns, body) {
  const row = make("tr");
  const add = (title, value, number) => {
    const button = make("button", title);
    button.type = "button";
    const cell = make(`th${number ? ".number" : ""}`, button);
    button.addEventListener("click", () => {
      const rising = cell.getAttribute("aria-sort") !== "ascending";
      for (const other of row.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", rising ? "ascending" : "descending");
      rows.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a.index - b.index) * (rising ? 1 : -1));
      fill(body, rows, columns);
    });
    row.append(cell);
  };
  add("#", (each) => each.index, true);
  add("tweet", (each) => each.text.toLowerCase());
  columns.forEach((column, i) => {
    const suffix = columns.length > 1 ? ` · ${column.name}` : "";
    add(`label${suffix}`, (each) => each.answers[i].label);
    add("probability", (each) => each.answers[i].probability, true);
  });
  return row;
}

function fill(body, rows, columns) {
  body.replaceChildren(...rows.slice(0, SHOWN).map((row) => {
    const cells = [make("td.number", `${row.index + 1}`), make("td.wide", row.text)];
    row.answers.forEach((answer, i) => {
      const chip = make(`span.chip.${tint(answer.label, columns[i].classes)}`, answer.label);
      cells.push(make("td", chip), make("td.number", percent(answer.probability, 1)));
    });
    return make("tr", ...cells);
  }));
}

function asCsv(rows, columns) {
  const names = columns.flatMap((column) => {
    const prefix = columns.length > 1 ? `${column.name}_` : "";
    return ["label", "probability", "known", "cut", ...column.classes.map((name) => `p_${name}`)].map((name) => prefix + name);
  });
  const lines = rows.map((row) => csvRow([row.text, ...row.answers.flatMap((answer, i) => values(answer, columns[i].classes))]));
  return [csvRow(["text", ...names]), ...lines];
}

const csvRow = (cells) => `${cells.map(csvCell).join(",")}\n`;
const csvCell = (cell) => (cell === "" || /[",\r\n]/.test(cell) ? `"${`${cell}`.replaceAll('"', '""')}"` : cell);

/** What is added to a row for one answer. */
const values = (answer, classes) =>
  [answer.label, answer.probability, answer.known, answer.cut ?? false, ...classes.map((name) => answer.probabilities[name])];
