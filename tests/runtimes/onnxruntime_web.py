"""Needs npm and chromium; `npm install onnxruntime-web` downloads 140 MB, and a page fetches 14 MB."""

from tests.runtimes.javascript import in_chromium, install
from tests.runtimes.rows import read_rows

rows = read_rows()
install("onnxruntime-web@1.30.0")
script = """
const { env, InferenceSession, Tensor } = await import("/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs");
env.wasm.numThreads = 1;
const session = await InferenceSession.create("/model/model.onnx");
const input = new Tensor("int32", Int32Array.from(ids.flat()), [ids.length, ids[0].length]);
const { probabilities } = await session.run({ ids: input });
return [...probabilities.data];
"""
rows.compare("onnxruntime-web in Chromium", in_chromium(script, rows))
