"""A request's body: received within its limits, read as JSON, its texts checked one by one."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from starlette.types import Receive

from sentiment.serve.admission import Admission, too_large
from sentiment.serve.limits import Limits
from sentiment.serve.refusals import Gone, Refusal

_SHOWN = 60


async def read_json(headers: Mapping[bytes, bytes], receive: Receive, admission: Admission) -> dict[str, Any]:
    """The JSON object that is the body.

    Args:
        headers: of the request, names in lower case.
        receive: gives the body.
        admission: counts what it holds.

    Raises:
        Refusal: 413, it is too large; 429, too much is held already; 400, it is not a JSON object in UTF-8.
        Gone: the client left.
    """
    _check_declared(headers, admission.limits.body_bytes)
    body = await _receive(receive, admission)
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Refusal(400, f"expected a JSON object, received {kind(data)}")
    return data


async def _receive(receive: Receive, admission: Admission) -> bytes:
    """All of the body. What it holds is given back to ``admission`` as soon as it has been read whole."""
    parts: list[bytes] = []
    size = 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")
            admission.take_bytes(len(part), size)
            size += len(part)
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        admission.bytes -= size


def _check_declared(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Refuse a body by its declared length, before any of it is received."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise too_large(limit)
    if headers.get(b"content-encoding", b"identity") not in (b"", b"identity"):
        raise Refusal(415, "expected a body without Content-Encoding: send it uncompressed")


def check_texts(texts: Any, where: str, limits: Limits, status: int) -> list[str]:
    """``texts``, if they are what a model can be asked; after this nothing about them can make a batch fail.

    Args:
        texts: any JSON value.
        where: its name in the request, for messages, which never quote a text.
        limits: their number and lengths.
        status: of a refusal because of a wrong type.

    Raises:
        Refusal: ``status``, not a list of strings; 422, too many, too long.
    """
    if not isinstance(texts, list):
        raise Refusal(status, f"{where}: expected a list of strings, received {kind(texts)}")
    check_count(texts, where, limits)
    for index, text in enumerate(texts):
        if type(text) is not str:
            raise Refusal(status, f"{where}[{index}]: expected a string, received {kind(text)}")
        if len(text) > limits.characters:
            raise Refusal(
                422, f"{where}[{index}]: expected at most {limits.characters} characters, received {len(text)}"
            )
        if not text.isascii():
            _check_surrogates(text, f"{where}[{index}]", status)
    return texts


def check_count(values: list[Any], where: str, limits: Limits) -> None:
    """Refuse more values than a request may have.

    Raises:
        Refusal: 422.
    """
    if len(values) > limits.texts:
        raise Refusal(422, f"{where}: expected at most {limits.texts} in a request, received {len(values)}")


def _check_surrogates(text: str, where: str, status: int) -> None:
    """JSON's reader refuses them already; this holds whatever reader there is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal(status, f"{where}: holds an unpaired surrogate, which has no UTF-8 form") from None


def kind(value: Any) -> str:
    """What a JSON value is, in JSON's words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def check_keys(data: dict[str, Any], known: tuple[str, ...], status: int) -> None:
    """Refuse an object with keys that mean nothing here.

    Raises:
        Refusal: ``status``, naming the first.
    """
    for key in data:
        if key not in known:
            raise Refusal(status, f"{key[:_SHOWN]!r}: not known; expected {', '.join(known)}")


def check_threshold(value: Any) -> float:
    """``value``, if it is a probability: the float32 number next to it, since probabilities are that.

    Raises:
        Refusal: 422.
    """
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise Refusal(422, "threshold: expected a number from 0 to 1")
    return float(np.float32(value))
