"""Settings whose default depends on the number of training tweets."""

from dataclasses import replace

from pipelines.shared import publishing, stage
from sentiment.settings import SplitSettings


def settle(this: stage.Stage, *sections: str) -> stage.Stage:
    """Return ``this`` with the settings for the training rows that `load` counted; those of ``sections`` are logged.

    Raises:
        ArtefactError: the corpus has not been read yet.
    """
    loaded = publishing.read_json(this.places.interim / "load.json")
    rows = sum(loaded["parts"]["train"].values())
    settled = this.settings.for_rows(rows)
    if "split" in loaded:
        settled = replace(settled, split=SplitSettings(**loaded["split"]))
    by_rows = this.settings.differences(settled)
    told = [f"{name} = {value}" for name, value in by_rows.items() if name.startswith(sections)]
    if told:
        stage.log.info("for %d training tweets: %s", rows, ", ".join(told))
    return replace(this, settings=settled, by_rows=by_rows)
