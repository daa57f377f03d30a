// CSV, read from a stream record by record, and written.

/** Records of `stream` (of bytes), each a list of cells; the separator is the most frequent of , ; and tab in the first line. */
export async function* records(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  const state = { cells: [], cell: "", quoted: false, closing: false, separator: "" };
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text += done ? "" : value;
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

function separatorOf(line) {
  const count = (separator) => line.split(separator).length;
  return [",", ";", "\t"].reduce((a, b) => (count(b) > count(a) ? b : a));
}

/** Complete records of `text`; what is left over stays in `state`. */
function* parse(text, state) {
  for (let i = 0; i < text.length; ) {
    if (state.quoted) {
      const end = text.indexOf('"', i);
      state.cell += text.slice(i, end < 0 ? text.length : end);
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
      state.cells.push(state.cell);
      state.cell = "";
      state.closing = false;
    } else if (character === "\n") {
      state.cells.push(state.cell.endsWith("\r") ? state.cell.slice(0, -1) : state.cell);
      if (state.cells.length > 1 || state.cells[0] !== "") yield state.cells;
      state.cells = [];
      state.cell = "";
      state.closing = false;
    } else {
      state.cell += character;
      if (character !== "\r") state.closing = false;
    }
  }
}

/** One line of a CSV. */
export const csvRow = (cells) =>
  `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${`${cell}`.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
