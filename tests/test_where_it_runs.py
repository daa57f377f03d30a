"""The exported files in runtimes other than Python's predictions; `tests/runtimes` has those of other languages."""

import importlib.util
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.predict.model_folder import describe, network_files
from tests.model_fixture import ODD_TWEETS, labelled_tweets, random_network, shared_model

TEXTS = [*ODD_TWEETS, "love " * 7 + "don't!!", *(text for _, text in labelled_tweets())][:255]


@pytest.fixture(scope="module")
def model():
    return sentiment.load(shared_model().folder)


@pytest.mark.skipif(not importlib.util.find_spec("ai_edge_litert"), reason="needs ai-edge-litert")
@pytest.mark.parametrize(("signature", "rows"), [(0, 1), (0, 255), (1, 1)])
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


def node_from(oldest: int) -> str | None:
    """Where Node is, if it is at least of the version ``oldest``."""
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout if node else "v0"
    return node if int(version.lstrip("v").split(".")[0]) >= oldest else None


NODE = node_from(20)
ANSWER_IN_NODE = """
const [module, file, ...places] = process.argv.slice(1);
const { loadModel } = await import(module);
const texts = JSON.parse(await (await import("node:fs/promises")).readFile(file));
const all = [];
for (const place of places) {
  const model = await loadModel(place);
  const explained = texts.slice(0, 40).map((text) => model.explain(text));
  all.push({ answers: model.predict(texts), ids: texts.map((text) => model.text.encode(text)), explained });
}
process.stdout.write(JSON.stringify(all));
"""
FILES = ("model.json", "preprocessing.json", "lexicon.tsv", "vocabulary.txt", "table.npy", "weights.npz")
needs_node = pytest.mark.skipif(not NODE, reason="needs node 20 or later")


def in_node(script: str, *arguments: object) -> str:
    """What a script prints that is given the JavaScript module and ``arguments``."""
    command = [NODE, "--input-type=module", "-e", script, shared_model().folder / "sentiment.mjs", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def other_network(model, folder: Path, cell: str, pooling: str, activation: str) -> Path:
    """A model folder with the text treatment of ``model`` and a random network."""
    preprocessor = replace(model.preprocessor, table=None)
    network = random_network(preprocessor.lexicon.size, 3, cell, pooling, activation)
    folder.mkdir()
    preprocessor.save(folder)
    network_files(folder, network)
    (folder / "model.json").write_text(json.dumps(describe(folder, ["a", "b", "c"], vars(network))))
    return folder


KINDS = [("gru", "last", "tanh"), ("lstm", "mean", "softsign"), ("simple_rnn", "max", "softsign")]


@pytest.fixture(scope="module")
def by_javascript(model, tmp_path_factory) -> dict[Path, dict]:
    """What the JavaScript module says of the texts by a model folder, its archive, and other networks."""
    scratch = tmp_path_factory.mktemp("node")
    (scratch / "texts.json").write_text(json.dumps(TEXTS))
    with zipfile.ZipFile(scratch / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FILES:
            archive.write(shared_model().folder / name, name)
    others = [other_network(model, scratch / kinds[0], *kinds) for kinds in KINDS]
    places = [shared_model().folder, scratch / "mine.zip", *others]
    return dict(zip(places, json.loads(in_node(ANSWER_IN_NODE, scratch / "texts.json", *places)), strict=True))


@needs_node
def test_javascript_answers_as_python_by_folder_archive_and_any_cell(model, by_javascript: dict) -> None:
    ids, mine = model.preprocessor.encode(TEXTS), by_javascript[shared_model().folder]
    assert [len(row) for row in mine["ids"]] == ids.lengths.tolist()
    assert [i for row in mine["ids"] for i in row] == ids.values.tolist()
    for place, received in by_javascript.items():
        if place.suffix == ".zip":
            assert received == mine
            continue
        this = sentiment.load(place)
        answers, each = this.answer(TEXTS), received["answers"]
        np.testing.assert_allclose([one["probabilities"] for one in each], answers.probabilities, atol=1e-5)
        np.testing.assert_allclose([one["known"] for one in each], answers.known, atol=1e-6)
        assert [one["label"] for one in each] == this.labels(TEXTS).tolist()


@needs_node
def test_javascript_explains_as_python(model, by_javascript: dict) -> None:
    for text, received in zip(TEXTS, by_javascript[shared_model().folder]["explained"], strict=False):
        expected = model.explain(text)
        assert received["label"] == expected.label
        assert received["logOdds"] == pytest.approx(expected.log_odds, abs=1e-4)
        for view, token in zip(expected.tokens, received["tokens"], strict=True):
            named = (token["token"], token["state"], token["lemma"], token["id"])
            assert named == (view.token, view.state, view.lemma, view.id)
            assert token["contribution"] == pytest.approx(view.contribution, abs=1e-4)


FAIL_IN_NODE = """
const [module, ...places] = process.argv.slice(1);
const { loadModel } = await import(module);
const { crypto } = globalThis;
for (const value of [crypto, undefined]) {  // a page of plain http has no checksums
  Object.defineProperty(globalThis, "crypto", { value, configurable: true });
  for (const place of places)
    console.log(await loadModel(place).then(() => "loaded", (error) => `${error.name}: ${error.message}`));
}
"""


@needs_node
def test_javascript_names_the_damaged_file(tmp_path: Path) -> None:
    for damaged in ("nothing", *FILES):
        (tmp_path / damaged).mkdir()
        for name in FILES:
            content = (shared_model().folder / name).read_bytes()
            (tmp_path / damaged / name).write_bytes(content[:-40] if name == damaged else content)
    (tmp_path / "cut.zip").write_bytes(b"PK")
    printed = in_node(FAIL_IN_NODE, *(tmp_path / damaged for damaged in ("nothing", "cut.zip", *FILES)))
    said = [line for line in printed.splitlines() if line.startswith(("Error: ", "loaded"))]
    assert len(said) == 2 * (2 + len(FILES))
    for with_checksums, loaded, cut, *rest in ((True, *said[:8]), (False, *said[8:])):
        assert loaded == "loaded"
        assert cut.startswith(f"Error: {tmp_path}/cut.zip: damaged (")
        for name, line in zip(FILES, rest, strict=True):
            if with_checksums:
                assert line.startswith(f"Error: {name}: d")  # damaged, or does not belong
            elif name not in ("lexicon.tsv", "vocabulary.txt"):
                assert line.startswith(f"Error: {name}: damaged (")
