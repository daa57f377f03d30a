"""Shares over many tweets: dates, sums, the labels file, and the commands from tweets to the answer."""

import csv
import datetime
import itertools
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiment
from sentiment import InputError
from sentiment.common.engines import InProcess
from sentiment.score import __main__ as score_command
from sentiment.shares import __main__ as share_command
from sentiment.shares import draw_command, tally
from sentiment.shares.answer import FILES, ShareAnswer, moved_words
from sentiment.shares.dates import PERIODS, period_names, periods_between, read_dates
from sentiment.shares.estimates import HandLabels, changes, share_rows
from sentiment.shares.sample import label_names, read_labels, read_table, require_same_input, to_label
from sentiment.shares.scored import ShareColumns, answered
from sentiment.shares.tally import Answered, Cell, ShareTally, Sums
from tests.test_score import write_archives

CLASSES = ["negative", "positive"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-01-01T01:30:00+02:00", "2022-12-31T23:30:00"),
        ("2023-01-01 10:11:12.345Z", "2023-01-01T10:11:12"),
        ("2023-01-01 01:30:00+02", "2022-12-31T23:30:00"),
        ("2023-01-01", "2023-01-01T00:00:00"),
        ("Mon Apr 06 22:19:45 PDT 2009", "2009-04-07T05:19:45"),
        ("Wed Oct 10 20:19:24 +0000 2018", "2018-10-10T20:19:24"),
        ("1538352000", "2018-10-01T00:00:00"),
        ("1538352000123", "2018-10-01T00:00:00"),
        ("2023-02-30", "NaT"),
        ("2023-13-01", "NaT"),
        ("0000-01-01", "NaT"),
        ("yesterday", "NaT"),
        ("", "NaT"),
        (None, "NaT"),
    ],
)
def test_dates_are_read(text: str | None, expected: str) -> None:
    assert str(read_dates(pa.array([text], pa.string()), "when")[0]) == expected


def test_dates_of_other_types_are_read() -> None:
    utc = datetime.UTC
    for column in (
        pa.array([datetime.datetime(2020, 1, 2, 3, tzinfo=utc)], pa.timestamp("us", "UTC")),
        pa.array([1577934000]),
        pa.array([1577934000000.0]),
        pa.array(["2020-01-02T03:00:00"]).dictionary_encode(),
    ):
        assert str(read_dates(column, "when")[0]) == "2020-01-02T03:00:00"
    with pytest.raises(InputError, match="column 'when' holds bool, expected dates"):
        read_dates(pa.array([True]), "when")


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00"]),
        pa.array([1538352000000000, -(10**12)]),  # microseconds
        pa.array([1538352000000000000, 1234567890123456789]),  # nanoseconds, an id of a tweet
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([2**62, -(2**62)], pa.timestamp("s")),
        pa.array([float("nan"), float("inf"), 1e300]),
        pa.array([2009, 20090406, 0]),
        pa.array([2009.0, 20090406.0, -1.0]),
    ],
    ids=["text", "microseconds", "nanoseconds", "uint64", "timestamp", "float", "years or days", "years in floats"],
)
def test_dates_beyond_the_years_1_to_9999_and_years_or_days_as_numbers_are_not_read(column: pa.Array) -> None:
    dates = read_dates(column, "when")
    assert np.isnat(dates).all()
    assert [period_names(dates, period).to_pylist() for period in PERIODS] == [[""] * len(dates)] * len(PERIODS)


def test_periods_have_names() -> None:
    dates = np.array(["2021-01-03T22:10:00", "NaT"], "M8[s]")
    names = {period: period_names(dates, period).to_pylist() for period in PERIODS}
    assert names == {
        "hour": ["2021-01-03T22", ""], "day": ["2021-01-03", ""], "week": ["2020-W53", ""],
        "month": ["2021-01", ""], "quarter": ["2021-Q1", ""], "year": ["2021", ""],
    }  # fmt: skip


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_has_one_place_in_the_dictionary(period: str) -> None:  # the words of each place are counted
    hours = np.arange(np.datetime64("2020-12-01T00", "h"), np.datetime64("2021-02-01T00", "h"))
    names = period_names(hours.astype("M8[s]"), period)
    assert len(names) == len(hours)
    assert len(names.dictionary) == len(set(names.to_pylist()))


@pytest.mark.parametrize(
    ("period", "first", "between", "last"),
    [
        ("hour", "2020-12-31T23", [], "2021-01-01T00"),
        ("day", "2020-02-28", ["2020-02-29"], "2020-03-01"),
        ("week", "2020-W52", ["2020-W53"], "2021-W01"),
        ("month", "2020-11", ["2020-12"], "2021-01"),
        ("quarter", "2020-Q3", ["2020-Q4"], "2021-Q1"),
        ("year", "2019", ["2020", "2021"], "2022"),
    ],
)
def test_periods_without_a_tweet_have_names(period: str, first: str, between: list[str], last: str) -> None:
    assert periods_between(first, last, period) == [first, *between, last]


def test_the_help_lists_the_periods(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        share_command.main(["--help"])
    assert f"({', '.join(PERIODS)})" in " ".join(capsys.readouterr().out.split())


def test_a_wrong_year_does_not_make_a_long_list_of_periods() -> None:
    assert periods_between("1970-01-01T00", "2020-01-01T00", "hour") == []


def batch(start: int, stop: int) -> Answered:
    """Rows of a made-up table: two groups, two periods, one missing text, one date that is not readable."""
    rows = range(start, stop)
    first = np.array([(7 * i % 10) / 10 for i in rows])
    return Answered(
        pa.array([None if i == 3 else f"tweet number{i} @bob" for i in rows], pa.string()),
        np.column_stack([first, 1 - first]),
        np.ones(len(rows)),
        pa.array(["ab"[i % 2] for i in rows]).dictionary_encode(),
        pa.array(["" if i == 5 else f"2020-0{1 + i % 3 // 2}" for i in rows]).dictionary_encode(),
    )


def tally_of(*borders: int) -> ShareTally:
    tally = ShareTally(CLASSES, np.array([2, 9]))
    for start, stop in itertools.pairwise(borders):
        tally.add(batch(start, stop))
    return tally


def test_sums_by_hand_and_in_batches_of_any_size() -> None:
    whole, parts = tally_of(0, 12), tally_of(0, 1, 5, 12)
    margins = whole.with_margins()
    assert margins[Cell("all", "all")].tweets == 11
    assert margins[Cell("a", "all")].tweets + margins[Cell("b", "all")].tweets == 11
    assert margins[Cell("all", "2020-01")].tweets + margins[Cell("all", "2020-02")].tweets == 10
    assert (whole.undated, whole.first_undated) == (1, (6, ""))
    expected = sum((7 * i % 10) / 10 for i in range(12) if i != 3)
    assert margins[Cell("all", "all")].probabilities[0] == pytest.approx(expected)
    for cell, sums in parts.with_margins().items():
        assert (sums.tweets, sums.labels.tolist()) == (margins[cell].tweets, margins[cell].labels.tolist())
    assert parts.examples == whole.examples
    assert {period for _, period in whole.examples} == {"2020-01", "2020-02"}
    assert parts.words == whole.words
    assert parts.labelled.texts == whole.labelled.texts == ["tweet number1 @bob", "tweet number8 @bob"]


@pytest.mark.parametrize("sizes", [(9,), (2, 7), (1,) * 9])
def test_a_tweet_that_was_repeated_is_one_example(sizes: tuple[int, ...]) -> None:
    certain, texts = np.array([0.8, 0.9, 0.9, 0.9, 0.7, 0.8, 0.95, 0.6, 0.95]), [*"baaacbded"]
    tally, start = ShareTally(CLASSES, np.zeros(0, np.int64)), 0
    for size in sizes:
        rows, every = slice(start, start + size), pa.repeat("all", size).dictionary_encode()
        answers = np.column_stack([certain[rows], 1 - certain[rows]])
        tally.add(Answered(pa.array(texts[rows]), answers, np.ones(size), every, every))
        start += size
    found = [(each.row, each.text) for each in tally.examples["negative", "all"]]
    assert found == [(7, "d"), (2, "a"), (1, "b")]


def test_the_first_unreadable_date_is_that_of_a_tweet() -> None:
    columns = {"text": [None, "good", "bad"], "when": ["soon", "2020-01-01", "later"], "known": [0.0, 1, 1]}
    table = pa.RecordBatch.from_pydict(columns | {f"p_{name}": [0.5] * 3 for name in CLASSES})
    tally = ShareTally(CLASSES, np.zeros(0, np.int64))
    tally.add(answered(table, ShareColumns("text", date="when", period="week"), "t"))
    assert (tally.undated, tally.first_undated) == (1, (3, "later"))


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (("brand",), ["x", "x", "(none)", "(none)", "(all)", "a / b", "a", "n/a", "((none))", "((all))", "(((all)))"]),
        (("brand", "place"), ["x / y", "x / y", "(none) / y", "(none) / y", "(all) / y", "a // b / c", "a / b // c",
                              "n/a / /r/b", "((none)) / y", "((all)) / y", "(((all))) / y"]),
    ],
)  # fmt: skip
def test_values_that_differ_in_blanks_only_are_one_group_and_no_others(by: tuple[str, ...], groups: list[str]) -> None:
    columns = {
        "text": list("abcdefghijk"),
        "brand": ["x", " x ", "", None, "all", "a / b", "a", "n/a", "(none) ", "(all)", "((all))"],
        "place": [*"yyyyyc", "b / c", "/r/b", *"yyy"],
    }
    answers = {"known": [1.0] * 11, "p_negative": [0.1] * 11, "p_positive": [0.9] * 11}
    table = pa.record_batch(columns | answers)
    found = answered(table, ShareColumns("text", by), "tweets.parquet")
    assert found.groups.to_pylist() == groups


@pytest.mark.parametrize(
    ("column", "options", "unread"),
    [
        (pa.array([[1]]), {"groups": ("odd",)}, "--by odd: holds list"),
        (pa.array([b"\xff"]), {"groups": ("odd",)}, "--by odd: holds binary"),
        (pa.array([2**62], pa.timestamp("ms")), {"date": "odd", "period": "week"}, ""),
    ],
)
def test_columns_of_odd_types_are_refused_or_count_as_unreadable(column: pa.Array, options: dict, unread: str) -> None:
    answers = [pa.array(["good"]), column, *[pa.array([0.5])] * 3]
    table = pa.record_batch(answers, ["text", "odd", "known", "p_negative", "p_positive"])
    if unread:
        with pytest.raises(InputError, match=unread):
            answered(table, ShareColumns("text", **options), "tweets.parquet")
    else:
        assert answered(table, ShareColumns("text", **options), "tweets.parquet").periods.to_pylist() == [""]


def test_a_tweet_cannot_end_or_hide_the_data_of_the_page(tmp_path: Path) -> None:
    names = ["tweets.csv", "<!--<script></script>"]  # after these two tags, a browser would not see the data's end
    ShareAnswer(names, CLASSES, [], [], tally_of(0, 12).with_margins(), {}, {}, [], 0, [], {}).write(tmp_path)
    data = (tmp_path / "answer.html").read_text(encoding="utf-8")
    data = data.partition('id="data">')[2].partition("</script>")[0]
    assert "<" not in data
    assert json.loads(data)["source"] == names


def test_words_of_all_periods_are_found_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regular expressions for each of 720 hours took several times as long as the prediction."""
    passes, words_of = [], tally._words_of
    monkeypatch.setattr(tally, "_words_of", lambda *given: passes.append(given) or words_of(*given))
    assert tally_of(0, 12).words.keys() == {"2020-01", "2020-02"}
    assert len(passes) == 1


def test_words_that_moved_are_found() -> None:
    before, after = {"sun": 90, "rain": 10, "the": 500}, {"sun": 12, "rain": 80, "the": 510}
    (moved,) = moved_words({"2020-01": before, "2020-02": after})
    assert moved == {"first": "2020-01", "second": "2020-02", "rising": ["rain"], "falling": ["sun"]}


def test_groups_with_few_labels_borrow_the_correction_and_have_no_interval() -> None:
    cells = tally_of(0, 12).with_margins()
    hand = HandLabels(
        CLASSES, np.arange(40) % 2, np.full(40, 0.5), np.column_stack([np.full(40, 0.4), np.full(40, 0.6)]),
        [Cell("a", "2020-01")] * 38 + [Cell("b", "2020-01")] * 2,
    )  # fmt: skip
    rows = {(row.group, row.period, row.class_, row.method): row for row in share_rows(CLASSES, cells, hand)}
    assert rows["a", "all", "negative", "both"].low is not None
    assert rows["b", "all", "negative", "both"].low is None
    assert rows["b", "all", "negative", "both"].share == pytest.approx(0.5)  # a model that says nothing is no help
    assert ("b", "all", "negative", "labels") not in rows
    assert list(changes(list(rows.values()), cells)) == []  # no second group or period has an interval


def test_a_group_whose_labels_agree_has_their_interval_whatever_the_model_says() -> None:
    """The slope of the other group would move its share away from 0."""
    cells = tally_of(0, 12).with_margins()
    first = np.tile([0.1, 0.9], 40)
    labels = np.concatenate([(first[:40] < 0.5).astype(int), np.ones(40, int)])
    hand = HandLabels(
        CLASSES, labels, np.full(80, 0.5), np.column_stack([first, 1 - first]),
        [Cell("a", "2020-01")] * 40 + [Cell("b", "2020-01")] * 40,
    )  # fmt: skip
    found = {(row.group, row.period, row.class_, row.method): row for row in share_rows(CLASSES, cells, hand)}
    both, alone = (found["b", "all", "negative", method] for method in ("both", "labels"))
    assert (both.share, both.low, both.high) == pytest.approx((alone.share, alone.low, alone.high), abs=1e-3)
    assert both.low == 0


def test_shares_are_known_if_every_tweet_has_a_label() -> None:
    """Group a has six tweets and group b five; the model is wrong about every tweet of group b."""
    cells = tally_of(0, 12).with_margins()
    where = [cell for cell, sums in cells.items() if "all" not in cell for _ in range(sums.tweets)]
    where.append(Cell("b", ""))  # a tweet without a date
    labels = np.array([int(cell.group == "b") for cell in where])
    hand = HandLabels(CLASSES, labels, np.ones(11), np.tile([0.9, 0.1], (11, 1)), where)
    rows = list(share_rows(CLASSES, cells, hand))
    found = {(row.group, row.class_): row[6:] for row in rows if row.period == "all" and row.method == "both"}
    assert found["a", "negative"] == found["b", "positive"] == (1, 1, 1)
    assert found["all", "negative"] == pytest.approx((6 / 11,) * 3)


def test_a_part_of_the_drawn_rows_is_a_smaller_draw() -> None:
    """All 400 tweets were drawn, so that each had the chance 1, and 100 of them were labelled."""
    cells = {Cell("all", "all"): Sums(400, 400, np.array([200, 200]), np.array([200.0, 200.0]))}
    answers, labels = np.tile([[0.8, 0.2], [0.2, 0.8]], (50, 1)), np.arange(100) % 3 % 2
    part, drawn = (
        list(share_rows(CLASSES, cells, HandLabels(CLASSES, labels, np.full(100, chance), answers, [*cells] * 100)))
        for chance in (1, 1 / 4)
    )
    assert part == drawn
    assert all(row.high - row.low > 0.1 for row in part if row.low is not None)


@pytest.mark.parametrize(
    ("tweets", "labelled", "advice"),
    [
        (11, 4, "7 more labels would give an interval."),
        (11, 11, "Every tweet has a label."),
        (400, 100, "129 more labels would halve the intervals."),  # 4 / (1 / 100 + 3 / 400) = 228.6 labels
        (10**9, 100, "300 more labels would halve the intervals."),
        *((tweets, 0, f"Labelling {most} tweets by hand") for tweets, most in ((29, 29), (200, 200), (5000, 200))),
    ],
)
def test_more_labels_are_advised_only_as_far_as_there_are_tweets(tweets: int, labelled: int, advice: str) -> None:
    cells = {Cell("all", "all"): Sums(tweets, tweets, np.zeros(2, np.int64), np.zeros(2))}
    assert advice in ShareAnswer([], CLASSES, [], [], cells, {}, {}, [], labelled, [], {}).advice()


def labels_file(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["row,text,chance,label", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1,a,0.5,bad"], "line 2: expected a label of negative, positive, received 'bad'"),
        (["1,a,0.5,negative", "0,b,0.5,positive"], "line 3: expected a row from 1"),
        (["1,a,1.5,negative"], "line 2: expected a row from 1 and a chance over 0, up to 1; received 1 and 1.5"),
        (["1,a,1e-300,negative"], "line 2: expected a row from 1 and a chance over 0"),
        (["99999999999999999999,a,0.5,negative"], "line 2: expected a row from 1"),
        (["x,a,0.5,negative"], "line 2: expected whole numbers in row"),
        (["1,a,0.5,negative", "1,a,0.5,positive"], "line 3: row 1 is there twice"),
        (
            ["1,a,0.5,negative", '2,"a,0.5,positive', "3,a,0.5,positive"],
            "line 4: unexpected end of data; mend the quote",
        ),
    ],
)
def test_labels_that_cannot_be_are_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labels(labels_file(tmp_path / "labels.csv", *lines), CLASSES)


@pytest.mark.parametrize(("name", "reason"), [("", "Is a directory"), ("labels.csv/x", "Not a directory")])
def test_a_path_of_no_labels_file_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    labels_file(tmp_path / "labels.csv")
    with pytest.raises(InputError, match=f"{name}: {reason}; expected a file of `sentiment draw`"):
        read_labels(tmp_path / name, CLASSES)


@pytest.mark.parametrize("header", ["row;text;chance;label", "ROW;TEXT;CHANCE;LABEL", "Row;Label; Chance;label"])
def test_labels_are_read_as_spreadsheets_write_them(tmp_path: Path, header: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"\ufeff{header}\r\n7;b;0,25; Positive \r\n2;a;0,5;NEGATIVE\r\n9;c;0,5;\r\n", "utf-8")
    found = read_labels(path, CLASSES)
    assert (found.rows.tolist(), found.chances.tolist(), found.labels.tolist()) == ([2, 7], [0.5, 0.25], [0, 1])
    assert found.empty == 1
    require_same_input(found, [2, 7], ["a", " b"], 9)
    with pytest.raises(InputError, match="row 7 has 'b' where the input has 'other'"):
        require_same_input(found, [2, 7], ["a", "other"], 9)
    with pytest.raises(InputError, match="row 7 is not in the input"):
        require_same_input(found, [2], ["a"], 9)


def test_columns_and_empty_rows_that_a_spreadsheet_added_change_no_label(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("note;row;tweet;chance;label;;\n?;7;b;0,25;positive;mine;his\n;;;;;;\n; ;;;;;\n", "utf-8")
    found = read_labels(path, CLASSES, "tweet")
    assert (found.rows.tolist(), found.texts, found.empty) == ([7], ["b"], 0)
    assert read_table(path).give("7", "negative")
    assert path.read_text("utf-8") == "note;row;tweet;chance;label;;\n?;7;b;0,25;negative;mine;his\n"
    path.write_text("note,row,text,chance,label\n?,7,b,0.25,\n", "utf-8")
    assert read_table(path).text == "text"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_labels_file_keeps_its_encoding_when_a_label_is_saved(tmp_path: Path, encoding: str) -> None:
    """Excel saves "Unicode text" in UTF-16 with tabs."""
    path = tmp_path / "labels.csv"
    path.write_text("row\ttext\tchance\tlabel\r\n7\tcaf\u00e9\t0,25\tpositive\r\n", encoding, newline="")
    assert read_labels(path, CLASSES).texts == ["caf\u00e9"]
    assert read_table(path).give("7", "negative")
    assert path.read_bytes().decode(encoding) == "row\ttext\tchance\tlabel\r\n7\tcaf\u00e9\t0,25\tnegative\r\n"


@pytest.mark.parametrize(("there", "here"), [("good ?", "good \u2713"), ("goo", "good"), ("good!", "good")])
def test_a_tweet_that_a_spreadsheet_changed_is_shown_where_it_differs(tmp_path: Path, there: str, here: str) -> None:
    found = read_labels(labels_file(tmp_path / "labels.csv", f"1,{'so ' * 40}{there},1,positive"), CLASSES)
    with pytest.raises(InputError, match=rf"row 1 has '[so ]+{re.escape(there)}' where the input has '[so ]+{here}'"):
        require_same_input(found, [1], ["so " * 40 + here], 1)


def test_a_class_that_is_added_in_other_letters_is_the_same_class() -> None:
    """A second class with this name would get all labels, and the model's class would have a share of 0."""
    assert label_names(CLASSES, ("Positive", "neutral", "Neutral")) == [*CLASSES, "neutral"]


@pytest.mark.parametrize(("drawn", "labelled", "most", "too_many"), [(50, 19, 100, 110), (200, 200, 220, 250)])
def test_a_draw_before_a_part_of_the_input_was_added_is_refused(tmp_path, drawn, labelled, most, too_many) -> None:
    """Of 200 rows, 40 would be from the last fifth of the input; the labels would say nothing about it."""
    lines = [f"{row},a,0.5,{'positive' if row <= labelled else ''}" for row in range(1, drawn + 1)]
    found = read_labels(labels_file(tmp_path / "labels.csv", *lines), CLASSES)
    require_same_input(found, found.rows.tolist(), ["a"] * labelled, most)
    with pytest.raises(InputError, match=f"its last row is {drawn} and the input has {too_many}"):
        require_same_input(found, found.rows.tolist(), ["a"] * labelled, too_many)


def test_a_file_to_fill_in_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(to_label("tweet", [(3, 'say "hi",\nthen go', 0.125)]), encoding="utf-8")
    rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    assert rows == [{"row": "3", "tweet": 'say "hi",\nthen go', "chance": "0.125", "label": ""}]
    with pytest.raises(InputError, match="has no label yet; fill in the column 'label'"):
        read_labels(path, CLASSES)


@pytest.fixture(scope="module")
def tweets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six hundred dated tweets of two brands, in one Parquet file."""
    path = tmp_path_factory.mktemp("share") / "tweets.parquet"
    words = ["love", "hate", "adore", "despise"]
    texts = [f"soup {i}: {words[i % 4]}" for i in range(600)]
    dates = [f"2020-0{(1, 2, 4)[i // 200]}-1{i % 10}" for i in range(600)]  # none in March
    pq.write_table(pa.table({"text": texts, "when": dates, "brand": ["x" if i % 3 else "y" for i in range(600)]}), path)
    return path


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the commands score in this process: another one for each of them takes most of a test."""
    for module in (share_command, draw_command, score_command):
        monkeypatch.setattr(module, "engine_of", lambda arguments: InProcess())


@pytest.fixture
def model(tiny_folder: Path) -> str:
    return str(tiny_folder)


def run_share(model: str, *options: str) -> int:
    return share_command.main([*options, "--model", model, "--workers", "1"])


@pytest.mark.usefixtures("no_processes")
def test_from_tweets_to_an_answer(model: str, tweets: Path, tmp_path: Path, capsys) -> None:
    by = ("--date", "when", "--by", "month", "--by", "brand")
    output, labels = tmp_path / "answer", tmp_path / "answer" / "labels.csv"
    assert run_share(model, str(tweets), *by, "--output", str(output)) == 0
    assert "by the model alone" in capsys.readouterr().out
    draw = [str(output), *by, "--rows", "200", "--model", model, "--output", str(labels)]
    assert draw_command.main(draw) == 0
    assert draw_command.main(draw) == 2  # a file with labels is not replaced
    assert labels.read_text("utf-8").startswith("\ufeffrow,")  # without the mark, Excel misreads and then spoils "é"
    rows = list(csv.DictReader(labels.open(encoding="utf-8-sig", newline="")))
    assert len(rows) == 200
    numbers = [int(row["row"]) for row in rows]
    assert numbers != sorted(numbers)  # so that whoever stops early has labelled a random part
    for row in rows:
        row["label"] = "positive" if ("love" in row["text"] or "adore" in row["text"]) else "negative"
    with labels.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert run_share(model, str(tweets), *by, "--output", str(output), "--labels", str(labels)) == 0
    assert {path.name for path in output.iterdir()} == {*FILES, "scored", "labels.csv"}
    found = list(csv.DictReader((output / "shares.csv").open(encoding="utf-8", newline="")))
    (whole,) = [row for row in found if [*row.values()][:4] == ["all", "all", "negative", "both"]]
    assert float(whole["low"]) <= 0.5 <= float(whole["high"])
    assert (whole["tweets"], whole["labelled"]) == ("600", "200")
    again = sentiment.share(output / "scored", tmp_path / "again", date="when", by=("month", "brand"), labels=labels)
    assert again.to_csv() == (output / "shares.csv").read_text(encoding="utf-8")
    assert again.table().num_rows == len(found)
    data = json.loads((output / "shares.json").read_text(encoding="utf-8"))
    assert {change["second"]["period"] for change in data["differences"]} >= {"2020-02", "2020-04"}
    assert data["periods_without_tweets"] == ["2020-03"]
    assert "1 period without a tweet, the first 2020-03." in data["notes"]
    assert 'id="data">{"source"' in (output / "answer.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_processes")
def test_rows_that_were_added_after_the_draw_are_suspected(model: str, tweets: Path, tmp_path: Path, capsys) -> None:
    texts = pq.read_table(tweets, columns=["text"]).column(0).to_pylist()
    labels = labels_file(
        tmp_path / "labels.csv", *(f"{row},{texts[row - 1]},0.25,negative" for row in range(4, 544, 4))
    )
    assert run_share(model, str(tweets), "--output", str(tmp_path / "answer"), "--labels", str(labels)) == 0
    assert "The labels file has no row after 540 of 600." in capsys.readouterr().out


@pytest.mark.slow
def test_the_same_answer_from_a_folder_on_any_number_of_workers(model: str, tweets: Path, tmp_path: Path) -> None:
    table = pq.read_table(tweets)
    folder = tmp_path / "tweets"
    folder.mkdir()
    for part in range(3):
        pq.write_table(table.slice(200 * part, 200), folder / f"{part}.parquet")
    answers = []
    for workers in ("1", "2"):
        output = tmp_path / f"answer{workers}"
        options = [str(folder), "--by", "brand", "--model", model, "--output", str(output)]
        assert share_command.main([*options, "--workers", workers]) == 0
        answers.append((output / "shares.json").read_bytes())
    assert answers[0] == answers[1]


@pytest.mark.usefixtures("no_processes")
def test_a_damaged_csv_of_answers_is_named(model: str, tweets: Path, tmp_path: Path, capsys) -> None:
    options = ["--format", "csv", "--model", model, "--workers", "1"]
    assert score_command.main([str(tweets), "--output", str(tmp_path / "scored"), *options]) == 0
    (path,) = (tmp_path / "scored").glob("*.csv")
    path.write_bytes(path.read_bytes() + b"one,two\n")
    assert run_share(model, str(tmp_path / "scored"), "--output", str(tmp_path / "answer")) == 2
    assert f"share: error: {path.name}:602: " in capsys.readouterr().err


@pytest.mark.usefixtures("no_processes")
def test_answers_that_are_cut_or_gone_are_named(model: str, tweets: Path, tmp_path: Path, capsys) -> None:
    assert run_share(model, str(tweets), "--output", str(tmp_path)) == 0
    (path,) = (tmp_path / "scored").glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    for _ in range(2):
        capsys.readouterr()
        assert run_share(model, str(tmp_path), "--output", str(tmp_path)) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"share: error: {path.name}: not readable (")
        assert err.endswith("; run the command that wrote it again\n")
        path.unlink(missing_ok=True)


@pytest.mark.usefixtures("no_processes")
def test_archives_of_posts_are_answered_and_drawn_from(model: str, tmp_path: Path) -> None:
    write_archives(tmp_path / "in")
    assert run_share(model, str(tmp_path / "in"), "--output", str(tmp_path / "answer")) == 0
    with (tmp_path / "answer" / "shares.csv").open(encoding="utf-8", newline="") as file:
        assert {row["tweets"] for row in csv.DictReader(file)} == {"4"}
    draw = [str(tmp_path / "in" / "*.zip"), "--rows", "9", "--model", model, "--workers", "1"]
    assert draw_command.main([*draw, "--output", str(tmp_path / "labels.csv")]) == 0
    assert len((tmp_path / "labels.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize("place", ["", "*.csv"])
def test_labels_among_the_inputs_are_refused(model: str, place: str, tmp_path: Path, capsys) -> None:
    """Their tweets would be counted twice."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "tweets.csv").write_text("text\nI love it\n")
    labels = labels_file(tmp_path / "in" / "labels.csv", "1,I love it,1,positive")
    options = ["--labels", str(labels), "--output", str(tmp_path / "answer")]
    assert run_share(model, str(tmp_path / "in" / place), *options) == 2
    assert "labels.csv: is inside the input" in capsys.readouterr().err
    assert not (tmp_path / "answer").exists()


@pytest.mark.usefixtures("no_processes")
def test_labels_whose_name_is_that_of_no_table_may_stand_beside_the_tweets(model: str, tmp_path: Path) -> None:
    (tmp_path / "tweets.csv").write_text("text\nI love it\n")
    labels = labels_file(tmp_path / "labels.txt", "1,I love it,1,positive")
    assert run_share(model, str(tmp_path), "--labels", str(labels), "--output", f"{tmp_path}-answer") == 0


@pytest.mark.parametrize("name", ["tweets.csv", "labels.csv"])
def test_a_draw_into_the_input_is_refused(name: str, tmp_path: Path, capsys) -> None:
    (tmp_path / "tweets.csv").write_text("text\nI love it\n")
    for place in ("tweets.csv", "") if name == "tweets.csv" else ("", "*.csv"):
        options = [str(tmp_path / place), "--output", str(tmp_path / name), "--force"]
        assert draw_command.main(options) == 2
        assert "so it would be read as tweets; give a place elsewhere" in capsys.readouterr().err
    assert (tmp_path / "tweets.csv").read_text() == "text\nI love it\n"


@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tweets.js", 'window.YTD.tweets.part0 = [{"tweet": {"full_text": "love", "created_at": "2023-01-01"}}]'),
        ("page.json", '{"data": [{"id": "1", "text": "love", "created_at": "2023-01-01", "note_tweet": {}}]}'),
        ("lines.jsonl", '{"text": "love", "created_at": "2023-01-01", "edit_history_tweet_ids": ["1"]}'),
    ],
)
def test_posts_that_were_scored_are_not_scored_again(model: str, tmp_path: Path, name: str, content: str) -> None:
    """The answers stand beside the posts, of which only the text, the id and the date are columns."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.json").write_text("[]")
    (tmp_path / "in" / name).write_text(content)
    options = ["--output", str(tmp_path / "scored"), "--model", model, "--workers", "1"]
    assert score_command.main([str(tmp_path / "in"), *options]) == 0
    dates = ["--date", "created_at", "--by", "year"]
    assert run_share("none", str(tmp_path / "scored"), *dates, "--output", str(tmp_path / "answer")) == 0
    with (tmp_path / "answer" / "shares.csv").open(encoding="utf-8", newline="") as file:
        assert {(row["tweets"], row["period"]) for row in csv.DictReader(file)} == {("1", "all"), ("1", "2023")}


@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize("command", [share_command, draw_command])
def test_rows_that_cannot_be_scored_are_refused_with_the_way_to_leave_them_out(
    command, model, tmp_path, capsys
) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text("id,text\n1,I love it\n1,two,3\n")
    assert command.main([str(path), "--output", str(tmp_path / "answer"), "--model", model, "--workers", "1"]) == 2
    reason = f"0 files and 1 row could not be scored; the first: {path}, row 2: expected 2 columns, received 3; "
    advice = "mend them, or run `sentiment score` with --max-errors N, and give its output here"
    assert capsys.readouterr().err.partition(": error: ")[2] == f"{reason}{advice}\n"


@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize("text", ["text", "post.text"])
def test_the_answers_of_score_have_paths_for_groups_and_dates(text: str, model: str, tmp_path: Path) -> None:
    inside = {"user": {"lang": "en", "at": "2024-01-01"}, "post": {"text": "love"}, "text": "love"}
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(inside)}\n")
    options = ["--column", text, "--model", model, "--workers", "1"]
    assert score_command.main([str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "scored"), *options]) == 0
    by = ["--by", "user.lang", "--by", "day", "--date", "user.at"]
    assert run_share(model, str(tmp_path / "scored"), *by, *options[:2], "--output", str(tmp_path)) == 0
    assert "\nen,2024-01-01,negative,model,1,0," in (tmp_path / "shares.csv").read_text()


@pytest.mark.usefixtures("no_processes")
def test_an_input_may_be_an_address(model: str, tmp_path: Path) -> None:
    (tmp_path / "tweets.csv").write_text("text\nI love it\n")
    assert run_share(model, f"file://{tmp_path}/tweets.csv", "--output", str(tmp_path / "answer")) == 0


@pytest.mark.usefixtures("no_processes")
def test_sigterm_ends_it_as_an_interrupt_does(model: str, tweets: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sentiment.score.worker.score_file", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert run_share(model, str(tweets), "--output", str(tmp_path)) == 130
    assert capsys.readouterr().err == "share: stopped; run the same command again to go on\n"
    assert os.listdir(tmp_path / "scored") == ["_run.json"]


def test_a_missing_column_is_refused_before_scoring(model: str, tweets: Path, tmp_path: Path, capsys) -> None:
    assert run_share(model, str(tweets), "--by", "brnad", "--output", str(tmp_path / "answer")) == 2
    assert capsys.readouterr().err.endswith("a column 'brnad', received text, when, brand; set --by or --date\n")
    assert run_share(model, str(tweets), "--by", "brand.name", "--output", str(tmp_path / "answer")) == 2
    assert (
        "; set --by or --date; for a path into JSON, give the output of `sentiment score`\n" in capsys.readouterr().err
    )
    assert not (tmp_path / "answer").exists()
    path = tmp_path / "tweets.parquet"
    pq.write_table(pa.table({"text": ["I love it"], "odd": [[1]]}), path)
    for options in (["--by", "odd"], ["--date", "odd", "--by", "week"]):
        assert run_share(model, str(path), *options, "--output", str(tmp_path / "answer")) == 2
        assert "holds list" in capsys.readouterr().err
        assert not (tmp_path / "answer").exists()


def test_five_labels_say_nothing_of_the_whole() -> None:
    hand = HandLabels(CLASSES, np.ones(5, int), np.full(5, 0.5), np.full((5, 2), 0.5), [Cell("a", "2020-01")] * 5)
    assert {row.method for row in share_rows(CLASSES, tally_of(0, 12).with_margins(), hand)} == {"model"}


@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize("last", ["I hate it", ""])
def test_a_column_without_dates_is_refused_also_where_a_tweet_is_missing(model: str, tmp_path, capsys, last) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text(f"brand,text\nx,I love it\ny,{last}\n", encoding="utf-8")
    options = ("--date", "brand", "--by", "week", "--output", str(tmp_path / "answer"))
    assert run_share(model, str(path), *options) == 2
    assert "--date brand: expected dates, received none that can be read; the first is 'x'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"by": "week"}, r"by: expected a tuple of names, such as \('week',\), received 'week'"),
        ({"also": "neutral"}, r"also: expected a tuple of names, .* received 'neutral'"),
        ({"by": (3, "week")}, r"by: expected a tuple of names, .* received \(3, 'week'\)"),
        ({"model": print}, "model: expected the path of a model folder, received <built-in function print>"),
        ({"output": None}, "output: expected the path of a folder, received None"),
        ({"output": "s3://b/x"}, "output: expected the path of a folder, received 's3://b/x'"),
        ({"labels": 3}, "labels: expected the path of a file from `sentiment draw`, received 3"),
        ({"column": 3}, "column: expected the name of a column, received 3"),
        (
            {"source": ["a.csv", "b.csv"]},
            r"source: expected one file, folder or pattern, received \['a.csv', 'b.csv'\]",
        ),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        sentiment.share(**{"source": "tweets.csv", "output": tmp_path / "answer"} | given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "week"], "--date goes with a period"),
        (["--date", "when"], "--date goes with a period"),
        (["--date", "when", "--by", "week", "--by", "day"], "expected one period, received week and day"),
        (["--by", ""], "--by '': expected a period or the name of a column"),
        (["--also", "neutral"], "--also: has no use without --labels"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: list[str], message: str, tmp_path: Path, capsys) -> None:
    assert share_command.main(["tweets.csv", "--output", str(tmp_path / "answer"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "answer").exists()
