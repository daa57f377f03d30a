"""The lexicon searched where it lies gives the ids of the dictionary, and refuses what the dictionary refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.text import mapped_lexicon
from sentiment.text.lexicon import RESERVED, UNKNOWN, Lexicon
from sentiment.text.mapped_lexicon import map_lexicon

VOCABULARY = "".join(f"{word}\n" for word in (*RESERVED, *(f"v{i}" for i in range(120))))
# Forms that share beginnings of eight and of sixteen bytes, so that later bytes must decide.
SIMILAR = st.sampled_from(["", "abcdefgh", "abcdefghabcdefgh", "é", "\U0001f600" * 4])
forms = st.builds(str.__add__, SIMILAR, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n")))


@given(st.dictionaries(forms.filter(bool), st.integers(0, 121), min_size=1, max_size=30), st.lists(forms, max_size=9))
def test_ids_are_those_of_the_dictionary(ids: dict[str, int], others: list[str]) -> None:
    plain = Lexicon(ids, tuple(VOCABULARY.split("\n")[:-1]))
    mapped = map_lexicon(plain.to_tsv().encode(), VOCABULARY)
    assert mapped is not None
    asked = [*ids, *others, *(form[:-1] for form in ids), *(f"{form}a" for form in ids), ""]
    assert [mapped.id_of(form) for form in asked] == [ids.get(form, UNKNOWN) for form in asked]
    assert mapped.lookup(asked * 40).tolist() == plain.lookup(asked * 40).tolist()
    assert mapped.ids == ids
    assert mapped.vocabulary == plain.vocabulary
    assert mapped.size == plain.size
    assert mapped == plain
    assert mapped != Lexicon(ids | {"one more": 1}, plain.vocabulary)
    assert mapped.to_tsv() == plain.to_tsv()


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_lexicon, "_MET_AT_MOST", 3)
    mapped = map_lexicon(b"a\t2\nb\t3\n", VOCABULARY)
    assert mapped is not None
    assert [mapped.id_of(form) for form in "abcdefgab"] == [2, 3, 1, 1, 1, 1, 1, 2, 3]
    assert len(mapped._met) <= 3


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"a\t2", b"a\t2\nb", b"a\n", b"\t2\n", b"a\t\n", b"a\tx\n", b"a\t-1\n", b"a\t1:\n", b"a\t1/\n"),
        *(b"a\t122\n", b"a\t9999999999\n", b"b\t2\na\t2\n", b"a\t2\na\t2\n", b"a\t2\t3\nb\n", b"a\t2\n\n"),
        *(b"abcdefghabcdefghb\t2\nabcdefghabcdefgha\t2\n", b"abcdefghb\t2\nabcdefgha\t2\n"),
    ],
)
def test_what_is_no_sorted_lexicon_is_left_to_the_other_reader(content: bytes) -> None:
    assert map_lexicon(content, VOCABULARY) is None


@pytest.mark.parametrize("vocabulary", ["", "<pad>\n", "<unk>\n<pad>\na\n", "<pad>\n<unk>\nb", "<pad>\n<unk>\n"])
def test_vocabularies_that_do_not_fit(vocabulary: str) -> None:
    assert map_lexicon(b"a\t2\n", vocabulary) is None


def test_words_in_a_text_are_found_side_by_side() -> None:
    words = sorted(["a", "ab", "abc", "b" * 15, "b" * 16, "c" * 8, "c" * 9, "z", *(f"w{i}" for i in range(40))])
    vocabulary = "".join(f"{lemma}\n" for lemma in (*RESERVED, *words))
    tsv = "".join(f"{word}\t{i}\n" for i, word in enumerate(words, len(RESERVED)))
    mapped = map_lexicon(tsv.encode(), vocabulary)
    plain = Lexicon.from_tsv(tsv, vocabulary.split("\n")[:-1])
    asked = [*words, "", "b" * 17, "b" * 40, "aa", "abcd", "b" * 14, "c" * 7, "w", "w99", "zz", "0"]
    lengths = np.array([len(word) for word in asked])
    data = np.frombuffer("".join(asked).encode() + bytes(16), np.uint8)
    assert mapped is not None
    for lexicon in (mapped, plain):
        assert lexicon.ids_at(data, np.cumsum(lengths) - lengths, lengths).tolist() == plain.lookup(asked).tolist()
