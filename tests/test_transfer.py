"""Transfers from a loopback server that can misbehave, and members of damaged or hostile zips."""

import hashlib
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from pipelines import download
from pipelines.download import extract_member, fetch
from sentiment.errors import InputError

BODY = bytes(range(256)) * 1200
OTHER = BODY[::-1]
SHA = hashlib.sha256(BODY).hexdigest()


class FileServer(ThreadingHTTPServer):
    """A server of one file; `statuses` are answered first, and `breaks` cut the next answers short."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FileHandler)
        self.body = BODY
        self.statuses: list[int] = []
        self.breaks: list[int] = []
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file.bin"


class FileHandler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        self.server.requests += 1
        if self.server.statuses:
            return self.send_error(self.server.statuses.pop(0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body[: self.server.breaks.pop(0) if self.server.breaks else None])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(download, "_TIMEOUT", 5.0)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "raw" / "file.bin"


def get(url: str | Path, target: Path, sha256: str | None = SHA) -> None:
    fetch(str(url), target, sha256)


def left(target: Path) -> list[str]:
    """Names in the target's folder, but for the lock."""
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


def refused(call: Callable[[], object], *texts: object) -> None:
    """Check that the call raises an InputError of one line with all the texts."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert [text for text in ("expected", "received", *map(str, texts)) if text not in message] == []


def test_a_file_arrives_whole_and_is_not_asked_for_again(server: FileServer, target: Path) -> None:
    for checksum in (SHA, SHA.upper(), None):
        get(server.url, target, checksum)
    assert target.read_bytes() == BODY
    assert left(target) == ["file.bin"]
    assert server.requests == 1


def test_a_file_that_is_there_but_wrong_is_replaced(server: FileServer, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(OTHER)
    get(server.url, target, None)
    assert target.read_bytes() == OTHER
    get(server.url, target)
    assert target.read_bytes() == BODY


def test_a_wrong_checksum_leaves_the_earlier_file_and_nothing_else(server: FileServer, target: Path) -> None:
    get(server.url, target)
    refused(lambda: get(server.url, target, "0" * 64), server.url, "pass a local copy", "0" * 64, SHA)
    assert target.read_bytes() == BODY
    assert left(target) == ["file.bin"]


def test_a_connection_that_breaks_is_asked_again_and_leaves_nothing_half_written(server, target):
    server.breaks, server.statuses = [1000], [503]
    get(server.url, target)
    assert target.read_bytes() == BODY
    assert server.requests == 3
    target.unlink()
    for checksum in (SHA, None):
        server.breaks = [1000] * 9
        refused(lambda checksum=checksum: get(server.url, target, checksum), server.url, "run again")
    assert left(target) == []


def test_a_missing_page_and_a_server_that_is_gone_are_named(server: FileServer, target: Path) -> None:
    server.statuses = [404] * 9
    refused(lambda: get(server.url, target), server.url, "404")
    refused(lambda: get("http://127.0.0.1:9/file.bin", target), "127.0.0.1:9", "refused")
    assert left(target) == []


def test_a_full_disk_leaves_no_half_file(server: FileServer, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, url: str, output_file: str, *_: object, **__: object) -> None:
        Path(output_file).write_bytes(BODY[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    refused(lambda: get(server.url, target), target, "No space left on device")
    assert left(target) == []


def test_local_files_are_copied_and_checked(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(BODY)
    source.chmod(0o400)
    get(source, target)
    assert target.read_bytes() == BODY
    target.unlink()
    refused(lambda: get(source, target, "0" * 64), source, SHA)
    refused(lambda: get(tmp_path / "none", target), "none", "No such file")
    assert left(target) == []


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)
    return path


def test_one_member_is_written_and_its_path_is_not(tmp_path: Path, target: Path) -> None:
    archive = zipped(tmp_path, {"../../evil": BODY, "other": OTHER})
    extract_member(archive, "../../evil", target)
    assert target.read_bytes() == BODY
    assert left(target) == ["file.bin"]
    refused(lambda: extract_member(archive, "none", target), archive, "no such member; there are '../../evil'")


def test_damaged_members_are_refused_and_the_earlier_file_stays(tmp_path, target, monkeypatch):
    target.parent.mkdir(parents=True)
    target.write_bytes(OTHER)
    archive = zipped(tmp_path, {"f": BODY})
    whole = archive.read_bytes()
    for damaged in (whole[:40] + b"\xff" * 20 + whole[60:], whole[:-30], whole[:14] + b"\0" * 4 + whole[18:], b""):
        archive.write_bytes(damaged)
        if damaged[14:18] == b"\0" * 4:  # the checksum in the central directory counts; spoil that too
            place = damaged.rindex(b"PK\x01\x02") + 16
            archive.write_bytes(damaged[:place] + b"\0" * 4 + damaged[place + 4 :])
        refused(lambda: extract_member(archive, "f", target), archive, "sound copy")
    archive.write_bytes(whole)
    monkeypatch.setattr(download, "_LARGEST_MEMBER", len(BODY) - 1)
    refused(lambda: extract_member(archive, "f", target), f"{len(BODY)} bytes, where at most {len(BODY) - 1}")
    assert target.read_bytes() == OTHER
    assert left(target) == ["file.bin"]
