"""Serve models over HTTP: TensorFlow Serving's REST interface, the Open Inference Protocol, a plain one, and a page.

sentiment serve --model models/sample
sentiment serve --model mine=models/sentiment140 --model models/sample --workers 2 --port 8080
"""

import argparse
import dataclasses
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from sentiment.common.command_line import LATEST_MODEL, MODEL_VARIABLE, OneLineParser, default_model
from sentiment.common.mistakes import MENDABLE, refuse
from sentiment.errors import InputError, SettingsError
from sentiment.serve.limits import Limits

TOKEN = "SENTIMENT_TOKEN"
_SWITCH_SECONDS = 0.0005  # Python's own 5 ms would hold up the thread of the batches for longer than a batch takes
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.serve") -> int:
    """Serve until SIGTERM or Ctrl-C; returns 0, or 2 for a user's mistake."""
    arguments = _parser(prog).parse_args(argv)
    logging.basicConfig(stream=sys.stderr, format="serve: %(message)s", level=logging.WARNING)
    logging.getLogger("sentiment.serve").setLevel(logging.INFO)
    logging.getLogger("sentiment.serve.access").setLevel(logging.INFO if arguments.access_log else logging.WARNING)
    try:
        _run(arguments)
    except MENDABLE as error:
        return refuse("serve", error, " for the models", "files")
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model",
        action="append",
        metavar="[NAME=]FOLDER",
        help=f"may be repeated (default: ${MODEL_VARIABLE}, or {LATEST_MODEL})",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=8501, help="(default: 8501; 0 chooses a free one)")
    parser.add_argument("--workers", type=_count, default=1, help="processes that answer (default: 1)")
    parser.add_argument(
        "--allowed-host", action="append", metavar="NAME", default=[],
        help="that requests may name as their host; may be repeated (default: localhost, --host and any address)",
    )  # fmt: skip
    parser.add_argument("--token-file", metavar="FILE", help=f"requests must carry this token (or ${TOKEN})")
    parser.add_argument("--access-log", action="store_true", help="one line a request, without any of its text")
    limits = parser.add_argument_group("limits")
    for field in dataclasses.fields(Limits):
        option = f"--{field.name.replace('_', '-')}"
        limits.add_argument(option, type=type(field.default), default=field.default, metavar="N", help="(%(default)s)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"expected a number of workers from 1 to 256, received {text}")
    return int(text)


def _run(arguments: argparse.Namespace) -> None:
    from sentiment.serve import allocator, supervisor
    from sentiment.serve.hosts import Hosts
    from sentiment.serve.store import Store

    allocator.share_one_area()
    token = read_token(arguments.token_file)
    hosts = Hosts(arguments.host, arguments.allowed_host)
    limits = _limits(arguments)
    sockets = supervisor.listen(arguments.host, arguments.port, arguments.workers)
    store = Store(arguments.model or [default_model()])
    _preload()
    allocator.give_back()
    where = f"http://{_bracketed(arguments.host)}:{sockets[0].getsockname()[1]}"
    if arguments.host not in _LOOPBACK and not token:
        logging.getLogger("sentiment.serve").warning("%s: open to other machines, without a token", where)

    def work(sock: socket.socket, parent: int) -> None:
        from sentiment.serve.app import make_app
        from sentiment.serve.connection import Server, at_several, configure
        from sentiment.serve.service import Service

        sys.setswitchinterval(_SWITCH_SECONDS)
        if parent:
            store.refresh()  # a worker that replaces another may come long after the models were read
        service = Service(store, limits, parent)
        ready = f"{where} ready: {', '.join(store.names)} (process {os.getpid()})"
        app = make_app(service, hosts, token)
        server = Server(configure(app, limits), lambda: logging.getLogger("sentiment.serve").info(ready))
        server.run(at_several(sock))

    supervisor.run(work, sockets)


def _preload() -> None:
    """Import what workers need before they are forked, so that they share it."""
    import uvloop  # noqa: F401

    import sentiment.serve.app
    import sentiment.serve.connection  # noqa: F401


def _limits(arguments: argparse.Namespace) -> Limits:
    try:
        return Limits(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(Limits)})
    except ValueError as error:
        raise SettingsError(f"--{str(error).replace('_', '-')}") from error


def read_token(file: str | None) -> str:
    """The token from a file or the environment; empty for none.

    Raises:
        InputError: the file cannot be read, or what it holds cannot be a token.
    """
    token = os.environ.get(TOKEN, "")
    if file is not None:
        try:
            token = Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--token-file {file}: expected a file that holds a token ({error})") from error
    if (file is not None or token) and (not token or not token.isascii() or len(token.split()) != 1):
        raise InputError("expected a token of one or more ASCII characters without blanks, received something else")
    return token


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    sys.exit(main())
