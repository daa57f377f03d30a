"""Archives of posts and nested JSON: every layout and shape is read, by content, as a table of one row for each post."""

import contextlib
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data import json_documents
from sentiment.data.reading import RAW_LINE, BadRows, Reading
from sentiment.data.table_reader import read_batches
from sentiment.errors import InputError
from tests.test_table_reader import texts

LONG = "A long post that goes on and on, for longer than two hundred and eighty characters. " * 5
CUT = f"{LONG[:270]}… https://t.co/abc"
NOTES = 'window.YTD.note_tweet.part0 = [ {"noteTweet": {"core": {"text": %s}}} ]' % json.dumps(LONG)


def x_archive(texts: list[str], part: int = 0) -> str:
    tweets = [{"tweet": {"full_text": text, "id_str": str(i)}} for i, text in enumerate(texts)]
    return f"window.YTD.tweets.part{part} = {json.dumps(tweets, indent=2)}\n"


def table_of(path: Path, **reading: Any) -> list[dict]:
    return [row for batch in read_batches(path, Reading(**reading)) for row in batch.to_pylist()]


RETWEET = {"id": "2", "text": "RT @bob: I love th…", "referenced_tweets": [{"type": "retweeted", "id": "7"}]}
QUOTE = {"id": "3", "text": "RT @bob: no", "referenced_tweets": [{"type": "quoted", "id": "7"}]}
SHAPES = {
    "pages of X's API, version 2: data[].text, 4 posts, 2 longer ones": [
        {"data": [{"id": "1", "text": "one"}, {"text": "two cut…", "note_tweet": {"text": "two as a whole"}}]},
        {"data": [QUOTE, RETWEET], "includes": {"tweets": [{"id": "7", "text": "I love this"}]}},
    ],
    "tweets of X's API, version 2: text, 1 post, 1 longer": [{"text": "two…", "note_tweet": {"text": "two as a whole"}}],
    "tweets of X's API, version 1.1: full_text, 2 posts, 1 longer one": [
        {"delete": {"status": {"id": 1}}},
        {"full_text": "one", "id": 1},
        {"full_text": "RT @bob: I love th…", "retweeted_status": {"full_text": "I love this"}},
    ],
    "tweets of X's API, version 1.1: text, 1 post": [
        {"text": "I love th…", "truncated": True, "extended_tweet": {"full_text": "I love this"}}
    ],
    "events of Bluesky: commit.record.text, 1 post": [
        {"kind": "identity"}, {"kind": "commit", "commit": {"record": {"text": "one"}}},
    ],
    "pages of Bluesky: feed[].post.record.text, 1 post": [{"feed": [{"post": {"record": {"text": "one"}}}], "cursor": ""}],
    "pages of Bluesky: posts[].record.text, 1 post": [{"posts": [{"record": {"text": "one"}}]}],
    "a Mastodon outbox: orderedItems[].object.content, 1 post; 1 entry without a text left out": [
        {"orderedItems": [{"object": "https://a.b/c"}, {"object": {"content": "<p>one &lt;3<br>two <a href='x'>#tag</a></p>"}}]}
    ],
}  # fmt: skip
WHOLE = {
    "pages": ["one", "two as a whole", "RT @bob: no", "RT @bob: I love this"], "tweets of X's API, version 2": ["two as a whole"],
    "version 1.1: full_text": ["one", "RT @bob: I love this"], "version 1.1: text": ["I love this"],
    "Bluesky": ["one"], "Mastodon": ["one <3\ntwo #tag"],
}  # fmt: skip


@pytest.mark.parametrize("layout", ["lines", "indented"])
@pytest.mark.parametrize("told", SHAPES)
def test_a_known_shape_is_read_and_named(tmp_path, caplog, told, layout):
    path = tmp_path / "posts.json"
    path.write_text("\n".join(json.dumps(each, indent=2 if layout == "indented" else None) for each in SHAPES[told]))
    expected = next(WHOLE[key] for key in reversed(WHOLE) if key in told)
    assert texts(path) == texts(path, column=told.partition(": ")[2].partition(",")[0]) == expected
    assert told in caplog.text


@pytest.mark.parametrize(
    ("text", "field", "told"),
    [
        ("text", "edit_history_tweet_ids", "tweets of X's API, version 2: text"),
        ("text", "referenced_tweets", "tweets of X's API, version 2: text"),
        ("text", "retweeted_status", "tweets of X's API, version 1.1: text"),
        ("text", "extended_tweet", "tweets of X's API, version 1.1: text"),
        ("text", "truncated", "tweets of X's API, version 1.1: text"),
        ("content", "spoiler_text", "posts of Mastodon: content"),
        ("content", "visibility", "posts of Mastodon: content"),
    ],
)
def test_one_field_beside_the_text_tells_the_shape(tmp_path, caplog, text, field, told):
    (tmp_path / "posts.json").write_text(json.dumps({text: "<p>one</p>", field: ""}))
    assert texts(tmp_path / "posts.json") == ["one" if text == "content" else "<p>one</p>"]
    assert told in caplog.text


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_an_x_archive_has_its_long_posts_and_its_parts(tmp_path, caplog, packed):
    first, second = x_archive(["one", CUT, "RT @x: cut…"]), x_archive(["two"], 1)
    root, tmp_path = tmp_path, tmp_path / "deep" / "down"
    tmp_path.mkdir(parents=True)
    path = tmp_path / "tweets.js"
    if packed:
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            files = {"tweets-part1.js": second, "tweets.js": first, "note-tweet.js": NOTES, "../../escaped.js": "x"}
            for name, content in files.items():
                archive.writestr(f"data/{name}", content)
    else:
        path.write_text(first)
        (tmp_path / "note-tweet.js").write_text(NOTES)
    expected = ["one", LONG, "RT @x: cut…", *(["two"] if packed else [])]
    before = sorted(root.rglob("*"))
    assert texts(path) == texts(path, column="full_text") == expected
    assert (
        f"{len(expected)} posts, 1 longer one from note-tweet.js; 1 text with an ellipsis at the end, so cut"
        in caplog.text
    )
    assert sorted(root.rglob("*")) == before  # nothing is unpacked
    assert [row["id"] for row in table_of(path)][:2] == ["0", "1"]


def with_one_value_replaced(value: Any, odd: Any) -> Iterator[Any]:
    """Every copy of a nested value in which one part, or the whole, is ``odd``."""
    yield odd
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        for changed in with_one_value_replaced(part, odd):
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = changed
            yield copy


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, [None], True], ids=repr)
def test_a_field_of_another_kind_than_known_is_no_defect(tmp_path: Path, odd: Any) -> None:
    for number, documents in enumerate(SHAPES.values()):
        for i, document in enumerate(documents):
            for changed in with_one_value_replaced(document, odd):
                lines = [*documents[:i], changed, *documents[i + 1 :]]
                path = tmp_path / f"{number}.json"
                path.write_text("\n".join(map(json.dumps, lines)))
                with contextlib.suppress(InputError):
                    assert all(isinstance(text, str | None) for text in texts(path, bad_rows=BadRows(limit=9)))


def test_a_path_names_a_column_in_any_json(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": {"b": [{"c": "one", "d": 1.50}, {"c": "two"}]}, "e": 5}\n{"a": {"b": []}}\n')
    assert texts(path, column="a.b[].c") == ["one", "two"]
    assert table_of(path, columns=("a.b[].c", "a.b[].d"), column="") == [
        {"a.b[].c": "one", "a.b[].d": "1.5"}, {"a.b[].c": "two", "a.b[].d": None},
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"expected a column 'a.x', received a.b\[\].c"):
        texts(path, column="a.x")
    with pytest.raises(InputError, match=r"column 'a' holds an object, .* named so: a.b\[\].c"):
        texts(path, column="a")


def test_a_list_of_objects_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"text": "one", "label": 4},\n {"text": "two", "label": "0"}, 7,\n {"text": 3}]')
    bad = BadRows(limit=2, kept=2)
    assert table_of(path, bad_rows=bad) == [{"text": "one", "label": "4"}, {"text": "two", "label": "0"}]
    assert [row.reason for row in bad.rows] == [
        "expected a JSON object, received '7'", "column 'text' holds a number, expected text",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"a": {"text": "b"}}\n\n\n{"a": {"text": 5}}\n', 4),
        ('[{\n"a":\n{"text": "b"}},\n\n{"a": {"text": 5}\n}]', 5),
        ('{"a": {"text": "b"}}\n\n{"a": {\n{"a": {"text": "c"}}\n', 3),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_bad_row_in_any_layout_has_its_line(tmp_path, monkeypatch, content, line, size):
    monkeypatch.setattr(json_documents, "_READ_BYTES", size)
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=rf"a\.json:{line}: "):
        texts(tmp_path / "a.json", column="a.text")


def test_the_texts_inside_a_column_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"data": [{"id": "1", "text": "love"}]}\n')
    with pytest.raises(InputError, match=r"named so: data\[\].id, data\[\].text; "):
        texts(tmp_path / "a.jsonl", column="data")


def test_a_packed_archive_may_have_the_name_of_an_unpacked_one(tmp_path: Path) -> None:
    (tmp_path / "tweets.js").write_bytes(gzip.compress(b'window.a = [{"tweet": {"full_text": "love"}}]'))
    assert texts(tmp_path / "tweets.js") == ["love"]


def test_json_lines_of_posts_leave_as_they_came(tmp_path: Path) -> None:
    path, lines = tmp_path / "a.jsonl", ['{"full_text":"one", "n": 1.50}', '{"full_text": "two"}']
    path.write_text("\n".join(lines))
    assert [row[RAW_LINE] for row in table_of(path, raw_lines=True, columns=("text",))] == lines


OBJECT = st.dictionaries(st.text(max_size=3), st.text(max_size=9) | st.lists(st.integers()), max_size=3)
NUMBER = st.integers(100, 10**9)  # is no object


def test_an_object_without_end_costs_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text after a bracket that nothing closes is one bad document; the objects after it are found."""
    monkeypatch.setattr(json_documents, "_READ_BYTES", 16)
    monkeypatch.setattr(json_documents, "_LONGEST_OBJECT", 64)
    stream = io.BytesIO(b'{"text": [\n' + b'"more",\n' * 40 + b'{"text": "b"}\n' + b'{"text": "c"}\n')
    asked: list[int] = []
    reading = SimpleNamespace(read=lambda size: asked.append(size) or stream.read(size))
    found = [each.value for each in json_documents.documents(reading)]
    assert found == [None, {"text": "b"}, {"text": "c"}]
    assert max(asked) <= 64


@pytest.mark.parametrize("before", ["", '[{"text": "0"}]\n', "window.YTD.tweets.part0 = "])
@pytest.mark.parametrize("end", ["", ",", "\n"])
def test_a_list_without_its_end_is_damage(tmp_path: Path, before: str, end: str) -> None:
    path, allowed = tmp_path / "cut.json", BadRows(1)
    path.write_text(f'{before}[{{"text": "a"}},\n{{"text": "b"}}{end}')
    with pytest.raises(InputError, match=r"cut\.json:\d: expected .*, received the end of the file inside a list"):
        texts(path)
    assert texts(path, bad_rows=allowed)[-2:] == ["a", "b"]
    assert allowed.count == 1


@settings(max_examples=30)
@given(
    st.lists(OBJECT | NUMBER, max_size=9),
    st.sampled_from(["lines", "list", "script"]),
    st.sampled_from([None, 1]),
    st.integers(1, 60),
)
def test_objects_are_found_in_every_layout(values: list, layout: str, indent: int | None, size: int) -> None:
    dumped = [json.dumps(each, indent=indent, ensure_ascii=False) for each in values]
    text = "\n".join(dumped) if layout == "lines" else f"[{', '.join(dumped)}]"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_documents, "_READ_BYTES", size)
        stream = io.BytesIO(f"{'window.a.b = ' * (layout == 'script')}{text}".encode("utf-8", "surrogatepass"))
        found = list(json_documents.documents(stream))
    assert [each.value for each in found] == [each if isinstance(each, dict) else None for each in values]
    assert [json.loads(each.raw) for each in found] == values
