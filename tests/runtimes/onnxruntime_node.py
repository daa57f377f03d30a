"""Needs node and npm; `npm install onnxruntime-node` downloads 290 MB."""

from tests.runtimes.javascript import in_node, install
from tests.runtimes.rows import read_rows

rows = read_rows()
install("onnxruntime-node@1.30.0")
script = """
const { InferenceSession, Tensor } = require("onnxruntime-node");
const session = await InferenceSession.create(`${folder}/model.onnx`);
const input = new Tensor("int32", Int32Array.from(ids.flat()), [ids.length, ids[0].length]);
const { probabilities } = await session.run({ ids: input });
return [...probabilities.data];
"""
rows.compare("onnxruntime-node", in_node(script, rows))
