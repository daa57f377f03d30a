"""Transfers against a loopback server that can misbehave, and zips that lie."""

import errno
import hashlib
import io
import logging
import os
import socket
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from pipelines.shared import transfer
from pipelines.shared.transfer import extract_member, fetch, sha256_of
from sentiment.errors import InputError

BODY = bytes(range(256)) * 1200  # 307,200 bytes: several blocks
OTHER = BODY[::-1]
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"
SHA = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """A file server whose next answers can be spoilt one by one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.validators = {"ETag": '"one"'}
        self.ranges = True  # honour Range
        self.check_version = True  # honour If-Range
        self.statuses: list[int] = []  # answer these first
        self.breaks: list[int] = []  # close the connection after so many bytes of an answer
        self.reset = False  # close it by a reset
        self.piece = len(BODY) * 2  # a 206 carries at most so many bytes
        self.shift = 0  # the next 206 starts so many bytes late
        self.tells_total = True  # a 206 says how long the whole file is
        self.seen: list[tuple[str | None, str | None]] = []  # Range and If-Range of every request
        self.gate = threading.Event()
        self.gate.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: a client that was cut off is what some tests want."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.seen.append((asked, self.headers.get("If-Range")))
        server.gate.wait(5)
        if server.statuses and (status := server.statuses.pop(0)) != 200:
            return self.send_error(status)
        same = not server.check_version or self.headers.get("If-Range") in server.validators.values()
        offset = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges and same else 0
        if offset >= len(server.body) > 0:
            return self.answer(416, {"Content-Range": f"bytes */{len(server.body)}"}, b"")
        if not offset:
            return self.answer(200, {}, server.body)
        offset, server.shift = offset + server.shift, 0
        sent = server.body[offset : offset + server.piece]
        total = len(server.body) if server.tells_total else "*"
        span = f"bytes {offset}-{offset + len(sent) - 1}/{total}"
        return self.answer(206, {"Content-Range": span}, sent)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in (headers | self.server.validators | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        stop = self.server.breaks.pop(0) if self.server.breaks else len(body)
        self.wfile.write(body[:stop])
        if self.server.reset and stop < len(body):
            # Linger 0: the close sends RST, which a reader sees as an error and not as an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "BACKOFF_SECONDS", 0.001)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.gate.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "raw" / "file.bin"


def get(url: str | Path, target: Path, **changes: Any) -> Path:
    settings: dict[str, Any] = {"sha256": SHA, "progress": False, "timeout": 5.0}
    return fetch(str(url), target, **(settings | changes))


def part_of(target: Path) -> Path:
    return target.with_name("file.bin.part")


def left(target: Path) -> list[str]:
    """Return what lies in the target's folder, the lock aside."""
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


def refused(call: Callable[[], object], *texts: object) -> str:
    """Return the message of the InputError that the call raises: one line that holds all the texts."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message
    assert "received" in message
    assert [str(text) for text in texts if str(text) not in message] == []
    return message


def break_at(server: Server, target: Path, size: int, **changes: Any) -> None:
    """Leave a part of that size behind, as a run that was cut off does."""
    server.breaks = [size]
    message = refused(lambda: get(server.url, target, attempts=1, **changes), size, len(BODY), "run again")
    assert str(part_of(target)) in message
    assert part_of(target).read_bytes() == BODY[:size]
    assert not target.exists()
    server.seen.clear()


def test_fetch_brings_the_whole_file_and_leaves_nothing_else(server: Server, target: Path) -> None:
    assert get(server.url, target) == target
    assert target.read_bytes() == BODY
    assert left(target) == ["file.bin"]
    assert server.seen == [(None, None)]


def test_upper_case_checksums_are_the_same_checksums(server: Server, target: Path) -> None:
    get(server.url, target, sha256=SHA.upper())
    get(server.url, target, sha256=SHA.upper())
    assert len(server.seen) == 1


def test_the_bytes_are_on_disk_before_they_have_the_name(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(number: int) -> None:
        calls.append(f"fsync {os.fstat(number).st_size}")
        fsync(number)

    def noted_replace(source: Path, final: Path) -> None:
        calls.append("replace")
        replace(source, final)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    get(server.url, target)
    assert calls == [f"fsync {len(BODY)}", "replace"]


def test_progress_goes_to_standard_error_or_nowhere(
    server: Server, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    get(server.url, target)
    assert capsys.readouterr() == ("", "")
    target.unlink()
    get(server.url, target, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "file.bin: 100%" in shown.err


@pytest.mark.parametrize("sha256", [SHA, None])
def test_a_file_that_is_there_is_not_asked_for(server: Server, target: Path, sha256: str | None) -> None:
    get(server.url, target)
    get(server.url, target, sha256=sha256)
    assert len(server.seen) == 1


def test_a_file_that_is_there_needs_no_lock(target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(BODY)
    get("http://not.asked", target)
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_is_there_but_wrong_is_replaced(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(OTHER)
    get(server.url, target, sha256=None)
    assert target.read_bytes() == OTHER
    get(server.url, target)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("validators", [{"ETag": '"one"'}, {"Last-Modified": DATE}])
def test_a_rerun_resumes_where_the_connection_broke(server: Server, target: Path, validators: dict[str, str]) -> None:
    server.validators = validators
    break_at(server, target, 100_001)
    get(server.url, target)
    assert server.seen == [("bytes=100001-", next(iter(validators.values())))]
    assert target.read_bytes() == BODY
    assert left(target) == ["file.bin"]


def test_a_weak_etag_gives_way_to_the_date(server: Server, target: Path) -> None:
    server.validators = {"ETag": 'W/"one"', "Last-Modified": DATE}
    break_at(server, target, 1000)
    get(server.url, target)
    assert server.seen == [("bytes=1000-", DATE)]


def test_bytes_of_an_unknown_version_are_not_built_on(server: Server, target: Path) -> None:
    server.validators = {}
    break_at(server, target, 1000)
    get(server.url, target)
    assert server.seen == [(None, None)]
    assert target.read_bytes() == BODY


def test_bytes_of_another_url_are_not_built_on(server: Server, target: Path) -> None:
    break_at(server, target, 1000)
    get(server.url + "?other", target)
    assert server.seen == [(None, None)]
    assert target.read_bytes() == BODY


def test_one_call_resumes_after_a_close_and_after_a_reset(server: Server, target: Path) -> None:
    server.breaks, server.reset = [150_000, 100_000], True
    get(server.url, target)
    offsets = [int(asked.removeprefix("bytes=")[:-1]) for asked, _ in server.seen if asked]
    assert len(server.seen) == 3
    assert 0 < offsets[0] <= 150_000  # a reset may lose what was under way
    assert offsets[0] < offsets[1] <= offsets[0] + 100_000
    assert target.read_bytes() == BODY


def test_a_server_that_answers_in_pieces_is_asked_on(server: Server, target: Path) -> None:
    break_at(server, target, 7_200)
    server.piece = 100_000
    get(server.url, target, attempts=3)
    assert [asked for asked, _ in server.seen] == ["bytes=7200-", "bytes=107200-", "bytes=207200-"]
    assert target.read_bytes() == BODY


def test_a_total_that_is_not_told_is_worked_out(server: Server, target: Path) -> None:
    break_at(server, target, 1000)
    server.tells_total = False
    get(server.url, target)
    assert [asked for asked, _ in server.seen] == ["bytes=1000-"]
    assert target.read_bytes() == BODY


def test_bytes_from_the_wrong_place_are_not_appended(server: Server, target: Path) -> None:
    break_at(server, target, 1000, sha256=None)
    server.shift = 7
    get(server.url, target, sha256=None)
    assert [asked for asked, _ in server.seen] == ["bytes=1000-", None]
    assert target.read_bytes() == BODY


def test_attempts_are_counted_and_then_the_part_is_kept(server: Server, target: Path) -> None:
    server.breaks = [1000, 1000, 1000]
    refused(lambda: get(server.url, target, attempts=3), "3000 of 307200", "request 3", "3000 bytes are")
    assert len(server.seen) == 3
    assert left(target) == ["file.bin.part", "file.bin.part.source"]


def test_back_off_doubles(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    server.statuses = [500, 503, 429, 200]
    get(server.url, target)
    assert waits == [0.001, 0.002, 0.004]
    assert target.read_bytes() == BODY


def test_a_server_that_ignores_range_restarts_the_file(server: Server, target: Path) -> None:
    break_at(server, target, 1000)
    server.ranges = False
    get(server.url, target)
    assert server.seen == [("bytes=1000-", '"one"')]
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("check_version", [True, False])
def test_a_file_that_changed_restarts(server: Server, target: Path, check_version: bool) -> None:
    break_at(server, target, 1000, sha256=None)
    server.body, server.validators, server.check_version = OTHER, {"ETag": '"two"'}, check_version
    get(server.url, target, sha256=None)
    assert target.read_bytes() == OTHER
    assert server.seen[0] == ("bytes=1000-", '"one"')


def test_the_version_noted_after_a_change_is_the_new_one(server: Server, target: Path) -> None:
    break_at(server, target, 1000, sha256=None)
    server.body, server.validators, server.breaks = OTHER, {"ETag": '"two"'}, [2000]
    refused(lambda: get(server.url, target, sha256=None, attempts=1), "2000 bytes are kept")
    server.seen.clear()
    get(server.url, target, sha256=None)
    assert server.seen == [("bytes=2000-", '"two"')]
    assert target.read_bytes() == OTHER


def test_a_part_that_was_whole_only_gets_its_name(server: Server, target: Path) -> None:
    break_at(server, target, 1000)
    part_of(target).write_bytes(BODY)
    get(server.url, target)
    assert server.seen == [(f"bytes={len(BODY)}-", '"one"')]
    assert target.read_bytes() == BODY


def test_a_part_that_is_too_long_restarts(server: Server, target: Path) -> None:
    break_at(server, target, 1000)
    part_of(target).write_bytes(BODY + b"more")
    get(server.url, target)
    assert [asked for asked, _ in server.seen] == [f"bytes={len(BODY) + 4}-", None]
    assert target.read_bytes() == BODY


def test_a_wrong_checksum_leaves_the_earlier_file_alone(server: Server, target: Path) -> None:
    get(server.url, target)
    server.body = OTHER
    wanted = "0" * 64
    received = hashlib.sha256(OTHER).hexdigest()
    refused(lambda: get(server.url, target, sha256=wanted), wanted, received, server.url, "pass a local copy")
    assert target.read_bytes() == BODY
    assert not part_of(target).exists()


def test_a_wrong_checksum_gives_no_file_its_name(server: Server, target: Path) -> None:
    refused(lambda: get(server.url, target, sha256="0" * 64), SHA)
    assert not target.exists()
    assert not part_of(target).exists()


def test_a_missing_page_is_asked_for_once(server: Server, target: Path) -> None:
    server.statuses = [404, 200]
    refused(lambda: get(server.url, target), server.url, "404", "nothing is kept", "pass a local copy")
    assert len(server.seen) == 1
    assert left(target) == []


def test_a_server_that_is_gone_is_named(target: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/file.bin"
        refused(lambda: get(url, target), url, "Connection refused", "request 1;", "pass a local copy")


def test_a_name_that_does_not_resolve_is_named(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    refused(lambda: get("http://no.such.host/f", target), "no.such.host", "not known", "request 1;")


def test_a_server_that_vanishes_half_way_is_asked_again(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.breaks = [1000]
    real, calls = urlopen, []

    def flaky(*args: Any, **settings: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise URLError("refused")
        return real(*args, **settings)

    monkeypatch.setattr(transfer, "urlopen", flaky)
    get(server.url, target)
    assert target.read_bytes() == BODY
    assert len(calls) == 3


def test_a_silent_server_times_out(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def noted(request: Any, timeout: float) -> Any:
        waits.append(timeout)
        return urlopen(request, timeout=timeout)

    monkeypatch.setattr(transfer, "urlopen", noted)
    server.gate.clear()
    refused(lambda: get(server.url, target, timeout=0.05, attempts=2), "timed out", "request 2")
    assert waits == [0.05, 0.05]


@pytest.mark.parametrize("url", ["gopher://host/file", "http://", "http://host:port/", "http://x/\u00e9"])
def test_an_address_that_cannot_be_is_refused(target: Path, url: str) -> None:
    with pytest.raises(InputError, match="pass a local copy"):
        get(url, target)


class FullDisk(io.FileIO):
    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 200_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.name))
        return super().write(data) or 0


def fill_disk(patch: pytest.MonkeyPatch, suffix: str) -> None:
    real = Path.open

    def opened(path: Path, mode: str = "r", **settings: Any) -> Any:
        full = path.suffix == suffix and mode in ("ab", "wb")
        return FullDisk(path, mode[0]) if full else real(path, mode, **settings)

    patch.setattr(Path, "open", opened)


def test_a_full_disk_is_reported_and_a_rerun_resumes(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fill_disk(patch, ".part")
        refused(lambda: get(server.url, target), target, "No space left on device", "make room")
    kept = part_of(target).stat().st_size
    assert 0 < kept <= 200_000
    assert [asked for asked, _ in server.seen] == [None]
    assert not target.exists()
    get(server.url, target)
    assert server.seen[1] == (f"bytes={kept}-", '"one"')
    assert target.read_bytes() == BODY


def test_a_folder_that_cannot_be_is_reported(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    refused(lambda: get(server.url, tmp_path / "file" / "file.bin"), tmp_path / "file", "another folder")
    assert server.seen == []


def test_a_target_that_is_a_folder_is_reported(server: Server, target: Path) -> None:
    target.mkdir(parents=True)
    refused(lambda: get(server.url, target), "Is a directory")


def test_paths_and_file_urls_are_sources(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a file #1%20.bin"
    source.write_bytes(BODY)
    monkeypatch.chdir(tmp_path)
    for url in (source, source.name, source.as_uri()):
        get(url, target)
        assert target.read_bytes() == BODY
        assert left(target) == ["file.bin"]
        target.unlink()


def test_a_local_copy_takes_the_place_of_a_broken_download(
    server: Server, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").write_bytes(OTHER)
    break_at(server, target, 1000, sha256=None)
    with monkeypatch.context() as patch:
        fill_disk(patch, ".part")
        refused(lambda: get(tmp_path / "other", target, sha256=None), "No space")
    get(server.url, target, sha256=None)  # must not build on the local file's bytes
    assert target.read_bytes() == BODY


def test_a_local_source_that_is_wrong_is_named(tmp_path: Path, target: Path) -> None:
    refused(lambda: get(tmp_path / "none", target), tmp_path / "none", "No such file", "pass a local copy")
    refused(lambda: get(tmp_path, target), tmp_path, "Is a directory")
    (tmp_path / "other").write_bytes(OTHER)
    refused(lambda: get(tmp_path / "other", target), SHA, hashlib.sha256(OTHER).hexdigest())
    assert (tmp_path / "other").read_bytes() == OTHER
    assert left(target) == []


def test_two_fetches_at_once_make_one_request(server: Server, target: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Opener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            server.gate.set()

    opener = Opener()
    logging.getLogger("pipelines").addHandler(opener)
    server.gate.clear()  # the first waits for its answer until the second waits for the lock
    failures: list[BaseException] = []

    def run() -> None:
        try:
            get(server.url, target)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(8)
    logging.getLogger("pipelines").removeHandler(opener)
    assert failures == []
    assert len(server.seen) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"waiting for another process that is writing {target}"
    ]
    assert target.read_bytes() == BODY


def test_sha256_of_is_the_standard_one(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    refused(lambda: sha256_of(tmp_path / "none"), tmp_path / "none", "No such file")


def zipped(folder: Path, members: dict[str, bytes], mode: int = 0o100644, method: int = 8) -> Path:
    archive = folder / "archive.zip"
    with zipfile.ZipFile(archive, "w", method) as bundle:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            bundle.writestr(info, data)
    return archive


def patched(archive: Path, local: int, central: int, layout: str, *values: int) -> Path:
    """Overwrite fields of the first member's two headers."""
    data = bytearray(archive.read_bytes())
    struct.pack_into(layout, data, local, *values)
    struct.pack_into(layout, data, data.index(b"PK\x01\x02") + central, *values)
    archive.write_bytes(data)
    return archive


def unzip(archive: Path, member: str, target: Path, **changes: Any) -> Path:
    return extract_member(archive, member, target, **({"progress": False} | changes))


@pytest.mark.parametrize("name", ["glove.txt", "../../escape.txt", "/tmp/absolute.txt", "folder/in it.txt"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_is_written_to_the_target_only(tmp_path: Path, target: Path, name: str, method: int) -> None:
    archive = zipped(tmp_path, {"first": b"1", name: BODY}, method=method)
    before = set(tmp_path.rglob("*"))
    assert unzip(archive, name, target) == target
    assert target.read_bytes() == BODY
    assert left(target) == ["file.bin"]
    assert {path.relative_to(tmp_path).parts[0] for path in set(tmp_path.rglob("*")) - before} == {"new"}
    assert not Path("/tmp/absolute.txt").exists()


def test_an_empty_member_is_an_empty_file(tmp_path: Path, target: Path) -> None:
    assert unzip(zipped(tmp_path, {"empty": b""}), "empty", target).read_bytes() == b""


def test_a_member_replaces_an_earlier_file_and_shows_progress(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(OTHER)
    unzip(zipped(tmp_path, {"f": BODY}), "f", target)
    assert target.read_bytes() == BODY
    assert capsys.readouterr() == ("", "")
    unzip(zipped(tmp_path, {"f": BODY}), "f", target, progress=True)
    assert "f: 100%" in capsys.readouterr().err


def test_a_missing_member_lists_ten_of_those_there_are(tmp_path: Path, target: Path) -> None:
    archive = zipped(tmp_path, {"folder/": b"", **{f"m{number:02}": b"" for number in range(12)}})
    message = refused(lambda: unzip(archive, "x.txt", target), archive, "x.txt", "12 members", "'m00', 'm01'")
    assert "'m09'" in message
    assert "m10" not in message
    refused(lambda: unzip(archive, "folder/", target), "12 members")
    assert left(target) == []


def test_links_and_encrypted_members_are_refused(tmp_path: Path, target: Path) -> None:
    link = zipped(tmp_path, {"link": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)
    refused(lambda: unzip(link, "link", target), link, "symbolic link")
    secret = patched(zipped(tmp_path, {"f": BODY}), 6, 8, "<H", 1)
    refused(lambda: unzip(secret, "f", target), "an encrypted member")
    odd = zipped(tmp_path, {"f": BODY}, method=zipfile.ZIP_LZMA)
    refused(lambda: unzip(odd, "f", target), "compression method 14")
    assert left(target) == []


def test_a_member_larger_than_allowed_is_refused(tmp_path: Path, target: Path) -> None:
    archive = zipped(tmp_path, {"zeros": bytes(1_000_000)})
    refused(lambda: unzip(archive, "zeros", target, max_bytes=999_999), "1000000 bytes", "at most 999999")
    assert left(target) == []
    assert unzip(archive, "zeros", target, max_bytes=1_000_000).stat().st_size == 1_000_000


@pytest.mark.parametrize(("declared", "received"), [(1000, "1001 bytes or"), (len(BODY) + 9, "307200 bytes")])
def test_a_member_that_lies_about_its_size_is_refused(
    tmp_path: Path, target: Path, declared: int, received: str
) -> None:
    # The checksum is made right for what zipfile would read, so that only the size gives it away.
    crc = zlib.crc32(BODY[: declared + 1])
    archive = patched(zipped(tmp_path, {"bomb": BODY}), 22, 24, "<I", declared)
    patched(archive, 14, 16, "<I", crc)
    refused(lambda: unzip(archive, "bomb", target), received, f"where {declared} are declared")
    assert left(target) == []


def test_a_damaged_member_is_refused_and_the_earlier_file_stays(tmp_path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(OTHER)
    archive = patched(zipped(tmp_path, {"f": BODY}), 14, 16, "<I", 123)
    refused(lambda: unzip(archive, "f", target), archive, "CRC", "sound copy")
    archive = zipped(tmp_path, {"f": BODY})
    data = bytearray(archive.read_bytes())
    data[40:60] = bytes([255]) * 20
    archive.write_bytes(data)
    refused(lambda: unzip(archive, "f", target), archive, "decompressing")
    assert target.read_bytes() == OTHER
    assert left(target) == ["file.bin"]


def test_what_is_no_zip_is_refused(tmp_path: Path, target: Path) -> None:
    archive = zipped(tmp_path, {"f": BODY})
    archive.write_bytes(archive.read_bytes()[:-30])
    refused(lambda: unzip(archive, "f", target), archive, "not a zip")
    refused(lambda: unzip(tmp_path / "none.zip", "f", target), "none.zip", "No such file", "sound copy")
    refused(lambda: unzip(tmp_path, "f", target), "Is a directory", "sound copy")
    assert left(target) == []


def test_a_full_disk_leaves_no_half_member(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(tmp_path, {"f": BODY})
    fill_disk(monkeypatch, ".tmp")
    refused(lambda: unzip(archive, "f", target), target, "No space left on device", "make room")
    assert left(target) == []


def test_a_resumed_bar_counts_what_was_there(server: Server, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    break_at(server, target, 150_000)
    get(server.url, target, progress=True)
    assert "file.bin: 100%" in capsys.readouterr().err
