"""Damaged requests, some hundreds; `make fuzz` sends more than fifty thousand. What it has found is named below."""

import pytest

from tests.fuzz_service import exchange, fuzz, fuzzed_service, report, settled
from tests.served import until


@pytest.fixture(scope="module")
def served(tiny_folder):
    with fuzzed_service(tiny_folder) as running:
        yield running


def test_no_request_does_harm(served):
    # Memory is compared once every kind of request has been there.
    first = fuzz(served, 240, seed=2, threads=12)
    assert first.defects == []
    before = settled(served)
    tally = fuzz(served, 360, seed=1, threads=12)  # they mostly wait
    assert report(tally, served, before) == []
    assert {200, 400, 404, 405, 413, 422} <= set(tally.statuses)


GOOD = b'POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n{"texts":["love"]}'


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("Content-Type: text/csv; charset=utf-16", b"text\nlove\n", 422),  # no byte order mark
        ("Content-Type: multipart/form-data; boundary=" + "b" * 5000, b"--b--\r\n", 400),
        ("Upgrade: websocket", b'{"texts":["love"]}', 200),
        ("Content-Encoding: gzip", b"\x1f\x8b", 415),
    ],
)
def test_heads_that_once_did_harm(served, head, body, status):
    sent = (
        f"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    # Uploads of before that never end are given up after two seconds.
    received = until(lambda: answer if not (answer := served.raw(sent)).startswith(b"HTTP/1.1 429 ") else None)
    assert received.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("behind", [b"\0\0\0", b"POST /predict HTTP/1.1\r\nContent-Length: 7\r\n\r\n{"])
def test_rubbish_after_a_good_request_does_no_harm(served, behind):
    exchange(served.port, GOOD * 2 + behind, "127.0.0.1")
    assert b'"label":"positive"' in (exchange(served.port, GOOD, "127.0.0.1") or b"")
    assert not [line for line in served.log if "defect" in line]
