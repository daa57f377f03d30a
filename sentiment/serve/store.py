"""The models that are served, by name, and the watch that takes up a new export without dropping a request."""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.errors import ArtefactError, SentimentError, SettingsError
from sentiment.predict.answers import Answers
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.model_folder import CHECKED, MODEL, OPTIONAL, read_classifier
from sentiment.serve.refusals import Refusal

log = logging.getLogger("sentiment.serve")

WATCH_SECONDS = 0.5
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_FINGERPRINT = 12

# Of each file: when it was written, its size, its inode. Together they change with any export, however it is copied.
Signature = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Export:
    """One export of a model, as it was read; never changes, so a request that holds it is answered by it alone.

    Attributes:
        name: under which it is served.
        classifier: the model.
        classes: names, in the order of the probabilities.
        version: the number of the SavedModel's folder, as TensorFlow Serving counts.
        fingerprint: first digits of the SHA-256 of ``model.json``, which has those of all other files.
        read_at: seconds since 1970.
    """

    name: str
    classifier: SentimentClassifier
    classes: tuple[str, ...]
    version: str
    fingerprint: str
    read_at: float

    def answer(self, texts: Sequence[str]) -> Answers:
        """Probabilities and known shares of ``texts``."""
        return self.classifier.answer(texts)


@dataclass(slots=True)
class Model:
    """A folder and the last good export that was read from it.

    Attributes:
        signature: of the last export that was read, whether it is served or was refused.
        refusal: why that one is not served; empty if it is.
        incomplete: whether files are missing now, as in the middle of an export.
        reloads: exports taken up since the start.
    """

    name: str
    folder: Path
    current: Export
    signature: Signature
    refusal: str = ""
    incomplete: bool = False
    reloads: int = 0

    @property
    def problem(self) -> str:
        """Why what lies in the folder now is not what is served; empty if it is."""
        if self.incomplete:
            return f"{self.folder}: files are missing, as in the middle of an export; the one of before goes on"
        return self.refusal


class Store:
    """The models by name; the first is the one that is meant where none is named."""

    def __init__(self, models: Sequence[str]) -> None:
        """Read ``models``, each ``FOLDER`` or ``NAME=FOLDER``.

        Raises:
            SettingsError: a name is given twice or cannot be part of an address.
            ArtefactError: a folder holds no whole model.
        """
        self.models: dict[str, Model] = {}
        for name, folder in map(split_name, models):
            if name in self.models:
                raise SettingsError(f"--model {name}: given twice; tell them apart with --model NAME=FOLDER")
            signature = sign(folder)
            self.models[name] = Model(name, folder, read_export(name, folder), signature or ())

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    @property
    def names(self) -> list[str]:
        """Of all models, in the order given."""
        return list(self.models)

    def get(self, name: str | None, version: str | None = None) -> Export:
        """The export to answer with.

        Raises:
            Refusal: 404, in TensorFlow Serving's words.
        """
        model = self.models.get(name or self.names[0])
        if model is None:
            asked = f"Latest({_shown(name)})" if version is None else f"Specific({_shown(name)}, {_shown(version)})"
            raise Refusal(404, f"Servable not found for request: {asked}; there are {', '.join(self.names)}")
        if version is not None and version != model.current.version:
            raise Refusal(404, f"Servable not found for request: Specific({model.name}, {_shown(version)})")
        return model.current

    async def watch(self) -> None:
        """Look for new exports, for ever."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for model in self:
                await asyncio.to_thread(refresh, model)

    def refresh(self) -> None:
        """Look once."""
        for model in self:
            refresh(model)


def refresh(model: Model) -> None:
    """Take up what lies in ``model.folder`` if it is new and whole; otherwise go on, and say why in ``problem``."""
    signature = sign(model.folder)
    model.incomplete = signature is None
    if signature is None or signature == model.signature:
        return
    try:
        export = read_export(model.name, model.folder)
    except (SentimentError, OSError) as error:
        if sign(model.folder) == signature:  # else it changed while it was read: the next look tells
            model.signature, model.refusal = signature, f"{error} (the export of before goes on)"
            log.error("%s: new export refused: %s", model.name, model.refusal)
        return
    model.current, model.refusal = export, ""
    model.reloads += 1
    if sign(model.folder) == signature:
        model.signature = signature
    log.info("%s: took up export %s", model.name, export.fingerprint)


def read_export(name: str, folder: Path) -> Export:
    """Read a folder.

    What is read is a copy without a name: the model maps its files into memory, and an export that is written over the
    one of before, not beside it, would otherwise change a model that is answering.

    Raises:
        ArtefactError: it holds no whole model.
    """
    with tempfile.TemporaryDirectory(prefix="sentiment-serve-") as copy:
        for file in (MODEL, *CHECKED, *OPTIONAL):
            with contextlib.suppress(FileNotFoundError):  # what is missing is told when it is read
                shutil.copyfile(folder / file, Path(copy) / file)
        try:
            classifier = read_classifier(Path(copy))
            content = (Path(copy) / MODEL).read_bytes()
        except ArtefactError as error:
            raise ArtefactError(str(error).replace(copy, str(folder))) from error
    classifier.answer(["a first answer, before there is a request"])  # finds damaged weights, and warms up
    classes = tuple(classifier.classes_.tolist())
    fingerprint = hashlib.sha256(content).hexdigest()[:_FINGERPRINT]
    return Export(name, classifier, classes, _version(folder), fingerprint, time.time())


def _version(folder: Path) -> str:
    """The highest number among the folders of ``saved_model``, 1 where there is none."""
    try:
        names = os.listdir(folder / "saved_model")
    except OSError:
        names = []
    return str(max((int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 18), default=1))


def sign(folder: Path) -> Signature | None:
    """What tells one export from another without reading it; None where a file is missing."""
    try:
        stats = [os.stat(folder / name) for name in (MODEL, *CHECKED)]
    except OSError:
        return None
    return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


def split_name(model: str) -> tuple[str, Path]:
    """``NAME=FOLDER`` or ``FOLDER``, whose own name it then gets.

    Raises:
        SettingsError: the name cannot be part of an address.
    """
    name, separator, folder = model.partition("=")
    if not separator:
        name, folder = Path(os.path.abspath(model)).name, model
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"--model {model}: expected a name of letters, digits, '_', '.' and '-', received {name!r}; "
            "give one with --model NAME=FOLDER"
        )
    return name, Path(folder)


def _shown(name: str | None) -> str:
    return str(name)[:100]
