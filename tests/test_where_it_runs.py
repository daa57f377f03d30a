"""The exported files in runtimes other than Python's predictions; `tests/runtimes` has those of other languages."""

import importlib.util

import numpy as np
import pytest

import sentiment
from tests.model_fixture import ODD_TWEETS, labelled_tweets, shared_model

TEXTS = [*ODD_TWEETS, *(text for _, text in labelled_tweets())][:255]


@pytest.fixture(scope="module")
def model():
    return sentiment.load(shared_model().folder)


@pytest.mark.skipif(not importlib.util.find_spec("ai_edge_litert"), reason="needs ai-edge-litert")
@pytest.mark.parametrize(("signature", "rows"), [(0, 1), (0, 3), (0, 255), (1, 1)])
def test_litert_compiled_model_answers_any_batch(model, signature: int, rows: int) -> None:
    from ai_edge_litert.compiled_model import CompiledModel

    ids = model.preprocessor.pad(model.preprocessor.encode(TEXTS[:rows]))
    compiled = CompiledModel.from_file(str(shared_model().folder / "model.tflite"))
    assert list(compiled.get_signature_list()) == ["serving_default", "serving_one"]
    if signature == 0:
        compiled.resize_input_tensor(0, list(ids.shape))
    inputs, outputs = compiled.create_input_buffers(signature), compiled.create_output_buffers(signature)
    inputs[0].write(ids)
    compiled.run_by_index(signature, inputs, outputs)
    answer = outputs[0].read(2 * rows, np.float32).reshape(rows, 2)
    np.testing.assert_allclose(answer, model.predict_proba(TEXTS[:rows]), atol=1e-5)


def test_a_signature_of_ids_can_be_frozen_for_converters(model) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    saved = tf.saved_model.load(str(shared_model().folder / "saved_model" / "1"))
    frozen = convert_variables_to_constants_v2(saved.signatures["serve_ids_unrolled"])
    operations = {operation.type for operation in frozen.graph.get_operations()}
    assert not {each for each in operations if each.startswith(("Ragged", "TensorList", "While", "StatelessWhile"))}
    ids = model.preprocessor.pad(model.preprocessor.encode(TEXTS))
    np.testing.assert_allclose(frozen(tf.constant(ids))[0], model.predict_proba(TEXTS), atol=1e-5)
