"""TensorFlow Serving's REST interface, with its errors, so that its clients also work with this service.

Requests may have the row format (``instances``) or the column format (``inputs``), and the signature
``serving_default`` (text) or ``serve_ids`` (padded token ids).
"""

import base64
import binascii
from typing import Any

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment.predict.answers import Answers
from sentiment.serve.bodies import check_count, check_texts, json_response, read_json
from sentiment.serve.limits import Refusal
from sentiment.serve.model_store import Export
from sentiment.serve.service import Service

TEXT, IDS = "serving_default", "serve_ids"
_INPUT = {TEXT: "text", IDS: "ids"}
_MODEL = "/v1/models/{name}"

Value = str | list[int] | dict[str, Any]  # a text, padded ids, ``{"b64": ...}``, or an object that names the input


class TensorflowRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``:predict``, with either ``instances`` or ``inputs``. An empty ``signature_name`` means the default."""

    signature_name: str = TEXT
    instances: list[Value] | msgspec.UnsetType = msgspec.UNSET
    inputs: list[Value] | dict[str, list[Value]] | msgspec.UnsetType = msgspec.UNSET


_DECODER = msgspec.json.Decoder(TensorflowRequest)


def routes(service: Service) -> list[Route]:
    """Return the routes of TensorFlow Serving's REST interface."""
    version = _MODEL + "/versions/{version}"

    async def predict(request: Request) -> Response:
        """Classify texts or token ids as TensorFlow Serving does. The only supported method is ``predict``."""
        export, verb = service.export_of(request), request.path_params["verb"]
        if verb != "predict":
            raise Refusal(400, f"{verb[:40]!r}: not a method of this model; expected predict")
        body = await read_json(request, _DECODER, service.admission, 400)
        values, by_rows = values_of(body), isinstance(body.instances, list)
        where = "instances" if by_rows else "inputs"
        if body.signature_name == IDS:
            check_count(values, where, service.limits)
            probabilities = await service.answer_ids(export, _ids(values, export))
            return json_response({"predictions" if by_rows else "outputs": probabilities.tolist()})
        texts = [each if isinstance(each, str) else _decoded(each, f"{where}[{i}]") for i, each in enumerate(values)]
        check_texts(texts, where, service.limits)
        return json_response(respond(by_rows, export, await service.answer(export, texts)))

    async def status(request: Request) -> Response:
        """Return the state of a model as TensorFlow Serving does."""
        model = service.store.models[service.export_of(request).name]
        told = {"error_code": "OK", "error_message": model.problem}  # tells why a new export was refused
        version = {"version": model.current.version, "state": "AVAILABLE", "status": told}
        return json_response({"model_version_status": [version]})

    async def metadata(request: Request) -> Response:
        """Return the signatures of a model as TensorFlow Serving does."""
        return json_response(metadata_of(service.export_of(request)))

    return [
        *(Route(prefix + ":{verb}", predict, methods=["POST"]) for prefix in (_MODEL, version)),
        *(Route(prefix + "/metadata", metadata) for prefix in (_MODEL, version)),
        *(Route(prefix, status) for prefix in (_MODEL, version)),
    ]


def values_of(body: TensorflowRequest) -> list[Any]:
    """Return a request's values (texts or rows of ids), or raise a :class:`Refusal` (400) if its form is not valid.

    The elements of ``instances`` are either values or objects ``{name: value}``. The content of ``inputs`` is either a
    list of values or an object ``{name: values}``.
    """
    signature = body.signature_name or TEXT
    if signature not in _INPUT:
        raise Refusal(400, f"Serving signature key {signature[:60]!r} not found; there are {TEXT} and {IDS}")
    name, by_rows = _INPUT[signature], isinstance(body.instances, list)
    if by_rows == (body.inputs is not msgspec.UNSET):
        raise Refusal(400, "expected either 'instances' or 'inputs'")
    values: Any = body.instances if by_rows else body.inputs
    if by_rows and all(isinstance(value, dict) and value.keys() != {"b64"} for value in values):
        for index, value in enumerate(values):
            if value.keys() != {name}:
                raise Refusal(400, f"instances[{index}]: expected one input, {name!r}")
        values = [value[name] for value in values]
    elif isinstance(values, dict):
        if values.keys() != {name}:
            raise Refusal(400, f"inputs: expected one input, {name!r}")
        values = values[name]
    if not values:
        raise Refusal(400, f"{'instances' if by_rows else 'inputs'}: expected at least one value, received none")
    return list(values)


def _decoded(value: Any, where: str) -> str:
    """Decode the base64 text in ``{"b64": ...}``. Bytes that are not UTF-8 become U+FFFD, as in the SavedModel."""
    if not (isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)):
        raise Refusal(400, f"{where}: expected a string")
    try:
        return base64.b64decode(value["b64"], validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise Refusal(400, f"{where}: expected base64") from None


def _ids(values: list[Any], export: Export) -> np.ndarray:
    """Return valid rows of padded token ids as int32 ``(n, max_tokens)``; raise a :class:`Refusal` (400) for others."""
    preprocessor = export.classifier.preprocessor
    length, vocabulary = preprocessor.max_tokens, len(preprocessor.lexicon.vocabulary)
    for index, row in enumerate(values):
        whole = isinstance(row, list) and len(row) == length and all(type(value) is int for value in row)
        if not whole or not all(0 <= value < vocabulary for value in row) or not any(row):
            raise Refusal(400, f"row {index}: expected {length} ids from 0 to {vocabulary - 1}, not all of them 0")
    return np.array(values, np.int32)


def respond(by_rows: bool, export: Export, answers: Answers) -> dict[str, Any]:
    """Return the response body with the outputs of the SavedModel, in which ``label`` is the most probable class."""
    labels = [export.classes[i] for i in answers.probabilities.argmax(axis=1).tolist()]
    probabilities, known = answers.probabilities.tolist(), answers.known.tolist()
    if not by_rows:
        return {"outputs": {"probabilities": probabilities, "label": labels, "known": known}}
    rows = zip(probabilities, labels, known, strict=True)
    return {"predictions": [{"probabilities": row, "label": label, "known": share} for row, label, share in rows]}


def metadata_of(export: Export) -> dict[str, Any]:
    """Return a ``GetModelMetadataResponse`` with the signatures of the model."""
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
    return {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict"}


def _tensor(dtype: str, *shape: str) -> dict[str, Any]:
    dimensions = [{"size": size, "name": ""} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": ""}
