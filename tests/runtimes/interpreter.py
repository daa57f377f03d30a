"""Needs tensorflow or ai-edge-litert, whose interpreters are alike: `pip install ai-edge-litert==2.3.0` (22 MB)."""

from ai_edge_litert.interpreter import Interpreter

from tests.runtimes.rows import read_rows

rows = read_rows()
interpreter = Interpreter(str(rows.folder / "model.tflite"))
interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], rows.ids.shape)
interpreter.allocate_tensors()
rows.compare("LiteRT Interpreter", interpreter.get_signature_runner("serving_default")(ids=rows.ids)["probabilities"])
