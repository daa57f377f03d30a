"""Answers as JSON; float32 is written with as many digits as tell it from its neighbours, so nothing is lost."""

from typing import Any

import orjson
from starlette.responses import Response

from sentiment.serve.refusals import JSON


def as_json(content: Any) -> bytes:
    """``content``; NumPy arrays become lists."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def json_response(content: Any) -> Response:
    """A response of status 200."""
    return Response(as_json(content), media_type=JSON)
