"""The same inputs, settings and seed give the same artefacts: again, and from another folder."""

from pipelines import evaluate
from pipelines.shared import stage
from sentiment.predict.verify import check_manifest
from tests.model_fixture import copied, run_stages, write_inputs
from tests.snapshot import all_artefacts


def test_the_whole_pipeline_gives_the_same_from_another_root(tmp_path, without_fasttext):
    this = copied(tmp_path / "copy" / "root")
    stage.main(evaluate.run, "", evaluate.OPTIONS, this.options())
    other = write_inputs(tmp_path / "folder" / "with a space" / "root")
    run_stages(other, last="evaluate")
    assert [check_manifest(each.folder)[0] for each in (this, other)] == [[], []]  # evaluate has added its files
    first, second = all_artefacts(this.root), all_artefacts(other.root)
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == set()
    assert {"interim/tiny/tweets.parquet", "processed/tiny/lexicon.tsv", "processed/tiny/train.ids.npy"} <= set(first)
    assert {"models/tiny/model.keras", "models/tiny/weights.npz", "models/tiny/metrics.json"} <= set(first)
    assert {"models/tiny/saved_model/1/variables/variables.index", "models/tiny/predictions.csv"} <= set(first)
