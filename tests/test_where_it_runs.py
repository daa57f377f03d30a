"""The exported files in runtimes other than Python's predictions; `tests/runtimes` has those of other languages."""

import importlib.util
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.network.cells import GATES, Direction
from sentiment.network.folded import FoldedNetwork
from sentiment.predict.model_folder import describe, network_files
from tests.model_fixture import ODD_TWEETS, labelled_tweets, shared_model

TEXTS = [*ODD_TWEETS, "love " * 7 + "don't!!", *(text for _, text in labelled_tweets())][:255]


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


CHROMIUM = shutil.which("chromium")


def node_from(oldest: int) -> str | None:
    """Where Node is, if it is at least of the version ``oldest``."""
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout if node else "v0"
    return node if int(version.lstrip("v").split(".")[0]) >= oldest else None


NODE = node_from(20)
ANSWER_IN_NODE = """
const [module, place, file] = process.argv.slice(1);
const { loadModel } = await import(module);
const model = await loadModel(place);
const texts = JSON.parse(await (await import("node:fs/promises")).readFile(file));
const answers = model.predict(texts);
const ids = texts.map((text) => model.text.encode(text));
process.stdout.write(JSON.stringify({ answers, ids, explained: texts.slice(0, 40).map((text) => model.explain(text)) }));
"""


def by_javascript(model: Path, scratch: Path, texts: list[str]) -> dict:
    """What the JavaScript module says of ``texts`` by a model folder or archive."""
    (scratch / "texts.json").write_text(json.dumps(texts))
    module = shared_model().folder / "sentiment.mjs"
    command = [NODE, "--input-type=module", "-e", ANSWER_IN_NODE, module, model, scratch / "texts.json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.fixture(scope="module")
def in_node(tmp_path_factory) -> dict:
    return by_javascript(shared_model().folder, tmp_path_factory.mktemp("node"), TEXTS)


@pytest.mark.skipif(not NODE, reason="needs node 20 or later")
def test_javascript_answers_as_python(model, in_node: dict) -> None:
    ids, answers = model.preprocessor.encode(TEXTS), model.answer(TEXTS)
    assert [len(row) for row in in_node["ids"]] == ids.lengths.tolist()
    assert [i for row in in_node["ids"] for i in row] == ids.values.tolist()
    probabilities, known = ([each[name] for each in in_node["answers"]] for name in ("probabilities", "known"))
    np.testing.assert_allclose(probabilities, answers.probabilities, atol=1e-5)
    np.testing.assert_allclose(known, answers.known, atol=1e-6)
    assert [each["label"] for each in in_node["answers"]] == model.labels(TEXTS).tolist()


@pytest.mark.skipif(not NODE, reason="needs node 20 or later")
def test_javascript_explains_as_python(model, in_node: dict) -> None:
    for text, received in zip(TEXTS, in_node["explained"], strict=False):
        expected = model.explain(text)
        assert received["label"] == expected.label
        assert received["logOdds"] == pytest.approx(expected.log_odds, abs=1e-4)
        for view, token in zip(expected.tokens, received["tokens"], strict=True):
            assert (token["token"], token["state"], token["lemma"], token["id"]) == (
                view.token, view.state, view.lemma, view.id,
            )  # fmt: skip
            assert token["contribution"] == pytest.approx(view.contribution, abs=1e-4)


@pytest.mark.skipif(not NODE, reason="needs node 20 or later")
def test_javascript_reads_a_packed_model(in_node: dict, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("model.json", "preprocessing.json", "lexicon.tsv", "vocabulary.txt", "table.npy", "weights.npz"):
            archive.write(shared_model().folder / name, name)
    assert by_javascript(tmp_path / "mine.zip", tmp_path, TEXTS) == in_node


FAIL_IN_NODE = """
const [module, place] = process.argv.slice(1);
const { loadModel } = await import(module);
if (process.argv[3] === "plain http") Object.defineProperty(globalThis, "crypto", { value: undefined });
process.stdout.write(await loadModel(place).then(() => "loaded", (error) => `${error.name}: ${error.message}`));
"""


def refusal_in_javascript(place: Path, *how: str) -> str:
    """What the JavaScript module says of a model that it cannot load."""
    command = [NODE, "--input-type=module", "-e", FAIL_IN_NODE, shared_model().folder / "sentiment.mjs", place, *how]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.mark.skipif(not NODE, reason="needs node 20 or later")
def test_javascript_names_the_damaged_file(tmp_path: Path) -> None:
    names = ("model.json", "preprocessing.json", "lexicon.tsv", "vocabulary.txt", "table.npy", "weights.npz")
    for name in names:
        shutil.copy(shared_model().folder / name, tmp_path / name)
    for name in names:
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-40])
        assert refusal_in_javascript(tmp_path).startswith(f"Error: {name}: d")  # damaged, or does not belong
        if name not in ("lexicon.tsv", "vocabulary.txt"):  # a page of plain http has no checksums
            assert refusal_in_javascript(tmp_path, "plain http").startswith(f"Error: {name}: damaged (")
        (tmp_path / name).write_bytes(content)
    assert refusal_in_javascript(tmp_path) == refusal_in_javascript(tmp_path, "plain http") == "loaded"
    (tmp_path / "cut.zip").write_bytes(b"PK")
    assert refusal_in_javascript(tmp_path / "cut.zip").startswith(f"Error: {tmp_path}/cut.zip: damaged (")


@pytest.mark.skipif(not NODE, reason="needs node 20 or later")
@pytest.mark.parametrize(
    ("cell", "pooling", "activation"),
    [("gru", "last", "tanh"), ("lstm", "mean", "softsign"), ("simple_rnn", "max", "softsign")],
)
def test_javascript_runs_every_cell(model, tmp_path, cell: str, pooling: str, activation: str) -> None:
    random, units, gates = np.random.default_rng(5), 3, GATES[cell]

    def some(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    preprocessor = replace(model.preprocessor, table=None)
    table = some(2, preprocessor.lexicon.size, gates * units)
    directions = tuple(Direction(some(units, gates * units), some(gates * units)) for _ in range(2))
    network = FoldedNetwork(table, directions, some(2 * units, 3), some(3), cell, pooling, some(50, 3), activation)
    preprocessor.save(tmp_path)
    network_files(tmp_path, network)
    about = describe(tmp_path, ["a", "b", "c"], vars(network))
    (tmp_path / "model.json").write_text(json.dumps(about))
    answers = by_javascript(tmp_path, tmp_path, TEXTS[:60])["answers"]
    expected = sentiment.load(tmp_path).predict_proba(TEXTS[:60])
    np.testing.assert_allclose([each["probabilities"] for each in answers], expected, atol=1e-5)


@pytest.mark.skipif(not CHROMIUM, reason="needs chromium (apt-get install chromium)")
def test_the_try_page_answers_and_explains_from_a_file(model) -> None:
    page = shared_model().folder / "try.html"
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", page.read_text(encoding="utf-8"))[1]
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom")
    shown = subprocess.run([CHROMIUM, *options, page.as_uri()], capture_output=True, check=True, text=True).stdout
    expected = model.explain(text)
    assert re.search(r'id="label">(.*?)</p>', shown)[1] == expected.label
    contributions = re.findall(r"<small[^>]*>([+−]\d+\.\d\d)</small>", shown)
    assert [float(each.replace("−", "-")) for each in contributions] == pytest.approx(
        [view.contribution for view in expected.tokens if view.contribution is not None], abs=0.006
    )
