"""The texts that a newcomer tries first, and the command that scores models on them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines import tries
from sentiment.evaluation.sentence_tests import (
    CHOOSE,
    CONFIRM,
    UNANSWERED,
    FirstTry,
    read_pairs,
    read_tries,
    shares_right,
    vader_answer,
)
from tests.model_fixture import Trained
from tests.model_fixture import trained as trained


def test_each_kind_has_texts_of_both_labels_in_both_halves() -> None:
    texts = read_tries()
    assert len({each.text for each in texts}) == len(texts) >= 200
    labels = Counter((each.kind, each.label) for each in texts)
    assert all(labels[kind, "positive"] == labels[kind, "negative"] >= 10 for kind, _ in labels)
    assert len({kind for kind, _ in labels}) == 10
    assert all(3 < count for count in Counter((each.kind, each.half) for each in texts).values())
    assert {each.half for each in texts} == {CHOOSE, CONFIRM}


def test_no_text_is_one_of_the_minimal_pairs() -> None:
    pairs = {text for pair in read_pairs() for text in (pair.positive, pair.negative)}
    assert not pairs & {each.text for each in read_tries()}


def test_a_text_without_an_answer_is_wrong() -> None:
    two = (FirstTry("plain", "positive", "I love it"), FirstTry("slang", "negative", "meh"))
    shares = shares_right(two, lambda texts: ["positive", UNANSWERED])
    assert (shares["all"], shares["plain"], shares["slang"]) == (0.5, 1.0, 0.0)


def test_vader_gives_no_answer_where_its_score_is_zero() -> None:
    assert vader_answer(["I love it", "I hate it", "a table"]) == ["positive", "negative", UNANSWERED]


def test_the_table_has_a_column_per_model(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    tries.main([str(trained.folder), "--wrong"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == [str(trained.folder), "VADER"]
    shares = {row.split()[0]: row.split()[1:] for row in rows[:13]}
    assert [*shares][:3] == ["all", CHOOSE, CONFIRM]
    assert all(0 <= int(share) <= 100 for row in shares.values() for share in row)
    assert rows[14] == f"{trained.folder} misses:"


def test_a_folder_without_a_model_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit, match="^2$"):
        tries.main([str(tmp_path)])
    assert [record.message.partition(", or run")[0] for record in caplog.records] == [
        f"error: {tmp_path}: no model here ({tmp_path}/model.json: no such file or directory); name a model folder"
    ]


def test_one_answer_to_everything_gets_half() -> None:
    def positive(texts: Sequence[str]) -> list[str]:
        return ["positive"] * len(texts)

    assert shares_right(read_tries(), positive)["all"] == 0.5
