"""Which hosts the service answers for, so that no other site's page can reach it under a name of its own."""

import pytest

from sentiment.errors import SettingsError
from sentiment.serve.hosts import Hosts
from sentiment.serve.refusals import Refusal
from tests.served import serve
from tests.test_structure import tiny_model

ADDRESSES = [
    b"127.0.0.1:8501",
    b"[::1]:80",
    b"[::1]",
    b"192.168.7.9",
    b"localhost",
    b"LocalHost:1",
    b"localhost.",
    b"a.localhost",
]


def status(hosts: Hosts, *named: bytes, version: str = "1.1") -> int:
    """What a request that names these hosts gets; 200 if it is passed on. Asked twice, since good ones are remembered."""
    answers = set()
    for _ in range(2):
        try:
            hosts.check([(b"accept", b"*/*"), *((b"host", name) for name in named)], version)
            answers.add(200)
        except Refusal as refusal:
            answers.add(refusal.status)
    (answer,) = answers
    return answer


@pytest.mark.parametrize("named", ADDRESSES)
def test_addresses_and_this_machine_are_always_good(named):
    assert status(Hosts("0.0.0.0"), named) == 200


@pytest.mark.parametrize(
    "named",
    [b"evil.example", b"localhost.evil.example", b"127.0.0.1.evil.example:8501", b"notlocalhost", b"tweets", b"."],
)
def test_other_names_are_refused(named):
    assert status(Hosts("127.0.0.1"), named) == 421
    assert status(Hosts("127.0.0.1", ["tweets.example.com", "*.example.org"]), named) == 421
    assert status(Hosts("127.0.0.1", ["*"]), named) == (421 if named == b"." else 200)


def test_names_that_are_given_are_good():
    hosts = Hosts("Here.example", ["Tweets.example.com", "*.example.org"])
    good = [
        b"here.example:8501",
        b"tweets.EXAMPLE.com",
        b"tweets.example.com.:443",
        b"a.example.org",
        b"a.b.example.org",
    ]
    assert [status(hosts, name) for name in good] == [200] * 5
    assert [status(hosts, name) for name in (b"example.org", b"xexample.org", b"a.tweets.example.com")] == [421] * 3


@pytest.mark.parametrize(
    "named", [(), (b"localhost", b"localhost"), (b"",), (b"a b",), (b"\xff",), (b"[::1",), (b"a/b",)]
)
def test_one_host_is_expected(named):
    assert status(Hosts("127.0.0.1", ["*"]), *named) == 400


def test_before_http_1_1_a_request_may_name_no_host():
    assert status(Hosts("127.0.0.1"), version="1.0") == 200
    assert status(Hosts("127.0.0.1"), b"evil.example", version="1.0") == 421


@pytest.mark.parametrize("name", ["", "a b", "http://a", "a:80", "*.", "**", "a.*", "*.*"])
def test_what_is_no_name_is_refused_at_the_start(name):
    with pytest.raises(SettingsError, match=r"--allowed-host .*: expected a name such as"):
        Hosts("127.0.0.1", [name])


def test_over_sockets_every_address_is_guarded(tmp_path):
    with serve("--model", str(tiny_model(tmp_path / "tiny")), "--allowed-host", "tweets.example.com") as served:
        for path in ("/", "/predict", "/healthz", "/metrics", "/nothing"):
            answer = served.ask("POST", path, {"texts": ["love"]}, host="evil.example:8501")
            assert answer.status == 421
            assert answer.json["error"] == (
                "this service is not known as 'evil.example'; if it is, start it with --allowed-host evil.example"
            )
        assert served.ask("POST", "/predict", {"texts": ["love"]}, host="tweets.example.com").status == 200
        assert served.raw(b"GET /healthz HTTP/1.1\r\n\r\n", half_close=True).startswith(b"HTTP/1.1 400 ")
