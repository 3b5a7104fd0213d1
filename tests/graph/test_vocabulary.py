from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import AmbiguousNameError, UnknownNameError, UsageError
from kgdrug.graph import Vocabulary
from kgdrug.graph.vocabulary import join_synonyms, split_synonyms

LABELS = {
    "Compound::DB00331": "Metformin",
    "Compound::DB00945": "Acetylsalicylic acid",
    "Compound::DB00264": "Metoprolol",
    "Disease::1": "diabetes",
    "Disease::2": "metastasis",
    "Gene::4233": "MET",
}
COMPOUNDS, DISEASES, GENES = range(3), range(3, 5), range(5, 6)


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(LABELS, LABELS.values())


def test_each_id_has_one_index_and_each_index_one_id(vocabulary):
    assert len(vocabulary) == 6
    assert [vocabulary.index(entity) for entity in LABELS] == list(range(6))
    assert [vocabulary.ids[vocabulary.index(entity)] for entity in LABELS] == list(LABELS)
    assert "Gene::4233" in vocabulary
    assert "MET" not in vocabulary


def test_an_index_is_asked_for_by_the_exact_id_alone(vocabulary):
    for text in ("compound::db00331", "Metformin", " Compound::DB00331"):
        with pytest.raises(UnknownNameError):
            vocabulary.index(text)


@pytest.mark.parametrize("text", ["Compound::DB00331", "COMPOUND::db00331", "Metformin", "metformin", "  METFORMIN\t"])
def test_an_entity_is_found_by_id_or_name_in_any_case(vocabulary, text):
    assert vocabulary.find(text) == 0


def test_a_name_is_found_where_case_folding_changes_its_length():
    assert Vocabulary(["a", "b"], ["Weißdorn", "x"]).find("WEISSDORN") == 0
    assert Vocabulary(["a", "b"], ["x", "10 \N{KELVIN SIGN}"]).find("10 k") == 1


def test_a_name_is_found_as_it_is_spelled_with_accents_and_signs():
    vocabulary = Vocabulary(["a", "b", "c", "d"], ["Sjögren's", "Sjogren's", "+", "(-)"])
    assert [vocabulary.find(text) for text in ("SJÖGREN'S", "sjogren's", "+", "(-)")] == [0, 1, 2, 3]
    with pytest.raises(UnknownNameError, match=r"did you mean Sjögren's \(a\), Sjogren's \(b\)\?"):
        vocabulary.find("sjogrens")


def test_an_exact_id_wins_over_the_name_of_another():
    vocabulary = Vocabulary(["1", "2"], ["2", "one"])
    assert vocabulary.find("2") == 1
    assert vocabulary.find("one") == 1


def test_an_id_in_another_case_does_not_win_over_a_name():
    with pytest.raises(AmbiguousNameError):
        Vocabulary(["x", "b"], ["B", "name"]).find("B")


def test_an_ambiguous_name_lists_the_ids_that_bear_it():
    vocabulary = Vocabulary(["Compound::1", "Compound::2", "Gene::1"], ["Insulin", "insulin", "INS"])
    with pytest.raises(AmbiguousNameError) as caught:
        vocabulary.find("INSULIN")
    assert caught.value.matches == ("Insulin (Compound::1)", "insulin (Compound::2)")
    assert "Compound::1" in str(caught.value)
    assert "Compound::2" in str(caught.value)
    assert isinstance(caught.value, UsageError)


def test_a_name_is_not_ambiguous_among_entities_of_which_one_bears_it():
    vocabulary = Vocabulary(["Disease::1", "Gene::1", "Gene::2"], ["ER", "ER", "INS"])
    assert vocabulary.find("er", [range(0, 1)]) == 0
    assert vocabulary.find("er", [range(1, 3)]) == 1
    with pytest.raises(AmbiguousNameError):
        vocabulary.find("er", [range(0, 1), range(1, 3)])


def test_an_entity_outside_the_ranges_is_not_found_even_by_its_exact_id(vocabulary):
    assert vocabulary.find("Disease::1", [COMPOUNDS, DISEASES]) == 3
    with pytest.raises(UnknownNameError):
        vocabulary.find("Disease::1", [COMPOUNDS, GENES])


def test_an_exact_id_outside_the_ranges_leaves_the_name_inside_them():
    assert Vocabulary(["1", "2"], ["2", "one"]).find("2", [range(0, 1)]) == 0


@pytest.fixture
def called() -> Vocabulary:
    """The same entities with other names; "met" is a name of one and a synonym of another."""
    synonyms = {0: ["Glucophage", "MET"], 1: ["aspirin", "ASA"], 2: ["Lopressor"], 3: ["sugar", "ASA"]}
    return Vocabulary(LABELS, LABELS.values(), synonyms=synonyms)


@pytest.mark.parametrize(("text", "index"), [("Aspirin", 1), (" lopressor ", 2), ("GLUCOPHAGE", 0), ("sugar", 3)])
def test_an_entity_is_found_by_a_synonym_in_any_case(called, text, index):
    assert called.find(text) == index
    assert called.search(text, limit=1) == [index]


def test_names_win_over_synonyms_and_ids_over_both(called):
    assert called.find("met") == 5
    assert called.find("met", [COMPOUNDS]) == 0
    assert called.search("met", limit=2) == [5, 0]
    assert Vocabulary(["a", "b"], ["x", "y"], synonyms={1: ["A", "X"]}).find("a") == 0
    assert Vocabulary(["a", "b"], ["x", "y"], synonyms={1: ["A", "X"]}).search("x", 2) == [0, 1]


def test_a_synonym_of_several_entities_is_ambiguous_unless_one_is_asked_for(called):
    with pytest.raises(AmbiguousNameError) as caught:
        called.find("asa")
    assert caught.value.matches == ("Acetylsalicylic acid (Compound::DB00945)", "diabetes (Disease::1)")
    assert called.find("asa", [COMPOUNDS]) == 1


def test_a_mistyped_synonym_names_the_entity(called):
    with pytest.raises(UnknownNameError, match=r"did you mean Acetylsalicylic acid \(Compound::DB00945\)\?"):
        called.find("asprin")


def test_synonyms_are_kept_once_and_only_where_they_say_something_new():
    texts = [" Aspirin", "aspirin", "", "  ", "ASPIRIN", "B", "name", "acid", "Acid "]
    vocabulary = Vocabulary(["a", "b"], ["a", "Name"], synonyms={1: texts, 0: ["A"]})
    assert vocabulary.synonyms == {1: ("Aspirin", "acid")}
    assert Vocabulary(["a"]).synonyms == {}


@pytest.mark.parametrize("number", [-1, 2])
def test_synonyms_of_an_entity_that_is_not_there_are_refused(number):
    with pytest.raises(ValueError, match=f"synonyms of number {number}, but 2 ids"):
        Vocabulary(["a", "b"], synonyms={number: ["c"]})


@pytest.mark.parametrize(
    ("text", "texts"),
    [("", []), ("a", ["a"]), ("a|b", ["a", "b"]), ("|a||b|", ["a", "b"]), ("a\\|b", ["a|b"]), ("a\\\\|b", ["a\\", "b"]),
     ("C\\C", ["C\\C"]), ("a\\", ["a\\"])],
)  # fmt: skip
def test_synonyms_in_one_text_are_told_apart(text, texts):
    assert split_synonyms(text) == texts


@given(st.lists(st.text("a|\\ ", min_size=1)))
def test_synonyms_joined_and_split_are_as_they_were(texts):
    assert split_synonyms(join_synonyms(texts)) == texts


def test_an_unknown_name_names_its_close_matches(vocabulary):
    with pytest.raises(UnknownNameError, match=r"unknown entity 'Metfrmin'; did you mean Metformin \(Compound::DB0033"):
        vocabulary.find("Metfrmin")


def test_a_short_name_within_the_text_is_not_closer_than_the_name_that_was_meant(vocabulary):
    with pytest.raises(UnknownNameError) as caught:
        vocabulary.find("Metfromin")
    assert caught.value.close[0] == "Metformin (Compound::DB00331)"
    assert vocabulary.search("metfromin")[0] == 0


def test_a_mistyped_id_names_the_id_it_resembles(vocabulary):
    for look_up in (vocabulary.index, vocabulary.find):
        with pytest.raises(UnknownNameError) as caught:
            look_up("Compound::DB0033")
        assert caught.value.close[:1] == ("Metformin (Compound::DB00331)",)


def test_close_matches_are_of_the_ranges_asked_for(vocabulary):
    with pytest.raises(UnknownNameError) as caught:
        vocabulary.find("metastasi", [COMPOUNDS])
    assert "metastasis (Disease::2)" not in caught.value.close
    with pytest.raises(UnknownNameError) as caught:
        vocabulary.find("metastasi", [COMPOUNDS, DISEASES])
    assert caught.value.close[0] == "metastasis (Disease::2)"


def test_a_name_like_no_other_has_no_close_match(vocabulary):
    with pytest.raises(UnknownNameError, match=r"^unknown drug 'qqqqqq'$") as caught:
        vocabulary.find("qqqqqq", kind="drug")
    assert caught.value.close == ()


def test_close_matches_come_best_first_and_are_at_most_the_limit(vocabulary):
    assert vocabulary.close_matches("metoprolo", limit=1) == ["Metoprolol (Compound::DB00264)"]
    assert len(vocabulary.close_matches("met", limit=2)) == 2


def test_a_label_repeats_no_id_that_is_its_own_name():
    vocabulary = Vocabulary(["a", "b"], ["a", "B"])
    assert [vocabulary.label(0), vocabulary.label(1)] == ["a", "B (b)"]


def test_search_puts_the_exact_name_first_then_beginnings_then_resemblances(vocabulary):
    assert vocabulary.search("met")[0] == 5
    assert set(vocabulary.search("met")[1:4]) == {0, 2, 4}
    assert vocabulary.search("diabetis")[0] == 3


def test_search_finds_an_id_and_the_beginning_of_an_id(vocabulary):
    assert vocabulary.search("compound::db00945")[0] == 1
    assert vocabulary.search("Disease::", limit=2) == [3, 4]
    assert set(vocabulary.search("Compound::DB00", limit=3)) == {0, 1, 2}


def test_search_keeps_to_its_limit_and_its_ranges(vocabulary):
    assert vocabulary.search("met", limit=1) == [5]
    assert len(vocabulary.search("met", limit=2)) == 2
    assert vocabulary.search("met", limit=0) == []
    assert vocabulary.search("met", limit=2, among=[COMPOUNDS]) == [0, 2]
    assert vocabulary.search("met", among=[DISEASES])[0] == 4
    assert set(vocabulary.search("met", among=[DISEASES])) <= set(DISEASES)
    assert vocabulary.search("met", among=[]) == []


@pytest.mark.parametrize("use", [lambda v: v.index("b"), lambda v: v.find("b"), lambda v: "b" in v])
def test_an_id_that_stands_twice_is_refused(use):
    with pytest.raises(ValueError, match="'a' stands twice"):
        use(Vocabulary(["a", "b", "a"]))


def test_ids_and_names_of_different_number_are_refused():
    with pytest.raises(ValueError, match="2 ids but 1 names"):
        Vocabulary(["a", "b"], ["A"])


def test_a_vocabulary_of_nothing_finds_nothing():
    empty = Vocabulary([])
    assert len(empty) == 0
    assert empty.search("a") == []
    with pytest.raises(UnknownNameError, match=r"^unknown entity 'a'$"):
        empty.find("a")


words = st.text("aAbBß1", min_size=1, max_size=3)


@st.composite
def vocabularies(draw: st.DrawFn) -> tuple[list[str], list[str], list[range] | None]:
    ids = draw(st.lists(words, unique=True, max_size=8))
    names = draw(st.lists(words, min_size=len(ids), max_size=len(ids)))
    ends = st.integers(0, len(ids))
    among = draw(st.none() | st.lists(st.builds(range, ends, ends), min_size=1, max_size=3))
    return ids, names, among


def candidates(ids: Sequence[str], among: list[range] | None) -> list[int]:
    return [i for i in range(len(ids)) if among is None or any(i in r for r in among)]


@settings(max_examples=150, deadline=None)
@given(vocabularies(), words)
def test_find_agrees_with_a_look_at_every_entity(labels, text):
    ids, names, among = labels
    inside = candidates(ids, among)
    same = [i for i in inside if text.casefold() in (ids[i].casefold(), names[i].casefold())]
    expected = [i for i in inside if ids[i] == text] or same
    vocabulary = Vocabulary(ids, names)
    if len(expected) == 1:
        assert vocabulary.find(text, among) == expected[0]
    elif expected:
        with pytest.raises(AmbiguousNameError) as caught:
            vocabulary.find(text, among)
        assert caught.value.matches == tuple(vocabulary.label(i) for i in expected)
    else:
        with pytest.raises(UnknownNameError):
            vocabulary.find(text, among)


@settings(max_examples=100, deadline=None)
@given(vocabularies(), words, st.integers(0, 5))
def test_search_agrees_with_a_look_at_every_entity(labels, text, limit):
    ids, names, among = labels
    folded, inside = text.casefold(), candidates(ids, among)
    exact = {i for i in inside if folded in (ids[i].casefold(), names[i].casefold())}
    starts = {i for i in inside if ids[i].casefold().startswith(folded) or names[i].casefold().startswith(folded)}
    found = Vocabulary(ids, names).search(text, limit, among)
    assert len(found) == len(set(found)) <= limit
    assert set(found) <= set(inside)
    assert set(found[: len(exact)]) <= exact
    assert set(found[: len(exact | starts)]) <= exact | starts
    assert len(found) >= min(limit, len(exact | starts))


def test_an_entity_is_found_by_its_id_without_the_type():
    ids = ["Compound::DB00331", "Compound::DB1", "Disease::DOID:1", "Gene::1", "Gene::DB1", "SLC::a"]
    bare = Vocabulary(ids, ["Metformin", "Compound::DB1", "fever", "A1BG", "Gene::DB1", "DOID:1"])
    for text in ("DB00331", "db00331", " Db00331 "):
        assert bare.find(text) == 0
    assert bare.find("DB1", [range(2)]) == 1  # whose name is its id
    assert bare.find("1") == 3  # not DOID:1, of which it is a part
    with pytest.raises(AmbiguousNameError):
        bare.find("DB1")
    with pytest.raises(UnknownNameError):
        bare.find("00331")
    with pytest.raises(UnknownNameError):
        bare.find("::")


def test_an_entity_is_found_by_its_curie():
    ids = ["Compound::DB00331", "Disease::DOID:2841", "Gene::10", "Gene::100", "MONDO:5148", "Symptom::D003924"]
    entities = Vocabulary(ids, ["Metformin", "asthma", "NAT2", "ADA", "MONDO:0000001", "NCBIGene:100"])
    texts = ("DRUGBANK:DB00331", "drugbank:db00331", "DOID:2841", " NCBIGene:10", "MONDO:0005148", "MESH:D003924")
    assert [entities.find(text) for text in texts] == [0, 0, 1, 2, 4, 5]
    assert [entities.search(text, 1) for text in texts] == [[0], [0], [1], [2], [4], [5]]
    assert entities.find("NCBIGene:100") == 5  # a name wins
    assert entities.find("NCBIGene:100", [range(2, 4)]) == 3
    for text in ("NCBIGene:1", "MESH:10", ":", "DRUGBANK:", ":10", "NCBIGene::10"):
        with pytest.raises(UnknownNameError):
            entities.find(text)


def test_the_prefix_of_a_curie_is_read_in_any_case():
    ids = ["MONDO:0005148", "Mondo:5044", "Compound::CHEMBL25", "ChEMBL:CHEMBL26", "Cl:0000084"]
    entities = Vocabulary(ids, list("abcde"))
    for text in ("Mondo:5148", "MONDO:5148", "mondo:0005148", "mOnDo:5148"):
        assert entities.find(text) == 0
        assert entities.search(text, 1) == [0]
    assert [entities.find(text) for text in ("MONDO:0005044", "mondo:5044")] == [1, 1]
    assert [entities.find(text) for text in ("chembl:CHEMBL25", "ChEMBL:chembl25", "chembl.compound:CHEMBL25")] == [
        2
    ] * 3
    assert [entities.find(text) for text in ("CHEMBL.COMPOUND:CHEMBL26", "chembl:CHEMBL26", "CL:84")] == [3, 3, 4]


def test_what_is_known_but_not_of_the_kind_asked_for_is_said_to_be_known(called):
    with pytest.raises(
        UnknownNameError, match=r"^unknown disease 'aspirin': that is Acetylsalicylic acid \(Compound::D"
    ):
        called.find("aspirin", [DISEASES], "disease")
    with pytest.raises(UnknownNameError, match=r"that is Acetylsalicylic acid \(.*\) or diabetes \(Disease::1\)$"):
        called.find("asa", [GENES])


def test_what_is_of_another_kind_still_names_its_close_matches_of_the_kind_asked_for():
    entities = Vocabulary(["Disease::1", "Symptom::2"], ["migraine", "Migraines"])
    with pytest.raises(UnknownNameError, match=r"that is Migr.*2\); did you mean migraine \(Disease::1\)\?$") as caught:
        entities.find("migraines", [range(1)], "disease")
    assert caught.value.close == ("migraine (Disease::1)",)


def test_what_is_of_another_kind_names_whom_a_word_of_it_means():
    entities = Vocabulary(["Disease::1", "Symptom::2"], ["migraine", "Ophthalmoplegic Migraine"])
    with pytest.raises(UnknownNameError, match=r"did you mean migraine \(Disease::1\)\?$"):
        entities.find("Ophthalmoplegic Migraine", [range(1)], "disease")


def test_a_bare_id_that_is_another_entity_s_id_name_or_synonym_loses():
    ids = ["Compound::a", "Compound::b", "Compound::c", "a", "Gene::x", "Gene::y"]
    names = ["one", "two", "three", "four", "B", "six"]
    entities = Vocabulary(ids, names, synonyms={5: ["C"]})
    assert [entities.find(text) for text in "abc"] == [3, 4, 5]
    assert [entities.find(text, [range(3)]) for text in "abc"] == [0, 1, 2]


def test_of_several_with_a_name_the_one_with_just_this_bare_id_is_meant():
    entities = Vocabulary(["Compound::A", "Compound::a", "Gene::aA"], ["A", "a", "aa"])
    assert [entities.find(text) for text in ("a", "A", "Compound::a", "AA")] == [1, 0, 1, 2]
    with pytest.raises(AmbiguousNameError):
        entities.find("compound::a")
    assert entities.meant("compound::a") == [0, 1]
    assert entities.meant("b") == []
