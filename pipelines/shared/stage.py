"""The parts that stages share: arguments, settings, folders, worker processes, logging, and error messages."""

import argparse
import contextlib
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.shared import base_model, publishing
from pipelines.shared.profiles import make_settings, named_settings, read_profile
from sentiment.common.command_line import OneLineParser, count
from sentiment.common.messages import INTERRUPTED, MENDABLE, as_command, explained
from sentiment.errors import EXIT_STATUS, InputError
from sentiment.settings import Settings, SplitSettings

if TYPE_CHECKING:
    from sentiment.common import engines

Options = dict[str, dict[str, Any]]  # name of an option -> arguments of `ArgumentParser.add_argument`

log = logging.getLogger("pipelines")
ENGINE_OPTIONS: Options = {
    "--workers": {
        "type": count, "default": 0, "metavar": "N", "help": "processes (default: this one with all its threads)"
    }
}  # fmt: skip
# Notices, but no warnings or errors: Abseil's about oneDNN and missing CUDA drivers, before its log is set up, and
# LiteRT's about its delegate.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|I\d{4} \d\d:\d\d:\S+ +\d+ \S+\.cc:\d+\]"
    rb"|INFO: Created TensorFlow Lite XNNPACK delegate"
)
# Packages that Keras does not need and imports if they are there, which takes a third of the time of its own import.
_UNUSED_BY_KERAS = {"matplotlib", "pandas", "sklearn"}


class Places:
    """The folders inside ``root`` that belong to a profile, or to a named run of the profile.

    Attributes:
        name: the name of the run's folders, ``<profile>`` or ``<profile>-<run>``.
        raw: the folder of downloaded files, which are read-only.
        interim: the folder of the deduplicated, split corpus.
        processed: the folder of ids, lexicon and embedding matrix.
        model: the model folder.
    """

    def __init__(self, root: Path, profile: str, run: str = "") -> None:
        self.root, self.profile = root, profile
        self.name = f"{profile}-{run}" if run else profile
        self.raw = root / "data" / "raw" / profile
        self.interim, self.processed = (root / "data" / part / self.name for part in ("interim", "processed"))
        self.model = root / "models" / self.name


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage works on: its command's arguments, settings, folders, profile, and base model (None: from scratch).

    ``by_rows`` has the settings that were computed from the number of training rows, such as "training.epochs".
    """

    arguments: argparse.Namespace
    settings: Settings
    places: Places
    profile: dict[str, Any]
    by_rows: dict[str, Any] = field(default_factory=dict)
    base_model: Path | None = None


def main(
    body: Callable[[Stage], None],
    description: str,
    options: Options | None = None,
    argv: Sequence[str] | None = None,
) -> None:
    """Run ``body`` as a command with the command-line options of all stages and further ``options``.

    A user's mistake ends the process with status 2 and one line on standard error.
    """
    module = _module_name(body)
    parser = OneLineParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--profile", default="sample", help="name of a profile, or path of a .toml (default: sample)")
    parser.add_argument(
        "--run", default="", type=_run_name, metavar="NAME", help="a run of its own beside the profile's"
    )
    parser.add_argument(
        "--set", action="extend", type=_overrides, default=[], metavar="'SECTION.KEY=VALUE ...'", help="change settings"
    )
    parser.add_argument("--from", dest="base_model", type=Path, metavar="FOLDER", help="a trained model to start from")
    parser.add_argument("--root", type=Path, default=Path("."), help="folder that holds data/ and models/")
    for name, details in (options or {}).items():
        parser.add_argument(name, **details)
    arguments = parser.parse_args(argv)
    with reporting(module.rpartition(".")[2]):
        profile = read_profile(arguments.profile)
        settings = make_settings(profile, arguments.set)
        if arguments.base_model:
            settings = base_model.inherit(settings, named_settings(profile, arguments.set), arguments.base_model)
        places = Places(arguments.root, Path(arguments.profile).stem, arguments.run)
        with publishing.lock(places.interim / ".lock"):
            body(Stage(arguments, settings, places, profile, base_model=arguments.base_model))


def settle(this: Stage, *sections: str) -> Stage:
    """Compute the settings that depend on the number of training rows, and return ``this`` with these settings.

    The computed settings in ``sections``, for example "training", are logged.

    Raises:
        ArtefactError: `load`, which counts the rows, has not run yet.
    """
    loaded = publishing.read_json(this.places.interim / "load.json")
    rows = sum(loaded["parts"]["train"].values())
    settled = replace(this.settings.for_rows(rows), split=SplitSettings(**loaded["split"]))
    by_rows = this.settings.differences(settled)
    told = [f"{name} = {value}" for name, value in by_rows.items() if name.startswith(sections)]
    if told:
        log.info("for %d training tweets: %s", rows, ", ".join(told))
    return replace(this, settings=settled, by_rows=by_rows)


@contextlib.contextmanager
def reporting(name: str) -> Iterator[None]:
    """Set up logging for the command ``name``, and report errors in the ``with`` block in one line.

    A user's mistake ends the process with status 2, Ctrl-C or SIGTERM with status 130.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # silences TensorFlow's messages about missing drivers
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("spacy").setLevel(logging.WARNING)
    for library in ("tensorflow", "absl"):  # expected warnings: one graph per batch width, renamed inputs
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        with as_command():
            yield
    except MENDABLE as error:
        less = "; lower preprocessing.max_vocabulary or training.batch_size, or use fewer rows"
        log.error("error: %s", " ".join(explained(error, less).split("\n")))
        raise SystemExit(EXIT_STATUS) from None
    except KeyboardInterrupt:
        log.error("stopped; what is finished stays, and the next run resumes from it")
        raise SystemExit(INTERRUPTED) from None


def input_file(path: Path | None, default: Path, option: str) -> Path:
    """Return ``path`` or else ``default``. A missing file raises an `InputError` that names the ``option`` for it."""
    if path is None and not default.exists():
        raise InputError(f"{default}: no such file; run `make download` for this profile, or give a file with {option}")
    return publishing.require_input(path or default, option)


def make_engine(arguments: argparse.Namespace) -> "engines.Engine":
    """Return an engine that runs tasks in ``--workers`` processes, for use in a ``with`` statement."""
    from sentiment.common.engines import InProcess, LocalEngine

    return InProcess() if arguments.workers < 2 else LocalEngine(arguments.workers)


def results(engine: "engines.Engine", function: Callable[[Any], Any], tasks: Sequence[Any], what: str) -> list[Any]:
    """Apply ``function`` to each task, and return the results in order. Log progress as "3 of 8 parts: ``what``"."""
    from sentiment.common import engines

    def tell(done: int) -> None:
        if len(tasks) > 1:
            log.info("%d of %d parts: %s", done, len(tasks), what)

    return engines.results(engine, function, tasks, tell)


def failure_of(*arguments: str) -> str:
    """Run ``python -m`` with ``arguments``, and return the last line it printed if it fails, else an empty text."""
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)
    return (done.stderr.strip().splitlines() or ["no message"])[-1] if done.returncode else ""


def import_keras() -> None:
    """Import Keras and its backend without what they always print, and without what they import only if it is there."""
    if "keras" not in sys.modules:
        unused = _UNUSED_BY_KERAS - sys.modules.keys()
        sys.modules |= dict.fromkeys(unused)  # type: ignore[arg-type]  # None: cannot be imported
        try:
            with without_chatter():
                import keras  # noqa: F401
        finally:
            for name in unused:
                del sys.modules[name]


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Hold back standard error in the ``with`` block, then write it without the notices that ``_CHATTER`` matches."""
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            os.write(2, b"".join(line for line in held if not _CHATTER.match(line)))


def _overrides(text: str) -> list[str]:
    """Split ``text`` at the spaces between settings, but not at the spaces inside values."""
    return re.split(r"\s+(?=\w+\.\w+\s*=)", text.strip())


def _run_name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]*", text):
        raise argparse.ArgumentTypeError(f"expected a name of letters, digits, '.', '_' and '-', received {text!r}")
    return text


def _module_name(body: Callable[[Stage], None]) -> str:
    """Return the module of ``body`` as `python -m` names it, for example `pipelines.train`."""
    name = body.__module__
    if name == "__main__":
        name = getattr(sys.modules[name].__spec__, "name", name)
    return name.removesuffix(".__main__")
