"""Needs `pip install coremltools==9.0` (25 MB) and tensorflow; off a Mac it converts, and there it answers as well."""

import sys

import coremltools
import numpy as np
import tensorflow as tf

from tests.runtimes.rows import read_rows

rows = read_rows()
saved = tf.saved_model.load(str(rows.folder / "saved_model" / "1"))
model = coremltools.convert(
    [saved.signatures["serve_ids_unrolled"]],
    source="tensorflow",
    inputs=[coremltools.TensorType(name="ids", shape=rows.ids.shape, dtype=np.int32)],
    minimum_deployment_target=coremltools.target.iOS17,  # earlier ones cannot look rows of 8 bits up
)
if sys.platform == "darwin":
    rows.compare("Core ML", next(iter(model.predict({"ids": rows.ids}).values())))
else:
    sys.stdout.write(f"Core ML: converted for {len(rows.ids)} rows; running it needs a Mac\n")
