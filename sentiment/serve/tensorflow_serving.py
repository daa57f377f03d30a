"""TensorFlow Serving's REST interface, so that its clients work with either server.

Row format (``instances``) and column format (``inputs``), the signatures ``serving_default`` (text) and ``serve_ids``
(padded ids), model status and metadata. Errors are ``{"error": ...}`` with its status codes.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive

from sentiment.predict.answers import Answers
from sentiment.serve.bodies import check_count, check_keys, check_texts, kind, read_json
from sentiment.serve.direct import Direct, respond_with
from sentiment.serve.json_answers import as_json, json_response
from sentiment.serve.refusals import Refusal
from sentiment.serve.service import Service
from sentiment.serve.store import Export, Model

TEXT, IDS = "serving_default", "serve_ids"
_INPUT = {TEXT: "text", IDS: "ids"}
_MODEL, _VERB = "/v1/models/{name}", ":{verb}"
_METHOD = "tensorflow/serving/predict"


class Asked(NamedTuple):
    """A predict request: ``values`` as they came, of ``signature``, by rows or by columns."""

    values: list[Any]
    signature: str
    by_rows: bool


def routes(service: Service) -> list[Route]:
    """The interface over ``service``."""
    version = _MODEL + "/versions/{version}"

    async def predict(request: Request) -> Response:
        given = request.path_params
        export = service.store.get(given["name"], given.get("version"))
        if given["verb"] != "predict":
            raise Refusal(400, f"{given['verb'][:40]!r}: not a method of this model; expected predict")
        return await respond_with(lambda headers, receive: _predict(service, export, headers, receive), request)

    async def status(request: Request) -> Response:
        service.store.get(request.path_params["name"], request.path_params.get("version"))
        return json_response(status_of(service.store.models[request.path_params["name"]]))

    async def metadata(request: Request) -> Response:
        export = service.store.get(request.path_params["name"], request.path_params.get("version"))
        return json_response(metadata_of(export))

    return [
        *(Route(prefix + _VERB, predict, methods=["POST"]) for prefix in (_MODEL, version)),
        *(Route(prefix + "/metadata", metadata) for prefix in (_MODEL, version)),
        *(Route(prefix, status) for prefix in (_MODEL, version)),
    ]


def directly(service: Service) -> dict[str, Direct]:
    """The address of each model, whichever version is served."""

    def of(name: str) -> Direct:
        async def predict(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
            return await _predict(service, service.store.get(name), headers, receive)

        return Direct(_MODEL + _VERB, predict)

    return {_MODEL.format(name=name) + ":predict": of(name) for name in service.store.names}


async def _predict(service: Service, export: Export, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    asked = parse(await read_json(headers, receive, service.admission))
    if asked.signature == IDS:
        check_count(asked.values, "instances", service.limits)
        return as_json(respond_ids(asked, await service.answer_ids(export, _ids(asked.values, export))))
    texts = check_texts([_text(value) for value in asked.values], "instances", service.limits, 400)
    return as_json(respond(asked, export, await service.answer(export, texts)))


def parse(data: dict[str, Any]) -> Asked:
    """What a request asks for.

    Raises:
        Refusal: 400, it is not of TensorFlow Serving's form.
    """
    check_keys(data, ("instances", "inputs", "signature_name"), 400)
    signature = data.get("signature_name", TEXT)
    if not isinstance(signature, str) or signature not in _INPUT:
        raise Refusal(400, f"Serving signature key {str(signature)[:60]!r} not found; there are {TEXT} and {IDS}")
    if ("instances" in data) == ("inputs" in data):
        raise Refusal(400, "expected either 'instances' or 'inputs'")
    by_rows = "instances" in data
    values = _rows(data["instances"], _INPUT[signature]) if by_rows else _column(data["inputs"], _INPUT[signature])
    if not values:
        raise Refusal(400, f"{'instances' if by_rows else 'inputs'}: expected at least one value, received none")
    return Asked(values, signature, by_rows)


def _rows(instances: Any, name: str) -> list[Any]:
    """Values, or objects that name the one input."""
    if not isinstance(instances, list):
        raise Refusal(400, f"instances: expected a list, received {kind(instances)}")
    if all(isinstance(value, dict) and value.keys() != {"b64"} for value in instances):
        for index, value in enumerate(instances):
            if value.keys() != {name}:
                raise Refusal(400, f"instances[{index}]: expected one input, {name!r}")
        return [value[name] for value in instances]
    return instances


def _column(inputs: Any, name: str) -> list[Any]:
    """The one input's values, or an object that names it."""
    if isinstance(inputs, dict) and inputs.keys() != {"b64"}:
        if inputs.keys() != {name}:
            raise Refusal(400, f"inputs: expected one input, {name!r}")
        inputs = inputs[name]
    if not isinstance(inputs, list):
        raise Refusal(400, f"inputs: expected a list, received {kind(inputs)}")
    return inputs


def _text(value: Any) -> Any:
    """A string, also one that comes as ``{"b64": ...}``; bytes that are not UTF-8 become U+FFFD, as in the graph."""
    if not (isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)):
        return value
    try:
        return base64.b64decode(value["b64"], validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise Refusal(400, "b64: expected base64") from None


def _ids(values: list[Any], export: Export) -> np.ndarray:
    """Padded ids, int32 ``(n, max_tokens)``.

    Raises:
        Refusal: 400, another shape or type, or an id outside the vocabulary.
    """
    preprocessor = export.classifier.preprocessor
    length, vocabulary = preprocessor.max_tokens, len(preprocessor.lexicon.vocabulary)
    for index, row in enumerate(values):
        whole = isinstance(row, list) and len(row) == length and all(type(value) is int for value in row)
        if not whole or not all(0 <= value < vocabulary for value in row) or not any(row):
            raise Refusal(400, f"row {index}: expected {length} ids from 0 to {vocabulary - 1}, not all of them 0")
    return np.array(values, np.int32)


def respond(asked: Asked, export: Export, answers: Answers) -> dict[str, Any]:
    """Outputs as the SavedModel's ``serving_default`` has them; ``label`` is always the most probable class."""
    labels = [export.classes[i] for i in answers.probabilities.argmax(axis=1).tolist()]
    if not asked.by_rows:
        return {"outputs": {"probabilities": answers.probabilities, "label": labels, "known": answers.known}}
    rows = zip(answers.probabilities.tolist(), labels, answers.known.tolist(), strict=True)
    return {"predictions": [{"probabilities": row, "label": label, "known": known} for row, label, known in rows]}


def respond_ids(asked: Asked, probabilities: np.ndarray) -> dict[str, Any]:
    """The one output of ``serve_ids``, whose name is left out."""
    return {"predictions" if asked.by_rows else "outputs": probabilities}


def status_of(model: Model) -> dict[str, Any]:
    """``GetModelStatusResponse``; a new export that was refused is told in the message of the one that goes on."""
    status = {"error_code": "OK", "error_message": model.problem}
    return {"model_version_status": [{"version": model.current.version, "state": "AVAILABLE", "status": status}]}


def metadata_of(export: Export) -> dict[str, Any]:
    """``GetModelMetadataResponse``: the signatures."""
    classes = str(len(export.classes))
    length = str(export.classifier.preprocessor.max_tokens)
    probabilities = _tensor("DT_FLOAT", "-1", classes)
    outputs = {"probabilities": probabilities, "label": _tensor("DT_STRING", "-1"), "known": _tensor("DT_FLOAT", "-1")}
    signatures = {
        TEXT: _signature({"text": _tensor("DT_STRING", "-1")}, outputs),
        IDS: _signature({"ids": _tensor("DT_INT32", "-1", length)}, {"probabilities": probabilities}),
    }
    return {
        "model_spec": {"name": export.name, "signature_name": "", "version": export.version},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _signature(inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": inputs, "outputs": outputs, "method_name": _METHOD}


def _tensor(dtype: str, *shape: str) -> dict[str, Any]:
    dimensions = [{"size": size, "name": ""} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": ""}
