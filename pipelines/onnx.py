"""Convert an exported model to ONNX (`model.onnx`), and check that its probabilities agree with NumPy inference."""

import os

import sentiment
from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import require_agreement, rows_to_compare
from pipelines.shared.stage import import_keras
from sentiment.errors import ArtefactError


def run(this: stage.Stage) -> None:
    """Convert the model to `model.onnx`, and check its probabilities on validation rows against NumPy inference."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import_keras()
    from sentiment.export.formats import run_onnx, to_onnx

    model = sentiment.load(this.places.model)
    ids = rows_to_compare(this.places.processed)
    if ids.shape[1] != model.preprocessor.max_tokens:
        raise ArtefactError(f"{this.places.processed}: not what this model was made from; run `make preprocess`")
    content = to_onnx(model.network, model.preprocessor.max_tokens)
    with publishing.publish(this.places.model, last="model.onnx") as staging:
        (staging / "model.onnx").write_bytes(content)
        answers = {"ONNX model": run_onnx(staging / "model.onnx", ids)}
        difference = require_agreement(answers, model.network.of_padded(ids), "NumPy inference")
        publishing.add_staged(this.places.model, staging)
    stage.log.info("%s: differs by at most %.1g on %d rows", this.places.model / "model.onnx", difference, len(ids))


if __name__ == "__main__":
    stage.main(run, __doc__)
