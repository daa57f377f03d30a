"""Damage done to bytes: what disks, editors, wrong programs and ill will do to a file."""

import random
from collections.abc import Callable, Sequence

INSERTED = (
    b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b'""', b"'", b",", b"\t", b"\r", b"\n", b"\r\n", b"\x0b", b"\x1a", b" ",
    b"\x85", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"nan", b"inf", b"-1", b"1e999", b"9" * 5000,
    b"{", b"[" * 3000, b"null", b"../", b"\\", b"%s", b"{}", b"=", b"#", b"x" * 70_000, b'"' + b"y" * 200_000,
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "cp037", "utf-7")


class Mutator:
    """Makes damaged copies of ``seeds``; the same ``seed`` gives the same ones."""

    def __init__(self, seeds: Sequence[bytes], seed: int) -> None:
        self.seeds = list(seeds)
        self.random = random.Random(seed)
        self._kinds: tuple[Callable[[bytes], bytes], ...] = (
            self.truncated, self.flipped, self.inserted, self.cut, self.doubled, self.spliced, self.recoded, self.noise,
            self.other_line_ends,
        )  # fmt: skip

    def next(self, of: bytes | None = None) -> bytes:
        """A copy of ``of``, or of one of the seeds, damaged one to three times."""
        content = self.random.choice(self.seeds) if of is None else of
        for _ in range(self.random.choice((1, 1, 2, 3))):
            content = self.random.choice(self._kinds)(content)
        return content

    def place(self, content: bytes) -> int:
        return self.random.randint(0, len(content))

    def truncated(self, content: bytes) -> bytes:
        return content[: self.place(content)]

    def flipped(self, content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(self.random.choice((1, 1, 4, 32)) if content else 0):
            changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    def inserted(self, content: bytes) -> bytes:
        place = self.place(content)
        return content[:place] + self.random.choice(INSERTED) + content[place:]

    def cut(self, content: bytes) -> bytes:
        start = self.place(content)
        return content[:start] + content[start + self.random.choice((1, 10, 100)) :]

    def doubled(self, content: bytes) -> bytes:
        start, length = self.place(content), self.random.choice((1, 10, 100))
        return content[:start] + content[start : start + length] * self.random.choice((2, 3, 50)) + content[start:]

    def spliced(self, content: bytes) -> bytes:
        other = self.random.choice(self.seeds)
        return content[: self.place(content)] + other[self.place(other) :]

    def recoded(self, content: bytes) -> bytes:
        return content.decode("latin-1").encode(self.random.choice(ENCODINGS), "replace")

    def noise(self, content: bytes) -> bytes:
        start = self.place(content)
        return content[:start] + self.random.randbytes(self.random.choice((1, 8, 300))) + content[start + 8 :]

    def other_line_ends(self, content: bytes) -> bytes:
        return content.replace(b"\n", self.random.choice((b"\r", b"\r\n", b"\n\r", b"\n\n", b"")))
