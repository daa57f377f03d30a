"""Reading labelled CSVs, and splitting what was read."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data import csv_reader
from sentiment.data.corpus import CorpusReader, LabelledTexts, ReadingReport, repair
from sentiment.data.splitting import DROPPED, TEST, TRAIN, VALIDATION, duplicate_keys, hash_texts
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings, SplitSettings
from tests.memory_split import split

TWO = {"negative": "0", "positive": "1"}
NAMED = CorpusSettings(encoding="utf-8", header=True, columns=0, text_column="tweet", label_column="mood", labels=TWO)


def line(polarity: str, text: str) -> str:
    return f'"{polarity}","1","date","NO_QUERY","ada","{text}"\n'


def read_all(content: str | bytes, settings: CorpusSettings | None = None) -> tuple[LabelledTexts, ReadingReport]:
    settings = settings or CorpusSettings()
    raw = content if isinstance(content, bytes) else content.encode(settings.encoding)
    reader = CorpusReader(io.BytesIO(raw), settings, "c.csv")
    batches = list(reader)
    return LabelledTexts(
        sum((b.texts.to_pylist() for b in batches), []), sum((b.labels.tolist() for b in batches), [])
    ), reader.report


def complaint(content: str | bytes, settings: CorpusSettings | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_all(content, settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("form", "content"), [("fasttext", "__label__1 good\n"), ("jsonl", '{"text": "a"}\n'), ("jsonl", '[{"text": "a"}]')]
)
def test_a_column_cannot_be_both_text_and_label(form, content):
    same = replace(NAMED, format=form, text_column="text", label_column="text")
    assert complaint(content, same) == (
        "c.csv: corpus.text_column and corpus.label_column are the same column; name two columns"
    )


def test_sentiment140(tweets_csv: Path) -> None:
    rows, report = read_all(tweets_csv.read_bytes())
    assert rows.texts[:2] == ["I hate this phone so much", "I love this phone so much"]
    assert rows.labels == [0, 2] * 30  # places among negative, neutral, positive
    assert report == ReadingReport(rows=60, classes_seen={0, 2})
    assert len(set(hash_texts(pa.array(rows.texts)).tolist())) == 60


def test_quotes_and_delimiters_inside_fields() -> None:
    rows, _ = read_all(line("0", 'he said ""no"", really') + line("4", "") + '4,1,d,q,u,"plain"\r\n')
    assert rows == LabelledTexts(['he said "no", really', "", "plain"], [0, 2, 2])


def test_columns_by_name_and_by_position() -> None:
    rows, report = read_all("id;mood;tweet\n1;1;good\n2;0;bad\n", NAMED_SEMICOLON := replace(NAMED, delimiter=";"))
    assert rows == LabelledTexts(["good", "bad"], [1, 0])
    assert report.rows == 2
    by_position = replace(NAMED_SEMICOLON, text_column=2, label_column=1)
    assert read_all("id;mood;tweet\n1;1;good\n2;0;bad\n", by_position)[0] == rows
    headless = replace(by_position, header=False, columns=3)
    assert read_all("1;1;good\n2;0;bad\n", headless)[0] == rows


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", b"\xef\xbb\xbf"), ("latin-1", b"\xef\xbb\xbf"), ("utf-16", b"")]
)
def test_byte_order_mark(encoding: str, mark: bytes) -> None:
    settings = replace(NAMED, encoding=encoding)
    rows, _ = read_all(mark + "mood,tweet\n1,good\n0,bad\n".encode(encoding), settings)
    assert rows == LabelledTexts(["good", "bad"], [1, 0])


def test_mojibake_is_repaired_where_it_is_utf8() -> None:
    content = line("0", "naïve café 😀").encode() + line("4", "naïve").encode("latin-1")
    assert read_all(content)[0].texts == ["naïve café 😀", "naïve"]
    assert read_all(content, CorpusSettings(repair_utf8=False))[0].texts == ["naÃ¯ve cafÃ© ð\x9f\x98\x80", "naïve"]


@pytest.mark.parametrize(
    ("text", "expected"), [("plain", "plain"), ("Ã©", "é"), ("é", "é"), ("Ã©€", "Ã©€"), ("", ""), ("Â\xa0", "\xa0")]
)
def test_repair(text: str, expected: str) -> None:
    assert repair(text) == expected


def test_line_numbers_after_newlines_in_quotes() -> None:
    good = line("0", "one\ntwo\r\nthree") + line("4", "x")
    assert complaint(good + line("9", "y")) == (
        "c.csv:5: expected a label out of 0, 2, 4, received '9'; "
        "mend the file, or allow more with corpus.max_bad_rows (now 0)"
    )
    assert read_all(good)[0].texts[0] == "one\ntwo\r\nthree"
    assert complaint('mood,tweet\n1,"a\nb"\n0\n', NAMED).startswith("c.csv:4: expected 2 columns, received 1;")


def test_line_numbers_go_on_from_batch_to_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 60)
    content = line("0", "a\nb") + line("4", "c") + line("0", "d\ne") + line("4", "f") + line("0", "g") + line("7", "h")
    assert complaint(content).startswith("c.csv:8: expected a label out of 0, 2, 4, received '7'")
    rows, report = read_all(content.replace('"7"', '"4"'))
    assert rows.texts == ["a\nb", "c", "d\ne", "f", "g", "h"]
    assert report.rows == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('"0","only two"\n', "c.csv:1: expected 6 columns, received 2"),
        (line("0", "a") + "\n\n;\n", "c.csv:4: expected 6 columns, received 1"),  # blank lines count
        (line("0", "a") + line("4", 'b","extra'), "c.csv:2: expected 6 columns, received 7"),
        (line("0", "a") + line("positive", "b"), "c.csv:2: expected a label out of 0, 2, 4, received 'positive'"),
        (line("0", "a") + line("x" * 99, "b"), f"c.csv:2: expected a label out of 0, 2, 4, received '{'x' * 40}'"),
    ],
)
def test_damaged_rows_are_named(content: str, message: str) -> None:
    assert complaint(content) == f"{message}; mend the file, or allow more with corpus.max_bad_rows (now 0)"


def test_undecodable_bytes_are_named_by_line() -> None:
    settings = CorpusSettings(encoding="utf-8")
    content = line("0", "ok é").encode() + line("4", "caf\xe9").encode("latin-1")
    assert complaint(content, settings).startswith(
        "c.csv:2: holds bytes that are not utf-8; set corpus.encoding, or save the file in UTF-8;"
    )
    rows, report = read_all(content, CorpusSettings(encoding="utf-8", max_bad_rows=1))
    assert rows.texts == ["ok é"]
    assert report.bad == 1


def test_bytes_outside_the_text_column_do_no_harm() -> None:
    content = line("4", "fine").replace("ada", "ad\xe9").encode("latin-1")
    assert read_all(content, CorpusSettings(encoding="utf-8"))[0].texts == ["fine"]


def test_bad_rows_up_to_the_limit() -> None:
    content = line("0", "a") + "short\n" + line("4", "b") + line("9", "c") + line("4", "d")
    rows, report = read_all(content, CorpusSettings(max_bad_rows=2))
    assert rows == LabelledTexts(["a", "b", "d"], [0, 2, 2])
    assert (report.rows, report.bad, report.ignored) == (5, 2, 0)
    assert report.first_bad == "c.csv:2: expected 6 columns, received 1"
    assert complaint(content, CorpusSettings(max_bad_rows=1)) == (
        "c.csv:4: expected a label out of 0, 2, 4, received '9' "
        "(2 bad rows, the first: c.csv:2: expected 6 columns, received 1); "
        "mend the file, or allow more with corpus.max_bad_rows (now 1)"
    )


def test_ignored_labels() -> None:
    settings = CorpusSettings(ignored_labels=("2", "skip"))
    rows, report = read_all(line("2", "a") + line("4", "b") + line("skip", "c") + line("0", "d"), settings)
    assert rows == LabelledTexts(["b", "d"], [2, 0])
    assert (report.ignored, report.bad, report.classes_seen) == (2, 0, {0, 2})
    assert "out of 0, 4, 2, skip, received '3'" in complaint(line("3", "a"), settings)
    assert complaint(line("2", "a"), settings) == "c.csv: expected labelled rows, received none: is it the right file?"


@pytest.mark.parametrize("settings", [CorpusSettings(columns=0, header=True), NAMED])
def test_empty_file_where_a_header_is_due(settings: CorpusSettings) -> None:
    assert complaint("", settings) == "c.csv: the file is empty"


def test_header_only() -> None:
    assert complaint("mood,tweet\n", NAMED) == "c.csv: expected labelled rows, received none: is it the right file?"


def test_missing_columns() -> None:
    advice = (
        "; set corpus.text_column or label_column to one of them, or draft a profile: python -m pipelines.profile FILE"
    )
    for content, settings, missing in (
        ("mood,text\n1,a\n", NAMED, "expected a column 'tweet', received mood, text"),
        ("feeling,tweet\n1,a\n", NAMED, "expected a column 'mood', received feeling, tweet"),
        ("a,b\n", replace(NAMED, text_column=1), "expected a column 'mood', received a, b"),
    ):
        assert complaint(content, settings) == f"c.csv:1: {missing}{advice}"
    far = replace(NAMED, text_column=2, label_column=0)
    assert complaint("a,b\n1,x\n", far) == f"c.csv:1: column 2 (from 0) is not among its 2 columns{advice}"
    for columns, counted in ((4, 4), (0, 2)):
        outside = f"c.csv: column 5 (from 0) is not among its {counted} columns{advice}"
        assert complaint("1,a\n", CorpusSettings(columns=columns)) == outside


def test_a_quote_that_is_not_closed_is_named_by_line() -> None:
    opened = line("0", "a") + '"4","1","d","q","u","open\n'
    assert complaint(opened + line("4", "x" * 800) * 1_400).startswith("c.csv:2: expected 6 columns")
    assert complaint('mood,tweet\n1,"open\n' + "tweet tweet tweet\n" * 70_000, NAMED).startswith(
        "c.csv: the file ends inside a quote that was opened in line 2 (before 'open"
    )


def test_nul_bytes_pass() -> None:
    assert read_all(line("0", "a\0b") + line("4", "c"))[0].texts == ["a\0b", "c"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("I love this", "i love this"),
        ("@ada I love this", "i love this"),
        ("RT @ada: I LOVE this!!", "i love this"),
        ("I love this http://example.com/a?b=c", "i love this"),
        ("I love... 'this'", "i love this"),
        ("  I\tlove\nthis  ", "i love this"),
        ("art part", "art part"),
        ("I love this 2", "i love this 2"),
        ("café É", "café É"),
        (":)", "G"),
        ("so good :-)", "so good G"),
        ("so good =(", "so good S"),
        ("so good??", "so good Q"),
        ("tea &amp; cake", "tea cake"),
        ("tea & cake", "tea cake"),
        ("@ada", "@ada"),
        (" ", " "),
        ("", ""),
    ],
)
def test_duplicate_keys(text: str, key: str) -> None:
    assert duplicate_keys(pa.array([text])).to_pylist() == [key]


NOT_WORDS = re.compile(r"(?:(?:https?:/|www\.)[^ ]*|@[a-z0-9_]+|\brt\b|[\x00-\x2f:-@\[-`{-\x7f])+", re.ASCII)
PIECES = [
    "http:/", "https://", "www.", "@", "rt", "a", "9", " ", "\t", "é", "\u00a0", ".", "w", "h", "ttp://", "_", "\x7f",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=5))
def test_duplicate_keys_are_those_of_one_pattern(texts: list[str]) -> None:
    keys = [NOT_WORDS.sub(" ", text).strip(" ") or text for text in texts]
    assert duplicate_keys(pa.array(["other ", *texts], pa.string())[1:]).to_pylist() == keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("love this @ada", "love this @bob"),
        ("hey @ada love this", "hey @bob love this"),
        ("hey (@ada) love this", "hey @bob: love this"),
        ("love this @ada @bob", "love this"),
        ("see http://example.com/1 now", "see www.example.org now"),
        ("love http://example.com this", "love this"),
        ("so RT @ada love this", "so love this"),
        ("a @ b", "a b"),
    ],
)
def test_tweets_sent_twice_have_one_key(one: str, other: str) -> None:
    """Other mentions and links, wherever they stand, do not make another tweet."""
    first, second = duplicate_keys(pa.array([one, other])).to_pylist()
    assert first == second


def test_hashes_are_the_same_on_every_machine() -> None:
    hashes = hash_texts(pa.array(["I love this", "é"]))
    assert hashes.tolist() == [1292544168344679405, 3394012004367669963]
    assert hashes.dtype == np.uint64
    assert hash_texts(pa.array([], pa.string())).shape == (0,)


HALF = SplitSettings(validation=0.25, test=0.25)


def split_texts(
    rows: list[tuple[str, int]], settings: SplitSettings = HALF
) -> tuple[dict[tuple[str, int], int], int, int]:
    parts = split(hash_texts(pa.array([text for text, _ in rows])), np.array([label for _, label in rows]), settings)
    assert parts.part.dtype == np.uint8
    return dict(zip(rows, parts.part.tolist(), strict=True)), parts.duplicates, parts.contradictions


DISTINCT = [(f"tweet number {i} of label {i % 2}", i % 2) for i in range(40)]


def test_duplicates_and_contradictions_are_counted() -> None:
    twins = [
        ("Tweet number 0 of label 0!", 0),
        ("@ada tweet number 0 of label 0", 0),
        ("tweet number 1 of label 1 http://a", 0),
    ]
    sides, duplicates, contradictions = split_texts([*DISTINCT, *twins])
    assert (duplicates, contradictions) == (2, 2)
    assert [sides[twin] for twin in twins] == [DROPPED] * 3
    assert sides[DISTINCT[1]] == DROPPED
    assert sides[DISTINCT[0]] != DROPPED  # the first of its kind stays
    assert sum(side == DROPPED for side in sides.values()) == 4
    third = ("tweet number 1 of label 1 ...", 1)
    assert split_texts([*DISTINCT, *twins, third])[1:] == (2, 3)


def test_split_is_stratified() -> None:
    sides, duplicates, contradictions = split_texts(DISTINCT)
    assert (duplicates, contradictions) == (0, 0)
    for label in (0, 1):
        received = sorted(side for (_, y), side in sides.items() if y == label)
        assert received == [TRAIN] * 10 + [VALIDATION] * 5 + [TEST] * 5


def test_split_does_not_depend_on_the_order_of_rows() -> None:
    sides = split_texts(DISTINCT)[0]
    assert split_texts(DISTINCT[::-1])[0] == sides
    shuffled = [DISTINCT[i] for i in np.random.default_rng(3).permutation(len(DISTINCT))]
    assert split_texts(shuffled)[0] == sides


def test_a_row_more_moves_few_rows() -> None:
    sides = split_texts(DISTINCT)[0]
    more = split_texts([*DISTINCT, ("one more", 0)])[0]
    assert sum(more[row] != side for row, side in sides.items()) <= 2


def test_lowest_hashes_are_the_test_part() -> None:
    labels = np.array([0, 1] * 8)
    parts = split(np.arange(16, dtype=np.uint64)[::-1], labels, HALF)
    assert parts.part.tolist() == [TRAIN] * 8 + [VALIDATION] * 4 + [TEST] * 4


def test_near_duplicates_never_straddle_parts() -> None:
    variants = ["{}", "@ada {}", "{} @bob", "{} http://example.com/7", "RT @cy: {}!!", "{} ...", "www.a.org {}"]
    rows = [(variant.replace("{}", text), label) for text, label in DISTINCT for variant in variants]
    sides, duplicates, _ = split_texts(rows)
    kept: dict[str, set[int]] = {}
    for (text, _), side in sides.items():
        if side != DROPPED:
            kept.setdefault(re.search(r"tweet number \d+", text).group(), set()).add(side)  # type: ignore[union-attr]
    assert len(kept) == 40
    assert all(len(found) == 1 for found in kept.values())
    assert duplicates == len(sides) - 40 + (len(rows) - len(sides))


def test_no_test_part_if_none_is_asked_for() -> None:
    assert TEST not in split_texts(DISTINCT, SplitSettings(validation=0.1, test=0.0))[0].values()


def test_fewer_training_rows_are_some_of_the_more_in_the_same_shares() -> None:
    rows = [*DISTINCT, *((f"another tweet, number {i}", 0) for i in range(20))]
    parts = {n: split_texts(rows, SplitSettings(HALF.validation, HALF.test, n))[0] for n in (0, 12, 24)}
    train = {n: {row for row, side in sides.items() if side == TRAIN} for n, sides in parts.items()}
    assert train[12] < train[24] < train[0]
    assert sorted(label for _, label in train[12]) == [0] * 8 + [1] * 4
    others = [{row: side for row, side in sides.items() if side in (VALIDATION, TEST)} for sides in parts.values()]
    assert others[0] == others[1] == others[2]


CHECK = "check corpus.label_column, corpus.labels and corpus.ignored_labels"
CLASSES = "expected at least two classes among the distinct tweets, received"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", 1), ("b", 1), ("c", 1)], f"{CLASSES} 1; {CHECK}"),
        ([("a", 0), ("a", 1)], f"{CLASSES} 0; {CHECK}"),
        ([*DISTINCT, ("b", 2)], "expected at least 3 distinct tweets of every class .*, received 1 of '2'; add .*"),
        ([*DISTINCT, ("b", 2), ("c", 2)], "expected at least 3 .* for each part to have one, received 2 of '2'; .*"),
    ],
)
def test_too_little_to_split(rows: list[tuple[str, int]], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        split_texts(rows)
