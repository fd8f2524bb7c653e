import string
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.certify import Perturbation
from interlock.certify.defences.drop import DropWords
from interlock.certify.vote.graphemes import graphemes
from interlock.certify.vote.perturb import copy_generator
from interlock.certify.vote.random_copies import Change
from interlock.errors import OptionError

KINDS = ["swap", "patch", "insert"]
FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER F}\N{REGIONAL INDICATOR SYMBOL LETTER R}"


def changed(before: str, after: str) -> int:
    return sum(a != b for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@given(
    text=st.text(alphabet=string.ascii_letters, max_size=60),
    rate=st.floats(0, 1),
    seed=st.integers(0, 2**40),
)
@settings(max_examples=60)
def test_exact_counts_and_same_seed_same_copies(kind, text, rate, seed):
    perturbation = Perturbation(kind, rate)
    copies = perturbation.copies(text, 3, seed=seed)
    assert copies == perturbation.copies(text, 3, seed=seed)
    assert copies[:2] == perturbation.copies(text, 2, seed=seed)
    expected = perturbation.count(len(text))
    assert expected == max(int(rate * len(text) + 1e-9), 1 if rate > 0 and text else 0)
    for copy in copies:
        if kind == "insert":
            assert len(copy) == len(text) + expected
            letters = iter(copy)
            assert all(letter in letters for letter in text)  # a subsequence: nothing is lost
        else:
            assert changed(text, copy) == expected


def test_patch_is_one_block():
    text = "x" * 50
    for copy in Perturbation("patch", 0.2, alphabet="ab").copies(text, 50, seed=1):
        places = [i for i, letter in enumerate(copy) if letter != "x"]
        assert places == list(range(places[0], places[0] + 10))


def test_insert_breaks_distinct_places():
    text = "x" * 20
    copy = Perturbation("insert", 1.0, alphabet="ab").copy(text, seed=0)
    assert copy[1::2] == text
    assert set(copy[0::2]) <= {"a", "b"}


def test_paper_mode_may_change_nothing():
    assert Perturbation("swap", 0.1, paper=True).copy("short", seed=0) == "short"
    assert Perturbation("swap", 0.1).copy("short", seed=0) != "short"
    paper = Perturbation("swap", 1.0, alphabet="ab", paper=True)
    same = [changed("a" * 100, copy) for copy in paper.copies("a" * 100, 20, seed=0)]
    assert 30 < np.mean(same) < 70  # half of the draws hit the letter that was there
    assert Perturbation("swap", 1.0, alphabet="ab").copy("a" * 9, seed=0) == "b" * 9


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_span_is_touched_even_if_its_text_occurs_again(kind):
    text = "[user] same words same words [end]"
    span = (7, 17)
    for copy in Perturbation(kind, 0.5).copies(text, 20, seed=4, span=span):
        assert copy.startswith("[user] ")
        assert copy.endswith(" same words [end]")
        assert copy[7 : len(copy) - 17] != "same words"


@pytest.mark.parametrize("kind", KINDS)
def test_clusters_are_never_torn(kind):
    text = f"cafe\u0301 {FAMILY} {FLAG} na\u0308ive " * 3
    whole = set(graphemes(text))
    for copy in Perturbation(kind, 0.3).copies(text, 20, seed=2):
        assert set(graphemes(copy)) <= whole | set(string.printable) | {"\r\n"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", "a", FAMILY, "e\u0301", "\u0301", "\ud800", "x" * 100_000])
@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
def test_odd_prompts(kind, text, rate):
    copy = Perturbation(kind, rate).copy(text, seed=0)
    assert (copy == text) == (rate == 0 or text == "")


def test_one_character_cannot_carry_a_prompt():
    payload = "\U000e0049\U000e0067" * 60  # tags, which belong to the character before them
    marks = "".join(chr(0x300 + i % 100) for i in range(120))
    for hidden in (payload, marks, "\ufe0f" * 120, "\u200d" * 120):
        text = "A plain question with one odd sign in it: x" + hidden + " and some more words."
        assert max(map(len, graphemes(text))) == 10
        assert "".join(graphemes(text)) == text
        perturbation = Perturbation("swap", 0.1)
        copies = perturbation.copies(text, 200, seed=1)
        assert perturbation.changes(graphemes(text)) == perturbation.count(len(text))
        assert sum(hidden in copy for copy in copies) <= 20  # as one of 86 characters: 150


def test_changes_are_counted_over_code_points():
    text = f"cafe\u0301 {FAMILY} " * 4
    perturbation = Perturbation("swap", 0.3, alphabet="#%")
    expected = int(0.3 * len(text) + 1e-9)
    assert expected > int(0.3 * len(graphemes(text)))
    for copy in perturbation.copies(text, 20, seed=3):
        assert sum(letter in "#%" for letter in copy) == expected
    assert Perturbation("swap", 0.9).changes([FAMILY, FLAG]) == 2  # no more than there are


@pytest.mark.parametrize("kind", KINDS)
def test_change_exactly(kind):
    text = "goal " + "s" * 20
    for k in range(21):
        copy = Perturbation(kind, 0.1, alphabet="ab").change_exactly(text, k, seed=k, span=(5, 25))
        assert copy.startswith("goal ")
        assert sum(letter in "ab" for letter in copy[5:]) == k


@given(seed=st.integers(0, 2**70), index=st.integers(0, 2**33))
def test_the_generator_of_a_copy_is_the_one_that_certificates_were_measured_with(seed, index):
    digest = sha256(b"ein Text").digest()
    words = [int(word) for word in np.frombuffer(digest, dtype="<u4")]
    known = np.random.default_rng([seed, index, *words])
    mine = copy_generator("ein Text", seed, index)
    assert mine.bit_generator.state == known.bit_generator.state


def test_prompts_with_one_seed_draw_independently():
    swap = Perturbation("swap", 0.1)
    one, two = swap.copies("a" * 200, 1, seed=0)[0], swap.copies("b" * 200, 1, seed=0)[0]
    places_one = {i for i in range(200) if one[i] != "a"}
    places_two = {i for i in range(200) if two[i] != "b"}
    assert len(places_one & places_two) < 10


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Perturbation("delete"), "swap, patch or insert"),
        (lambda: Perturbation(rate=1.5), "from 0 to 1"),
        (lambda: Perturbation(rate=float("nan")), "from 0 to 1"),
        (lambda: Perturbation(alphabet="aa"), "two different"),
        (lambda: Perturbation().copy("abc", seed=0, span=(2, 9)), "offsets"),
        (lambda: Perturbation().copy("ae\u0301b", seed=0, span=(0, 2)), "inside one character"),
        (lambda: Perturbation().copy("abc", seed=-1), "seed"),
        (lambda: Perturbation().copies("abc", -1, seed=0), "copies"),
        (lambda: Perturbation().change_exactly("abc", 4, seed=0), "3 characters"),
    ],
)
def test_bad_options_are_one_clear_line(make, words):
    with pytest.raises(OptionError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


@given(
    st.text("ab é日\n_", max_size=30),
    st.sampled_from([Perturbation(kind, 0.2) for kind in ("swap", "patch", "insert")])
    | st.sampled_from([Perturbation("swap", 0.2, paper=True), DropWords(0.4)]),
    st.integers(0, 2**70),
)
def test_one_copy_alone_is_that_of_all_and_differs_where_that_is_said(
    text: str, change: Change, seed: int
) -> None:
    characters = graphemes(text)
    copies = change.copies_of(characters, 5, seed=seed)
    assert copies == [change.copy_of(characters, j, seed=seed) for j in range(5)]
    assert not (change.alters(characters) and characters in copies)
