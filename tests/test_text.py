"""The text treatment: rules, tokens, lexicon and ids."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.common.arrow_arrays import as_numpy, from_numpy
from sentiment.common.ragged import Ragged
from sentiment.data.encoded import ragged_rows
from sentiment.errors import ArtefactError, InputError
from sentiment.prepare.encoding import TypeCounter
from sentiment.settings import PreprocessingSettings
from sentiment.text.file_names import FILES
from sentiment.text.lemmas import lexicon_entries, stop_words
from sentiment.text.lexicon import PADDING, RESERVED, SPECIAL_TOKENS, UNKNOWN, Lexicon, LexiconEntry, build_lexicon
from sentiment.text.normalisation import RULES, Rule
from sentiment.text.preprocessor import Preprocessor, pad
from sentiment.text.rules_in_arrow import apply_rules, separate_chunks, to_lower_case
from sentiment.text.tokens import Tokens, as_arrow, tokenise

# Pieces that rules, Unicode tables or string buffers may trip over; joined at random they make texts.
PIECES = (
    *"\0\t\n\r\x0b\x1f\x7f\x85\xa0\u2003\u2028\u200b\u200c\u200d\u200e\u200f\u202e\u2060\u3000\ufeff\ufe0f\u0301\u0308",
    *"İıßſ\u212aéÉçΣςﬁ１９٣👍🏽❤😂😢😐👩‍💻🇬🇧", *"'’‘´`<>&;:()[]{}!?.,-_*/|\\^=@#%+\"…�¡÷",
    *("#", "#Best", "Day", "I", "A", "NBA", "#BestDayEver", "#NotBad2", "#ILoveIt", "#worst", "🧑🏿‍🚀", "🏳️‍🌈", "1️⃣", "🔥🔥"),
    *("🏴\U000e0067\U000e0062\U000e007f", "🤷🏽\u200d♀️", r"\u2019", r"\u002c", "dnt", "havnt"),
    *("10/10", "4.5/5", "0/10", "/5", "/10", "3-star", "1/2/2009"),
    *("a", "aaaa", "T", "zzz", "xd", "s", "3", "33", "4ever", "1,000", "rt", "n't", "don't", "don’t", "DIDNT", "can`t"),
    *(":)", ":-(", "<3", "</3", "(;", "-_-", "^_^", ":/", ":'(", "http://", "www.", "x.com", "bit.ly/a?b", "@ada", "@_"),
    *(
        "&amp;", "&lt;", "&gt;", "&quot;", "&#34;", "&nbsp;", "ï¿½", "<user>", "<unk>", "#39;", "&#x1F602;",
        "&apos;", "&amp;amp;#39;", "&#x2019;", "&eacute;", "#NotBad", "#BestDayEver2", "#lovethis", "👍🏽", "👩\u200d💻",
        "❤️", "🇬🇧", "1️⃣", "★★★★☆", "7/10", "4.5/5", "100%", "&AMP;LT;3", "it's", "they’re", "'tis", " ", "  "
    ),
)  # fmt: skip
odd_texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
any_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
texts_strategy = odd_texts | any_texts


def tokens_of(text: str, rules: Sequence[Rule] = RULES) -> list[str]:
    tokens = tokenise([text], rules)
    return [tokens.types[code] for code in tokens.codes.values]


def prepared(texts: Sequence[str]) -> pa.Array:
    """Return ``texts`` as rules receive them."""
    return separate_chunks(to_lower_case(as_arrow(texts)))


def normalise(texts: Sequence[str], rules: Sequence[Rule] = RULES) -> list[list[str]]:
    """Tokens of whole texts by one rule after the other, each text for itself."""
    whole = prepared(texts)
    for rule in rules:
        whole = pc.replace_substring_regex(whole, rule.pattern, rule.replacement)
    return [[token for token in text.split(" ") if token] for text in whole.to_pylist()]


def training_counts(counter: TypeCounter) -> dict[str, int]:
    counts = counter.counts[: len(counter.codes)].tolist()
    return {token: count for token, count in zip(counter.codes, counts, strict=True) if count}


def rows_of(ragged: Ragged) -> list[list[int]]:
    return [
        ragged.values[start : start + length].tolist()
        for start, length in zip(ragged.starts, ragged.lengths, strict=True)
    ]


def one_space(text: str) -> str:
    return re.sub(" +", " ", text).strip(" ")


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    words = ["love", "hate", "phone", "n't", "do", "it", "a", "aa", "İ", "❤", "x"]
    counts = [LexiconEntry(word, word, 50 - i) for i, word in enumerate(words)]
    return build_lexicon([*counts, LexiconEntry("the", None, 90), LexiconEntry("s", None, 9)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://x.co/a?b=1 now", "see <url> now"),
        ("https://t.co/AbC", "<url>"),
        ("www.foo.org/bar", "<url>"),
        ("read bit.ly/xYz, ok", "read <url> ok"),
        ("example.com", "<url>"),
        ("end.common", "end common"),
        ("@Bob_1: hi", "<user> hi"),
        ("hi @a@b", "hi <user> <user>"),
        ("a @ b", "a b"),
        ("&quot;hi&quot;&nbsp;there &#34;you", "hi there you"),
        ("caf� ï¿½s", "caf s"),
        ("a &amp; b", "a b"),
        ("I &lt;3 you", "i <heart> you"),
        ("a &gt; b", "a > b"),
        ("<3 <333 ❤ 💔", "<heart> <heart> <heart> <sadface>"),
        ("😍😂", "<heart> <lolface>"),
        (":D =d xD xxdd :P ;-p", " ".join(["<lolface>"] * 6)),
        (":dog exd", "dog exd"),
        (":) :-) =] ;) (: [; :o) :)))", " ".join(["<smile>"] * 8)),
        ("^_^ ^^ ^.^ 😊👍", " ".join(["<smile>"] * 5)),
        (":( :-( :'( ;[ ): </3 😢", " ".join(["<sadface>"] * 7)),
        (":/ =| :-\\ -_- -.- 😐", " ".join(["<neutralface>"] * 6)),
        ("17 1,000 99.5% 12:30 1/2 101 1000 09", " ".join(["<number>"] * 8)),
        ("7 stars, 10 of 10, 100%", "7 stars 10 of 10 100"),
        ("★★★★★ ⭐⭐⭐⭐ ★☆☆☆☆ ★", "<toprating> <toprating> <lowrating> ★"),
        ("4ever no1", "4ever no1"),
        (
            "10/10 5/5. 4.5/5, 9/10! 12/10 100/100 5-star",
            "<toprating> <toprating> <toprating> <toprating> ! <toprating> <toprating> <toprating>",
        ),
        ("3/5 3.5/5 5/10 7.9/10", " ".join(["<midrating>"] * 4)),
        ("0/10 2/10 1/5 1.9/10 1-star", " ".join(["<lowrating>"] * 5)),
        ("10/10/2009 24/7 6/5", "<number> <number> <number>"),
        ("#BestDayEver! #NotBad#ILoveIt", "best day ever ! not bad i love it"),
        (
            "#NBAFinals #CantWait #SuperBowl50 #2016Election",
            "nba finals ca n't wait super bowl <number> <number> election",
        ),
        ("#FAIL #USA #iPhone #worstserviceever #Day1", "fail usa iphone worstserviceever day1"),
        ("can't CAN’T can´t can`t cant", "ca n't ca n't ca n't ca n't cant"[:-4] + "ca n't"),
        ("dont didn't isn’t wont", "do n't did n't is n't wo n't"),
        ("want cannot ain't", "want ca n't ai n't"),
        ("I'm she’s they're we`ve he'll you'd", "i 'm she 's they 're we 've he 'll you 'd"),
        ("o'clock", "o'clock"),
        ("'quoted' ‘single’ rock 'n' roll", "quoted single rock n roll"),
        ("soooo coool yesss aaabbb aa haaappyyy", "ːso ːcol ːyes ːab aa ːhappy"),
        ("wow!!! what?? really?!", "wow ! what ? really ? !"),
        ("a-b, c.d; (e) [f] #tag a_b x=y…—ok", "a b c d e f tag a b x y ok"),
        ("CAFÉ İ ß ſ \u212a ４２", "cafÉ İ ß ſ \u212a ４２"),  # only ASCII letters change case, only ASCII digits count
        ("a\tb\nc\r\n\0d\x7fe\u2003f\u200bg\u3000h\ufeffi", "a b c d e f g h i"),
        ("👩\u200d💻 awesome🔥 I hate🤢this ❤️ 👍🏽 🇬🇧🇫🇷 1️⃣", "👩 💻 awesome 🔥 i hate 🤢 this <heart> <smile> 🇬🇧 🇫🇷 1"),
        ("(pizza): loved ugh:( a:(b) ):", "pizza loved ugh <sadface> a b <sadface>"),
        ("don&apos;t I&#39;d &amp;lt;3 caf&eacute; &#x2764; this&that;", "do n't i 'd <heart> cafe <heart> this that"),
        ("awww... ewww.so price:p lol :p", "ːaw ːew so price p lol <lolface>"),
        ("<3% <30 <3you <3.5 <3.", "3 < <number> <heart> you <number> <heart>"),
        ("http://t.co/x)awful www.x.y", "<url> awful <url>"),
        ("did'nt dont't shan't doesnʼt don＇t", "did n't do n't sha n't does n't do n't"),
        ("dnt cnt havn't arnt wern't", "d n't c n't hav n't ar n't wer n't"),
        (r"don\u2019t wait\u002c \u2018fine\u2019", "do n't wait fine"),  # JSON's escapes
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 🤷🏽\u200d♀️ ♀", "🏴 🤷 ♀"),
        ("💪🏽🙏 🤩 🧡🫶 🤦🏻‍♂️🖕 🤪", "<smile> <smile> <smile> <heart> <heart> <sadface> <sadface> <lolface>"),
    ],
)
def test_rules_by_example(text: str, expected: str) -> None:
    assert tokens_of(text) == expected.split(" ")


def test_every_rule_changes_what_it_names() -> None:
    """Leaving a rule out changes the tokens of its example, so that no rule is dead."""
    examples = {
        "ampersand": "a&amp;b", "less_than": "&lt;3", "greater_than": "a&gt;", "apostrophe": "don’t", "left_bracket": ":&lpar;",
        "right_bracket": ":&rpar;", "colon": "&colon;)", "at_sign": "&commat;ada", "exclamation_entity": "&excl;",
        "question_entity": "&quest;", "heart_entity": "&hearts;", "letter_entity": "caf&eacute;", "other_entity": "&quot;a",
        "url": "www.a", "mention": "@ada", "emoji_variant": "👍🏽", "less_than_number": "<3%", "heart": "<3", "laugh": "xd",
        "smile": ":)", "sad": "</3", "neutral": "😐", "emoji": "a🔥",
        "date": "1/2/5", "rating_decimals": "2.5/5", "top_rating": "5/5", "middle_rating": "3/5", "low_rating": "1/5",
        "number": "70", "top_stars": "★★★★", "low_stars": "★☆☆", "quotation": "'a", "negation": "don't", "clitic": "it's", "exclamation": "a!!",
        "question": "a??", "elongation_a_i": "aaa", "elongation_j_r": "ooo", "elongation_s_z": "zzz", "elongated_token": "haaa", "punctuation": "a.b",
    }  # fmt: skip
    assert set(examples) == {rule.name for rule in RULES}
    for name, text in examples.items():
        without = tuple(rule for rule in RULES if rule.name != name)
        assert tokens_of(text, without) != tokens_of(text), name


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwxyz")
def test_elongation_of_every_letter(letter: str) -> None:
    before, after = ("b", "c") if letter in "xq" else ("x", "q")
    assert tokens_of(f"{before}{letter * 5}{after}") == [f"ː{before}{letter}{after}"]


@given(st.lists(texts_strategy, max_size=6))
def test_chunks_one_by_one_are_whole_texts(texts: list[str]) -> None:
    types, codes = tokenise(texts)
    assert [[types[code] for code in row] for row in rows_of(codes)] == normalise(texts)
    assert len(set(types)) == len(types)


@given(texts_strategy, texts_strategy)
def test_no_rule_looks_across_a_space(a: str, b: str) -> None:
    a, b = prepared([a, b]).to_pylist()
    for rule in RULES:
        both, left, right = apply_rules(as_arrow([f"{a} {b}", a, b]), [rule]).to_pylist()
        assert one_space(both) == one_space(f"{left} {right}"), rule.name


def test_a_rule_that_looks_across_a_space_would_be_noticed() -> None:
    """The property above is not empty: a pattern with a blank in it breaks it."""
    rule = Rule("bad", "a b", "c")
    assert one_space(apply_rules(as_arrow(["a b"]), [rule])[0].as_py()) == "c"


@given(texts_strategy)
def test_separating_and_single_rules_are_idempotent(text: str) -> None:
    once = prepared([text])
    assert separate_chunks(once) == once
    names = (
        "mention", "number", "exclamation", "question", "elongation_a_i", "elongation_j_r", "elongation_s_z",
        "punctuation",
    )  # fmt: skip
    for rule in (rule for rule in RULES if rule.name in names):
        applied = apply_rules(once, [rule])
        again = apply_rules(applied, [rule])
        assert one_space(again[0].as_py()) == one_space(applied[0].as_py()), rule.name


@given(texts_strategy)
def test_separate_chunks_touches_ascii_case_and_space_only(text: str) -> None:
    (result,) = prepared([text]).to_pylist()
    visible = "".join(c for c in text if not (c <= " " or c in "\x7f\u1680\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
                      or "\x80" <= c <= "\xa0" or ("\u2000" <= c <= "\u200f" and c != "\u200d")))  # fmt: skip
    lower = "".join(c.lower() if c.isascii() else c for c in visible)
    assert result.replace(" ", "").replace("#", "") == lower.replace("#", "")  # a hashtag that is cut loses its sign
    assert "  " not in result


@given(st.lists(texts_strategy, max_size=6), st.randoms(use_true_random=False), st.sampled_from([1, 3, 32]))
def test_batched_one_by_one_and_shuffled_agree(texts: list[str], random: object, max_tokens: int) -> None:
    words = [LexiconEntry(word, word, 9) for word in ("love", "aa", "n't", "a", "do", "it", "x")]
    table = build_lexicon([*words, LexiconEntry("s", None, 3)])
    preprocessor = Preprocessor(RULES, table, max_tokens)
    batched = preprocessor.encode(texts)
    rows = rows_of(batched)
    assert rows == [rows_of(preprocessor.encode([text]))[0] for text in texts]
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert rows_of(preprocessor.encode([texts[i] for i in order])) == [rows[i] for i in order]
    assert rows_of(preprocessor.encode(pa.array(["before", *texts], pa.string())[1:])) == rows
    assert all(1 <= length <= max_tokens for length in batched.lengths)
    assert batched.lengths.dtype == batched.values.dtype == np.int32
    assert all(UNKNOWN <= i < len(table.vocabulary) for i in batched.values)
    padded = pad(batched, max_tokens)
    assert padded.shape == (len(texts), max_tokens)
    assert padded.dtype == np.int32
    assert padded.tolist() == [row + [PADDING] * (max_tokens - len(row)) for row in rows]
    assert rows_of(ragged_rows(padded)) == rows


def test_encode_by_hand(lexicon: Lexicon) -> None:
    preprocessor = Preprocessor(RULES, lexicon, 4)
    love, phone, do, nt = (lexicon.ids[word] for word in ("love", "phone", "do", "n't"))
    ids = preprocessor.encode(["the phone, LOVE the qqq", "I don't love it a phone", "the the", "", "qqq"])
    assert rows_of(ids) == [[phone, love, UNKNOWN], [UNKNOWN, do, nt, love], [UNKNOWN], [UNKNOWN], [UNKNOWN]]
    assert preprocessor.pad(ids).tolist()[0] == [phone, love, UNKNOWN, 0]


@pytest.mark.parametrize("copies", [1, 40])
def test_texts_that_are_cut_are_found(lexicon: Lexicon, copies: int) -> None:
    preprocessor = Preprocessor(RULES, lexicon, 2)
    cut = preprocessor.encode_and_compare(["love the phone", "love the phone love", ""] * copies)[1]
    assert cut.tolist() == [False, True, False] * copies


def test_shorten_cuts_after_dropping() -> None:
    lexicon = Lexicon({}, (*RESERVED, "a", "b"))
    ids = Ragged(np.array([0, 2, 0, 3, 2, 0, 0], np.int32), np.array([5, 0, 2], np.int32))
    assert rows_of(Preprocessor(RULES, lexicon, 2).shorten(ids)) == [[2, 3], [UNKNOWN], [UNKNOWN]]


def test_no_texts_and_blank_texts(lexicon: Lexicon) -> None:
    preprocessor = Preprocessor(RULES, lexicon, 3)
    none = preprocessor.encode([])
    assert none.values.shape == none.lengths.shape == (0,)
    assert preprocessor.pad(none).shape == (0, 3)
    assert tokenise([]).types == []
    blanks = ["", " ", "\t\n\u3000", "...", "''", "\0", "\u200b"]
    assert rows_of(preprocessor.encode(blanks)) == [[UNKNOWN]] * len(blanks)
    assert tokenise(blanks).codes.lengths.tolist() == [0] * len(blanks)


@pytest.mark.parametrize(
    ("piece", "tokens"),
    [
        ("a", ["ːa"]), (":", []), ("'", []), ("ha ", ["ha"] * 33_333 + ["h"]), ("http://", ["<url>"]),
        ("<3", ["<heart>"] * 50_000), ("İ", ["İ" * 100_000]), ("\u0301", ["\u0301" * 100_000]),
    ],
)  # fmt: skip
def test_a_text_of_100_000_characters(piece: str, tokens: list[str], lexicon: Lexicon) -> None:
    text = (piece * 100_000)[:100_000]
    assert tokens_of(text) == tokens
    assert Preprocessor(RULES, lexicon, 8).encode([text]).lengths.tolist() == [min(8, max(1, len(tokens)))]


LEAVE_OUT = "leave such texts out or make them empty"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one tweet", "expected a list of texts, received a single one: put it in a list"),
        (b"one tweet", "expected a list of texts, received a single one: put it in a list"),
        (["a", "bad \ud800"], "text 1 holds an unpaired surrogate: decode it as UTF-8 first"),
        (["\udcff"], "text 0 holds an unpaired surrogate: decode it as UTF-8 first"),
        (["a", 3], "expected a string, received int as text 1"),
        ([None], f"expected a string, received NoneType as text 0, a missing value: {LEAVE_OUT}"),
        ([b"a"], "expected a string, received bytes as text 0"),
        ([float("nan")], f"expected a string, received float as text 0, a missing value: {LEAVE_OUT}"),
        (pa.array(["a", None]), f"expected texts without missing values, received string with 1 missing: {LEAVE_OUT}"),
        (pa.array([1, 2]), "expected text, received an array of int64: cast it to string"),
    ],
)
def test_what_is_not_a_list_of_texts_is_refused(texts: object, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        tokenise(texts)  # type: ignore[arg-type]


def test_kinds_of_lists() -> None:
    """`tests.test_estimator` has more of them."""
    texts = ["love it", "İ"]
    kinds: list[Any] = [np.array(texts, object), iter(texts), pa.array(texts, pa.large_string())]
    for same in [*kinds, pa.chunked_array([texts[:1], texts[1:]]), pa.array(["x", *texts])[1:]]:
        assert as_arrow(same).equals(pa.array(texts, pa.string()))


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=6), st.data())
def test_ragged_is_a_list_of_lists(rows: list[list[int]], data: st.DataObject) -> None:
    values = np.array([value for row in rows for value in row], np.int32)
    ragged = Ragged(values, np.array([len(row) for row in rows], np.int32))
    assert rows_of(ragged) == rows
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8) if rows else st.just([]))
    taken = ragged.take(np.array(wanted, np.int64))
    assert rows_of(taken) == [rows[i] for i in wanted]
    assert taken.lengths.dtype == np.int32
    kept = ragged.keep(values % 2 == 1)
    assert rows_of(kept) == [[value for value in row if value % 2 == 1] for row in rows]
    assert kept.lengths.dtype == np.int32


def test_preprocessor_round_trip(lexicon: Lexicon, tmp_path: Path) -> None:
    preprocessor = Preprocessor(RULES[:5], lexicon, 7, seen=20)
    preprocessor.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    read = []
    assert Preprocessor.load(tmp_path, lambda name: read.append(name) or (tmp_path / name).read_bytes()) == preprocessor
    assert sorted(read) == sorted(FILES)
    (tmp_path / "vocabulary.txt").write_bytes(b"\xff")
    with pytest.raises(ArtefactError, match=r"vocabulary.txt: expected UTF-8"):
        Preprocessor.load(tmp_path)
    assert preprocessor.to_json().isascii()


@pytest.mark.parametrize(
    "change",
    [
        {"rules": None}, {"rules": [{"name": "x"}]}, {"rules": [{"name": "x", "pattern": "a", "replacement": "a\tb"}]},
        {"max_tokens": 0}, {"max_tokens": "many"}, {"seen": 1},
        {"seen": 99}, {"seen": "2"}, "", "[]", "{}", "{", "3",
    ],
    ids=str,
)  # fmt: skip
def test_damaged_preprocessing_json(change: dict | str, lexicon: Lexicon) -> None:
    whole = json.loads(Preprocessor(RULES, lexicon, 7).to_json())
    with pytest.raises(ArtefactError, match=r"^p\.json: expected rules and max_tokens \(.*\): export again$"):
        Preprocessor.from_json(change if isinstance(change, str) else json.dumps(whole | change), lexicon, "p.json")


def test_ids_of_a_lexicon() -> None:
    small = Lexicon({"the": 0, "phone": 3, "love": 2, "loves": 2}, (*RESERVED, "love", "phone"))
    assert small.to_tsv() == "love\t2\nloves\t2\nphone\t3\nthe\t0\n"
    found = small.lookup(["phone", "the", "Phone", "", "loves"])
    assert found.tolist() == [3, PADDING, UNKNOWN, UNKNOWN, 2]
    assert found.dtype == np.int32
    assert small.lookup([]).shape == (0,)


ENTRIES = [
    LexiconEntry("cats", "cat", 3), LexiconEntry("cat", "cat", 1), LexiconEntry("zoo", "zoo", 5),
    LexiconEntry("ape", "ape", 4), LexiconEntry("rare", "rare", 1), LexiconEntry("the", None, 99),
    LexiconEntry("<user>", "<user>", 6), LexiconEntry("never", "never", 0),
]  # fmt: skip


def test_build_lexicon_orders_by_count_then_lemma() -> None:
    lexicon = build_lexicon(ENTRIES, min_count=2)
    empty = sorted(set(SPECIAL_TOKENS) - {"<user>"})
    assert lexicon.vocabulary == (*RESERVED, "<user>", "zoo", "ape", "cat", *empty)
    assert lexicon.ids["cats"] == lexicon.ids["cat"] == 5
    assert lexicon.ids["the"] == PADDING
    assert lexicon.lookup(["rare", "never", "<user>"]).tolist() == [UNKNOWN, UNKNOWN, 2]
    assert build_lexicon(reversed(ENTRIES), min_count=2) == lexicon


def test_build_lexicon_keeps_special_tokens_beside_the_most_frequent() -> None:
    lexicon = build_lexicon(ENTRIES, max_vocabulary=1)
    assert set(lexicon.vocabulary) == {*RESERVED, "zoo", *SPECIAL_TOKENS}
    assert all(lexicon.vocabulary[lexicon.ids[token]] == token for token in SPECIAL_TOKENS)
    assert "ape" not in lexicon.ids
    assert "rare" in build_lexicon(ENTRIES).ids
    assert "never" not in build_lexicon(ENTRIES).ids
    assert set(build_lexicon([]).vocabulary) == {*RESERVED, *SPECIAL_TOKENS}


COUNTS = {"cats": 3, "not": 2, "n't": 4, "never": 1, "the": 9, "less": 2, "running": 1, "<user>": 2, "qqq": 1}


def decided(**settings: object) -> dict[str, str | None]:
    entries = lexicon_entries(COUNTS, PreprocessingSettings(**settings))  # type: ignore[arg-type]
    assert [entry.surface for entry in entries] == sorted({entry.surface for entry in entries})
    return {entry.surface: entry.lemma for entry in entries}


def test_lexicon_entries() -> None:
    lemmas = decided(min_count=1)
    assert {surface: lemmas[surface] for surface in COUNTS} == {
        "cats": "cat", "not": "not", "n't": "not", "never": "never", "the": None, "less": "less", "running": "run",
        "<user>": "<user>", "qqq": "qqq",
    }  # fmt: skip
    assert {word for word in lemmas if not word.startswith("ː")} == {*COUNTS, *stop_words()}
    assert lemmas["of"] is None  # a stop word that does not occur is dropped where it comes up later
    counts = {entry.surface: entry.count for entry in lexicon_entries(COUNTS, PreprocessingSettings(min_count=1))}
    assert counts["cats"] == 3
    assert counts["of"] == 0


def test_lexicon_entries_with_steps_off() -> None:
    assert decided(min_count=1, lemmatise=False)["cats"] == "cats"
    assert decided(min_count=1, lemmatise=False)["n't"] == "n't"
    assert decided(min_count=1, lemmatise=False)["the"] is None
    unstopped = decided(min_count=1, remove_stop_words=False)
    assert unstopped["the"] == "the"
    assert unstopped["cats"] == "cat"
    assert decided(min_count=1, keep_words=())["not"] is None
    assert decided(min_count=1, keep_words=("n't",))["n't"] == "n't"  # its lemma is not kept, so it stays itself
    assert decided(min_count=1, keep_words=("cats",))["cats"] == "cats"
    assert {"cats", "running"} & decided(min_count=3).keys() == {"cats"}


def test_an_elongated_token_counts_as_the_likeliest_word() -> None:
    counts = {"good": 5, "god": 2, "so": 9, "soo": 1, "happy": 3, "ːgod": 2, "ːq": 1, "ːso": 4}
    lexicon = build_lexicon(lexicon_entries(counts, PreprocessingSettings(min_count=1)))
    preprocessor = Preprocessor(RULES, lexicon, 9)
    texts = ["goood", "sooo", "happpyyy haaappy", "qqqq", "godddd", "zzzz"]
    words = [[lexicon.vocabulary[i] for i in row] for row in rows_of(preprocessor.encode(texts))]
    so = lexicon.vocabulary[max(UNKNOWN, lexicon.ids["so"])]
    assert words == [["good"], [so], ["happy", "happy"], ["q"], ["good"], ["<unk>"]]
    assert rows_of(preprocessor.encode(texts * 20))[: len(texts)] == rows_of(preprocessor.encode(texts))


def test_stop_words_have_straight_apostrophes() -> None:
    words = stop_words()
    assert {"the", "of", "n't", "'s"} <= words
    assert not any(c in word for word in words for c in "’‘")


def test_type_counter_counts_training_rows() -> None:
    counter = TypeCounter()
    first = counter.add(tokenise(["love love phone", "hate"]), np.array([True, False]))
    second = counter.add(tokenise(["phone hate new", "", "new"]), np.array([True, True, False]))
    names = [*counter.codes]
    assert [[names[code] for code in row] for row in rows_of(first)] == [["love", "love", "phone"], ["hate"]]
    assert [[names[code] for code in row] for row in rows_of(second)] == [["phone", "hate", "new"], [], ["new"]]
    assert training_counts(counter) == {"love": 2, "phone": 2, "hate": 1, "new": 1}
    nothing = counter.add(tokenise([]), np.zeros(0, bool))
    assert len(nothing.lengths) == 0
    assert counter.add(Tokens(["zzz"], Ragged(np.array([0]), np.array([1]))), np.array([False])).values.tolist() == [
        counter.codes["zzz"]
    ]
    assert "zzz" not in training_counts(counter)


def test_type_counter_grows() -> None:
    counter = TypeCounter()
    for batch in range(4):
        texts = [f"w{batch}x{i}" for i in range(900)] + ["common"]
        counter.add(tokenise(texts), np.ones(len(texts), bool))
    assert training_counts(counter)["common"] == 4
    assert training_counts(counter)["w3x899"] == 1
    assert len(training_counts(counter)) == 3601


@pytest.mark.parametrize("values", [[3, 1, 2], [True, False] * 9, []])
def test_numbers_to_arrow_and_back(values: list[int]) -> None:
    array = from_numpy(np.array(values, bool if values and values[0] is True else np.uint8))
    assert array.to_pylist() == values
    if array.type != pa.bool_():
        assert as_numpy(array[1:]).tolist() == values[1:]
