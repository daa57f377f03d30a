"""Needs `pip install openvino==2026.4.1` (80 MB); reading the SavedModel needs tensorflow too."""

import openvino
import tensorflow as tf

from tests.runtimes.rows import read_rows

rows = read_rows()
saved = tf.saved_model.load(str(rows.folder / "saved_model" / "1"))
sources = {
    "model.onnx": rows.folder / "model.onnx",
    "model.tflite": rows.folder / "model.tflite",
    "SavedModel, serve_ids_unrolled": saved.signatures["serve_ids_unrolled"],
}
for name, source in sources.items():
    compiled = openvino.compile_model(openvino.convert_model(source), "CPU")
    rows.compare(f"OpenVINO, {name}", compiled(rows.ids)[0])
