"""GloVe vectors: reading them in every form, and completing the matrix."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.shared.glove_files import glove_file, read_glove
from sentiment.common.ragged import Ragged
from sentiment.embedding.glove import WordVectors, first_words, read_vectors, select_vectors, unlike_lemmas
from sentiment.embedding.matrix import complete, find_vectors, measure_coverage, wanted_words
from sentiment.embedding.stand_ins import STAND_INS, emoji_names, split_compound, weights_of
from sentiment.errors import InputError
from sentiment.settings import EmbeddingSettings
from sentiment.text.lexicon import PADDING, RESERVED, UNKNOWN, Lexicon
from sentiment.text.tokens import own_tokens

LINES = [b"love 1 0 0 0.5\n", b"hate -1 0 0 0.25\n", b"i 0 1 0 0\n", b"caf\xc3\xa9 0 0 1 -2e-1\n"]


def refused(lines: Sequence[bytes], wanted: Sequence[str] = ("love",), dimension: int = 0) -> str:
    with pytest.raises(InputError) as caught:
        read_vectors(lines, wanted, "g.txt", dimension)
    return str(caught.value)


def test_only_wanted_words_are_kept() -> None:
    vectors = read_vectors(LINES, {"hate", "café", "absent"}, "g.txt", 4)
    assert vectors.rows == {"hate": 0, "café": 1}
    assert vectors.matrix.tolist() == [[-1, 0, 0, 0.25], [0, 0, 1, pytest.approx(-0.2)]]
    assert vectors.matrix.dtype == np.float32
    assert (vectors.file_words, vectors.dimension) == (4, 4)
    assert vectors.get("love") is None
    assert vectors.get("hate").tolist() == [-1, 0, 0, 0.25]  # type: ignore[union-attr]


def test_header_of_word2vec_and_windows_line_ends() -> None:
    lines = [b"4 4\n", *(line.replace(b"\n", b"\r\n") for line in LINES)]
    vectors = read_vectors(lines, ["love"], "g.txt")
    assert (vectors.file_words, vectors.dimension) == (4, 4)
    assert vectors.matrix.tolist() == [[1, 0, 0, 0.5]]


def test_last_line_without_newline_and_repeated_word() -> None:
    vectors = read_vectors([*LINES, b"love 9 9 9 9\n", b"end 1 2 3 4"], ["love", "end"], "g.txt")
    assert vectors.matrix.tolist() == [[1, 0, 0, 0.5], [1, 2, 3, 4]]


def test_words_that_hold_spaces_or_are_numbers() -> None:
    lines = [b"1 0.1 0 0 0\n", b". . . 1 2 3 4\n", b"at name@x.org 1 1 1 1\n", b"love 4 3 2 1\n", b"2.5 1 1 1 2\n"]
    vectors = read_vectors(lines, ["love", "1", ". . .", "2.5"], "g.txt")
    assert vectors.rows == {"1": 0, ". . .": 1, "love": 2, "2.5": 3}
    assert vectors.matrix[1:3].tolist() == [[1, 2, 3, 4], [4, 3, 2, 1]]


@pytest.mark.parametrize(("line", "received"), [(b"hate 1 2 3\n", 3), (b"hate\n", 0), (b"hate 1 2 3 4 5\n", 5)])
def test_lines_of_another_length(line: bytes, received: int) -> None:
    """Also those of words that nobody wants."""
    assert refused([LINES[0], LINES[2], line]) == (
        f"g.txt:3: expected 4 numbers, received {received}: the file is damaged, or embedding.dimension is not the file's"
    )


def test_dimension_that_is_not_the_files() -> None:
    assert refused(LINES, dimension=50) == (
        "g.txt:1: expected 50 numbers, received 4: the file is damaged, or embedding.dimension is not the file's"
    )
    assert refused(LINES, dimension=3).startswith("g.txt:1: expected 3 numbers, received 4:")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"love nan 0 0 1\n", "g.txt:2: expected 4 finite numbers, received b' nan 0 0 1'"),
        (b"love 1 0 inf 1\n", "g.txt:2: expected 4 finite numbers, received b' 1 0 inf 1'"),
        (b"love 1 0 1e60 1\n", "g.txt:2: expected 4 finite numbers, received b' 1 0 1e60 1'"),
        (b"love 1 0  1\n", "g.txt:2: expected 4 finite numbers, received b' 1 0  1'"),
        (b"love 1 zero 0 1\n", "g.txt:2: expected 4 numbers (could not convert string to float: b'zero')"),
    ],
)
def test_wanted_vectors_that_are_not_numbers(line: bytes, message: str) -> None:
    assert refused([LINES[1], line]) == message
    assert read_vectors([LINES[1], line], ["hate"], "g.txt").file_words == 2


def test_files_that_are_not_glove() -> None:
    assert refused([b"<html>\n"]) == "g.txt:1: expected a word and its numbers, received b'<html>': not a GloVe file"
    assert refused(LINES, ["absent"]) == "g.txt: none of the words wanted is among its 4 lines: is it a GloVe file?"
    assert refused([b"2 4\n", *LINES[:2]], ["absent"]).startswith(
        "g.txt: none of the words wanted is among its 2 lines"
    )
    assert refused([]) == "g.txt: none of the words wanted is among its 0 lines: is it a GloVe file?"


def test_select_vectors() -> None:
    matrix = np.arange(6, dtype=np.float64).reshape(3, 2)
    vectors = select_vectors(["a", "b", "c"], matrix, {"c", "a", "zzz"}, "g.npy")
    assert vectors.rows == {"a": 0, "c": 1}
    assert vectors.matrix.tolist() == [[0, 1], [4, 5]]
    assert vectors.matrix.dtype == np.float32
    assert vectors.file_words == 3


@pytest.mark.parametrize(
    ("matrix", "wanted", "message"),
    [
        (np.zeros((2, 4)), "a", r"g\.npy: expected a row for each of 3 words, received shape \(2, 4\)"),
        (np.zeros(3), "a", r"g\.npy: expected a row for each of 3 words, received shape \(3,\)"),
        (np.zeros((3, 4)), "z", r"g\.npy: none of the words wanted is among its 3"),
        (np.full((3, 4), np.nan), "a", r"g\.npy: holds values that are not finite numbers"),
    ],
)
def test_select_vectors_refuses(matrix: np.ndarray, wanted: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        select_vectors(["a", "b", "c"], matrix, [wanted], "g.npy")


def glove_forms(txt: Path) -> dict[str, tuple[Path, EmbeddingSettings]]:
    """The same vectors in every form that can be read."""
    content = txt.read_bytes()
    packed = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    for suffix, compress in packed.items():
        txt.with_suffix(f".txt.{suffix}").write_bytes(compress(content))
    one, two = txt.with_suffix(".zip"), txt.with_name("two.zip")
    with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/glove.4d.txt", content)
    with zipfile.ZipFile(two, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("small.txt", b"love 1\n")
        archive.writestr("glove.4d.txt", content)
    rows = [line.split(" ") for line in content.decode().splitlines()]
    np.save(txt.with_suffix(".npy"), np.array([row[1:] for row in rows], np.float32))
    pq.write_table(pa.table({"word": [row[0] for row in rows]}), txt.with_suffix(".words.parquet"))
    plain, named = EmbeddingSettings(dimension=4), EmbeddingSettings(dimension=4, member="glove.4d.txt")
    forms = {suffix: (txt.with_suffix(f".txt.{suffix}"), plain) for suffix in packed}
    return forms | {"zip": (one, plain), "member": (two, named), "npy": (txt.with_suffix(".npy"), plain)}


@pytest.mark.parametrize("form", ["gz", "bz2", "xz", "zip", "member", "npy"])
def test_every_form_gives_the_same_vectors(form: str, glove_txt: Path) -> None:
    wanted = {"love", "hate", "zzz"}
    plain = read_glove(glove_txt, wanted, EmbeddingSettings())
    assert set(plain.rows) == {"love", "hate"}
    path, settings = glove_forms(glove_txt)[form]
    other = read_glove(path, wanted, settings)
    assert other.rows.keys() == plain.rows.keys()
    assert other.file_words == plain.file_words
    for word in plain.rows:
        np.testing.assert_array_equal(other.get(word), plain.get(word))


@pytest.mark.parametrize("form", ["gz", "zip", "member", "npy"])
def test_wrong_dimension_in_every_form(form: str, glove_txt: Path) -> None:
    path, settings = glove_forms(glove_txt)[form]
    with pytest.raises(InputError, match="expected (dimension )?50( numbers)?, received 4"):
        read_glove(path, {"love"}, EmbeddingSettings(dimension=50, member=settings.member))


def glove_refused(path: Path, **settings: object) -> str:
    with pytest.raises(InputError) as caught:
        read_glove(path, {"love"}, EmbeddingSettings(**settings))  # type: ignore[arg-type]
    return str(caught.value)


def test_members_of_a_zip(glove_txt: Path) -> None:
    one, two = (glove_forms(glove_txt)[form][0] for form in ("zip", "member"))
    assert glove_refused(two) == f"{two}: expected a member '', received small.txt, glove.4d.txt; set embedding.member"
    assert glove_refused(one, member="x.txt") == (
        f"{one}: expected a member 'x.txt', received inner/glove.4d.txt; set embedding.member"
    )


@pytest.mark.parametrize(
    ("form", "damage"), [("gz", "cut"), ("gz", "flip"), ("xz", "cut"), ("zip", "cut"), ("zip", "flip"), ("zip", "text")]
)
def test_damaged_archives(form: str, damage: str, glove_txt: Path) -> None:
    path = glove_forms(glove_txt)[form][0]
    content = path.read_bytes()
    middle = len(content) // 2 if form != "zip" else 120
    flipped = content[:middle] + bytes(255 - b for b in content[middle : middle + 40]) + content[middle + 40 :]
    path.write_bytes({"cut": content[:-60], "flip": flipped, "text": b"not an archive"}[damage])
    assert glove_refused(path).startswith(f"{path}: damaged or incomplete (")
    assert glove_refused(path).endswith("); fetch it again")


def test_damaged_arrays(glove_txt: Path) -> None:
    path = glove_forms(glove_txt)["npy"][0]
    words = path.with_suffix(".words.parquet")
    content, names = path.read_bytes(), words.read_bytes()
    path.write_bytes(content[:-8])
    assert glove_refused(path).startswith(f"{path}: expected an array and its words (")
    np.save(path, np.array(["a", None], object), allow_pickle=True)
    assert glove_refused(path).startswith(f"{path}: expected an array and its words (")
    path.write_bytes(content)
    words.write_bytes(names[:-8])
    assert glove_refused(path).startswith(f"{path}: expected an array and its words (")
    words.unlink()
    assert glove_refused(path).startswith(f"{words}: no such file")


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.txt"
    path.write_bytes(LINES[0] + b"x " * 5_000_000)
    assert glove_refused(path) == f"{path}:2: a line of over 65536 bytes: not a GloVe text file"


def test_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "g.txt", tmp_path):
        with pytest.raises(InputError) as caught:
            glove_file(path, tmp_path, {})
        assert str(caught.value) == f"{path}: no such file; give an existing one with GLOVE=file (--glove file)"


# The matrix. Ids: 2 love, 3 cat, 4 goin' (a variant is there), 5 n't (a stand-in is there), 6 qqq, 7 zzz (nothing is).
VOCABULARY = (*RESERVED, "love", "cat", "goin'", "n't", "qqq", "zzz")
LEXICON = Lexicon(
    {"love": 2, "loves": 2, "kitties": 3, "kitty": 3, "goin'": 4, "n't": 5, "qqq": 6, "zzz": 7, "the": 0}, VOCABULARY
)
TABLE = {"love": [2.0, 0], "loves": [9, 9], "kitty": [0, 4], "going": [-2, 0], "not": [0, -4]}
TRAIN = Ragged(np.array([2, 6, 2, 3, 1, 7, 4, 6, 4, 2], np.int32), np.array([2, 4, 0, 3, 1], np.int32))


def vectors_of(table: dict[str, list[float]]) -> WordVectors:
    return WordVectors(
        {word: i for i, word in enumerate(table)}, np.array(list(table.values()), np.float32), len(table)
    )


def test_wanted_words_cover_what_is_looked_up() -> None:
    wanted = wanted_words(LEXICON)
    assert {"love", "loves", "cat", "kitty", "goin'", "going", "not", "qqq", "q"} <= wanted
    assert {"user", "happy", "whatever"} <= wanted
    assert "dog" not in wanted
    assert set(RESERVED).isdisjoint(wanted)


def test_vectors_are_looked_for_in_order() -> None:
    found = find_vectors(LEXICON, vectors_of(TABLE))
    assert found.matrix.tolist() == [[0, 0], [0, 0], [2, 0], [0, 4], [-2, 0], [0, -4], [0, 0], [0, 0]]
    assert found.found.tolist() == [False, False, True, True, True, True, False, False]
    assert found.stand_in.tolist() == [False] * 5 + [True] + [False] * 2
    own = find_vectors(LEXICON, vectors_of(TABLE | {"n't": [7, 7], "cat": [5, 5], "goin'": [6, 6]}))
    assert own.matrix[3:6].tolist() == [[5, 5], [6, 6], [7, 7]]
    assert not own.stand_in.any()
    no_lemma = {word: vector for word, vector in TABLE.items() if word != "love"}
    assert find_vectors(LEXICON, vectors_of(no_lemma)).matrix[2].tolist() == [9, 9]


@pytest.mark.parametrize(
    ("word", "form"),
    [("qqq", "q"), ("sweeet", "swet"), ("goodd", "good"), ("rock'n'roll", "rocknroll"), ("lovin'", "loving")],
)
def test_spelling_variants(word: str, form: str) -> None:
    lexicon = Lexicon({word: 2}, (*RESERVED, word))
    found = find_vectors(lexicon, vectors_of({form: [1.0, 2.0]}))
    assert found.matrix[2].tolist() == [1, 2]
    assert not found.stand_in.any()


def test_special_tokens_have_their_own_vector_or_stand_ins_but_no_variants() -> None:
    lexicon = Lexicon({"<url>": 2}, (*RESERVED, "<url>"))
    pair = {"link": [1.0, 0.0], "website": [3.0, 2.0]}
    assert STAND_INS["<url>"] == ("link", "website")
    assert find_vectors(lexicon, vectors_of(pair)).matrix[2].tolist() == [2, 1]
    assert find_vectors(lexicon, vectors_of({"website": [3.0, 2.0]})).matrix[2].tolist() == [3, 2]
    assert find_vectors(lexicon, vectors_of(pair | {"<url>": [8.0, 8.0]})).matrix[2].tolist() == [8, 8]


def test_coverage_by_hand() -> None:
    coverage = measure_coverage(find_vectors(LEXICON, vectors_of(TABLE)), LEXICON, TRAIN)
    assert coverage.to_dict() == {
        "types": 6, "types_found": 4, "further": 0, "tokens": 10, "tokens_found": 6, "stand_ins": 1,
        "missing": (("qqq", 2), ("zzz", 1)), "type_share": 4 / 6, "token_share": 0.6,
    }  # fmt: skip
    assert measure_coverage(find_vectors(LEXICON, vectors_of(TABLE)), LEXICON, TRAIN, most=1).missing == (("qqq", 2),)
    nothing = Ragged(np.zeros(0, np.int32), np.zeros(0, np.int32))
    assert measure_coverage(find_vectors(LEXICON, vectors_of(TABLE)), LEXICON, nothing).to_dict()["token_share"] == 0


SCALES = (2**0.5, 8**0.5)  # deviations of the columns (2, 0, -2, 0) and (0, 4, 0, -4), whose means are 0


def completed(train: Ragged = TRAIN) -> np.ndarray:
    return complete(find_vectors(LEXICON, vectors_of(TABLE)), train)


def test_the_matrix_is_deterministic_and_leaves_found_rows_alone() -> None:
    matrix = completed()
    assert matrix.dtype == np.float32
    assert matrix.shape == (8, 2)
    assert np.isfinite(matrix).all()
    np.testing.assert_array_equal(matrix, completed())
    np.testing.assert_array_equal(matrix[PADDING], [0, 0])
    np.testing.assert_allclose(matrix[UNKNOWN], matrix[6:].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(matrix[2:6] * SCALES, [[2, 0], [0, 4], [-2, 0], [0, -4]], atol=1e-6)


def test_standardised_columns() -> None:
    random = np.random.default_rng(1)
    table = {word: (random.normal(3, 5, 2)).tolist() for word in TABLE}
    matrix = complete(find_vectors(LEXICON, vectors_of(table)), TRAIN)
    np.testing.assert_allclose(matrix[2:6].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(matrix[2:6].std(axis=0), 1, atol=1e-6)


def test_context_vectors_by_hand() -> None:
    """Two words of equal frequency around qqq: their plain mean; zzz stands alone and gets nothing."""
    train = Ragged(np.array([2, 6, 3, 7], np.int32), np.array([3, 1], np.int32))
    matrix = completed(train) * SCALES
    np.testing.assert_allclose(matrix[6], [1, 2], rtol=1e-6)
    np.testing.assert_allclose(matrix[7], [0, 0], atol=1e-6)
    once = Ragged(np.array([2, 6, 6, 4, 4, 7], np.int32), np.array([3, 3], np.int32))
    alone = completed(once) * SCALES
    np.testing.assert_allclose(alone[6], [2, 0], rtol=1e-6)
    np.testing.assert_allclose(alone[7], [-2, 0], rtol=1e-6)


def test_context_vectors_with_the_linear_map() -> None:
    """With frequent words enough the induced vectors have the median length of the known ones."""
    random = np.random.default_rng(5)
    rows = [[2, 3, 6], [4, 5, 7], [2, 4, 3, 5], [3, 6, 2], [5, 7, 4]]
    picked = [rows[i] for i in random.integers(0, len(rows), 200)]
    train = Ragged(np.array(sum(picked, []), np.int32), np.array([len(row) for row in picked], np.int32))
    matrix = completed(train) * SCALES
    np.testing.assert_allclose(np.linalg.norm(matrix[6:8], axis=1), [3, 3], rtol=1e-5)
    assert matrix[6] @ (matrix[2] + matrix[3]) > 0 > matrix[6] @ (matrix[4] + matrix[5])


def test_nothing_missing() -> None:
    lexicon = Lexicon({"love": 2, "going": 3}, (*RESERVED, "love", "going"))
    matrix = complete(find_vectors(lexicon, vectors_of(TABLE)), TRAIN_OF_TWO)
    np.testing.assert_allclose(matrix, [[0, 0], [0, 0], [1, 0], [-1, 0]], atol=1e-6)


TRAIN_OF_TWO = Ragged(np.array([2, 3], np.int32), np.array([2], np.int32))


def test_a_form_whose_vector_is_far_from_that_of_its_lemma_is_unlike_it() -> None:
    matrix = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], np.float32)
    vectors = WordVectors({"cat": 0, "cats": 1, "worst": 2, "empty": 3}, matrix, 4)
    pairs = [("cats", "cat"), ("worst", "cat"), ("worst", "unknown"), ("empty", "cat")]
    assert unlike_lemmas(pairs, vectors) == {"worst"}


def test_every_emoji_has_the_words_of_its_name_and_is_one_token() -> None:
    names = emoji_names()
    assert names["🔥"] == ("fire",)
    assert names["😂"] == ("tears", "joy")
    assert names["🇫🇷"] == ("france",)
    assert "👍🏽" not in names
    assert len(own_tokens([*names])) > 1000


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("worstserviceever", "worst service ever"),
        ("badservice", "bad service"),
        ("notbad", ""),  # negated
        ("service", ""),
        ("servicexq", ""),
        ("wor", ""),
        ("not-bad", ""),
        ("usaworst", ""),
        ("a" * 50, ""),
    ],
)
def test_words_written_together_are_split_by_frequency(token: str, words: str) -> None:
    words_by_rank = ("the", "a", "not", "service", "usa", "worst", "ever", "bad", "or", "st", "vice", "ser")
    ranks = {word: rank for rank, word in enumerate(words_by_rank)}
    assert split_compound(token, ranks) == tuple(words.split())


def test_a_token_written_together_has_the_mean_vector_of_its_words() -> None:
    lexicon = Lexicon({"lovegoing": 2, "love": 3, "going": 4}, (*RESERVED, "lovegoing", "love", "going"))
    found = find_vectors(lexicon, vectors_of({"love": [1, 3], "going": [3, 1]}))
    # The first word of a file is the most frequent, so "love" counts less here.
    love, going = weights_of(["love", "going"], {"love": 0, "going": 1})
    np.testing.assert_allclose(found.matrix[2], np.array([love + 3 * going, 3 * love + going]) / (love + going))
    assert love < going
    assert found.stand_in.tolist() == [False, False, True, False, False]


def test_line_ends_of_other_programs_make_no_difference() -> None:
    plain = [b"the 1 2\n", b"love 3 4\n"]
    for lines in (
        [b"2 2\n", b"the 1 2 \n", b"love 3 4 \r\n"], [*plain, b"\n"], [b"\xef\xbb\xbfthe 1 2\n", plain[1]],
    ):  # fmt: skip
        vectors = read_vectors(lines, ["the", "love"], "v.txt", 2)
        assert (vectors.rows, vectors.file_words) == ({"the": 0, "love": 1}, 2)
        assert vectors.matrix.tolist() == [[1, 2], [3, 4]]
        assert list(first_words(lines, 9, "v.txt")) == ["the", "love"]
