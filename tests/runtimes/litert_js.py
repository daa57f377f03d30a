"""Needs npm and chromium; `npm install @litertjs/core` downloads 38 MB. It runs one row at a time."""

from tests.runtimes.javascript import in_chromium, install
from tests.runtimes.rows import read_rows

rows = read_rows()
install("@litertjs/core@2.5.3")
script = """
const { loadAndCompile, loadLiteRt, Tensor } = await import("/node_modules/@litertjs/core/dist/index.js");
await loadLiteRt("/node_modules/@litertjs/core/wasm/");
const model = await loadAndCompile("/model/model.tflite", { accelerator: "wasm" });
const answers = [];
for (const row of ids) {
  const input = new Tensor(Int32Array.from(row), [1, row.length]);
  const [probabilities] = await model.run("serving_one", [input]);
  answers.push(...(await probabilities.data()));
  input.delete();
  probabilities.delete();
}
return answers;
"""
rows.compare("LiteRT.js in Chromium", in_chromium(script, rows))
