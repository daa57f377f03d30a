"""Scoring in an object store: moto's server on the loopback address stands for one."""

import csv
import importlib.util
from collections import Counter

import pyarrow.parquet as pq
import pytest

from sentiment.common.engines import LocalEngine
from sentiment.common.stores import open_store
from sentiment.errors import InputError
from tests.test_posts import CUT, LONG, NOTES, x_archive
from tests.test_score import Here, read, score, table, write

pytestmark = pytest.mark.skipif(importlib.util.find_spec("moto") is None, reason="needs moto, of the extra dev")


BUSY: Counter[str] = Counter()  # how often an object is still answered by 503 when it is read


def sometimes_busy(app):
    """The store ``app``, which reads some objects only when it has been asked often enough."""

    def answer(environ, start):
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "GET" and BUSY[path] > 0:
            BUSY[path] -= 1
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]
        return app(environ, start)

    return answer


@pytest.fixture(scope="module")
def bucket():
    """Options that make an ``s3://`` address one of the server here."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    server._server.app = sometimes_busy(server._server.app)
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        patch.setenv(name, value)
    options = f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1&allow_bucket_creation=true"
    open_store(f"s3://tweets{options}").system.create_dir("tweets")
    yield options
    patch.undo()
    server.stop()


def put(options: str, name: str, content: bytes) -> None:
    store = open_store(f"s3://tweets{options}")
    with store.system.open_output_stream(f"tweets/{name}", compression=None) as file:
        file.write(content)


def test_from_bucket_to_bucket(bucket, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sentiment.score.parts.SMALLEST_SPLIT", 2000)
    monkeypatch.setattr("sentiment.score.parts.ROWS_PER_PART", 100)
    for i, name in enumerate(("a.parquet", "b.csv", "deep/c.jsonl.gz")):
        path = write(tmp_path / "in" / name, table(600 if i == 0 else 100, i))
        put(bucket, f"in/{name}", path.read_bytes())
    score(tmp_path / "in", tmp_path / "out", tiny_folder)
    output = f"s3://tweets/out{bucket}"
    summary = score(f"s3://tweets/in{bucket}", output, tiny_folder)
    assert summary["rows"] == 800
    assert summary["parts"] > 5
    store = open_store(output)
    names = read(tmp_path / "out").keys()
    assert {name: store.read(name) for name in names} == read(tmp_path / "out")
    found = {info.path.removeprefix("tweets/out/") for info in store.files()}
    assert {name for name in found if not name.startswith("_")} == {*names, "summary.json"}
    engine = Here()
    assert score(f"s3://tweets/in{bucket}", output, tiny_folder, engine)["parts_done_before"] == summary["parts"]
    assert engine.given == []
    score(f"s3://tweets/in/*.csv{bucket}", f"s3://tweets/other{bucket}", tiny_folder, engine)
    assert engine.given == ["b.csv"]


def test_an_x_archive_in_a_bucket_has_its_long_posts(bucket, tiny_folder, tmp_path):
    put(bucket, "x/tweets.js", x_archive(["love", CUT]).encode())
    put(bucket, "x/note-tweet.js", NOTES.encode())
    score(f"s3://tweets/x/tweets.js{bucket}", tmp_path / "out", tiny_folder, suffix="csv")
    with (tmp_path / "out" / "tweets.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["love", LONG]


def test_processes_reach_the_bucket_too(bucket, tiny_folder, tmp_path):
    put(bucket, "more/a.parquet", write(tmp_path / "a.parquet", table(50)).read_bytes())
    with LocalEngine(1) as engine:
        score(f"s3://tweets/more{bucket}", tmp_path / "out", tiny_folder, engine)
    assert pq.read_table(tmp_path / "out" / "a.parquet").num_rows == 50


def test_what_is_not_there_is_said(bucket, tiny_folder, tmp_path):
    with pytest.raises(InputError, match="found none"):
        score(f"s3://tweets/nothing{bucket}", tmp_path / "out", tiny_folder)
    with pytest.raises(InputError, match="expected a path or an address"):
        score("s4://tweets/nothing", tmp_path / "out", tiny_folder)


def test_a_busy_store_is_asked_again_and_what_it_keeps_refusing_is_done_by_the_next_run(bucket, tiny_folder, tmp_path):
    for name in ("a", "b", "c"):
        put(bucket, f"busy/{name}.csv", write(tmp_path / "in" / f"{name}.csv", table(20)).read_bytes())
    score(tmp_path / "in", tmp_path / "undisturbed", tiny_folder)
    BUSY.update({"/tweets/busy/a.csv": 1, "/tweets/busy/b.csv": 1000})
    first = score(f"s3://tweets/busy{bucket}", tmp_path / "out", tiny_folder)
    assert BUSY["/tweets/busy/a.csv"] == 0
    assert (first["rows"], first["failed_files"]) == (40, 1)
    assert first["first_error"].startswith("tweets/busy/b.csv: AWS Error S")  # SLOW_DOWN or SERVICE_UNAVAILABLE
    BUSY.clear()
    engine = Here()
    score(f"s3://tweets/busy{bucket}", tmp_path / "out", tiny_folder, engine)
    assert engine.given == ["b.csv"]
    assert read(tmp_path / "out") == read(tmp_path / "undisturbed")


def put_within_a_second(options: str, name: str, contents: list[bytes], between) -> None:
    """Both at one time of the store, which counts whole seconds; ``between`` them something is done."""
    system = open_store(f"s3://tweets{options}").system
    for _ in range(20):
        times = []
        for content in contents:
            put(options, name, content)
            times.append(system.get_file_info(f"tweets/{name}").mtime_ns)
            if content is not contents[-1]:
                between()
        if len(set(times)) == 1:
            return
    raise AssertionError("never both within a second")


def test_an_object_that_is_overwritten_within_the_same_second_is_scored_again(bucket, tiny_folder, tmp_path):
    texts = [f"id,text\n1,{word}\n".encode() for word in ("love", "hate")]
    source = f"s3://tweets/quick{bucket}"
    put_within_a_second(bucket, "quick/a.csv", texts, lambda: score(source, tmp_path / "out", tiny_folder))
    engine = Here()
    score(source, tmp_path / "out", tiny_folder, engine)
    assert engine.given == ["a.csv"]
    assert read(tmp_path / "out")["a.csv"].startswith(b'"id","text"')
    assert b"hate" in read(tmp_path / "out")["a.csv"]
    score(source, tmp_path / "out", tiny_folder, engine)
    assert engine.given == ["a.csv"]
