"""The index over names beside a look at every spelling, letter by letter."""

import random
import unicodedata
from collections.abc import Iterator
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import UnknownNameError
from kgdrug.graph import KnowledgeGraph, Vocabulary, names
from kgdrug.graph.names import (
    FAR,
    LEAST_ALIKE,
    LEAST_SHARED,
    LETTERS_A_TYPO,
    ONE_EDIT,
    SO_ALIKE,
    SURELY_ALIKE,
    Names,
    folded,
)
from kgdrug.sources import load_graph

Labels = tuple[list[str], list[str], dict[int, list[str]]]


def plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold()).casefold()
    letters = "".join(c for c in letters if c.isalnum() or not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())


def begins(spelling: str, wanted: str) -> bool:
    words = plain(spelling).split()
    return any(" ".join(words[k:]).startswith(wanted) for k in range(len(words)))


def tier(labels: Labels, i: int, wanted: str) -> int | None:
    ids, called, synonyms = labels
    if plain(called[i]).startswith(wanted):
        return 0
    if any(begins(spelling, wanted) for spelling in [called[i], *synonyms.get(i, [])]):
        return 1
    return 2 if begins(ids[i], wanted) else None


def length(name: str) -> int:
    return len(plain(name).encode())


def grams(text: str) -> set[bytes]:
    """The initial of each word, and what three bytes in a row there are when a word has a space on either side."""
    words = [f" {word} ".encode() for word in text.split()]
    return {word[1:2] for word in words} | {word[k : k + 3] for word in words for k in range(len(word) - 2)}


def in_common(one: str, other: str) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = 0
        for k, b in enumerate(other, 1):
            before, row[k] = row[k], before + 1 if a == b else max(row[k], row[k - 1])
    return row[-1]


def edited_once(text: str) -> Iterator[str]:
    """The text itself and all that is one edit away, a letter put in as `?`."""
    yield text
    for k in range(len(text) + 1):
        yield text[:k] + "?" + text[k:]
        if k < len(text):
            yield text[:k] + text[k + 1 :]
            yield text[:k] + "?" + text[k + 1 :]
            yield text[:k] + text[k : k + 2][::-1] + text[k + 2 :]


def one_edit_apart(one: str, other: str) -> bool:
    fits = (
        len(text) == len(other) and all(a in ("?", b) for a, b in zip(text, other, strict=True))
        for text in edited_once(one)
    )
    return any(fits)


def parts(word: str, spelling: str) -> list[str]:
    starts = [k for k in range(len(spelling)) if k == 0 or spelling[k - 1] == " "] or [0]
    return [spelling[k : k + n] for k in starts for n in range(len(word) - 1, len(word) + 2)]


def edits(one: str, other: str) -> int:
    """Letters put in, left out, changed, or swapped with their neighbour, none of them twice."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for k, b in enumerate(other, 1):
            row.append(min(rows[-1][k] + 1, row[-1] + 1, rows[-1][k - 1] + (a != b)))
            if i > 1 and k > 1 and (one[i - 2], a) == (b, other[k - 2]):
                row[k] = min(row[k], rows[-2][k - 2] + 1)
        rows.append(row)
    return rows[-1][-1]


def holds(spelling: str, text: str) -> bool:
    """Whether few edits make the text, or each of its words, a part of the spelling."""
    whole, *words = (min(len(word), *(edits(word, p) for p in parts(word, spelling))) for word in [text, *text.split()])
    return min(whole, sum(words)) <= max(1, len(text) // LETTERS_A_TYPO)


def alike(text: str, spelling: str) -> float:
    common = in_common(text, spelling)
    share = 50 * (2 * common / (len(text) + len(spelling)) + common / len(text))
    return share + ONE_EDIT * one_edit_apart(text, spelling)


def spellings(labels: Labels) -> list[tuple[int, str, set[bytes]]]:
    """Each spelling as the index has it, in its order: entity, plain text, trigrams."""
    ids, called, synonyms = labels
    rows = [(i, plain(name)) for i, name in enumerate(called)]
    rows += [(i, plain(text)) for i, texts in synonyms.items() for text in texts]
    found = [(i, text, grams(text)) for i, text in rows]
    unlike = [(i, plain(entity)) for i, entity in enumerate(ids) if entity != called[i]]
    return found + [(i, text, grams(text.split(" ")[-1])) for i, text in unlike]


def inside_of(n: int, among: list[range] | None) -> list[int]:
    return [i for i in range(n) if among is None or any(i in r for r in among)]


letters = "aAbBß1é -:'\N{COMBINING ACUTE ACCENT}猫"
spelled = st.text(letters, min_size=1, max_size=5) | st.text("ab ", min_size=6, max_size=24)
asked = st.text(letters, max_size=5) | st.text("ab ", min_size=2, max_size=14)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Labels, list[range] | None]:
    ids = draw(st.lists(spelled, unique=True, max_size=10))
    called = [draw(st.just(i) | spelled) for i in ids]
    synonyms = draw(st.dictionaries(st.sampled_from(range(len(ids))), st.lists(spelled, max_size=3))) if ids else {}
    ends = st.integers(0, len(ids))
    among = draw(st.none() | st.lists(st.builds(range, ends, ends), min_size=1, max_size=3))
    return (ids, called, Vocabulary(ids, called, synonyms=synonyms).synonyms), among


def mask(n: int, among: list[range] | None):
    return Vocabulary(map(str, range(n)))._inside(among)


@settings(max_examples=300, deadline=None)
@given(labelled(), asked, st.integers(0, 6))
def test_what_begins_with_a_text_agrees_with_a_look_at_every_word(labels_among, text, limit):
    labels, among = labels_among
    wanted, n = plain(text), len(labels[0])
    tiers = {i: tier(labels, i, wanted) if wanted else None for i in inside_of(n, among)}
    expected = sorted((t, length(labels[1][i]), i) for i, t in tiers.items() if t is not None)
    assert Names(*labels).beginning(text, limit, mask(n, among)) == [i for _, _, i in expected][:limit]


@settings(max_examples=300, deadline=None)
@given(labelled(), asked, st.integers(0, 6), st.sampled_from([1, 3, 300]))
def test_what_resembles_a_text_agrees_with_a_look_at_every_spelling(labels_among, text, limit, candidates):
    labels, among = labels_among
    wanted, n = plain(text), len(labels[0])
    inside = inside_of(n, among)
    ours = grams(wanted)
    sharing = [
        (-len(ours & theirs) / len(ours | theirs), row, i, spelling)
        for row, (i, spelling, theirs) in enumerate(spellings(labels))
        if i in inside and len(ours & theirs) > LEAST_SHARED * len(ours)
    ]
    shares = [(alike(wanted, spelling), i, spelling) for _, _, i, spelling in sorted(sharing)[:candidates]]
    least = min(max(max((share for share, _, _ in shares), default=0) - FAR, LEAST_ALIKE), SURELY_ALIKE)
    best: dict[int, float] = {}
    for share, i, spelling in shares:
        if share >= least and (share >= SO_ALIKE or holds(spelling, wanted)):
            best[i] = max(best.get(i, 0), share)
    expected = sorted((-share, length(labels[1][i]), i) for i, share in best.items())
    with mock.patch.multiple(names, CANDIDATES=candidates, _PIECE=3, _LOOKED_AT=2):
        assert Names(*labels).resembling(text, limit, mask(n, among)) == [i for _, _, i in expected][:limit]


@settings(max_examples=300, deadline=None)
@given(labelled(), st.lists(st.text("ab1é", min_size=1, max_size=3), max_size=3).map(" ".join), st.integers(0, 6))
def test_what_holds_the_words_of_a_text_agrees_with_a_look_at_every_word(labels_among, text, limit):
    (ids, called, synonyms), among = labels_among
    wanted = set(plain(text).split())
    words = {i: plain(" ".join([called[i], *synonyms.get(i, [])])).split() for i in inside_of(len(ids), among)}
    holding = [i for i, own in words.items() if all(any(word.startswith(w) for word in own) for w in wanted)]
    expected = sorted(holding, key=lambda i: (length(called[i]), i)) if len(wanted) > 1 else []
    assert Names(ids, called, synonyms).holding(text, limit, mask(len(ids), among)) == expected[:limit]


def test_a_name_is_found_by_its_words_in_another_order():
    vocabulary = Vocabulary(["a", "b", "c"], ["type 2 diabetes mellitus", "type 1 diabetes mellitus", "diabetes"])
    assert vocabulary.search("diabetes type 2", 1) == vocabulary.search("mellitus 2", 1) == [0]
    with pytest.raises(UnknownNameError, match=r"did you mean type 2 diabetes mellitus \(a\)"):
        vocabulary.find("diabetes type 2")


@settings(max_examples=300, deadline=None)
@given(labelled(), asked, st.integers(0, 6))
def test_a_search_is_what_the_text_is_then_what_begins_with_it_then_what_resembles_it(labels_among, text, limit):
    labels, among = labels_among
    ids, called, synonyms = labels
    inside, said = inside_of(len(ids), among), text.strip().casefold()
    exact = [i for i in inside if ids[i] == text.strip()]
    exact += [i for i in inside if said in (ids[i].casefold(), called[i].casefold())]
    exact += [i for i in inside if said in [t.casefold() for t in synonyms.get(i, [])]]
    exact += [i for i in inside if said and ids[i].partition("::")[2].casefold() == said and plain(said)]
    index, n = Names(*labels), len(ids)
    looks = [index.beginning, index.holding, *([] if exact else [index.resembling])]
    rest = [i for look in looks for i in look(text, n, mask(n, among))]
    expected = list(dict.fromkeys([*exact, *rest]))[:limit]
    assert Vocabulary(ids, called, synonyms=synonyms).search(text, limit, among) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sjögren's  Syndrome", "sjogren s syndrome"),
        ("SJO\N{COMBINING DIAERESIS}GREN", "sjogren"),
        ("Weißdorn", "weissdorn"),
        (" (2R)-β-carotene_x\n", "2r β carotene x"),
        ("Charcot\N{EN DASH}Marie", "charcot marie"),
        ("\ud800 half", "half"),
        ("…", ""),
    ],
)
def test_words_are_compared_without_case_accents_and_signs(text, expected):
    assert folded(text).decode() == expected == plain(text)


LABELS = {
    "Compound::DB00331": "Metformin",
    "Compound::DB00945": "Acetylsalicylic acid",
    "Disease::DOID:9352": "type 2 diabetes mellitus",
    "Disease::DOID:1816": "diabetes",
    "Disease::DOID:12894": "Sjögren's syndrome",
    "Gene::4233": "MET",
    "Side Effect::C1": "Metallic taste",
}
SYNONYMS = {1: ["aspirin", "ASA"], 2: ["T2DM", "adult-onset diabetes"]}


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(LABELS, LABELS.values(), synonyms=SYNONYMS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("met", [5, 0, 6]),  # is it, begins with it, the shorter first
        ("diabetes", [3, 2]),
        ("diab", [3, 2]),
        ("mell", [2]),
        ("diabetes mel", [2]),
        ("2 diab", [2]),
        ("aspi", [1]),
        ("onset", [2]),
        ("DB003", [0]),
        ("DOID:93", [2]),
        ("9352", [2]),
        ("Disease::DOID:1", [3, 4]),
        ("sjogren", [4]),
        ("SJÖGREN", [4]),
        ("sjögrens syn", [4]),
        ("t2dm", [2]),
        ("metfromin", [0]),
        ("asprin", [1]),
        ("typ 2 diabetis", [2]),
    ],
)
def test_a_search_understands_ids_beginnings_words_synonyms_and_typos(vocabulary, text, expected):
    assert vocabulary.search(text)[: len(expected)] == expected


def test_a_text_without_letters_finds_only_what_is_spelled_so(vocabulary):
    assert vocabulary.search("…") == vocabulary.search("") == []
    assert Vocabulary(["a", "b"], ["…", "b"]).search("…") == [0]


def test_names_with_line_ends_and_half_characters_stay_apart():
    odd = Vocabulary(["a", "b", "c"], ["one\ntwo", "\ud800 three", "four"], synonyms={2: ["five\r\nsix"]})
    assert [odd.search(text)[0] for text in ("two", "three", "four", "six")] == [0, 1, 2, 2]


@pytest.fixture(scope="module")
def essential() -> KnowledgeGraph:
    return load_graph("essential")


def mistyped(name: str, how: str, chance: random.Random) -> str:
    places = [k for k in range(1, len(name) - 1) if name[k].isalnum() and name[k + 1].isalnum()]
    k = chance.choice(places)
    return {
        "swapped": name[:k] + name[k + 1] + name[k] + name[k + 2 :],
        "missing": name[:k] + name[k + 1 :],
        "doubled": name[:k] + name[k] + name[k:],
    }[how]


@pytest.mark.parametrize("text", ["nosuchthing", "tylenol", "banana", "elephant", "no such thing"])
def test_what_no_name_holds_but_scattered_letters_resembles_nothing(essential, text):
    assert essential.entities.search(text) == []
    assert essential.entities.close_matches(text) == []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("astma", "asthma"),
        ("hypertention", "hypertension"),
        ("metfromin", "Metformin"),
        ("metphormin", "Metformin"),
        ("accetominofen", "Acetaminophen"),
        ("chronic pulmonary disese", "chronic obstructive pulmonary disease"),
    ],
)
def test_a_common_misspelling_finds_what_was_meant(essential, text, first):
    assert essential.entities.names[essential.entities.search(text, 1)[0]] == first


@pytest.mark.parametrize("text", ["DB00331", "Compound::DB00331", "metformin", "DRUGBANK:DB00331"])
def test_beside_what_the_text_is_nothing_stands_that_only_resembles_it(essential, text):
    assert essential.entities.search(text) == [essential.find("Metformin")]


@pytest.mark.parametrize("how", ["swapped", "missing", "doubled"])
def test_a_typo_in_the_name_of_a_drug_or_disease_finds_it_among_the_first_three(essential, how):
    chance = random.Random(how)
    entities = essential.entities
    for kind in ("Compound", "Disease"):
        for i in list(essential.entity_type(kind).range)[:: 5 if kind == "Compound" else 2]:
            text = mistyped(entities.names[i], how, chance)
            assert i in entities.search(text, 3), text


def test_a_finished_or_unfinished_name_of_the_sample_graph_is_found_at_once(essential):
    entities = essential.entities
    diseases = essential.entity_type("Disease").range
    for i in diseases:
        name = entities.names[i]
        assert entities.search(name, 1, [diseases]) == [i]
        assert i in entities.search(name[: max(4, len(name) - 3)], 10, [diseases])
        assert i in entities.search(name.split()[-1], len(diseases), [diseases])


def test_a_text_is_read_no_further_than_anything_begins_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    class Watched(bytes):
        def __getitem__(self, place: object) -> object:
            read.append(place)
            return super().__getitem__(place)

    monkeypatch.setattr(names, "folded", lambda text: Watched(folded(text)))
    index = Names(["a", "b"], ["asthma bronchiale", "asthma"], {})
    assert index.spelled("asthma bronchitis" + "x" * 100_000) == []
    assert index.beginning("asthma bronchitis" + "x" * 100_000, 3) == []
    assert len(read) < 50
