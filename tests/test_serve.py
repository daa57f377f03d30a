"""The service, over its sockets: what each interface answers, what is refused and how."""

import contextlib
import csv
import io
import json
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiment
from sentiment.predict import model_folder
from sentiment.text.frequent_chunks import make_table
from sentiment.text.preprocessor import Preprocessor
from tests.served import Answer, Served, serve, until
from tests.test_structure import tiny_model

TWEETS = ["I do love", "hate hate", "the", "qqq zzz", "", "İ \U0001f44d\U0001f3fd love", "love " * 50]
LIMITS = ("--texts", "50", "--characters", "1000", "--body-bytes", "20000", "--receive-seconds", "1")


@pytest.fixture(scope="module")
def temporary(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def served(tiny_folder, temporary) -> Iterator[Served]:
    more = ("--access-log", "--allowed-host", "tweets.example.com", "--allowed-host", "*.example.org", *LIMITS)
    environment = {"TMPDIR": str(temporary)}
    models = ("--model", str(tiny_folder), "--model", f"other={tiny_folder}")
    with serve(*models, *more, environment=environment) as running:
        yield running
        assert running.stop() == 0
    assert list(temporary.iterdir()) == []


@pytest.fixture(scope="module")
def model(tiny_folder):
    return sentiment.load(tiny_folder)


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


@pytest.mark.parametrize("text", [r"love \ud83d", r"love \uDE0A!", r"love \ud83d\ud83d\ude0a", r"love \\\ud83d"])
def test_half_an_emoji_becomes_the_replacement_character(served, text):  # a file of JSON is read in this way, too
    answer = served.ask("POST", "/predict", b'{"explain": true, "texts": ["%s"]}' % text.encode())
    whole = json.loads(f'"{text}"').encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert answer.json == served.ask("POST", "/predict", {"explain": True, "texts": [whole]}).json


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


def test_json_requests_never_load_arrow_and_its_memory(with_chunks):
    texts = [f"love! it's #{i}ing hate:( xx{i}" for i in range(60)]
    with serve("--model", str(with_chunks)) as served:  # few texts: many are read by Arrow
        assert len(served.predict(texts).json["answers"]) == 60
        assert served.predict(["love it's"], explain=True).json["answers"][0]["tokens"][0]["token"] == "love"
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
    assert tensorflow(served, instances=["love"], signature_name="").status == 200
    encoded = tensorflow(served, instances=[{"b64": "SSBsb3ZlIGl0"}]).json["predictions"]
    assert encoded == tensorflow(served, instances=["I love it"]).json["predictions"]


def test_tensorflow_serving_ids(served, model):
    ids = model.preprocessor.pad(model.preprocessor.encode(TWEETS)).tolist()
    answer = tensorflow(served, instances=ids, signature_name="serve_ids").json["predictions"]
    np.testing.assert_allclose(answer, model.predict_proba(TWEETS), atol=1e-6)
    for wrong in ([[1, 2]], [[0, 0, 0, 0]], [[1, 2, 3, 99]], [[1, 2, 3, -1]], [[1, 2, 3, True]], ["love"]):
        refused = tensorflow(served, instances=wrong, signature_name="serve_ids")
        assert refused.status == 400
        assert "row 0:" in refused.json["error"] or "$.instances[0]" in refused.json["error"]


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


TENSOR = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["x"]}
V1, V2 = "/v1/models/tiny:predict", "/v2/models/tiny/infer"
REFUSED = [
    ("/predict", b"[" * 15_000, 422, "Expected `object`, got `array`"),
    ("/predict", b'{"texts": [' + b"[" * 15_000, 422, "Expected `str`, got `array` - at `$.texts[0]`"),
    ("/predict", b'{"texts": ["love"]} x', 400, "the body is not JSON"),
    ("/predict", b"text\nlove\n", 400, "; GET /openapi.json describes the body; a file needs its Content-Type"),
    ("/predict", b'{"texts": ["\xff"]}', 400, "the body is not JSON"),
    ("/predict", b'{"texts": ["\\ud800" "\\ud800"]}', 400, "the body is not JSON: JSON is malformed"),
    ("/predict", b'{"texts": ["a"], "threshold": NaN}', 400, "the body is not JSON"),
    ("/predict", {}, 422, "missing required field `texts`"),
    ("/predict", {"texts": "love"}, 422, "Expected `array`, got `str` - at `$.texts`"),
    ("/predict", {"texts": ["love", 7]}, 422, "Expected `str`, got `int` - at `$.texts[1]`"),
    ("/predict", {"texts": ["x" * 1001]}, 422, "texts[0]: expected at most 1000 characters, received 1001"),
    ("/predict", {"texts": ["x"] * 51}, 422, "texts: expected at most 50 in a request, received 51"),
    ("/predict", {"texts": ["x"], "threshold": 2}, 422, "<= 1.0 - at `$.threshold`"),
    ("/predict", {"texts": ["x"], "threshold": True}, 422, "got `bool` - at `$.threshold`"),
    ("/predict", {"texts": ["x"], "explain": 1}, 422, "Expected `bool`, got `int` - at `$.explain`"),
    ("/predict", {"texts": ["x"], "tre\nsh": 1}, 422, "unknown field `tre sh`"),
    ("/predict", {"texts": ["x"], "model": "gone"}, 404, "there are tiny, other"),
    ("/predict", b" " * 20_001, 413, "at most 20000 bytes: send fewer tweets; files may be larger than JSON"),
    (V1, {"instances": ["x"], "inputs": ["x"]}, 400, "either 'instances' or 'inputs'"),
    (V1, {"instances": []}, 400, "at least one value"),
    (V1, {"instances": [{"words": "x"}]}, 400, "instances[0]: expected one input, 'text'"),
    (V1, {"instances": [None]}, 400, "got `null` - at `$.instances[0]`"),
    (V1, {"instances": [{"text": None}]}, 400, "instances[0]: expected a string"),
    (V1, {"instances": [{"b64": "*"}]}, 400, "instances[0]: expected base64"),
    (V1, {"inputs": [{"b64": "*"}]}, 400, "inputs[0]: expected base64"),
    (V1, {"inputs": {"text": ["x", {"text": "x"}]}}, 400, "inputs[1]: expected a string"),
    (V1, {"inputs": ["x"] * 51}, 422, "inputs: expected at most 50 in a request, received 51"),
    (V1, {"inputs": [[0]] * 51, "signature_name": "serve_ids"}, 422, "inputs: expected at most 50 in a request"),
    (V1, {"inputs": ["x" * 1001]}, 422, "inputs[0]: expected at most 1000 characters, received 1001"),
    (V1, {"instances": ["x"], "signature_name": "y"}, 400, "signature key 'y' not found"),
    (V1, {"instances": ["x"], "signature_name": []}, 400, "Expected `str`, got `array`"),
    ("/v1/models/tiny:classify", {"examples": []}, 400, "'classify': not a method of this model"),
    (V2, {"inputs": []}, 400, "Expected `array` of length"),
    (V2, {"inputs": [TENSOR | {"shape": [2]}]}, 400, "inputs[0].shape: expected [1]"),
    (V2, {"inputs": [TENSOR | {"datatype": "FP32"}]}, 400, "Invalid enum value 'FP32' - at `$.inputs[0].datatype`"),
    (V2, {"inputs": [TENSOR | {"name": "words"}]}, 400, "Invalid enum value 'words'"),
    (V2, {"inputs": [TENSOR], "outputs": [{"name": "words"}]}, 400, "Invalid enum value 'words'"),
    ("/nothing", {}, 404, "no such address"),
    ("/healthz", {}, 405, "no such method"),
]


@pytest.mark.parametrize(("path", "body", "status", "sentence"), REFUSED)
def test_what_is_refused_and_how(served, path, body, status, sentence):
    answer = served.ask("POST", path, body)
    assert (answer.status, list(answer.json)) == (status, ["error"])
    assert sentence in answer.json["error"]
    assert "\n" not in answer.json["error"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"127.0.0.1:8501", 200), (b"[::1]:80", 200), (b"192.168.7.9", 200), (b"LocalHost:1", 200), (b"a.localhost", 200),
        (b"tweets.EXAMPLE.com:443", 200), (b"a.b.example.org", 200),
        (b"evil.example", 400), (b"localhost.evil.example", 400), (b"127.0.0.1.evil.example:8501", 400),
        (b"example.com", 400), (b"notlocalhost", 400), (b"xexample.org", 400), (b"", 400), (b"a b", 400), (b"[::1", 400),
    ],
)  # fmt: skip
def test_which_hosts_a_request_may_name(served, host, status):
    """A page of another site must not read answers under a name of its own."""
    received = served.raw(b"GET /models HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 %d " % status)


def test_a_request_that_names_no_host_is_refused(served):
    assert served.raw(b"GET /models HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400 ")


CHUNKED = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_chunked_body_is_cut_off_at_the_limit(served):
    received = served.raw(CHUNKED, b"4e20\r\n" + b" " * 20_000 + b"\r\n", b"1\r\n \r\n", b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("kind", ["application/json", "text/csv", "multipart/form-data; boundary=b"])
def test_a_body_that_never_ends_is_refused(served, kind):
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 9\r\n\r\n-"
    received = served.raw(head.encode())
    assert received.startswith(b"HTTP/1.1 408 ")
    assert received.endswith(b'{"error":"the request took too long to arrive"}')


def test_slow_and_half_open_clients_do_not_stop_the_others(served):
    starts = (b"", b"POST /predict HT", b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
    with contextlib.ExitStack() as stack:
        for start in starts * 40:
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            sock.sendall(start)
        assert all(served.predict(["love"]).status == 200 for _ in range(20))


def test_headers_have_a_bound(served):
    long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 40_000 + b"\r\n\r\n"
    assert served.raw(long).startswith(b"HTTP/1.1 431 ")
    assert served.raw(b"GET / HTTP/9\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_requests_on_one_connection_are_answered_in_order(served):
    bodies = [json.dumps({"texts": [text] * 2}).encode() for text in ("love", "hate", "qqq")]
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: %d\r\n\r\n"
    ends = (b"", b"", b"Connection: close\r\n")
    sent = b"".join(head % (end, len(body)) + body for end, body in zip(ends, bodies, strict=True))
    received = served.raw(sent)
    assert [part[:8] for part in received.split(b'"label":"')[1::2]] == [b"positive", b"negative", b'unknown"']


def test_every_answer_keeps_a_browser_safe(served):
    for path in ("/", "/predict", "/nothing", "/metrics", "/docs"):
        headers = served.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_nothing_of_a_tweet_is_logged(served):
    served.predict(["unmistakable secret"])
    scored(served, b'{"full_text": "unmistakable secret"}\n', "application/jsonl")
    served.ask("GET", "/unmistakable?q=secret")
    served.ask("POST", "/predict", b'{"texts": ["unmistakable secret')
    served.wait_for(r"serve: POST /predict 400 .* ms")
    assert not [line for line in served.log if "unmistakable" in line or "secret" in line or "file.jsonl" in line]


def test_metrics_count_answers_and_labels(served):
    def value(name: str) -> float:
        lines = served.ask("GET", "/metrics").body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    names = ['sentiment_labels_total{label="positive",model="tiny"}', 'sentiment_labels_total{label="unknown"']
    names += ['sentiment_requests_total{route="/predict",status="200"}', "sentiment_batch_tweets_sum"]
    before = [value(name) for name in names]
    served.predict(["love", "love", "qqq"])
    assert [value(name) - old for name, old in zip(names, before, strict=True)] == [2, 1, 1, 3]


def test_the_document_describes_every_route_and_the_bodies(served):
    described = served.ask("GET", "/openapi.json").json
    operations = described["paths"]["/v1/models/{name}/versions/{version}:{verb}"]
    assert list(operations) == ["post"]
    assert [each["name"] for each in operations["post"]["parameters"]] == ["name", "version", "verb"]
    assert all(each["summary"] for path in described["paths"].values() for each in path.values())
    bodies = {
        path: each["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, methods in described["paths"].items()
        for each in methods.values()
        if "requestBody" in each
    }
    assert set(bodies.values()) == {"PredictRequest", "TensorflowRequest", "InferRequest"}
    assert set(bodies) == {path for path, methods in described["paths"].items() if "post" in methods}
    schemas = described["components"]["schemas"]
    assert schemas["PredictRequest"]["required"] == ["texts"]
    assert schemas["PredictRequest"]["additionalProperties"] is False
    assert schemas["PredictRequest"]["properties"]["threshold"]["maximum"] == 1
    assert schemas["InferRequest"]["properties"]["inputs"]["maxItems"] == 1
    page = served.ask("GET", "/docs").body.decode()
    refusals = {"400", "401", "404", "408", "413", "415", "422", "429", "431", "503"}
    assert set(described["paths"]["/predict"]["post"]["responses"]) == {"200", *refusals}
    assert all(f"<code>{each}</code>" in page for each in (*described["paths"], *refusals))
    assert "`" not in page


CSV = 'id,text\n1,I do love\n2,"so, ""I""\nhate"\n3,\n'


def scored(served, body: bytes, kind: str, query: str = "") -> Answer:
    answer = served.ask("POST", f"/predict{query}", body, content_type=kind)
    assert answer.status == 200, answer.body
    return answer


def rows(answer: Answer, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.body.decode(), newline=""), delimiter=delimiter))


def test_a_csv_comes_back_scored(served, model):
    answer = scored(served, CSV.encode(), "text/csv; charset=utf-8")
    first, *others = rows(answer)
    assert first == ["id", "text", "label", "probability", "known", "cut", "p_negative", "p_positive"]
    assert [row[:3] for row in others] == [
        ["1", "I do love", "positive"], ["2", 'so, "I"\nhate', "negative"], ["3", "", ""],
    ]  # fmt: skip
    np.testing.assert_allclose(
        [float(row[-1]) for row in others[:2]], model.predict_proba(["I do love", 'so, "I"\nhate'])[:, 1], atol=1e-6
    )
    assert json.loads(answer.headers["x-sentiment-labels"]) == {"positive": 1, "negative": 1, "missing": 1}
    headless = scored(served, b"x,I do love\n", "text/csv", "?column=1")
    assert rows(headless)[1][:3] == ["x", "I do love", "positive"]


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("text/csv; charset=latin-1", ""), ("text/csv; header=present; Charset=latin-1", ""),
        ('text/csv; charset="latin-1"; header=present', ""), ("TEXT/CSV", "?encoding=latin-1"),
    ],
)  # fmt: skip
def test_the_encoding_of_a_file(served, kind, query):
    assert "caf\xe9 love" in scored(served, "text\ncaf\xe9 love\n".encode("latin-1"), kind, query).body.decode()


def test_other_delimiters_and_columns_called_label(served):
    """The same files that the command line reads, by the same reader."""
    semicolons = rows(scored(served, b"id;text\n1;I do love\n", "text/csv"))
    assert semicolons[1][:3] == ["1", "I do love", "positive"]
    named = rows(scored(served, b"text,label\nI do love,positive\n", "text/csv"))
    assert named[0][:4] == ["text", "label", "predicted_label", "predicted_probability"]
    tabs = scored(served, b"id\ttext\n1\tI do love\n", "text/tab-separated-values")
    assert rows(tabs, "\t")[1][:3] == ["1", "I do love", "positive"]
    chosen = rows(scored(served, b"a|text\n1,2|love\n", "text/csv", "?delimiter=|"))
    assert rows(scored(served, b'id,text\n1,"love\n2,hate"\n', "text/csv", "?quotes=yes"))[1][1] == "love\n2,hate"
    assert rows(scored(served, b'id,text\n1,"love"\n2,hate\n', "text/csv", "?quotes=no"))[1][1] == '"love"'
    assert chosen[1][:3] == ["1,2", "love", "positive"]
    assert rows(scored(served, b"a\tb,text\n1\tlove\n", "text/csv", "?delimiter=tab&column=b,text"))[1][1] == "love"
    for query, sentence in (
        ("quotes=maybe", "?quotes 'maybe': expected yes or no"),
        ("delimiter=ab", "?delimiter 'ab': expected one ASCII character, or tab; no quote or line end"),
        ("delimiter=%22", "?delimiter '\"': expected one ASCII character"),
        ("delimiter=%0A", "?delimiter '\\n': expected one ASCII character"),
        ("delimiter=%C3%A9", "?delimiter 'é': expected one ASCII character"),
        ("column=nope", "file.csv:1: expected a column 'nope', received id, text; set ?column"),
        ("threshold=2", "threshold: expected a num"),
        ("treshold=0.9", "query: expected column, threshold, model, encoding, delimiter, quotes; received treshold"),
    ):
        refused = served.ask("POST", f"/predict?{query}", CSV.encode(), content_type="text/csv")
        assert (refused.status, refused.json["error"][: len(sentence)]) == (422, sentence)


def test_a_query_that_json_would_not_heed_is_refused(served):
    """Otherwise the first model would answer for the one that the query names."""
    refused = served.ask("POST", "/predict?model=other&threshold=0.9", {"texts": ["love"]})
    assert (refused.status, refused.json["error"][:31]) == (422, "query: expected none with JSON ")
    assert refused.json["error"].endswith("; received model, threshold")


def test_json_lines_come_back_scored_and_keep_their_own_fields(served):
    body = b'{"text": "love", "n": 1}\n{"text": "hate"}\n{"text": null, "label": "mine", "known": 7}\n'
    answer = scored(served, body, "application/x-ndjson", "?threshold=0.5")
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [(row["predicted_label"], row.get("n")) for row in lines] == [
        ("positive", 1),
        ("negative", None),
        (None, None),
    ]
    assert (lines[2]["label"], lines[2]["known"]) == ("mine", 7)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"body": "love"}\n', "file.jsonl: expected a column 'text', received body; set ?column to one of them"),
        (
            b'{"text": "love", "label": 1, "predicted_label": 1}\n',
            "file.jsonl: has columns predicted_label already; rename them",
        ),
    ],
)
def test_no_message_names_an_option_that_http_lacks(served, body, sentence):
    refused = served.ask("POST", "/predict", body, content_type="application/x-ndjson")
    assert (refused.status, refused.json["error"]) == (422, sentence)


def test_parquet_comes_back_scored(served):
    written = io.BytesIO()
    pq.write_table(pa.table({"text": ["love", None]}), written)
    answer = scored(served, written.getvalue(), "application/vnd.apache.parquet")
    assert pq.read_table(io.BytesIO(answer.body)).column("label").to_pylist() == ["positive", None]


def test_a_file_in_a_form_comes_back_scored(served):
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nlove\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="../../etc/x.csv"\r\n\r\n'
        + CSV.encode()
        + b"\r\n",
        b"--b--\r\n",
    ]
    answer = scored(served, b"".join(parts), "multipart/form-data; boundary=b")
    assert answer.body == scored(served, CSV.encode(), "text/csv").body
    empty = served.ask("POST", "/predict", parts[0] + parts[2], content_type="multipart/form-data; boundary=b")
    assert (empty.status, empty.json["error"][:25]) == (422, "the form contains no file")
    no_form = served.ask("POST", "/predict", b"--b", content_type="multipart/form-data")
    assert (no_form.status, "boundary" in no_form.json["error"]) == (400, True)


def test_a_zip_in_a_form_is_read_as_the_file_inside(served):
    """Its name does not show the kind, so the archive of X was read as CSV."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "data/tweets.js", 'window.YTD.tweets.part0 = [{"tweet": {"id_str": "1", "full_text": "love"}}]'
        )
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="archive.zip"\r\n\r\n'
    answer = scored(served, head + packed.getvalue() + b"\r\n--b--\r\n", "multipart/form-data; boundary=b")
    assert answer.json["label"] == "positive"


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b"", "text/csv", "file.csv"),
        (b"words\nlove\n", "text/csv", "'text'"),
        (b"text,n\nlove\n", "text/csv", "file.csv:2: expected 2"),
        (b"text\n\xff\n", "text/csv", "?encoding"),
        (b"text\nlove\n", "text/csv; charset=klingon", "klingon"),
        (b"text\nlove\n", "text/csv; charset=hex", "?encoding hex: not a codec that Python knows"),
        (b"null\n", "application/jsonl", "file.jsonl:1: expected a JSON object"),
        (b'{"other": "\xf0\x9f"}\n', "application/jsonl", "file.jsonl:1: expected a JSON object in UTF-8"),
        (b'{"text": 1}', "application/jsonl", "expected text"),
        (b'{"text": "a"}\n[', "application/jsonl", "file.jsonl:2: expected a JSON object"),
        (b"text\nlove\n", "application/vnd.apache.parquet", "again, or give it the ending or media type of what it is"),
    ],
)
def test_a_file_that_cannot_be_scored(served, body, kind, sentence):
    answer = served.ask("POST", "/predict", body, content_type=kind)
    assert answer.status == 422
    assert sentence in answer.json["error"]
    assert "/" not in answer.json["error"].replace("latin-1/", "")
    assert "\n" not in answer.json["error"]


def test_a_file_larger_than_what_is_held(served, temporary):
    count = 60_000
    answer = scored(served, b"text\n" + b"I do love\n" * count, "text/csv")
    assert answer.body.count(b"\n") == count + 1
    until(lambda: not list(temporary.glob("sentiment-upload-*")))
