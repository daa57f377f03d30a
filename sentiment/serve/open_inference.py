"""The Open Inference Protocol (version 2) of KServe and Triton: texts in; probabilities and labels out."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import sentiment
from sentiment.predict.answers import Answers
from sentiment.serve.bodies import check_texts, json_response, read_json
from sentiment.serve.limits import Refusal
from sentiment.serve.model_store import Export
from sentiment.serve.service import Service

_BINARY = "inference-header-content-length"
_MODEL = "/v2/models/{name}"

OneText = Annotated[list[str], msgspec.Meta(min_length=1, max_length=1)]


class InputTensor(msgspec.Struct, forbid_unknown_fields=True):
    """The tensor of texts, of shape ``[n]`` or ``[n, 1]``."""

    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: Annotated[list[int], msgspec.Meta(min_length=1, max_length=2)]
    data: Annotated[list[str | OneText], msgspec.Meta(min_length=1)]
    parameters: dict[str, Any] = {}


class WantedOutput(msgspec.Struct, forbid_unknown_fields=True):
    """The name of an output that the response is to contain."""

    name: Literal["probabilities", "label", "known"]
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``/infer``. Without ``outputs``, the response contains all outputs."""

    inputs: Annotated[list[InputTensor], msgspec.Meta(min_length=1, max_length=1)]
    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    parameters: dict[str, Any] = {}
    outputs: Annotated[list[WantedOutput], msgspec.Meta(max_length=3)] = []


_DECODER = msgspec.json.Decoder(InferRequest)


def routes(service: Service) -> list[Route]:
    """Return the routes of the Open Inference Protocol."""
    version = _MODEL + "/versions/{version}"

    async def infer(request: Request) -> Response:
        """Return the probabilities and labels of texts (Open Inference Protocol)."""
        export = service.export_of(request)
        if _BINARY in request.headers:
            raise Refusal(400, f"{_BINARY}: the binary data extension is not supported; send data as JSON")
        asked = await read_json(request, _DECODER, service.admission, 400)
        texts = texts_of(asked.inputs[0])
        check_texts(texts, "inputs[0].data", service.limits)
        names = [output.name for output in asked.outputs]
        return json_response(respond(export, names, await service.answer(export, texts), asked.id))

    async def about(request: Request) -> Response:
        """Return the input and output tensors of a model (Open Inference Protocol)."""
        return json_response(metadata_of(service.export_of(request)))

    async def ready(request: Request) -> Response:
        """Return whether a model is ready (Open Inference Protocol)."""
        return json_response({"name": service.export_of(request).name, "ready": True})

    async def live(request: Request) -> Response:
        """Return whether the service is alive (Open Inference Protocol)."""
        return json_response({"live": True})

    async def all_ready(request: Request) -> Response:
        """Return whether the service is ready (Open Inference Protocol)."""
        return json_response({"ready": True})

    async def server(request: Request) -> Response:
        """Return the name and version of the service (Open Inference Protocol)."""
        return json_response({"name": "sentiment", "version": sentiment.__version__, "extensions": []})

    return [
        *(Route(prefix + "/infer", infer, methods=["POST"]) for prefix in (_MODEL, version)),
        *(Route(prefix + "/ready", ready) for prefix in (_MODEL, version)),
        *(Route(prefix, about) for prefix in (_MODEL, version)),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", all_ready),
        Route("/v2", server),
    ]


def texts_of(tensor: InputTensor) -> list[str]:
    """Return the texts of a tensor, or raise a :class:`Refusal` (400) if its shape does not match its data."""
    count = len(tensor.data)
    if tensor.shape not in ([count], [count, 1]):
        raise Refusal(400, f"inputs[0].shape: expected [{count}] because data has {count} values")
    return [value if isinstance(value, str) else value[0] for value in tensor.data]


def respond(export: Export, names: Sequence[str], answers: Answers, identity: str) -> dict[str, Any]:
    """Return the response body: the outputs in ``names`` (all if empty) as flat arrays, and the request's id if any."""
    count, classes = answers.probabilities.shape
    labels = [export.classes[i] for i in answers.probabilities.argmax(axis=1).tolist()]
    data = {"probabilities": answers.probabilities.ravel().tolist(), "label": labels, "known": answers.known.tolist()}
    tensors = {tensor["name"]: tensor for tensor in _outputs(count, classes)}
    outputs = [tensors[name] | {"data": data[name]} for name in names or tensors]
    answer: dict[str, Any] = {"model_name": export.name, "model_version": export.version, "outputs": outputs}
    return answer | {"id": identity} if identity else answer


def metadata_of(export: Export) -> dict[str, Any]:
    """Return the model's metadata, with the names, data types and shapes of its input and outputs."""
    return {
        "name": export.name,
        "versions": [export.version],
        "platform": "sentiment_numpy",
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
        "outputs": _outputs(-1, len(export.classes)),
    }


def _outputs(count: int, classes: int) -> list[dict[str, Any]]:
    tensors = ("probabilities", "FP32", [count, classes]), ("label", "BYTES", [count]), ("known", "FP32", [count])
    return [{"name": name, "datatype": kind, "shape": shape} for name, kind, shape in tensors]
