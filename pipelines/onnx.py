"""An exported model as ONNX beside its other forms, if it answers as they do (`model.onnx`)."""

import importlib.util
import os

from pipelines.shared import manifest, publishing, stage
from pipelines.shared.artefacts import MADE_BY_PREPROCESS, read_part
from pipelines.shared.libraries import import_keras
from sentiment.errors import ArtefactError, InputError

_NEEDED = ("tf2onnx", "onnxruntime")
_TOLERANCE = 1e-5
_ROWS_COMPARED = 2000


def run(this: stage.Stage) -> None:
    """Convert, compare on validation rows, write."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"{', '.join(missing)}: not installed; run `make onnx`, or pip install -e '.[onnx]'")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import_keras()
    import numpy as np

    import sentiment
    from sentiment.export.onnx import run_onnx, to_onnx

    model = sentiment.load(this.places.model)
    ids = read_part(this.places.processed, "validation").ids[:_ROWS_COMPARED].astype("int32")
    if ids.shape[1] != model.preprocessor.max_tokens:
        raise ArtefactError(f"{this.places.processed}: not what this model was made from; run `{MADE_BY_PREPROCESS}`")
    content = to_onnx(model.network, model.preprocessor.max_tokens, model.masking)
    with publishing.publish(this.places.model, last="model.onnx") as staging:
        (staging / "model.onnx").write_bytes(content)
        answer, expected = run_onnx(staging / "model.onnx", ids), model.network.of_padded(ids, model.masking)
        difference = float(np.abs(answer - expected).max())
        if not difference <= _TOLERANCE:
            raise ArtefactError(f"the ONNX model differs from the light form by {difference:.2g}: nothing is written")
        manifest.add_staged(this.places.model, staging)
    stage.log.info("%s: differs by at most %.1g on %d rows", this.places.model / "model.onnx", difference, len(ids))


if __name__ == "__main__":
    stage.main(run, __doc__)
