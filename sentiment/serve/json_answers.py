"""Answers as JSON; float32 is written with as many digits as tell it from its neighbours, so nothing is lost."""

from typing import Any

import orjson
from starlette.responses import Response

from sentiment.serve.refusals import JSON


def json_response(content: Any) -> Response:
    """A response of status 200; NumPy arrays become lists."""
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), media_type=JSON)
