"""A connection: uvicorn's, with a deadline for what a client sends and takes, and a bound on its headers.

uvicorn waits for ever for a request that arrives a byte at a time, and its fast parser keeps headers of any size.
Twice a second a sweep looks at all connections, so that a request costs nothing more.
"""

import asyncio
import logging
import socket
import time
from typing import Any

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from sentiment.serve.limits import Limits

SWEEP_SECONDS = 0.5
ACCEPTED_A_TURN = 16
WHOLE = "sentiment.whole"  # among a scope's extensions: what :func:`answer_whole` takes
_SENTENCES = {
    400: "the request is not HTTP/1.1 as it should be",
    408: "the request took too long to arrive",
    431: "the request line and headers are too long",
}


class Connection(HttpToolsProtocol):
    """One connection.

    Attributes:
        limits: set by :func:`with_limits`.
        began: when the request began to arrive that has not arrived whole; 0 where there is none.
        received: its bytes.
        stalled: since when the client takes nothing; 0 where it does.
        active: the request that is being answered, or was last.
    """

    limits = Limits()
    began = 0.0
    received = 0
    in_headers = True
    stalled = 0.0
    active: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.began = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if not self.began:
            self.began, self.received = time.monotonic(), 0
        self.received += len(data)
        super().data_received(data)
        if self.in_headers and self.received > self.limits.header_bytes:
            self.refuse(431)

    def on_message_begin(self) -> None:
        """A request begins; behind another one, in the middle of data."""
        super().on_message_begin()
        self.in_headers = True

    def on_headers_complete(self) -> None:
        """Its headers are whole."""
        self.in_headers = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole."""
        self.began, self.received, self.in_headers = 0.0, 0, True
        super().on_message_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that has sent all it will may still wait for its answers."""
        if not self._answering():
            return False
        if self.cycle.more_body:  # the last request is cut short, those before it are not
            self.pipeline.clear()
            self.active.keep_alive = False
        self.cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; whoever works for it is told."""
        self._abandon()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.active = cycle  # uvicorn's own ``cycle`` is the last that arrived, which may wait behind this one
        scope: Any = cycle.scope
        scope["extensions"] = {WHOLE: cycle}
        super()._start_asgi_task(cycle, app)

    def _answering(self) -> bool:
        """Whether a request that has arrived whole is being answered."""
        active = self.active
        return active is not None and not active.response_complete and not active.more_body

    def _abandon(self) -> None:
        """Let nobody write any more."""
        self.pipeline.clear()
        if self.active is not None and not self.active.response_complete:
            self.active.disconnected = True
            self.active.message_event.set()

    def pause_writing(self) -> None:
        """The client takes nothing."""
        self.stalled = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It takes again."""
        self.stalled = 0.0
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Of what the parser could not read."""
        self.refuse(400)

    def refuse(self, status: int) -> None:
        """Answer for a request that did not arrive whole, and close; one before it is answered first, and alone."""
        if self.transport.is_closing():
            return
        if self._answering():
            self.pipeline.clear()
            self.active.keep_alive = False
            return
        if self.active is None or self.active.response_complete or not self.active.response_started:
            body = orjson.dumps({"error": _SENTENCES[status]})
            head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self._abandon()
        self.transport.close()

    def sweep(self, now: float) -> None:
        """End it if it is too slow."""
        limits = self.limits
        if self.stalled and now - self.stalled > limits.send_seconds:
            self._abandon()
            self.transport.abort()
        elif self.began and not self.in_headers and self.cycle.response_complete:
            if now - self.began > limits.receive_seconds:  # it goes on sending what has been refused
                self.transport.abort()
        elif self.began and now - self.began > limits.receive_seconds + self.received / limits.bytes_per_second:
            self.began = 0.0
            self.refuse(408)


async def answer_whole(cycle: RequestResponseCycle, headers: bytes, body: bytes) -> None:
    """Send status 200, ``headers`` (lines) and ``body`` in one piece, which the client then gets in one piece.

    The same as by uvicorn's two messages, which would be two pieces, each header looked at by itself.
    """
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    cycle.response_started = cycle.response_complete = True
    own = b"".join([b"%b: %b\r\n" % header for header in cycle.default_headers])
    end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    cycle.transport.write(b"%bcontent-length: %d\r\n%b%b%b%b" % (STATUS_LINE[200], len(body), own, headers, end, body))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def with_limits(limits: Limits) -> type[Connection]:
    """The protocol with these limits."""
    return type("LimitedConnection", (Connection,), {"limits": limits})


def at_several(sock: socket.socket) -> list[socket.socket]:
    """``sock`` under several numbers, for the event loop to listen at.

    It accepts one connection a turn at each. A turn that answers requests takes milliseconds, so with one number the
    last of 200 clients that come at once would wait for a second.
    """
    return [sock, *(sock.dup() for _ in range(ACCEPTED_A_TURN - 1))]


class Server(uvicorn.Server):
    """uvicorn's server, which sweeps its connections and says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Any = None) -> None:
        super().__init__(config)
        self._ready = ready
        self._swept = 0.0

    async def startup(self, sockets: Any = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self._ready:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        now = time.monotonic()
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            for connection in list(self.server_state.connections):
                connection.sweep(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)


def configure(app: Any, limits: Limits) -> uvicorn.Config:
    """How uvicorn runs ``app``: its own logging off, since it would quote addresses and messages."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
    return uvicorn.Config(
        app,
        http=with_limits(limits),
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=int(limits.stop_seconds),
    )
