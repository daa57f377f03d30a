"""`sentiment verify` names every file of a model folder that is not what the manifest says."""

import json
import os
import shutil
from pathlib import Path

import pytest

from pipelines.shared import profiles
from sentiment.predict import verify
from tests.model_fixture import Trained, run_child, shared_model, write_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a model folder, whose manifest names inputs of its own."""
    inputs: Trained = write_inputs(tmp_path)
    folder = tmp_path / "models" / "tiny"
    shutil.copytree(shared_model().folder, folder, symlinks=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["inputs"]["corpus"]["path"], manifest["inputs"]["glove"]["path"] = map(str, (inputs.corpus, inputs.glove))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def run(folder: Path, capsys) -> tuple[int, list[str]]:
    """Exit status and what is listed."""
    status = verify.main([str(folder)])
    return status, capsys.readouterr().out.splitlines()


def test_files_that_other_commands_of_ours_leave_are_no_difference(folder, capsys):
    (folder / "logs" / "later").mkdir(parents=True)
    (folder / "ablation").mkdir()
    for name in ("bench.json", "bench_serve.json", ".checkpoint.npz", ".checkpoint-2.npz", "curve.json", "curve.svg",
                 "crossvalidation.json", "ablation/results.jsonl", "logs/later/events"):  # fmt: skip
        (folder / name).write_text("{}")
    assert run(folder, capsys) == (0, [])


def test_a_folder_that_does_not_exist(tmp_path, capsys):
    assert verify.main([str(tmp_path / "gone")]) == 2
    assert f"{tmp_path / 'gone'}: no such folder; name one that `make train` has made" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["table.npy", "weights.npz", "model.keras", "training.json", "model.json", "model.tflite", "history.csv",
     "settings.json", "coverage.json", "saved_model/1/saved_model.pb", "saved_model/1/assets/lexicon.tsv"],
)  # fmt: skip
def test_one_flipped_bit(folder, capsys, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert run(folder, capsys) == (2, [f"{name} differs"])


def test_missing_extra_and_a_link(folder, capsys):
    (folder / "lexicon.tsv").unlink()
    (folder / "saved_model" / "1" / "extra").symlink_to("/etc/passwd")
    (folder / "saved_model" / "variables").unlink()
    (folder / "saved_model" / "variables").symlink_to("/tmp")
    (folder / ".hidden").write_text("")
    os.mkfifo(folder / "pipe")  # reading it would wait for ever
    status, lines = run(folder, capsys)
    assert status == 2
    extra = "is extra: the manifest does not name it"
    assert lines == [
        "saved_model/variables differs", "lexicon.tsv is missing", f".hidden {extra}", f"pipe {extra}",
        f"saved_model/1/extra {extra}",
    ]  # fmt: skip


def test_inputs_that_changed_or_are_gone(folder, capsys):
    corpus, glove = folder.parent.parent / "corpus.csv", folder.parent.parent / "glove.txt"
    glove.unlink()
    assert run(folder, capsys) == (0, [f"glove {glove} is not there, so not checked"])
    corpus.write_text("else")
    assert run(folder, capsys)[0] == 2


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", "[1]", '{"artefacts": 1, "inputs": {}}', '{"artefacts": {}, "inputs": []}']
)
def test_a_manifest_that_is_none(folder, content, capsys):
    (folder / "manifest.json").write_text(content)
    assert verify.main([str(folder)]) == 2
    said = capsys.readouterr()
    assert (said.out, "manifest.json: " in said.err) == ("", True)


def test_a_folder_without_a_manifest(tmp_path, capsys):
    assert verify.main([str(tmp_path)]) == 2
    expected = f"verify: error: {tmp_path}/manifest.json: no such file; run `make train` first\n"
    assert capsys.readouterr().err == expected


def test_as_a_command_and_without_tensorflow(folder, capsys):
    code = (
        "import sys; from sentiment.__main__ import main; status = main(['verify', *sys.argv[1:]]); "
        "assert not {'tensorflow', 'pipelines'} & set(sys.modules); sys.exit(status)"
    )
    done = run_child("-c", code, folder)
    assert done.stdout == ""
    assert done.stderr == f"verify: {folder}: every file is what manifest.json says\n"
    (folder / "table.npy").unlink()
    assert verify.main([str(folder)]) == 2
    said = f"verify: error: {folder}: 1 of its files or inputs are not what manifest.json says; copy the model again, "
    assert capsys.readouterr() == ("table.npy is missing\n", f"{said}or run `make train evaluate`\n")


@pytest.mark.parametrize(
    ("about", "known"),
    [
        ({"corpus": "Tweets of cats."}, {"corpus": "Tweets of cats."}),
        ({"corpus": "Tweets of cats.", "sha256": "1f"}, {"corpus": "Tweets of cats."}),
        ({"corpus": "Tweets of cats.", "sha256": "2f"}, {}),
    ],
)
def test_what_a_profile_says_of_one_file_is_not_said_of_another(about: dict, known: dict) -> None:
    assert profiles.known_of_corpus({"about": about}, "1f") == known
    assert profiles.known_of_corpus({}, "1f") == {}
