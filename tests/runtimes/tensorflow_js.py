"""Needs `pip install tensorflowjs==4.22.0` (with tensorflow), node and npm; the package tfjs takes 270 MB.

TensorFlow.js has no numbers of 8 bits, so the table is made float32 here, as `SET="export.table=float32"` does. Its
converter stumbles over the tables of text in a SavedModel, so it is given the frozen signature alone.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflowjs.converters.tf_saved_model_conversion_v2 import convert_tf_saved_model

import sentiment
from sentiment.export.graph import GraphNetwork
from tests.runtimes.javascript import in_node, install
from tests.runtimes.rows import read_rows

SCRIPT = """
const tf = require("@tensorflow/tfjs");
const { readFileSync } = require("fs");
const { modelTopology, weightsManifest } = JSON.parse(readFileSync(`${converted}/model.json`));
const weightSpecs = weightsManifest.flatMap((group) => group.weights);
const parts = weightsManifest.flatMap((group) => group.paths).map((path) => readFileSync(`${converted}/${path}`));
const weightData = new Uint8Array(Buffer.concat(parts)).buffer;
const model = await tf.loadGraphModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
return [...(await model.executeAsync({ ids: tf.tensor2d(ids, undefined, "int32") })).dataSync()];
"""

rows = read_rows()
install("@tensorflow/tfjs@4.22.0")
network = sentiment.load(rows.folder).network
wide = replace(
    network,
    table=network.table * network.scales[..., None], scales=None, ngrams=network.ngrams * network.ngram_scales,
    ngram_scales=None,
)  # fmt: skip
graph = GraphNetwork(wide)
module = tf.Module()
module.frozen = convert_variables_to_constants_v2(graph.by_ids(rows.ids.shape[1]).get_concrete_function())
with tempfile.TemporaryDirectory() as folder:
    tf.saved_model.save(module, folder, signatures=module.frozen)
    convert_tf_saved_model(folder, str(Path(folder) / "converted"))
    answers = in_node(f"const converted = '{folder}/converted'; {SCRIPT}", rows)
rows.compare("TensorFlow.js in Node", answers)
