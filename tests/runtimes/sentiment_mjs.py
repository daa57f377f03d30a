"""Needs node and chromium, and downloads nothing: `sentiment.mjs` of the model folder, from text."""

from tests.runtimes.javascript import in_chromium, in_node
from tests.runtimes.rows import read_rows

rows = read_rows()
script = """
const { loadModel } = await import(`${at}/sentiment.mjs`);
const model = await loadModel(at);
return model.predict(texts).map((answer) => answer.probabilities);
"""
rows.compare("sentiment.mjs in Node", in_node(f"const at = folder; {script}", rows))
rows.compare("sentiment.mjs in Chromium", in_chromium(f"const at = '/model'; {script}", rows))
