"""The ONNX form; its converter is an extra, so what needs it runs where that is installed."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines import onnx
from pipelines.shared import stage
from pipelines.shared.artefacts import require_agreement
from sentiment.errors import ArtefactError
from tests.model_fixture import trained

__all__ = ["trained"]
INSTALLED = all(importlib.util.find_spec(name) for name in ("tf2onnx", "onnxruntime"))


def test_without_the_converter_the_command_says_how_to_get_it(trained, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(SystemExit, match="^2$"):
        stage.main(onnx.run, "", argv=trained.options())
    assert "tf2onnx is not installed; the extra 'onnx' brings it: pip install '.[onnx]'" in caplog.text
    assert not (trained.folder / "model.onnx").exists()


@pytest.mark.skipif(not INSTALLED, reason="needs the extra onnx: tf2onnx and onnxruntime")
@pytest.mark.parametrize(("cell", "pooling"), [("simple_rnn", "max_mean"), ("gru", "last")])
def test_onnx_answers_as_the_light_form(tmp_path: Path, cell: str, pooling: str) -> None:
    from sentiment.export.formats import run_onnx, to_onnx
    from sentiment.network.keras_network import build_network, fold
    from sentiment.settings import NetworkSettings

    random = np.random.default_rng(5)
    settings = NetworkSettings(projection=(6,), units=3, cell=cell, pooling=pooling)
    network = fold(build_network(random.normal(size=(9, 4)).astype(np.float32), settings, 3), settings)
    if cell == "gru":
        network = replace(network, ngrams=random.normal(size=(50, 3)).astype(np.float32))
    ids = random.integers(2, 9, (7, 5)).astype(np.int32) * (np.arange(5) < np.array([[1, 2, 3, 4, 5, 5, 1]]).T)
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(network, 5))
    np.testing.assert_allclose(run_onnx(path, ids.astype(np.int32)), network.of_padded(ids), atol=1e-6)


def test_forms_that_disagree_are_refused_and_named() -> None:
    expected = np.full((3, 2), 0.5, np.float32)
    answers = {"LiteRT model": expected + 2e-6, "SavedModel": expected - 1e-6}
    assert require_agreement(answers, expected, "trained network") == pytest.approx(2e-6, rel=0.1)
    for wrong in (expected + 3e-5, np.full_like(expected, np.nan)):
        with pytest.raises(ArtefactError, match="the light form differs from the trained network by .*: nothing is wr"):
            require_agreement(answers | {"light form": wrong}, expected, "trained network")
