"""The Open Inference Protocol (KServe's and Triton's version 2): BYTES in; FP32, BYTES and FP32 out."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive

import sentiment
from sentiment.predict.answers import Answers
from sentiment.serve.bodies import check_texts, kind, read_json
from sentiment.serve.direct import Direct, respond_with
from sentiment.serve.json_answers import as_json, json_response
from sentiment.serve.refusals import Refusal
from sentiment.serve.service import Service
from sentiment.serve.store import Export

INPUT = "text"
OUTPUTS = ("probabilities", "label", "known")
_BINARY = b"inference-header-content-length"
_MODEL, _VERB = "/v2/models/{name}", "/infer"


def routes(service: Service) -> list[Route]:
    """The protocol over ``service``."""
    version = _MODEL + "/versions/{version}"

    def asked(request: Request) -> Export:
        return service.store.get(request.path_params["name"], request.path_params.get("version"))

    async def infer(request: Request) -> Response:
        export = asked(request)
        return await respond_with(lambda headers, receive: _infer(service, export, headers, receive), request)

    async def about(request: Request) -> Response:
        return json_response(metadata_of(asked(request)))

    async def ready(request: Request) -> Response:
        export = asked(request)
        return json_response({"name": export.name, "ready": True})

    async def live(request: Request) -> Response:
        return json_response({"live": True})

    async def all_ready(request: Request) -> Response:
        return json_response({"ready": True})

    async def server(request: Request) -> Response:
        return json_response({"name": "sentiment", "version": sentiment.__version__, "extensions": []})

    return [
        *(Route(prefix + _VERB, infer, methods=["POST"]) for prefix in (_MODEL, version)),
        *(Route(prefix + "/ready", ready) for prefix in (_MODEL, version)),
        *(Route(prefix, about) for prefix in (_MODEL, version)),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", all_ready),
        Route("/v2", server),
    ]


def directly(service: Service) -> dict[str, Direct]:
    """The address of each model, whichever version is served."""

    def of(name: str) -> Direct:
        async def infer(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
            return await _infer(service, service.store.get(name), headers, receive)

        return Direct(_MODEL + _VERB, infer)

    return {_MODEL.format(name=name) + _VERB: of(name) for name in service.store.names}


async def _infer(service: Service, export: Export, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    if _BINARY in headers:
        raise Refusal(400, f"{_BINARY.decode()}: the binary data extension is not supported; send data as JSON")
    data = await read_json(headers, receive, service.admission)
    identity = data.get("id", "")
    if not isinstance(identity, str) or len(identity) > 200:
        raise Refusal(400, "id: expected a string of at most 200 characters")
    names = wanted_outputs(data)
    texts = check_texts(parse(data), "inputs[0].data", service.limits, 400)
    return as_json(respond(export, names, await service.answer(export, texts), identity))


def parse(data: dict[str, Any]) -> list[Any]:
    """The values of the one input.

    Raises:
        Refusal: 400, it is not one tensor ``text`` of BYTES and shape ``[n]`` or ``[n, 1]``.
    """
    inputs = data.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Refusal(400, f"inputs: expected a list of one tensor, {INPUT!r}")
    tensor = inputs[0]
    if tensor.get("name") != INPUT or tensor.get("datatype") != "BYTES":
        raise Refusal(400, f"inputs[0]: expected name {INPUT!r} and datatype 'BYTES'")
    values, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(values, list):
        raise Refusal(400, f"inputs[0].data: expected a list of strings, received {kind(values)}")
    if values and all(isinstance(value, list) and len(value) == 1 for value in values):
        values = [value[0] for value in values]
    if shape not in ([len(values)], [len(values), 1]) or not values:
        raise Refusal(400, f"inputs[0].shape: expected [{len(values)}] as there are values in data, and at least one")
    return values


def wanted_outputs(data: dict[str, Any]) -> list[str]:
    """Names of the outputs asked for; all where none is.

    Raises:
        Refusal: 400, one that there is not.
    """
    outputs = data.get("outputs") or []
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise Refusal(400, "outputs: expected a list of objects with a name")
    names = [output.get("name") for output in outputs]
    if any(name not in OUTPUTS for name in names) or len(names) > len(OUTPUTS):
        raise Refusal(400, f"outputs: expected names of {', '.join(OUTPUTS)}, each once")
    return [str(name) for name in names] or list(OUTPUTS)


def respond(export: Export, names: list[str], answers: Answers, identity: str) -> dict[str, Any]:
    """The outputs asked for, data flat and row by row."""
    count, classes = answers.probabilities.shape
    labels = [export.classes[i] for i in answers.probabilities.argmax(axis=1).tolist()]
    tensors = {
        "probabilities": ("FP32", [count, classes], answers.probabilities.ravel()),
        "label": ("BYTES", [count], labels),
        "known": ("FP32", [count], answers.known),
    }
    outputs = [
        {"name": name, "datatype": tensors[name][0], "shape": tensors[name][1], "data": tensors[name][2]}
        for name in names
    ]
    answer: dict[str, Any] = {"model_name": export.name, "model_version": export.version, "outputs": outputs}
    return answer | {"id": identity} if identity else answer


def metadata_of(export: Export) -> dict[str, Any]:
    """Names, types and shapes of input and outputs."""
    outputs = [("probabilities", "FP32", [-1, len(export.classes)]), ("label", "BYTES", [-1]), ("known", "FP32", [-1])]
    return {
        "name": export.name,
        "versions": [export.version],
        "platform": "sentiment_light_form",
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": name, "datatype": kind, "shape": shape} for name, kind, shape in outputs],
    }
