import pytest

from kgdrug.biolink import ancestors, inverse
from kgdrug.biolink.hierarchy import _INVERSES, CATEGORY_PARENTS, PREDICATE_PARENTS

WORDS = [f"biolink:{name}" for name in (*CATEGORY_PARENTS, *_INVERSES)]


def test_all_that_stands_above_a_word_is_a_word_itself():
    for parents in CATEGORY_PARENTS.values():
        assert set(parents.split()) <= CATEGORY_PARENTS.keys()
    for name, (parents, turned) in PREDICATE_PARENTS.items():
        assert set(parents.split()) <= _INVERSES.keys()
        assert turned == name or turned not in PREDICATE_PARENTS, "an inverse has no line of its own"


def test_a_word_is_its_own_ancestor_and_nothing_is_above_itself_otherwise():
    for word in WORDS:
        assert word in ancestors(word)
        assert not any(word in ancestors(above) for above in ancestors(word) - {word})


@pytest.mark.parametrize(
    ("word", "above"),
    [
        ("SmallMolecule", {"MolecularEntity", "ChemicalEntity", "NamedThing"}),
        ("Drug", {"MolecularMixture", "ChemicalMixture", "ChemicalEntity", "NamedThing"}),
        ("Disease", {"DiseaseOrPhenotypicFeature", "BiologicalEntity", "NamedThing"}),
        ("Gene", {"BiologicalEntity", "GeneOrGeneProduct", "ChemicalEntityOrGeneOrGeneProduct", "NamedThing"}),
        ("Pathway", {"BiologicalProcess", "BiologicalProcessOrActivity", "BiologicalEntity", "NamedThing"}),
        ("treats", {"treats_or_applied_or_studied_to_treat", "related_to_at_instance_level", "related_to"}),
        ("ameliorates_condition", {"treats", "affects", "treats_or_applied_or_studied_to_treat"}),
        ("in_clinical_trials_for", {"studied_to_treat", "treats_or_applied_or_studied_to_treat", "related_to"}),
        ("has_side_effect", {"affects", "related_to"}),
        ("regulates", {"affects", "interacts_with"}),
        ("expressed_in", {"located_in", "related_to_at_instance_level"}),
        ("expresses", {"location_of", "related_to_at_instance_level"}),
        ("participates_in", {"related_to_at_instance_level"}),
        ("disease_has_location", {"related_to"}),
        ("has_member", {"related_to_at_concept_level"}),
    ],
)
def test_what_the_model_says_to_be_above_a_word_is(word, above):
    assert {f"biolink:{name}" for name in above} <= ancestors(f"biolink:{word}")


def test_a_study_is_no_treatment_and_a_small_molecule_is_no_drug():
    assert "biolink:treats" not in ancestors("biolink:in_clinical_trials_for")
    assert "biolink:treated_by" not in ancestors("biolink:tested_by_clinical_trials_of")
    assert "biolink:Drug" not in ancestors("biolink:SmallMolecule")


def test_an_inverse_is_turned_back_and_its_ancestors_are_the_inverses_of_ancestors():
    for name in _INVERSES:
        turned = inverse(f"biolink:{name}")
        assert inverse(turned) == f"biolink:{name}"
        assert ancestors(turned) == {inverse(above) for above in ancestors(f"biolink:{name}")}
    assert inverse("biolink:treats") == "biolink:treated_by"
    assert inverse("biolink:similar_to") == "biolink:similar_to"


@pytest.mark.parametrize("word", ["biolink:Vitamin", "biolink:is_like", "Gene", "treats", "biolink:gene", "", "é"])
def test_a_word_that_is_not_there_stands_for_itself(word):
    assert ancestors(word) == {word}
    assert inverse(word) is None
    assert word not in ancestors("biolink:treats") | ancestors("biolink:treated_by")


def test_a_category_has_no_inverse():
    assert inverse("biolink:Gene") is None


@pytest.mark.parametrize(
    ("said", "asked", "as_it_stands", "turned_round"),
    [
        ("treats", "treats", True, False),
        ("treats", "treated_by", False, True),
        ("treats", "treats_or_applied_or_studied_to_treat", True, False),
        ("treats", "in_clinical_trials_for", False, False),
        ("treats", "related_to", True, True),
        ("ameliorates_condition", "treats", True, False),
        ("ameliorates_condition", "treated_by", False, True),
        ("expresses", "expressed_in", False, True),
        ("expresses", "located_in", False, True),
        ("condition_associated_with_gene", "gene_associated_with_condition", False, True),
        ("condition_associated_with_gene", "associated_with", True, True),
        ("affects", "affects", True, False),
        ("affects", "regulates", False, False),
        ("directly_physically_interacts_with", "interacts_with", True, True),
        ("related_to", "treats", False, False),
    ],
)
def test_a_statement_answers_a_query_as_it_stands_or_turned_round(said, asked, as_it_stands, turned_round):
    turned = inverse(f"biolink:{said}")
    assert (f"biolink:{asked}" in ancestors(f"biolink:{said}")) == as_it_stands
    assert (f"biolink:{asked}" in ancestors(turned)) == turned_round
