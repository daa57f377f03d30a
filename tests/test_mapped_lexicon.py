"""The lexicon searched where it lies gives the ids of the dictionary; a damaged one is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.errors import ArtefactError
from sentiment.text.lexicon import RESERVED, UNKNOWN, Lexicon
from sentiment.text.mapped_lexicon import map_lexicon
from sentiment.text.normalisation import LONG

VOCABULARY = "".join(f"{word}\n" for word in (*RESERVED, *(f"v{i}" for i in range(120))))
# Forms that share beginnings of eight and of sixteen bytes, so that later bytes must decide.
SIMILAR = st.sampled_from(["", "abcdefgh", "abcdefghabcdefgh", "é", "\U0001f600" * 4])
forms = st.builds(str.__add__, SIMILAR, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n")))


@given(st.dictionaries(forms.filter(bool), st.integers(0, 121), min_size=1, max_size=30), st.lists(forms, max_size=9))
def test_ids_are_those_of_the_dictionary(ids: dict[str, int], others: list[str]) -> None:
    plain = Lexicon(ids, tuple(VOCABULARY.split("\n")[:-1]))
    mapped = map_lexicon(plain.to_tsv().encode(), VOCABULARY)
    asked = [*ids, *others, *(form[:-1] for form in ids), *(f"{form}a" for form in ids), ""]
    assert [mapped.id_of(form) for form in asked] == [ids.get(form, UNKNOWN) for form in asked]
    long = [LONG * times + form for form in ids for times in (1, 2)]
    assert [mapped.id_of(form) for form in long] == [plain.id_of(form) for form in long] == plain.lookup(long).tolist()
    assert mapped.lookup(asked * 40).tolist() == plain.lookup(asked * 40).tolist()
    assert mapped.ids == ids
    assert mapped.vocabulary == plain.vocabulary
    assert mapped.size == plain.size
    assert mapped == plain
    assert mapped != Lexicon(ids | {"one more": 1}, plain.vocabulary)
    assert mapped.to_tsv() == plain.to_tsv()


IN_LINE_1 = (
    *(b"", b"a\t2", b"a\n", b"\t2\n", b"a\t\n", b"a\tx\n", b"a\t-1\n", b"a\t1:\n", b"a\t1/\n"),
    *(b"a\t122\n", b"a\t9999999999\n", b"a\t2\t3\nb\n"),
)
IN_LINE_2 = (
    *(b"a\t2\nb", b"b\t2\na\t2\n", b"a\t2\na\t2\n", b"a\t2\n\n", b"a\t2\nb\nc\n"),
    *(b"abcdefghabcdefghb\t2\nabcdefghabcdefgha\t2\n", b"abcdefghb\t2\nabcdefgha\t2\n"),
)


@pytest.mark.parametrize(("content", "line"), [*((each, 1) for each in IN_LINE_1), *((each, 2) for each in IN_LINE_2)])
def test_what_is_no_sorted_lexicon_is_refused(content: bytes, line: int) -> None:
    message = (
        f"l.tsv:{line}: expected sorted lines `token<TAB>id`, with ids of a vocabulary of 122: run `make preprocess`, or "
        "export the model again"
    )
    with pytest.raises(ArtefactError, match=f"^{re.escape(message)}$"):
        map_lexicon(content, VOCABULARY, "l.tsv")


@pytest.mark.parametrize("vocabulary", ["", "<pad>\n", "<unk>\n<pad>\na\n", "<pad>\n<unk>\nb", "<pad>\n<unk>\n"])
def test_vocabularies_that_do_not_fit(vocabulary: str) -> None:
    with pytest.raises(ArtefactError, match="ids of a vocabulary of"):
        map_lexicon(b"a\t2\n", vocabulary)
