"""The same inputs, settings and seed give the same artefacts: again, and from another folder."""

import shutil
from dataclasses import replace

import pytest

from pipelines import evaluate
from pipelines.shared import stage
from sentiment.predict.verify import check_manifest
from tests.model_fixture import run_stages, shared_model, write_inputs
from tests.snapshot import all_artefacts


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[dict[str, str], dict[str, str]]:
    """Artefacts of the session's model, and of one made anew in a folder deeper down."""
    first = replace(shared_model(), root=tmp_path_factory.mktemp("copy") / "root")
    shutil.copytree(shared_model().root, first.root, symlinks=True)
    stage.main(evaluate.run, "", evaluate.OPTIONS, first.options())
    second = write_inputs(tmp_path_factory.mktemp("another") / "folder" / "with a space" / "root")
    run_stages(second, last="evaluate")
    assert [check_manifest(this.folder)[0] for this in (first, second)] == [
        [],
        [],
    ]  # evaluate has added its files
    return all_artefacts(first.root), all_artefacts(second.root)


def test_the_whole_pipeline_gives_the_same_from_another_root(pair):
    first, second = pair
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == set()
    assert {"interim/tiny/tweets.parquet", "processed/tiny/lexicon.tsv", "processed/tiny/train.ids.npy"} <= set(first)
    assert {"models/tiny/model.keras", "models/tiny/weights.npz", "models/tiny/metrics.json"} <= set(first)
    assert {"models/tiny/saved_model/1/variables/variables.index", "models/tiny/predictions.csv"} <= set(first)
