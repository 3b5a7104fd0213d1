import pytest

from kgdrug.biolink import inverse, meets, narrowest, qualifiers, turned
from kgdrug.biolink.words import SAYINGS

INCREASES = qualifiers("upregulates", "Compound", "Gene")


def said(**words):
    return {f"biolink:{name}": value for name, value in words.items()}


def test_turned_round_a_statement_speaks_of_its_other_end_and_by_the_inverse():
    assert turned(INCREASES) == said(
        qualified_predicate="biolink:caused_by",
        subject_aspect_qualifier="expression",
        subject_direction_qualifier="increased",
    )
    assert turned(said(causal_mechanism_qualifier="binding")) == said(causal_mechanism_qualifier="binding")


def test_turned_round_twice_every_statement_is_what_it_was():
    for one in SAYINGS:
        own = said(**one.qualifiers)
        assert turned(turned(own)) == own


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        ({}, True),
        ({"object_aspect_qualifier": "expression"}, True),
        ({"object_aspect_qualifier": "abundance"}, True),
        ({"object_aspect_qualifier": "activity_or_abundance"}, True),
        ({"object_aspect_qualifier": "activity"}, False),
        ({"object_aspect_qualifier": "expression", "object_direction_qualifier": "increased"}, True),
        ({"object_aspect_qualifier": "expression", "object_direction_qualifier": "decreased"}, False),
        ({"object_direction_qualifier": "upregulated"}, False),  # narrower than what is said
        ({"qualified_predicate": "biolink:causes"}, True),
        ({"qualified_predicate": "biolink:contributes_to"}, True),
        ({"qualified_predicate": "biolink:treats"}, False),
        ({"subject_aspect_qualifier": "expression"}, False),
        ({"causal_mechanism_qualifier": "binding"}, False),
    ],
)
def test_all_that_is_asked_for_must_be_said_or_something_narrower(asked, met):
    assert meets(INCREASES, said(**asked)) == met


def test_a_statement_without_qualifiers_meets_nothing():
    assert not meets({}, {})


@pytest.mark.parametrize(
    ("words", "common"),
    [
        (["treats"], "treats"),
        (["treats", "treats"], "treats"),
        (["treats", "ameliorates_condition"], "treats"),
        (["treats", "treats_or_applied_or_studied_to_treat"], "treats_or_applied_or_studied_to_treat"),
        (["in_clinical_trials_for", "applied_to_treat"], "treats_or_applied_or_studied_to_treat"),
        (["treats", "expresses"], "related_to_at_instance_level"),
        (["treats", "subclass_of"], "related_to"),
        (["is_like", "treats"], "related_to"),
    ],
)
def test_the_narrowest_predicate_is_what_all_of_them_are(words, common):
    assert narrowest(f"biolink:{word}" for word in words) == f"biolink:{common}"
    turned_round = [inverse(f"biolink:{word}") for word in words]
    if None not in turned_round:
        assert narrowest(turned_round) == inverse(f"biolink:{common}")
