"""Needs `pip install ai-edge-litert==2.3.0` (22 MB)."""

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel

from tests.runtimes.rows import read_rows

rows = read_rows()
compiled = CompiledModel.from_file(str(rows.folder / "model.tflite"))
compiled.resize_input_tensor(0, list(rows.ids.shape))
inputs, outputs = compiled.create_input_buffers(0), compiled.create_output_buffers(0)
inputs[0].write(rows.ids)
compiled.run_by_index(0, inputs, outputs)
rows.compare("LiteRT CompiledModel", outputs[0].read(rows.expected.size, np.float32))
