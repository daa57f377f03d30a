"""The service, over its sockets: what each interface answers, what is refused and how."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import sentiment
from sentiment.predict import model_folder
from sentiment.serve.app import every_route
from sentiment.serve.limits import Limits
from sentiment.serve.openapi import document
from sentiment.serve.service import Service
from sentiment.serve.store import Store
from sentiment.text.frequent_chunks import make_table
from sentiment.text.preprocessor import Preprocessor
from tests.served import Served, serve
from tests.test_structure import tiny_model

TWEETS = ["I do love", "hate hate", "the", "qqq zzz", "", "İ \U0001f44d\U0001f3fd love", "love " * 50]
LIMITS = ("--texts", "50", "--characters", "1000", "--body-bytes", "20000", "--receive-seconds", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("serve") / "tiny")


@pytest.fixture(scope="module")
def served(folder) -> Iterator[Served]:
    with serve("--model", str(folder), "--model", f"other={folder}", "--access-log", *LIMITS) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="module")
def model(folder):
    return sentiment.load(folder)


def test_plain_answers_are_those_of_the_model(served, model):
    answer = served.predict(TWEETS, threshold=0.6)
    expected = model.answer(TWEETS)
    answers = answer.json["answers"]
    received = [list(each["probabilities"].values()) for each in answers]
    np.testing.assert_allclose(received, expected.probabilities, atol=1e-6)
    np.testing.assert_allclose([each["known"] for each in answers], expected.known, atol=1e-6)
    assert list(answers[0]["probabilities"]) == ["negative", "positive"]
    assert [each["probability"] for each in answers] == [max(row) for row in received]
    assert [each["label"] for each in answers] == [
        "positive", "negative", "unknown", "unknown", "unknown", "positive", "positive",
    ]  # fmt: skip
    assert answer.json["model"] == "tiny"
    assert served.predict(["love"], threshold=1, model="other").json["answers"][0]["label"] == "uncertain"
    assert served.predict([]).json["answers"] == []


def test_explanations_say_what_became_of_each_token(served):
    answer = served.predict(["The LOVE qwx love love love love"], explain=True).json["answers"][0]
    states = [(token["token"], token["state"], token["lemma"]) for token in answer["tokens"]]
    assert states[:3] == [("the", "stop word", ""), ("love", "kept", "love"), ("qwx", "unknown", "<unk>")]
    assert states[-1][1] == "cut off"
    assert answer["tokens"][1]["contribution"] is not None


@pytest.fixture
def with_chunks(tmp_path) -> Path:
    """A model with a table of chunks, as exports have it."""
    folder = tiny_model(tmp_path / "chunks")
    model_folder.chunk_files(folder, make_table(Preprocessor.load(folder), [pa.array(["love", "hate"])]))
    described = json.loads((folder / model_folder.MODEL).read_text())
    described = model_folder.describe(folder, described["classes"], described["network"])
    (folder / model_folder.MODEL).write_text(json.dumps(described))
    return folder


def test_nothing_that_is_asked_for_brings_arrow_and_its_memory(with_chunks):
    texts = [f"love! it's #{i}ing hate:( xx{i}" for i in range(600)]
    with serve("--model", str(with_chunks)) as served:
        assert len(served.predict(texts).json["answers"]) == 600
        assert served.predict(["love it's"], explain=True).json["answers"][0]["tokens"][0]["token"] == "love"
        table = "text\n" + "\n".join(texts)
        assert served.ask("POST", "/predict", table.encode(), content_type="text/csv").status == 200
        (process,) = served.processes()
        assert "libarrow" not in Path(f"/proc/{process}/maps").read_text()


def tensorflow(served, **body):
    return served.ask("POST", "/v1/models/tiny:predict", body)


def test_tensorflow_serving_rows_and_columns(served, model):
    expected = model.answer(TWEETS)
    labels = model.predict(TWEETS).tolist()
    for instances in (TWEETS, [{"text": text} for text in TWEETS]):
        rows = tensorflow(served, instances=instances).json["predictions"]
        assert [row["label"] for row in rows] == labels
        np.testing.assert_allclose([row["probabilities"] for row in rows], expected.probabilities, atol=1e-6)
    for inputs in (TWEETS, {"text": TWEETS}):
        outputs = tensorflow(served, inputs=inputs, signature_name="serving_default").json["outputs"]
        assert outputs["label"] == labels
        np.testing.assert_allclose(outputs["probabilities"], expected.probabilities, atol=1e-6)
        np.testing.assert_allclose(outputs["known"], expected.known, atol=1e-6)
    encoded = tensorflow(served, instances=[{"b64": "SSBsb3ZlIGl0"}]).json["predictions"]
    assert encoded == tensorflow(served, instances=["I love it"]).json["predictions"]


def test_tensorflow_serving_ids(served, model):
    ids = model.preprocessor.pad(model.preprocessor.encode(TWEETS)).tolist()
    answer = tensorflow(served, instances=ids, signature_name="serve_ids").json["predictions"]
    np.testing.assert_allclose(answer, model.predict_proba(TWEETS), atol=1e-6)
    for wrong in ([[1, 2]], [[0, 0, 0, 0]], [[1, 2, 3, 99]], [[1, 2, 3, -1]], [[1, 2, 3, True]], ["love"]):
        refused = tensorflow(served, instances=wrong, signature_name="serve_ids")
        assert (refused.status, refused.json["error"][:6]) == (400, "row 0:")


def test_tensorflow_serving_state_and_metadata(served):
    for path in ("/v1/models/tiny", "/v1/models/tiny/versions/1"):
        (state,) = served.ask("GET", path).json["model_version_status"]
        assert state == {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    metadata = served.ask("GET", "/v1/models/tiny/metadata").json
    assert metadata["model_spec"] == {"name": "tiny", "signature_name": "", "version": "1"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["text"]["dtype"] == "DT_STRING"
    assert [each["size"] for each in signature["outputs"]["probabilities"]["tensor_shape"]["dim"]] == ["-1", "2"]
    missing = served.ask("POST", "/v1/models/gone:predict", {"instances": ["a"]})
    assert missing.status == 404
    assert missing.json["error"].startswith("Servable not found for request: Latest(gone)")
    assert served.ask("GET", "/v1/models/tiny/versions/7").json["error"].endswith("Specific(tiny, 7)")
    assert served.ask("POST", "/v1/models/tiny/versions/1:predict", {"instances": ["love"]}).status == 200


def test_the_open_inference_protocol(served, model):
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(TWEETS)], "data": TWEETS}
    answer = served.ask("POST", "/v2/models/tiny/infer", {"id": "7", "inputs": [tensor]}).json
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("tiny", "1", "7")
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert list(outputs) == ["probabilities", "label", "known"]
    assert (outputs["probabilities"]["datatype"], outputs["probabilities"]["shape"]) == ("FP32", [len(TWEETS), 2])
    np.testing.assert_allclose(outputs["probabilities"]["data"], model.predict_proba(TWEETS).ravel(), atol=1e-6)
    columns = tensor | {"shape": [len(TWEETS), 1], "data": [[text] for text in TWEETS]}
    body = {"inputs": [columns], "outputs": [{"name": "label"}]}
    only = served.ask("POST", "/v2/models/tiny/versions/1/infer", body).json["outputs"]
    assert [output["data"] for output in only] == [model.predict(TWEETS).tolist()]
    assert served.ask("GET", "/v2/models/tiny").json["inputs"][0]["datatype"] == "BYTES"
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/tiny/ready", "/healthz", "/readyz"):
        assert served.ask("GET", path).status == 200


REFUSED = [
    ("/predict", b"[" * 15_000, 400, "the body is not JSON"),
    ("/predict", b'{"texts": ["\xff"]}', 400, "the body is not JSON"),
    ("/predict", b'{"texts": ["\\ud800"]}', 400, "the body is not JSON"),
    ("/predict", b'{"texts": ["a"], "threshold": NaN}', 400, "the body is not JSON"),
    ("/predict", b"[]", 400, "expected a JSON object, received a list"),
    ("/predict", {}, 422, "received no texts"),
    ("/predict", {"texts": "love"}, 422, "texts: expected a list of strings, received a string"),
    ("/predict", {"texts": ["love", 7]}, 422, "texts[1]: expected a string, received a number"),
    ("/predict", {"texts": ["x" * 1001]}, 422, "texts[0]: expected at most 1000 characters, received 1001"),
    ("/predict", {"texts": ["x"] * 51}, 422, "texts: expected at most 50 in a request, received 51"),
    ("/predict", {"texts": ["x"], "threshold": 2}, 422, "threshold: expected a number from 0 to 1"),
    ("/predict", {"texts": ["x"], "threshold": True}, 422, "threshold: expected a number from 0 to 1"),
    ("/predict", {"texts": ["x"], "explain": 1}, 422, "explain: expected true or false"),
    ("/predict", {"texts": ["x"], "tresh": 1}, 422, "'tresh': not known; expected texts, threshold"),
    ("/predict", {"texts": ["x"], "model": "gone"}, 404, "there are tiny, other"),
    ("/predict", b" " * 20_001, 413, "expected a body of at most 20000 bytes"),
    ("/v1/models/tiny:predict", {"instances": ["x"], "inputs": ["x"]}, 400, "either 'instances' or 'inputs'"),
    ("/v1/models/tiny:predict", {"instances": []}, 400, "at least one value"),
    ("/v1/models/tiny:predict", {"instances": [{"words": "x"}]}, 400, "instances[0]: expected one input, 'text'"),
    ("/v1/models/tiny:predict", {"instances": [None]}, 400, "instances[0]: expected a string, received null"),
    ("/v1/models/tiny:predict", {"instances": [{"b64": "*"}]}, 400, "expected base64"),
    ("/v1/models/tiny:predict", {"instances": ["x"], "signature_name": "y"}, 400, "signature key 'y' not found"),
    ("/v1/models/tiny:predict", {"instances": ["x"], "signature_name": []}, 400, "signature key '[]' not found"),
    ("/v1/models/tiny:classify", {"examples": []}, 400, "'classify': not a method of this model"),
    ("/v2/models/tiny/infer", {"inputs": []}, 400, "inputs: expected a list of one tensor"),
    (
        "/v2/models/tiny/infer",
        {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [2], "data": ["x"]}]},
        400,
        "inputs[0].shape: expected [1]",
    ),
    (
        "/v2/models/tiny/infer",
        {"inputs": [{"name": "text", "datatype": "FP32", "shape": [1], "data": [1.0]}]},
        400,
        "expected name 'text' and datatype 'BYTES'",
    ),
    ("/nothing", {}, 404, "no such address"),
    ("/healthz", {}, 405, "no such method"),
]


@pytest.mark.parametrize(("path", "body", "status", "sentence"), REFUSED)
def test_what_is_refused_and_how(served, path, body, status, sentence):
    answer = served.ask("POST", path, body)
    assert (answer.status, list(answer.json)) == (status, ["error"])
    assert sentence in answer.json["error"]
    assert "\n" not in answer.json["error"]
    routed = served.ask("POST", path, body, content_type="text/plain")
    assert (routed.status, routed.json) == (answer.status, answer.json)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"texts": TWEETS, "threshold": 0.7}),
        ("/predict", {"texts": ["love"], "explain": True, "model": "other"}),
        ("/v1/models/tiny:predict", {"instances": TWEETS}),
        ("/v1/models/other:predict", {"inputs": {"text": TWEETS}}),
        (
            "/v2/models/tiny/infer",
            {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["love"]}]},
        ),
    ],
)
def test_answers_without_the_router_are_the_same(served, path, body):
    direct = served.ask("POST", path, body)
    routed = served.ask("POST", path, body, content_type="application/json; charset=utf-8")
    assert (direct.status, direct.body) == (200, routed.body)
    assert {name: value for name, value in direct.headers.items() if name != "date"} == {
        name: value for name, value in routed.headers.items() if name != "date"
    }


def test_a_connection_is_kept_or_closed_as_the_client_asks(served):
    body = json.dumps({"texts": ["love"]}).encode()

    def request(version: bytes, more: bytes = b"") -> bytes:
        head = b"POST /predict HTTP/%b\r\nHost: localhost\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
        return head % (version, more, len(body)) + body

    for last in (request(b"1.0"), request(b"1.1", b"Connection: close\r\n")):
        received = served.raw(request(b"1.1") + last + request(b"1.1"))
        assert received.count(b"HTTP/1.1 200 OK") == 2
        assert received.count(b"\r\nconnection: close\r\n") == 1
    waited = served.raw(request(b"1.1", b"Expect: 100-continue\r\n"), half_close=True)
    assert waited.count(b"HTTP/1.1 200 OK") == 1


def test_a_chunked_body_is_cut_off_at_the_limit(served):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    received = served.raw(head, b"4e20\r\n" + b" " * 20_000 + b"\r\n", b"1\r\n \r\n", b"0\r\n\r\n", half_close=True)
    assert received.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "head", [b"POST /predict HT", b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_sender_who_never_ends_is_told_so(served, head):
    received = served.raw(head)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert received.endswith(b'{"error":"the request took too long to arrive"}')


def test_headers_have_a_bound(served):
    assert served.raw(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 40_000).startswith(b"HTTP/1.1 431 ")
    assert served.raw(b"GET / HTTP/9\r\n\r\n").startswith(b"HTTP/1.1 400 ")


KINDS = pytest.mark.parametrize("kind", [b"", b"Content-Type: application/json\r\n"], ids=["routed", "direct"])


@KINDS
def test_who_sends_no_more_still_gets_its_answer(served, kind):
    body = json.dumps({"texts": ["love"]}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: %d\r\n\r\n" % (kind, len(body))
    assert b'"label":"positive"' in served.raw(head + body, half_close=True)


@KINDS
def test_requests_on_one_connection_are_answered_in_order(served, kind):
    bodies = [json.dumps({"texts": [text] * 2}).encode() for text in ("love", "hate", "qqq")]
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: %d\r\n\r\n"
    sent = b"".join(head % (kind, len(body)) + body for body in bodies)
    received = served.raw(sent, half_close=True)
    assert [part[:8] for part in received.split(b'"label":"')[1::2]] == [b"positive", b"negative", b'unknown"']


def test_every_answer_keeps_a_browser_safe(served):
    for path in ("/", "/predict", "/nothing", "/metrics", "/docs"):
        headers = served.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers
    first, second = (served.ask("GET", "/openapi.json").headers for _ in range(2))
    assert first.keys() == second.keys()


def test_nothing_of_a_tweet_is_logged(served):
    served.predict(["unmistakable secret"])
    served.ask("GET", "/unmistakable?q=secret")
    served.ask("POST", "/predict", b'{"texts": ["unmistakable secret')
    served.wait_for(r"serve: POST /predict 400 .* ms")
    assert not [line for line in served.log if "unmistakable" in line or "secret" in line]


def test_metrics_count_answers_and_labels(served):
    def value(name: str) -> float:
        lines = served.ask("GET", "/metrics").body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    names = ['sentiment_labels_total{label="positive",model="tiny"}', 'sentiment_labels_total{label="unknown"']
    names += ['sentiment_requests_total{route="/predict",status="200"}', "sentiment_batch_tweets_sum"]
    before = [value(name) for name in names]
    served.predict(["love", "love", "qqq"])
    assert [value(name) - old for name, old in zip(names, before, strict=True)] == [2, 1, 1, 3]


def test_the_document_describes_every_route(folder):
    routes = every_route(Service(Store([str(folder)]), Limits()))
    described = document()
    assert {route.path for route in routes} == set(described["paths"])
    for route in routes:
        methods = {method.lower() for method in route.methods or ()} - {"head"}
        assert methods == set(described["paths"][route.path]) - {"parameters"}


CSV = 'id,text\n1,I do love\n2,"so, ""I""\nhate"\n3,\n'


def test_a_csv_comes_back_scored(served, model):
    texts = ["I do love", 'so, "I"\nhate']
    answer = served.ask("POST", "/predict", CSV.encode(), content_type="text/csv; charset=utf-8")
    lines = answer.body.decode().splitlines()
    assert lines[0] == "id,text,label,probability,known,p_negative,p_positive"
    assert lines[1].split(",")[2] == "positive"
    last = [float(line.rpartition(",")[2]) for line in (lines[1], lines[3])]
    np.testing.assert_allclose(last, model.predict_proba(texts)[:, 1], atol=1e-6)
    assert lines[4:] == ["3,,,,,,"]  # a missing cell stays missing
    headless = served.ask("POST", "/predict?column=1", b"x,I do love\n", content_type="text/csv").body
    assert headless.startswith(b"x,I do love,positive,0.99")
    latin = served.ask(
        "POST", "/predict", "text\ncaf\xe9 love\n".encode("latin-1"), content_type="text/csv; charset=latin-1"
    )
    assert "café love,positive" in latin.body.decode()


def test_json_lines_come_back_scored(served):
    body = b'{"text": "love", "n": 1}\n\n{"text": "hate"}'
    answer = served.ask("POST", "/predict?threshold=0.5", body, content_type="application/x-ndjson")
    rows = [json.loads(line) for line in answer.body.splitlines()]
    assert [(row["label"], row.get("n")) for row in rows] == [("positive", 1), ("negative", None)]


def test_a_missing_tweet_stays_missing_in_json_lines(served):
    body = b'{"text": null}\n{"text": "love"}\n{"text": ""}\n'
    answer = served.ask("POST", "/predict", body, content_type="application/x-ndjson")
    rows = [json.loads(line) for line in answer.body.splitlines()]
    assert [row["label"] for row in rows] == [None, "positive", "unknown"]
    assert set(rows[0].values()) == {None}
    alone = served.ask("POST", "/predict", b'{"text": null}\n', content_type="application/x-ndjson")
    assert json.loads(alone.body) == rows[0]


def test_a_file_in_a_form_comes_back_scored(served):
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nlove\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="../../etc/x.csv"\r\n\r\n'
        + CSV.encode()
        + b"\r\n",
        b"--b--\r\n",
    ]
    answer = served.ask("POST", "/predict", b"".join(parts), content_type="multipart/form-data; boundary=b")
    expected = served.ask("POST", "/predict", CSV.encode(), content_type="text/csv")
    assert answer.body == expected.body
    empty = served.ask("POST", "/predict", parts[0] + parts[2], content_type="multipart/form-data; boundary=b")
    assert (empty.status, empty.json["error"][:22]) == (422, "the form holds no file")


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b"", "text/csv", "the file is empty"),
        (b"", "application/x-ndjson", "the file is empty"),
        (b"words\nlove\n", "text/csv", "expected a column 'text'"),
        (b"text,label\nlove,x\n", "text/csv", "has columns label already"),
        (b"text,n\nlove\n", "text/csv", "line 2: expected 2 columns, received 1"),
        (b"text\n\xff\n", "text/csv", "expected utf-8 text"),
        (b"text\nlove\n", "text/csv; charset=klingon", "not a text encoding that is known"),
        (b'{"text": 1}', "application/jsonl", "line 1: expected a string 'text'"),
        (b'{"tweet": "a"}', "application/jsonl", "line 1: expected a string 'text'"),
        (b'{"text": "a"}\n[', "application/jsonl", "line 2: expected a JSON object"),
    ],
)
def test_a_file_that_cannot_be_scored(served, body, kind, sentence):
    answer = served.ask("POST", "/predict", body, content_type=kind)
    assert answer.status == 422
    assert sentence in answer.json["error"]


def test_a_file_larger_than_what_is_held(served):
    rows = 60_000
    body = b"text\n" + b"I do love\n" * rows
    answer = served.ask("POST", "/predict", body, content_type="text/csv")
    assert answer.body.count(b"\n") == rows + 1
    assert answer.body.endswith(answer.body.splitlines()[1] + b"\n")
