"""What `bench` reports, and that it refuses to compare what differs."""

import argparse
import dataclasses
import json
import re
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest

from pipelines.bench import __main__ as bench
from pipelines.bench import contenders, http_load, serve_verdicts, timing
from pipelines.bench.fit_epoch import fit_epoch
from pipelines.bench.latency import call_seconds, curves, figures
from pipelines.bench.material import Material
from pipelines.bench.tables import machine, picture, rates, table
from pipelines.bench.timing import Seconds, Timing, run_process, time_in_turn
from pipelines.shared import stage
from sentiment.common import parallel
from sentiment.data.encoded import EncodedPart, spread
from sentiment.errors import InputError
from tests.model_fixture import shared_model

TURNS = {"A": 0.25, "B": 5.0}  # seconds of a run
REPORT = {
    "machine": "an abacus, 2 cores",
    "rows": 1234,
    "sections": {
        "training": rates({"ours": Timing((1.0, 2.0, 9.0), 5000), "theirs": Timing((4.0,), 2000)}, "theirs"),
        "growth": {"10 tweets": {"seconds": 0.25}, "20 tweets": {"peak_mib": 150.4}},
    },
}


def test_rates_are_of_the_median_run_and_relative_to_one_contender() -> None:
    training = REPORT["sections"]["training"]
    assert training["ours"] == {"tweets_per_second": 2500.0, "ratio": 5.0, "seconds": 2.0}
    assert training["theirs"]["ratio"] == 1.0


def test_the_table_has_a_row_a_contender_and_gaps_where_nothing_was_measured() -> None:
    text = table(REPORT)
    assert text.startswith("Measured on an abacus, 2 cores; 1,234 tweets; medians.\n")
    assert "| training | tweets per second | ratio | seconds |\n|---|---:|---:|---:|\n| ours | 2,500 | 5 | 2 |" in text
    assert "| 10 tweets | 0.25 |  |\n| 20 tweets |  | 150 |\n" in text


def test_the_picture_shows_the_sections_asked_for() -> None:
    svg = picture(REPORT, ("training",))
    assert svg.count(">ours</text>") == svg.count(">theirs</text>") == 1
    assert "2,500  (5 ×)" in svg
    assert "10 tweets" not in svg


def test_calls_are_of_the_size_asked_for_and_of_other_texts_each_time() -> None:
    calls: list[Sequence[str]] = []
    seconds = call_seconds(calls.append, ["a", "b", "c"], 2, 0.0)
    assert len(seconds) == 5
    assert seconds == sorted(seconds)
    assert {len(texts) for texts in calls} == {2}
    assert len({tuple(texts) for texts in calls}) == 3
    assert len(call_seconds(len, ["a"], 5, 0.01)) > 5


def test_figures_of_calls_are_their_median_and_99th_percentile() -> None:
    seconds = [i / 1000 for i in range(1, 201)]
    assert figures(seconds, 10) == pytest.approx({"median_ms": 101, "p99_ms": 199, "tweets_per_second": 10 / 0.101})


def test_the_curves_name_everybody_at_the_end_of_their_line() -> None:
    svg = curves({"ours, light form": {1: 10.0, 16: 90.0}, "fastText": {1: 5.0}}, "an abacus")
    assert svg.count("ours, light form</text>") == svg.count("fastText</text>") == 1
    assert "At best: ours, light form 90, fastText 5" in svg
    assert "on an abacus" in svg


def test_fasttext_is_what_others_are_compared_with() -> None:
    entries = {"ours": {"tweets_per_second": 6.0}, "fastText": {"tweets_per_second": 3.0}}
    bench._compare_with_fasttext(entries)
    assert [entry["times_fasttext"] for entry in entries.values()] == [2.0, 1.0]
    bench._compare_with_fasttext({"ours": {"tweets_per_second": 6.0}})


def test_the_processor_is_named() -> None:
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", info.read_text()) if info.is_file() else None
    assert machine().startswith(named.group(1) if named else "")
    assert " cores, Python 3." in machine()


def test_contenders_take_turns_and_the_first_turn_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_TURN", 1e-9)
    calls: list[str] = []
    work = {name: (lambda name=name: calls.append(name), 3) for name in "AB"}
    timings = time_in_turn(work, 2)
    assert calls == list("ABABAB")
    assert {name: (len(timing.seconds), timing.tweets) for name, timing in timings.items()} == {
        "A": (2, 3),
        "B": (2, 3),
    }


def test_a_turn_lasts_a_second_of_what_counts() -> None:
    calls: list[str] = []
    work = {name: (lambda name=name, each=each: calls.append(name) or Seconds(each), 3) for name, each in TURNS.items()}
    timings = time_in_turn(work, 1)
    assert "".join(calls) == "AAAABAAAAB"
    assert {name: each.seconds for name, each in timings.items()} == {"A": (0.25,), "B": (5.0,)}


def test_of_fit_an_epoch_counts() -> None:
    """And not what `fit` takes before and behind it."""

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    run = fit_epoch(model, np.ones((4, 1)), np.ones((4, 1)), batch_size=2)
    run()
    model.make_train_function = lambda force=False: time.sleep(0.3)  # its program is made already
    start = time.perf_counter()
    counted = run()
    assert 0 < counted < time.perf_counter() - start - 0.3


def test_the_memory_of_a_process_is_its_own() -> None:
    small, large = (run_process(["-c", f"bytearray({mib} << 20)"]).peak_mib for mib in (1, 101))
    assert 95 < large - small < 105
    assert 0.2 < run_process(["-c", "import time; time.sleep(0.2)"]).seconds < 2
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_process(["-c", "1 / 0"])


def test_rows_are_taken_from_all_over_a_part() -> None:
    part = EncodedPart(np.arange(12, dtype=np.uint8).reshape(6, 2), np.arange(6))
    np.testing.assert_array_equal(spread(part, 3).labels, [0, 2, 4])
    np.testing.assert_array_equal(spread(part, 12).ids[:, 0], [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10])


@pytest.fixture
def material() -> Material:
    return Material(stage.Places(shared_model().root, "tiny"), 100, 100)


def test_contenders_that_agree_may_be_measured(material: Material, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "pipelines"):
        bench.check_answers(material)
    ours, plain = re.findall(r"\d\.\d{6}", caplog.text)
    assert float(ours) == pytest.approx(float(plain), abs=2e-6)


def spoilt(section: str, name: str, spoil: Callable) -> dict:
    made = contenders.contenders(section)
    return made | {name: lambda material: made[name](material)._replace(run=spoil)}


@pytest.mark.parametrize(
    ("section", "name", "spoil", "message"),
    [
        ("preprocessing", "plain Python, a tweet at a time", lambda: [[1]], "different ids"),
        ("prediction", "ours, light form", lambda: 0.25, "SavedModel's answers differ"),
    ],
)
def test_contenders_that_differ_are_not_measured(
    material: Material, monkeypatch: pytest.MonkeyPatch, section: str, name: str, spoil: Callable, message: str
) -> None:
    monkeypatch.setattr(contenders, "losses", lambda material, rows: (0.5, 0.5))
    sound, spoilt_one = contenders.contenders, spoilt(section, name, spoil)
    monkeypatch.setattr(contenders, "contenders", lambda asked: spoilt_one if asked == section else sound(asked))
    with pytest.raises(AssertionError, match=message):
        bench.check_answers(material)


def test_a_second_list_of_tweets_in_another_profiles_format(material: Material, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text('"0","1","","","","bad &amp; sad"\n"4","2","","","","caf\xe9"\n', "latin-1")
    for given in (str(tmp_path / "more.csv"), f"sentiment140:{tmp_path / 'more.csv'}"):
        second = dataclasses.replace(material, tweets=given, answered_by=str(material.places.model))
        assert second.texts == ["bad &amp; sad", "café"]
        bench.check_forms(second)
    (tmp_path / "more.csv").write_text("")
    with pytest.raises(InputError, match=r"more\.csv"):
        dataclasses.replace(material, tweets=str(tmp_path / "more.csv")).texts  # noqa: B018
    with pytest.raises(InputError, match="there is no profile 'nobody'"):
        dataclasses.replace(material, tweets="nobody:more.csv").texts  # noqa: B018


def test_the_second_list_has_a_section_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text('"0","1","","","","bad"\n' * 3)
    given = argparse.Namespace(rows=2, tweets=f"sentiment140:{tmp_path / 'more.csv'}", tweets_model="elsewhere")
    this = types.SimpleNamespace(places=stage.Places(shared_model().root, "tiny"), arguments=given)
    _, further = bench._materials(this)  # type: ignore[arg-type]
    assert list(further) == ["prediction, 2 tweets of more.csv"]
    assert [each.folder for each in further.values()] == [Path("elsewhere")]
    given.tweets = ""
    assert bench._materials(this)[1] == {}  # type: ignore[arg-type]


def test_networks_of_different_losses_are_not_measured(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "losses", lambda material, rows: (0.5, 0.50002))
    with pytest.raises(AssertionError, match="losses differ from ours by 2e-05"):
        bench.check_answers(material)


def test_the_services_figures_are_held_against_what_must_hold(tmp_path: Path) -> None:
    good = http_load.Load(4000.0, 0.5, 9.0, 9.0, 4000, 0, 0, 0.2, [0.8])
    names = ["JSON echo, 1", "JSON echo, 200", "service, 1, 1", "service, 1, 16", "service, 1, 200"]
    names += ["service, 1, 16 of 64", "service, 2, 200", "service, 2, 16 of 64"]
    loads = dict.fromkeys(names, good) | dict.fromkeys(["a call a request, 1", "a call a request, 200"], good)
    loads |= {"a call a request, 1": good._replace(rate=800.0), "service, 2, 200": good._replace(refused=3)}
    rounds = {name: [load, load._replace(rate=1.0), load] for name, load in loads.items()}
    rounds["a call a request, 1"][1] = good._replace(rate=0.5)  # a slow minute
    memory = http_load.Memory(114.0, 82.0)  # MiB: 119.5 and 86 MB
    lines = serve_verdicts.verdicts(rounds, [0.5, 9.0, 0.4], [memory], [memory]).splitlines()
    verdict = {line.split(" | ")[0].strip("| "): line.split(" | ")[-1].strip(" |") for line in lines[2:-2]}
    wrong = [what for what, said in verdict.items() if said != "holds"]
    assert wrong == [
        "200 connections, times a call a request",
        "two workers, times one (this client leaves room for 1.60)",
        "its proportional share, MB, two workers",
        "requests that failed",
    ]
    assert "| a lone client, times a call a request | 5 | 2 to 5 | >= 5 | holds |" in lines
    assert "| requests that failed | 9 |  | <= 0 | falls short |" in lines


def test_how_much_a_second_worker_can_gain_beside_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    one = http_load.Load(1000.0, 0.5, 9.0, 9.0, 4000, 0, 0, 0.2, [1.0])
    two = one._replace(rate=1500.0, client_cores=0.375, server_cores=[0.8, 0.8])
    monkeypatch.setattr(parallel, "available_cores", lambda: 2)
    assert "leaves room for 1.60 times one worker. Two took 1067 us." in serve_verdicts.room(one, two)
    monkeypatch.setattr(parallel, "available_cores", lambda: 8)
    assert "room for 2.00 times" in serve_verdicts.room(one, two)


def test_the_requests_of_a_load_hold_every_text_once(tmp_path: Path) -> None:
    http_load.write_bodies([f'a "{i}"' for i in range(9)], 4, tmp_path / "bodies")
    bodies = [json.loads(line)["texts"] for line in (tmp_path / "bodies").read_text().splitlines()]
    assert bodies == [[f'a "{i}"' for i in range(start, start + 4)] for start in (0, 4)]


def test_the_numbers_at_the_axes_are_plain_text() -> None:
    picture = curves({"ours": {1: 10.0, 10_000: 90_000.0}}, "this machine")
    assert "10,000" in picture
    assert "mathdefault" not in picture
