"""What is fuzzed. Each target takes bytes and either works or raises a `SentimentError` of one line; nothing else."""

import contextlib
import gzip
import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import sentiment
from pipelines.shared import profiles
from pipelines.shared.glove_files import read_glove
from sentiment.data.corpus import CorpusReader
from sentiment.predict import __main__ as predict
from sentiment.predict import model_folder
from sentiment.settings import CorpusSettings, EmbeddingSettings, Settings
from tests.conftest import glove_rows, sentiment140_rows, write_sentiment140
from tests.mutations import Mutator

WANTED = {word for word, _ in glove_rows()}
TWEETS = [text for _, text in sentiment140_rows()[:12]]
_MINE = CorpusSettings(
    encoding="utf-8", header=True, columns=0, text_column="text", label_column="mood", max_bad_rows=2,
    labels={"bad": "b", "good": "g"}, ignored_labels=("n",), delimiter=";",
)  # fmt: skip
FORMATS = (
    CorpusSettings(), replace(CorpusSettings(), max_bad_rows=10_000), _MINE, replace(_MINE, encoding="utf-16"),
    replace(_MINE, encoding="utf-8-sig", max_bad_rows=10_000),
)  # fmt: skip


class Target:
    """One reader. ``seeds`` are good inputs; ``attempt`` reads one input that was made from them, maybe by ``model``."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        folder.mkdir(parents=True)
        self.seeds = self.make_seeds()

    def make_seeds(self) -> list[bytes]:
        raise NotImplementedError

    def make(self, mutator: Mutator) -> bytes:
        return mutator.next()

    def attempt(self, content: bytes, choice: int) -> None:
        raise NotImplementedError

    def written(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


class CorpusTarget(Target):
    """The reader of labelled CSV files."""

    def make_seeds(self) -> list[bytes]:
        first = write_sentiment140(self.folder / "seed.csv", sentiment140_rows()[:12]).read_bytes()
        rows = "".join(f"{i};{'bgn'[i % 3]};{text}\n" for i, text in enumerate([*TWEETS, "caf\u00e9 \U0001f600"]))
        return [first, f"id;mood;text\n{rows}".encode(), f"id;mood;text\n{rows}".encode("utf-16")]

    def attempt(self, content: bytes, choice: int) -> None:
        settings = FORMATS[choice % len(FORMATS)]
        path = self.written("corpus.csv", content)
        reader = CorpusReader(path, settings, str(path))
        batches = list(reader)
        report = reader.report
        texts = [text for batch in batches for text in batch.texts.to_pylist()]
        assert len(texts) + report.ignored + report.bad == report.rows
        assert report.bad <= settings.max_bad_rows
        "".join(texts).encode()  # nothing that has no UTF-8 form gets through


class GloveTarget(Target):
    """The readers of GloVe vectors."""

    KINDS = (".txt", ".txt.gz", ".zip", ".npy")

    def make_seeds(self) -> list[bytes]:
        text = "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in glove_rows()[:40]).encode()
        archive, array = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("../../escape.txt", text)
        np.save(array, np.array([numbers for _, numbers in glove_rows()[:40]], np.float32))
        words = pa.table({"word": [word for word, _ in glove_rows()[:40]]})
        pq.write_table(words, self.folder / "glove.words.parquet")
        return [text, gzip.compress(text), archive.getvalue(), array.getvalue(), b"40 4\n" + text]

    def make(self, mutator: Mutator) -> bytes:
        if mutator.random.random() < 0.3:  # damage inside a sound archive
            return gzip.compress(mutator.next(self.seeds[0]), 1)
        return mutator.next()

    def attempt(self, content: bytes, choice: int) -> None:
        kind = self._kind(content) if choice % 4 else self.KINDS[choice // 4 % 4]
        vectors = read_glove(self.written(f"glove{kind}", content), WANTED, EmbeddingSettings(dimension=choice % 3 * 2))
        assert vectors.matrix.shape == (len(vectors.rows), vectors.dimension)
        assert vectors.matrix.dtype == np.float32
        assert np.isfinite(vectors.matrix).all()

    def _kind(self, content: bytes) -> str:
        kinds = {b"\x1f\x8b": ".txt.gz", b"PK": ".zip", b"\x93N": ".npy"}
        return kinds.get(content[:2], ".txt")


class ProfileTarget(Target):
    """Settings: a profile, and a `--set` beside it."""

    def make_seeds(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(profiles.PROFILES.glob("*.toml"))] + [
            b"[network]\nunits = 3\nprojection = [8, 4]\n[training]\nlearning_rate = 0.1\nclass_weights = 'balanced'\n",
            b"[corpus]\nencoding = 'utf-8'\nheader = true\ncolumns = 0\ntext_column = 'a'\nlabel_column = 'b'\n",
        ]

    def make(self, mutator: Mutator) -> bytes:
        lines = mutator.random.choice(self.seeds).split(b"\n")
        pairs = [line.split(b"=", 1) for line in lines if b"=" in line]
        if mutator.random.random() < 0.5:  # sound TOML with unsound values
            key = mutator.random.choice(pairs)[0]
            value = mutator.random.choice(
                [b"nan", b"inf", b"-inf", b"-1", b"0", b"1e400", b"''", b"[]", b"{}", b"true", b"'\\u0000'", b"1979-05-27",
                 b"[[1]]", b"{a = 1}", b"9" * 30, b"'" + mutator.random.choice(["hex", "idna", "rot13", "undefined", "\u00e9", "mbcs", "a\\\\b"]).encode() + b"'"]
            )  # fmt: skip
            return b"\n".join(line if line.split(b"=")[0] != key else key + b"= " + value for line in lines)
        return mutator.next()

    def attempt(self, content: bytes, choice: int) -> None:
        path = self.written("profile.toml", content)
        override = content[-(choice % 60) - 1 :].decode("utf-8", "replace")
        settings = profiles.make_settings(profiles.read_profile(str(path)), [override] if choice % 3 == 0 else [])
        assert isinstance(settings, Settings)
        json.dumps(settings.to_dict(), allow_nan=False)


class ModelTarget(Target):
    """A model folder: one file damaged, or exchanged for another; in half of the inputs the checksums are made to fit."""

    NAMES = (*model_folder.CHECKED, model_folder.MODEL)

    def make_seeds(self) -> list[bytes]:
        self.sound = {name: (self.model / name).read_bytes() for name in self.NAMES}
        return list(self.sound.values())

    def attempt(self, content: bytes, choice: int) -> None:
        for name, sound in self.sound.items():
            self.written(name, sound)
        name = self.NAMES[choice % len(self.NAMES)]
        self.written(name, content)
        if choice // 8 % 2 and name != model_folder.MODEL:
            stated = json.loads(self.sound[model_folder.MODEL])
            model = model_folder.describe(self.folder, stated["classes"], stated["network"])
            self.written(model_folder.MODEL, json.dumps(model).encode())
        probabilities = sentiment.load(self.folder).predict_proba(TWEETS)
        assert np.isfinite(probabilities).all()
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-4)

    def make(self, mutator: Mutator) -> bytes:
        if mutator.random.random() < 0.1:  # another file in its place
            return mutator.random.choice(self.seeds)
        return mutator.next()


class TextTarget(Target):
    """Prediction of texts: each alone and all together must get the same answer."""

    def make_seeds(self) -> list[bytes]:
        self.classifier = sentiment.load(self.model)
        return [
            text.encode()
            for text in [*TWEETS, "caf\u00e9 \U0001f600 &amp; @ada #no http://a.b/c", "\u0130\u1e9e\u200d\ufeff"]
        ]

    def attempt(self, content: bytes, choice: int) -> None:
        errors = ("replace", "surrogateescape", "ignore")[choice % 3]
        text = content.decode("utf-8", errors)
        together = self.classifier.predict_proba([*TWEETS[:2], text])
        assert np.isfinite(together).all()
        assert np.allclose(together[2], self.classifier.predict_proba([text])[0], atol=1e-5)


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of ``files``, whose names may be anything."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


class FilesTarget(Target):
    """Prediction of files, through the command; in and out may be of any kind."""

    KINDS = (".csv", ".jsonl", ".parquet")
    INPUTS = (*KINDS, ".js", ".csv.zip", ".txt")

    def make_seeds(self) -> list[bytes]:
        table = pa.table({"id": range(12), "text": TWEETS})
        pq.write_table(table, self.folder / "seed.parquet")
        rows = "".join(f'{i},"{text}"\n' for i, text in enumerate(TWEETS))
        lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(TWEETS))
        posts = ", ".join(json.dumps({"tweet": {"full_text": text, "id_str": "1"}}, indent=1) for text in TWEETS)
        archive = f"window.YTD.tweets.part0 = [ {posts} ]".encode()
        pages = json.dumps({"data": [{"id": "1", "text": text} for text in TWEETS], "includes": {"tweets": []}})
        outbox = json.dumps({"orderedItems": [{"object": {"content": f"<p>{text}</p>"}} for text in TWEETS]})
        marked = "".join(f"__label__a {text}\n" for text in TWEETS)
        notes = b'window.YTD.note_tweet.part0 = [ {"noteTweet": {"core": {"text": "love"}}} ]'
        packed = zipped({"data/tweets.js": archive, "data/note-tweet.js": notes, "../../escaped": b"x"})
        nested = [archive, f"{pages}\n{pages}\n".encode(), outbox.encode(), packed, marked.encode()]
        return [f"id,text\n{rows}".encode(), lines.encode(), (self.folder / "seed.parquet").read_bytes(), *nested]

    def attempt(self, content: bytes, choice: int) -> None:
        kind = self._kind(content) if choice % 4 else self.INPUTS[choice // 4 % len(self.INPUTS)]
        path, target = self.written(f"in{kind}", content), self.folder / f"out{self.KINDS[choice // 12 % 3]}"
        target.unlink(missing_ok=True)
        column = ["--column", ("text", "text", "text", "1", "data[].text", "tweet.id_str")[choice // 36 % 6]]
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = predict.main(["--model", str(self.model), "--input", str(path), "--output", str(target), *column])
        assert status in (0, 2)
        assert target.exists() == (status == 0)
        if status:
            lines = [line for line in errors.getvalue().splitlines() if "error" in line or "Traceback" in line]
            assert len(lines) == 1, lines
            raise sentiment.InputError(lines[-1])

    def _kind(self, content: bytes) -> str:
        if content[:4] == b"PAR1":
            return ".parquet"
        if content[:2] == b"PK":
            return ".csv.zip"
        return {b"{": ".jsonl", b"w": ".js", b"_": ".txt"}.get(content[:1], ".csv")


TARGETS = {
    "corpus": CorpusTarget, "glove": GloveTarget, "profile": ProfileTarget, "model": ModelTarget, "text": TextTarget,
    "files": FilesTarget,
}  # fmt: skip


def make_targets(folder: Path, model: Path) -> dict[str, Target]:
    """All targets by name, with scratch folders below ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    return {name: kind(folder / name, model) for name, kind in TARGETS.items()}
