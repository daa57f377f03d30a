"""What every request passes: the token, counting, one line in the log, headers that keep browsers safe.

Nothing of a request but its method, the route it met, its status and its time is ever logged, since the rest may hold
tweets; and no answer tells what went wrong inside.
"""

import hmac
import logging
import time
import traceback

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from sentiment.serve.metrics import Metrics
from sentiment.serve.refusals import Gone, Refusal, refuse

log = logging.getLogger("sentiment.serve")
access = logging.getLogger("sentiment.serve.access")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OWN = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = b"content-security-policy"
_HEADERS = [*_OWN, (_POLICY, POLICY.encode())]
# The page itself and what tells whether the service is up; none of them answers a tweet or says how others were.
OPEN = ("/", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json")
_OPEN_PREFIX = "/static/"
_SENTENCES = {404: "no such address; GET /docs lists those there are", 405: "no such method at this address"}


class Gate:
    """Wraps the routes.

    Args:
        routes: the application inside.
        metrics: counts requests.
        token: that a request must carry as ``Authorization: Bearer ...``; empty for none.
    """

    def __init__(self, routes: Router, metrics: Metrics, token: str = "") -> None:
        self.routes, self.metrics = routes, metrics
        self.token = token.encode()
        named = [route for route in reversed(routes.routes) if isinstance(route, Route)]
        self._names: dict[object, str] = {
            route.endpoint: route.path for route in named
        }  # of several, that which comes first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.routes(scope, receive, send)
            return
        scope["app"] = self  # lets Starlette raise what it refuses, so that all refusals are said here
        started, status = time.perf_counter(), 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                policy = _OWN if any(name == _POLICY for name, _ in headers) else _HEADERS
                message["headers"] = [*headers, *policy]
            await send(message)

        try:
            self._check_token(scope)
            await self.routes(scope, receive, send_noting)
        except (Gone, ClientDisconnect):
            status = status or 499
        except Refusal as refusal:
            await self._refuse(refusal, status, scope, receive, send_noting)
        except HTTPException as error:
            sentence = _SENTENCES.get(error.status_code, error.detail)
            refused = Refusal(error.status_code, sentence, error.headers)
            await self._refuse(refused, status, scope, receive, send_noting)
        except Exception as error:
            log.error("defect: %s", where(error))
            failed = Refusal(500, "the service failed at this request; its log says where")
            await self._refuse(failed, status, scope, receive, send_noting)
        self._note(scope, status, time.perf_counter() - started)

    @staticmethod
    async def _refuse(refusal: Refusal, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        if not status:  # else an answer has begun, and breaking it off is all that is left
            response = refuse(refusal.status, refusal.message, refusal.headers)
            await response(scope, receive, send)

    def _check_token(self, scope: Scope) -> None:
        path = scope["path"]
        if not self.token or path in OPEN or path.startswith(_OPEN_PREFIX):
            return
        given = Request(scope).headers.get("authorization", "").encode("latin-1", "replace")
        scheme, _, token = given.partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self.token):
            raise Refusal(
                401, "expected Authorization: Bearer with this service's token", {"www-authenticate": "Bearer"}
            )

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = self._names.get(scope.get("endpoint", self), "other")
        self.metrics.request(route, status, seconds)
        if access.isEnabledFor(logging.INFO):
            access.info("%s %s %d %.1f ms", scope["method"], route, status, 1000 * seconds)


def where(error: BaseException) -> str:
    """An error's type and the lines it went through, without its message, which may quote a tweet."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {' < '.join(f'{frame.filename}:{frame.lineno}' for frame in reversed(frames))}"
