from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.graph import describe


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_numbers_are_those_of_a_count_over_the_facts(data, random_facts, build, metaedges):
    entities, facts = data.draw(random_facts)
    numbers = describe(build(entities, metaedges, facts, ("CtD", "CpD"), "mine"))
    facts = set(facts)
    touched = {h for h, _, _ in facts} | {t for _, _, t in facts}
    assert numbers["name"] == "mine"
    assert numbers["entities"] == len(entities)
    assert numbers["triples"] == len(facts)
    assert numbers["isolated"] == len({i for i, _, _ in entities} - touched)
    assert numbers["treatments"] == sum(r in ("CtD", "CpD") for _, r, _ in facts)
    assert sum(numbers["entity_types"].values()) == len(entities)
    for name, count in numbers["entity_types"].items():
        assert count == sum(kind == name for _, _, kind in entities)
    assert list(numbers["metaedges"]) == [e.abbreviation for e in metaedges]
    for metaedge in metaedges:
        row = numbers["metaedges"][metaedge.abbreviation]
        assert row["triples"] == sum(r == metaedge.abbreviation for _, r, _ in facts)


def test_metaedges_are_described_with_types_licence_and_source(medicines):
    assert describe(medicines)["metaedges"]["CrC"] == {
        "head_type": "Compound",
        "relation": "resembles",
        "tail_type": "Compound",
        "triples": 1,
        "licence": "CC BY 4.0",
        "source": "structures",
    }


def test_a_graph_that_names_no_treatment_has_none(medicines):
    assert describe(medicines)["treats"] == ["CtD"]
    assert describe(medicines)["digest"] == medicines.digest
    numbers = describe(replace(medicines, treats=()))
    assert (numbers["treats"], numbers["treatments"]) == ([], 0)
