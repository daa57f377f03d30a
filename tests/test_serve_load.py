"""The service when much happens at once: batches, back-pressure, clients that vanish, workers killed, new exports."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import sentiment
from pipelines.shared.publishing import publish
from sentiment.predict import model_folder
from sentiment.predict.answers import Answers
from sentiment.serve.app import in_use, run_folder
from sentiment.serve.batching import BATCH_SIZE, Batcher
from sentiment.serve.limits import Admission, Limits, Refusal
from sentiment.serve.model_store import ModelStore
from sentiment.text.preprocessor import FEW
from sentiment.text.rules_in_python import LONGEST
from tests.served import serve, until
from tests.test_structure import tiny_model

pytestmark = pytest.mark.slow


class NumberModel:
    """A model whose answer to a text is its number; it can be held up, and fails at ``bad``."""

    def __init__(self, add: float = 0.0) -> None:
        self.add, self.sizes, self.free = add, [], threading.Event()
        self.classifier = self
        self.free.set()
        self.at_work = threading.Event()

    def answer(self, texts):
        self.sizes.append(len(texts))
        self.at_work.set()
        assert self.free.wait(20)
        if "bad" in texts:
            raise ValueError("a text that should never have come here")
        numbers = np.array([float(text) + self.add for text in texts], np.float32)
        return Answers(numbers[:, None], np.ones(len(texts), np.float32), np.zeros(len(texts), bool))


def batched(work, in_loop=True):
    """Run ``work(batcher)`` in an event loop."""

    async def main():
        batcher = Batcher(in_loop, lambda model, answers: None)
        try:
            return await asyncio.wait_for(work(batcher), 30)
        finally:
            batcher.stop()

    return asyncio.run(main())


def long(number: int) -> str:
    """A text for ``number`` that is answered in the thread, because of its length."""
    return str(number).zfill(3000)


async def numbers(batcher, model, *texts):
    return (await batcher.answer(model, [str(text) for text in texts])).probabilities[:, 0].tolist()


async def held_up(model, *tasks) -> None:
    """Wait until the model is at work, while it is held up."""
    while not model.at_work.is_set():
        await asyncio.sleep(0.001)
    model.at_work.clear()


def test_what_arrives_during_a_batch_is_the_next_one():
    model = NumberModel()

    async def work(batcher):
        model.free.clear()
        first = asyncio.create_task(numbers(batcher, model, long(0)))
        await held_up(model)  # the event loop goes on meanwhile
        rest = [asyncio.create_task(numbers(batcher, model, i, i)) for i in range(1, 4)]
        await asyncio.sleep(0.01)
        assert model.sizes == [1]
        model.free.set()
        return await asyncio.gather(first, *rest)

    assert batched(work) == [[0], [1, 1], [2, 2], [3, 3]]
    assert model.sizes == [1, 6]


@pytest.mark.parametrize(
    ("texts", "alone", "in_loop"),
    [
        ([7], False, True), (["7".zfill(LONGEST)], False, True), (["7".zfill(LONGEST + 1)], False, False),
        ([long(0)], False, False), ([0, 1, 2], True, True), ([0, 1, 2], False, False),
    ],
    ids=["short", "longest without Arrow", "with Arrow", "long", "several, single worker", "several, many workers"],
)  # fmt: skip
def test_short_requests_are_answered_in_the_loop_and_several_by_a_single_worker(texts, alone, in_loop, monkeypatch):
    model, threads = NumberModel(), []

    async def work(batcher):
        monkeypatch.setattr(model.free, "wait", lambda seconds: threads.append(threading.current_thread()) or True)
        return await asyncio.gather(*(numbers(batcher, model, text) for text in texts))

    assert batched(work, alone) == [[float(text)] for text in texts]
    assert [thread is threading.current_thread() for thread in threads] == [in_loop]


@pytest.mark.parametrize(("requests", "sizes"), [(20, [40]), (FEW, [FEW, FEW])], ids=["few", "more needed Arrow"])
def test_what_arrives_in_one_turn_of_the_loop_is_one_batch_unless_it_needs_arrow(requests, sizes):
    model = NumberModel()

    async def work(batcher):
        return await asyncio.gather(*(numbers(batcher, model, i, i) for i in range(requests)))

    assert batched(work) == [[i, i] for i in range(requests)]
    assert model.sizes == sizes


def test_one_request_that_fails_fails_alone():
    model = NumberModel()

    async def work(batcher):
        texts = ["1", "bad", "2"]
        return await asyncio.gather(*(batcher.answer(model, [text]) for text in texts), return_exceptions=True)

    first, failed, last = batched(work)
    assert isinstance(failed, ValueError)
    assert (first.probabilities.tolist(), last.probabilities.tolist()) == ([[1]], [[2]])


def test_requests_of_two_exports_in_one_batch_are_answered_apart():
    old, new = NumberModel(), NumberModel(100)

    async def work(batcher):
        asked = ((old, 1), (new, 2), (old, 3), (new, 4))
        return await asyncio.gather(*(numbers(batcher, model, text) for model, text in asked))

    assert batched(work) == [[1], [102], [3], [104]]


@pytest.mark.parametrize("cancelled", range(4))
def test_a_request_cancelled_while_its_batch_is_worked_on_shifts_nobodys_answers(cancelled):
    model = NumberModel()

    async def work(batcher):
        model.free.clear()
        tasks = [asyncio.create_task(numbers(batcher, model, *[long(i)] * (i + 1))) for i in range(4)]
        await held_up(model)
        assert model.sizes == [1 + 2 + 3 + 4]
        tasks[cancelled].cancel()
        await asyncio.sleep(0.01)
        model.free.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    received = batched(work)
    assert isinstance(received.pop(cancelled), asyncio.CancelledError)
    assert received == [[i] * (i + 1) for i in range(4) if i != cancelled]


def test_a_request_cancelled_while_it_waits_is_left_out():
    model = NumberModel()

    async def work(batcher):
        model.free.clear()
        tasks = [asyncio.create_task(numbers(batcher, model, long(0)))]
        await held_up(model)
        tasks += [asyncio.create_task(numbers(batcher, model, i, i)) for i in range(1, 5)]
        await asyncio.sleep(0.01)
        tasks[3].cancel()
        await asyncio.sleep(0.01)
        model.free.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    received = batched(work)
    assert isinstance(received.pop(3), asyncio.CancelledError)
    assert received == [[0], [1, 1], [2, 2], [4, 4]]
    assert model.sizes == [1, 6]


def test_many_texts_take_turns_with_those_of_others():
    model = NumberModel()
    many_texts = BATCH_SIZE // 20

    async def work(batcher):
        many = asyncio.create_task(numbers(batcher, model, *range(many_texts)))
        await asyncio.sleep(0)
        few = asyncio.create_task(numbers(batcher, model, 5))
        await few
        assert not many.done()
        return await many

    assert batched(work) == list(range(many_texts))
    assert 2 <= len(model.sizes) <= 5


def test_back_pressure_counts_what_is_waiting():
    admission = Admission(Limits(pending_texts=10, pending_bytes=10))
    with admission.hold("texts", 50), admission.hold("texts", 0):  # one alone may be larger than what may wait
        with pytest.raises(Refusal, match="50 texts are waiting, at most 10 may; try again in 1 s") as refused:
            admission.hold("texts", 1).__enter__()
        assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "1"})
    with admission.hold("texts", 10):
        pass
    assert admission.held["texts"] == 0


def head(length: int, kind: str = "application/json") -> bytes:
    return f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def until_answered(ask, status: int):
    """What ``ask()`` answers, once that has this status: the other connection's bytes may not have arrived yet."""
    return until(lambda: answer if (answer := ask()).status == status else None)


def other_model(source: Path, folder: Path) -> Path:
    """The same, but that *love* and *hate* change places."""
    shutil.copytree(source, folder)
    table = np.load(folder / model_folder.TABLE)
    np.save(folder / model_folder.TABLE, -table)
    described = json.loads((folder / model_folder.MODEL).read_text())
    described = model_folder.describe(folder, described["classes"], described["network"])
    (folder / model_folder.MODEL).write_text(json.dumps(described))
    return folder


def export(source: Path, folder: Path) -> None:
    with publish(folder, last=model_folder.MODEL) as staging:
        for path in source.iterdir():
            shutil.copy(path, staging / path.name)


@pytest.fixture(scope="module")
def two_models(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    return tiny_model(folder / "tiny"), other_model(folder / "tiny", folder / "second")


@pytest.fixture(scope="module")
def folder(two_models, tmp_path_factory) -> Path:
    """Of the model that ``limited`` serves."""
    export(two_models[0], folder := tmp_path_factory.mktemp("limited") / "served")
    return folder


@pytest.fixture(scope="module")
def limited(folder):
    with serve("--model", str(folder), "--files", "1", "--pending-bytes", "30000", "--send-seconds", "1") as served:
        yield served


def test_back_pressure_over_sockets_comes_and_goes(limited):
    with socket.create_connection(("127.0.0.1", limited.port)) as large, socket.socket() as file:
        large.sendall(head(29_900) + b" " * 29_800)
        file.connect(("127.0.0.1", limited.port))
        file.sendall(head(100, "text/csv") + b"text\nlove\n")
        refused = until_answered(lambda: limited.predict(["love"] * 50), 429)
        assert refused.headers["retry-after"] == "1"
        assert "bytes, at most 30000 may be held" in refused.json["error"]
        assert "1 files are being scored" in until_answered(lambda: small_file(limited), 429).json["error"]
    assert until_answered(lambda: limited.predict(["love"] * 50), 200).json["answers"]
    until_answered(lambda: small_file(limited), 200)


def small_file(served):
    return served.ask("POST", "/predict", b"text\nlove\n", content_type="text/csv")


def test_clients_that_vanish_leave_the_others_their_own_answers(limited):
    body = json.dumps({"texts": ["hate"] * 7}).encode()
    texts = [["love"], ["hate", "love"], ["qqq"], ["love", "hate", "love"]]
    expected = [[each["label"] for each in limited.predict(each).json["answers"]] for each in texts]

    def vanish(_):
        with socket.create_connection(("127.0.0.1", limited.port)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST, not FIN
            sock.sendall(head(len(body)) + body)

    def ask(i):
        return [each["label"] for each in limited.predict(texts[i % 4]).json["answers"]] == expected[i % 4]

    with ThreadPoolExecutor(8) as pool:
        gone, asked = pool.map(vanish, range(100)), pool.map(ask, range(100))
        assert all(asked)
        list(gone)
    assert not [line for line in limited.log if "defect" in line]


def counted(served, start: str) -> float:
    lines = served.ask("GET", "/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))


def until_counted(served, start: str, value: float) -> None:
    """A worker counts a request when its answer has been sent, so another may tell of it a moment later."""
    until(lambda: counted(served, start) == value)


def test_a_killed_worker_is_replaced_what_it_counted_stays_and_no_answer_mixes_exports(tmp_path, two_models):
    export(two_models[0], folder := tmp_path / "tiny")
    with serve("--model", str(folder), "--workers", "2") as served:
        served.wait_for(r"serve: .* ready: tiny", 2)
        before = served.processes()
        assert len(before) == 2
        for _ in range(40):
            served.predict(["love"])
        until_counted(served, 'sentiment_requests_total{route="/predict"', 40)
        os.kill(before[0], signal.SIGKILL)
        answers = [served.predict(["love"]) for _ in range(40)]  # those that the dead one would have taken wait
        assert {answer.status for answer in answers} == {200}
        assert served.wait_for(r"serve: Child process \[(\d+)\] died").group(1) == str(before[0])
        served.wait_for(r"serve: .* ready: tiny", 3)
        after = served.processes()
        assert len(after) == 2
        assert len({*before, *after}) == 3
        until_counted(served, 'sentiment_requests_total{route="/predict"', 80)
        until_counted(served, 'sentiment_labels_total{label="positive",model="tiny"}', 80)
        take_up_exports_under_load(served, folder, two_models)
        assert served.stop() == 0
    assert not [process for process in after if Path(f"/proc/{process}").exists()]


def take_up_exports_under_load(served, folder, two_models):
    """Each answer is that of one of the two models as a whole, while the one takes the place of the other."""
    texts = ["love", "hate", "qqq love", "love"] * 200  # more than one batch
    expected = [sentiment.load(each).predict_proba(texts)[:, 1] for each in two_models]
    stop, seen = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            answer = served.predict(texts)
            assert answer.status == 200, answer.body
            received = [each["probabilities"]["positive"] for each in answer.json["answers"]]
            fits = [np.allclose(received, each, atol=1e-6) for each in expected]
            assert sum(fits) == 1
            seen.append(fits.index(True))

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        with contextlib.ExitStack() as at_end:
            at_end.callback(stop.set)
            until(lambda: 0 in seen)
            for i in (1, 0, 1, 0, 1):
                export(two_models[i], folder)
                time.sleep(0.1)
            served.wait_for(r"serve: tiny: took up export ", 2)
            until(lambda: served.predict(["love"]).json["answers"][0]["label"] == "negative")
            until(lambda: 1 in seen and not counted(served, "sentiment_model_stale"))
        for one in asking:
            one.result()


def test_sigterm_finishes_what_has_begun(two_models):
    rows = b"text\n" + b"I love\n" * 500
    with serve("--model", str(two_models[0])) as served, socket.create_connection(("127.0.0.1", served.port)) as sock:
        idle = socket.create_connection(("127.0.0.1", served.port))
        sock.sendall(head(len(rows), "text/csv") + rows[:1000])
        assert counted(served, "sentiment_pending_tweets") == 0
        served.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""  # who is not being answered is let go
        idle.close()
        sock.sendall(rows[1000:])
        received = b"".join(iter(lambda: sock.recv(1 << 16), b""))
        assert received.count(b'"I love","positive"') == 500
        assert served.process.wait(20) == 0


def test_workers_end_with_a_supervisor_that_was_killed_and_leave_nothing_behind(tmp_path, two_models):
    (temporary := tmp_path / "temporary").mkdir()
    arguments = ("--model", str(two_models[0]), "--workers", "2")
    with serve(*arguments, environment={"TMPDIR": str(temporary)}) as served:
        served.wait_for(r"serve: .* ready: tiny", 2)
        workers = served.processes()
        served.process.kill()
        until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    assert list(temporary.glob("sentiment-serve-*")) == []


def test_a_start_removes_the_folders_of_killed_runs_only(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed = Path(tempfile.mkdtemp(prefix="sentiment-serve-"))
    with in_use(killed):
        pass  # the lock of a killed process is free
    with run_folder() as running, run_folder() as new:
        assert {path.name for path in tmp_path.iterdir()} == {running.name, new.name}
    assert list(tmp_path.iterdir()) == []


def test_a_broken_export_is_refused_visibly_and_the_old_one_goes_on(limited, folder, two_models):
    assert limited.ask("GET", "/readyz").json["models"] == {"served": "ok"}
    (folder / model_folder.TABLE).write_bytes(b"broken")
    limited.wait_for(r"serve: served: new export refused: .*table\.npy")
    assert limited.predict(["love"]).json["answers"][0]["label"] == "positive"
    assert "table.npy" in limited.ask("GET", "/readyz").json["models"]["served"]
    (state,) = limited.ask("GET", "/v1/models/served").json["model_version_status"]
    assert "the previous export is still served" in state["status"]["error_message"]
    assert counted(limited, 'sentiment_model_stale{model="served"}') == 1
    (folder / model_folder.MODEL).unlink()
    until_answered_with(limited, "files are missing")
    for i, label in ((1, "negative"), (0, "positive")):
        export(two_models[i], folder)
        limited.wait_for(r"serve: served: took up export ", 2 - i)
        assert limited.predict(["love"]).json["answers"][0]["label"] == label
        until_answered_with(limited, "ok")


def until_answered_with(served, text: str) -> None:
    until(lambda: text in served.ask("GET", "/readyz").json["models"]["served"])


def test_workers_share_one_copy_of_an_export(tmp_path, two_models):
    folder, copies = tmp_path / "served", tmp_path / "copies"
    export(two_models[0], folder)
    workers = [ModelStore([str(folder)], copies) for _ in range(3)]
    for source in (two_models[1], two_models[0], two_models[1]):
        export(source, folder)
        for worker in workers:
            (model,) = worker
            worker.refresh(model)
        assert len({model.current.fingerprint for worker in workers for model in worker}) == 1
        assert len(list((tmp_path / "copies" / "served").iterdir())) == 1


def test_a_worker_that_starts_on_a_broken_export_serves_the_previous_one(tmp_path, two_models):
    folder, copies = tmp_path / "served", tmp_path / "copies"
    export(two_models[0], folder)
    (first,) = ModelStore([str(folder)], copies)
    (folder / model_folder.TABLE).write_bytes(b"broken")
    (second,) = ModelStore([str(folder)], copies)
    assert second.current.fingerprint == first.current.fingerprint
    assert "table.npy" in second.problem
    with pytest.raises(sentiment.errors.SentimentError, match="table.npy"):
        ModelStore([str(folder)], tmp_path / "none")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nowhere"], "nowhere"),
        (["--model", "a b=."], "expected a name of letters"),
        (["--receive-seconds", "0"], "--receive-seconds: expected a positive number"),
        (["--token-file", "/nowhere"], "expected a file that contains a token"),
        (["--host", "203.0.113.7"], "cannot listen there"),
        (["--allowed-host", "https://tweets.example.com"], "expected a name such as tweets.example.com"),
        (["--allowed-host", "a:8501"], "without scheme, port or path"),
    ],
)
def test_a_mistake_is_one_line(arguments, sentence, capsys):
    from sentiment.serve.__main__ import main

    assert main(["--port", "0", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("serve: error: ")
    assert sentence in said
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_said_so(two_models, capsys):
    from sentiment.serve.__main__ import main

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--port", port, "--workers", "2", "--model", str(two_models[0])]) == 2
    assert "in use" in capsys.readouterr().err


def test_a_token_opens_what_answers_and_not_what_tells_of_life(tmp_path, two_models):
    file = tmp_path / "token"
    file.write_text("open-sesame\n")
    with serve("--model", str(two_models[0]), "--token-file", str(file)) as served:
        for given in ({}, {"authorization": "Bearer open-sesam"}, {"authorization": "Basic open-sesame"}):
            answer = served.ask("POST", "/predict", {"texts": ["love"]}, **given)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert served.ask("POST", "/predict", {"texts": ["love"]}, authorization="bearer open-sesame").status == 200
        opened = {"/": 200, "/healthz": 200, "/static/page.js": 200, "/metrics": 401, "/models": 401}
        assert {path: served.ask("GET", path).status for path in opened} == opened


def test_a_client_that_takes_nothing_is_let_go(limited):
    rows = b"text,pad\n" + (b"love," + b"x" * 10_000 + b"\n") * 700  # more than the system keeps for a connection
    with socket.create_connection(("127.0.0.1", limited.port)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
        sock.sendall(head(len(rows), "text/csv") + rows)
        assert small_file(limited).status == 429
        assert until_answered(lambda: small_file(limited), 200).body.count(b"\n") == 2
    assert not [line for line in limited.log if "defect" in line]
