"""Serve models over HTTP: TensorFlow Serving's REST interface, Open Inference Protocol, plain JSON, and a web page.

sentiment serve --model models/sample
sentiment serve --model mine=models/sentiment140 --model models/sample --workers 2 --port 8080
"""

import argparse
import dataclasses
import logging
import logging.config
import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.common.command_line import (
    LATEST_MODEL,
    MODEL_VARIABLE,
    OneLineParser,
    class_name,
    default_model,
    whole_number,
)
from sentiment.common.messages import run_command
from sentiment.errors import InputError, SettingsError
from sentiment.serve.limits import Limits

if TYPE_CHECKING:
    from sentiment.serve.app import ServeOptions

TOKEN = "SENTIMENT_TOKEN"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_HOST = re.compile(r"\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.serve") -> int:
    """Run the service until SIGTERM or Ctrl-C. Return exit status 0, or 2 after a user's mistake."""
    arguments = make_parser(prog).parse_args(argv)
    return run_command(lambda: _run(arguments), "serve", " for the models", "files")


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Return the command-line parser. Each field of :class:`Limits` is an option."""
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = f"may be repeated (default: ${MODEL_VARIABLE}, or {LATEST_MODEL})"
    parser.add_argument("--model", action="append", metavar="[NAME=]FOLDER", help=default)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=8501, help="(default: 8501; 0 chooses a free one)")
    parser.add_argument("--workers", type=whole_number(1, 256), default=1, help="processes that answer (default: 1)")
    parser.add_argument(
        "--allowed-host", action="append", metavar="NAME", default=[],
        help="name that requests may give as their host; may be repeated (default: localhost, --host and IP addresses)",
    )  # fmt: skip
    parser.add_argument("--token-file", metavar="FILE", help=f"requests must carry this token (or ${TOKEN})")
    parser.add_argument("--access-log", action="store_true", help="one line per request, without any of its text")
    labels = parser.add_argument_group("labels")
    labels.add_argument("--labels", metavar="CSV", help="a file of `sentiment draw`, to fill in at /label")
    labels.add_argument(
        "--also", action="append", type=class_name, default=[], metavar="CLASS",
        help="a label that the model does not have; repeatable",
    )  # fmt: skip
    limits = parser.add_argument_group("limits")
    for field in dataclasses.fields(Limits):
        option = f"--{field.name.replace('_', '-')}"
        limits.add_argument(option, type=type(field.default), default=field.default, metavar="N", help="(%(default)s)")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from sentiment.serve.app import MODELS, ServeOptions, run_folder
    from sentiment.serve.model_store import ModelStore

    with run_folder() as folder:
        options = ServeOptions(
            models=arguments.model or [str(default_model())],
            host=arguments.host,
            port=free_port(arguments.host, arguments.port),
            workers=arguments.workers,
            allowed_hosts=[_checked_host(name) for name in arguments.allowed_host],
            token=read_token(arguments.token_file),
            run_folder=str(folder),
            supervisor=os.getpid() if arguments.workers > 1 else 0,
            limits=_limits(arguments),
            labels=_checked_labels(arguments),
            also=arguments.also,
        )
        ModelStore(options.models, folder / MODELS)
        _serve(options, arguments.access_log)
    return 0


def _serve(options: "ServeOptions", access_log: bool) -> None:
    import msgspec
    import uvicorn

    from sentiment.serve import metrics
    from sentiment.serve.app import METRICS, OPTIONS

    os.environ[OPTIONS] = msgspec.json.encode(options).decode()
    if options.workers > 1:
        os.environ[metrics.FOLDER] = str(Path(options.run_folder, METRICS))
    log_config = _logging(access_log, options.workers)
    logging.config.dictConfig(log_config)
    if options.host not in _LOOPBACK and not options.token:
        logging.getLogger("sentiment.serve").warning("%s: open to other machines, without a token", options.address)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has shut down
    uvicorn.run(
        "sentiment.serve.app:create_app",
        factory=True,
        host=options.host,
        port=options.port,
        workers=options.workers,
        loop="asyncio" if options.workers == 1 else "uvloop",  # see sentiment.serve.batching
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=log_config,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=options.limits.connections,
        timeout_keep_alive=options.limits.idle_seconds,
        timeout_graceful_shutdown=options.limits.stop_seconds,
    )


def _logging(access_log: bool, workers: int) -> dict[str, Any]:
    """Return the logging configuration. With several workers, uvicorn also logs when it starts or replaces a worker."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "serve: %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "sentiment.data": {"level": "ERROR"},  # remarks on a file, which its sender would not see
            "sentiment.serve": {"level": "INFO"},
            "sentiment.serve.access": {"level": "INFO" if access_log else "WARNING"},
            "uvicorn.error": {"level": "INFO" if workers > 1 else "ERROR"},
        },
    }


def free_port(host: str, port: int) -> int:
    """Return ``port``, or a free port if it is 0. An address that this machine cannot use raises an `InputError`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"--host {host} --port {port}: cannot listen there ({reason}); choose another") from error


def _checked_host(name: str) -> str:
    if not _HOST.fullmatch(name):
        raise SettingsError(
            f"--allowed-host {name}: expected a name such as tweets.example.com, *.example.com or *, "
            "without scheme, port or path"
        )
    return name


def _checked_labels(arguments: argparse.Namespace) -> str:
    """Return the path of the file to label, or "" for none. Only a local service with one worker may offer it."""
    if not arguments.labels:
        return ""
    from sentiment.shares.sample import read_table

    if arguments.host not in _LOOPBACK or arguments.workers > 1:
        raise SettingsError("--labels: serves this machine alone, from one process; leave out --host and --workers")
    read_table(Path(arguments.labels))
    return str(Path(arguments.labels).resolve())


def _limits(arguments: argparse.Namespace) -> Limits:
    values = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Limits)}
    for name, value in values.items():
        if not value > 0:
            raise SettingsError(f"--{name.replace('_', '-')}: expected a positive number, received {value}")
    return Limits(**values)


def read_token(file: str | None) -> str:
    """Return the token from ``file``, or from the environment if ``file`` is None; "" means that there is no token.

    A file that cannot be read, or a token with other characters than visible ASCII, raises an `InputError`.
    """
    token = os.environ.get(TOKEN, "")
    if file is not None:
        try:
            token = Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--token-file {file}: expected a file that contains a token ({error})") from error
    if (file is not None or token) and (not token.isascii() or len(token.split()) != 1):
        raise InputError("expected a token of one or more ASCII characters without blanks, received something else")
    return token


if __name__ == "__main__":
    sys.exit(main())
