"""Answers as JSON, without any loss.

An array's float32 is written with as many digits as tell it from its neighbours, a list's number with a float64's.
"""

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
