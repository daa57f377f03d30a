// CSV, read from a stream record by record, and written.

import { otherEncoding } from "./foreign.js";

/**
 * Records of `stream` (of bytes): `cells`, and the `line` each ends in. A cell that holds nothing, not even quotes, is
 * missing and null, as on the command line. The separator is the most frequent of , ; and tab in the first line.
 */
export async function* records(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream("utf-8", { fatal: true })).getReader();
  const state = { cells: [], cell: "", quoted: false, closing: false, separator: "", line: 1 };
  let text = "";
  for (;;) {
    const { done, value } = await decoded(reader);
    text += value ?? "";
    if (!state.separator) {
      if (!done && !text.includes("\n") && text.length < 65536) continue;
      state.separator = separatorOf(text.split("\n", 1)[0]);
    }
    yield* parse(text, state);
    text = "";
    if (done) break;
  }
  if (state.quoted) throw new Error("The file ends inside a quoted cell.");
  yield* parse("\n", state); // the last line may have no end
}

async function decoded(reader) {
  try {
    return await reader.read();
  } catch (error) {
    throw error instanceof TypeError ? otherEncoding() : error;
  }
}

function separatorOf(line) {
  const count = (separator) => line.split(separator).length;
  return [",", ";", "\t"].reduce((a, b) => (count(b) > count(a) ? b : a));
}

/** Complete records of `text`; what is left over stays in `state`. */
function* parse(text, state) {
  for (let i = 0; i < text.length; ) {
    if (state.quoted) {
      const end = text.indexOf('"', i);
      const part = text.slice(i, end < 0 ? text.length : end);
      state.cell += part;
      state.line += part.split("\n").length - 1;
      if (end < 0) return;
      state.quoted = false;
      state.closing = true; // a second quote right behind means a quote, and that the cell goes on
      i = end + 1;
      continue;
    }
    const character = text[i++];
    if (character === '"' && (state.closing || state.cell === "")) {
      if (state.closing) state.cell += '"';
      state.quoted = true;
      state.closing = false;
    } else if (character === state.separator) {
      endCell(state);
    } else if (character === "\n") {
      if (state.cell.endsWith("\r")) state.cell = state.cell.slice(0, -1);
      endCell(state);
      if (state.cells.length > 1 || state.cells[0] !== null) yield { cells: state.cells, line: state.line };
      state.cells = [];
      state.line++;
    } else {
      state.cell += character;
      if (character !== "\r") state.closing = false;
    }
  }
}

function endCell(state) {
  state.cells.push(state.cell === "" && !state.closing ? null : state.cell);
  state.cell = "";
  state.closing = false;
}

/** One line of a CSV; null is a missing cell, which is not the same as one of no characters. */
export const csvRow = (cells) => `${cells.map(csvCell).join(",")}\n`;

const csvCell = (cell) => (cell === "" || /[",\r\n]/.test(cell) ? `"${`${cell}`.replaceAll('"', '""')}"` : cell);
