"""Distinct tokens: counted, fitted and simulated."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.bench import words
from pipelines.bench.pitman_yor import PitmanYor, distinct, fit, simulate
from pipelines.shared import stage

PROCESS = PitmanYor(0.6, 20.0)


def drawn_one_by_one(n: int, seed: int) -> list[int]:
    """How often each word was met, by the definition of the process."""
    choose, met = random.Random(seed), []
    for total in range(n):
        new = PROCESS.strength + PROCESS.discount * len(met)
        if choose.random() * (PROCESS.strength + total) < new:
            met.append(1)
        else:
            met[choose.choices(range(len(met)), [j - PROCESS.discount for j in met])[0]] += 1
    return met


def test_the_expectation_is_that_of_the_definition() -> None:
    sizes = [len(drawn_one_by_one(400, seed)) for seed in range(60)]
    assert np.mean(sizes) == pytest.approx(distinct(np.array([400]), PROCESS)[0], rel=0.03)


def test_the_fit_finds_the_process() -> None:
    n = np.geomspace(1e4, 1e6, 9)
    found = fit(n, distinct(n, PROCESS))
    assert found == pytest.approx(PROCESS, rel=1e-3)


def test_the_simulation_goes_on_from_what_was_counted() -> None:
    start = np.array([int(distinct(np.array([10_000]), PROCESS)[0]), 700, 300, 200, 150])
    ends = np.array([list(simulate(PROCESS, 10_000, start, [10_000, 300_000], seed)) for seed in range(5)])
    assert (ends[:, 0] == start).all()
    assert ends[:, 1, 0].mean() == pytest.approx(distinct(np.array([300_000]), PROCESS)[0], rel=0.02)
    assert (np.diff(ends[:, 1], axis=1) < 0).all()
    met_once = 1 - ends[:, 1, 1] / ends[:, 1, 0]
    assert met_once.mean() == pytest.approx(PROCESS.discount, abs=0.02)  # its share, where words are many


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    texts = [" ".join(f"w{word}" for word in drawn_one_by_one(30, seed)) + f" only{seed}" for seed in range(2000)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "tweets.parquet")
    options = ["--tweets", str(tmp_path / "tweets.parquet"), "--figure", str(tmp_path / "words.svg")]
    stage.main(words.run, "", words.add_arguments, ["--root", str(tmp_path), *options])
    lines = capsys.readouterr().out.splitlines()
    known = len({word for text in texts for word in text.split()})
    assert lines[4].startswith(f"| 2,000 (counted) | {known:,} |")
    assert [line.split(" ")[1] for line in lines[5:]] == ["1,600,000", "16,000,000", "160,000,000", "1,000,000,000"]
    assert f"Distinct tokens: {known:,} in 2,000 tweets" in (tmp_path / "words.svg").read_text()
