from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import AmbiguousNameError, UnknownNameError
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, canonical_triples
from kgdrug.sources import load_graph
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder

ENTITIES = Vocabulary(["C0", "C1", "D0", "D1", "D2"])
TYPES = (EntityType("Compound", 0, 2), EntityType("Disease", 2, 5))
METAEDGES = (Metaedge("CpD", "Compound", "palliates", "Disease"), Metaedge("DrD", "Disease", "resembles", "Disease"))


def graph_of(triples: list[list[int]], types: tuple[EntityType, ...] = TYPES, dtype: type = np.int64) -> KnowledgeGraph:
    return KnowledgeGraph(ENTITIES, types, METAEDGES, np.array(triples, dtype))


FITTING = [[0, 0, 2], [1, 0, 4], [2, 1, 3], [3, 1, 2]]


def test_triples_that_fit_are_kept_as_they_are():
    assert graph_of(FITTING).triples.tolist() == FITTING


@pytest.mark.parametrize(
    "types",
    [
        (),
        (EntityType("Compound", 0, 2),),
        (EntityType("Compound", 0, 2), EntityType("Disease", 3, 5)),
        (EntityType("Compound", 0, 3), EntityType("Disease", 2, 5)),
        (EntityType("Compound", 1, 2), EntityType("Disease", 2, 5)),
        (EntityType("Compound", 0, 2), EntityType("Disease", 2, 6)),
    ],
    ids=["none", "one missing", "gap", "overlap", "start after 0", "past the end"],
)
def test_entity_types_that_are_not_slices_of_all_entities_are_refused(types):
    with pytest.raises(ValueError, match="consecutive slices"):
        graph_of(FITTING, types)


@pytest.mark.parametrize(
    "triples",
    [
        np.array(FITTING, np.int32),
        np.array(FITTING, float),
        np.array(FITTING)[:, :2],
        np.array(FITTING).ravel(),
        np.array([FITTING]),
        np.empty(0, np.int64),
        np.empty((0, 2), np.int64),
    ],
    ids=["int32", "float", "two columns", "flat", "3-d", "empty and flat", "empty and two columns"],
)
def test_triples_of_another_shape_or_type_are_refused(triples):
    with pytest.raises(ValueError, match=r"not int64 \(t, 3\)"):
        KnowledgeGraph(ENTITIES, TYPES, METAEDGES, triples)


@pytest.mark.parametrize("relation", [-1, 2, 3])
def test_a_relation_without_a_metaedge_is_refused(relation):
    with pytest.raises(ValueError, match="relation without a metaedge"):
        graph_of([[0, relation, 2]])


@pytest.mark.parametrize(
    "triple", [[-1, 0, 2], [2, 0, 3], [5, 0, 2], [0, 0, 1], [0, 0, 5], [0, 0, -1], [0, 1, 2], [2, 1, 1]]
)
def test_a_triple_whose_ends_are_not_of_its_types_is_refused(triple):
    fitting = [t for t in FITTING if t[1] < triple[1]]
    with pytest.raises(ValueError, match=r"triple \({}, {}, {}\) does not fit".format(*triple)):
        graph_of([*fitting, triple])


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 1, 3, 2], [2, 3, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3, 3]])
def test_triples_out_of_order_or_twice_are_refused(order):
    with pytest.raises(ValueError, match="distinct and ascending"):
        graph_of([FITTING[i] for i in order])


def test_a_graph_may_have_no_triples(build, metaedges):
    graph = build([("C", "c", "Compound"), ("D", "d", "Disease"), ("G", "g", "Gene")], metaedges, [])
    assert graph.triples.shape == (0, 3)
    assert [list(graph.answers(r)) for r in range(2 * graph.relations)] == [
        [1], [0], [1], [2], [1], [0], [0], [0], [1], [1],
    ]  # fmt: skip


def test_each_type_is_a_slice_of_the_entities(medicines):
    for entity_type in medicines.entity_types:
        assert len(entity_type) == len(list(entity_type.range))
        for i in entity_type.range:
            assert medicines.type_of(i) is entity_type
            assert medicines.entities.ids[i].startswith(entity_type.name + "::")
    assert sum(len(t) for t in medicines.entity_types) == len(medicines.entities)


def test_a_type_is_found_by_its_name_in_any_case(medicines):
    assert medicines.entity_type(" dIsEaSe ").name == "Disease"
    with pytest.raises(UnknownNameError, match="unknown entity type 'Drug'; choose from Compound, Disease, Gene"):
        medicines.entity_type("Drug")


def test_a_graph_of_one_type_is_not_typed(medicines):
    assert medicines.typed
    assert not KnowledgeGraph(ENTITIES, (EntityType("Entity", 0, 5),), (), np.empty((0, 3), np.int64)).typed


@pytest.mark.parametrize("name", ["CtD", "ctd", "treats", "TREATS", " treats "])
def test_a_relation_is_found_by_abbreviation_or_name_in_any_case(medicines, name):
    assert medicines.metaedges[medicines.relation(name)].abbreviation == "CtD"


def test_a_relation_name_that_several_metaedges_share_names_them(medicines):
    with pytest.raises(UnknownNameError) as caught:
        medicines.relation("resembles")
    assert {"CrC", "DrD"} <= set(caught.value.close)


def test_an_unknown_relation_names_close_ones(medicines):
    with pytest.raises(UnknownNameError, match="unknown relation 'treat'; did you mean CtD"):
        medicines.relation("treat")


def test_a_relation_like_no_other_names_those_to_choose_from(medicines):
    with pytest.raises(UnknownNameError) as caught:
        medicines.relation("XX")
    every = [e.abbreviation for e in medicines.metaedges]
    assert caught.value.close == ()
    assert str(caught.value) == f"unknown relation 'XX'; choose from {', '.join(every)}"


def test_an_abbreviation_in_its_own_case_wins_over_other_spellings():
    edges = tuple(Metaedge(a, "Gene", r, "Gene") for a, r in (("GiG", "Gig"), ("Gig", "interacts"), ("gpg", "gig")))
    graph = KnowledgeGraph(Vocabulary(["g"]), (EntityType("Gene", 0, 1),), edges, np.empty((0, 3), np.int64))
    assert graph.relation("GiG") == 0
    assert graph.relation("Gig") == 1
    assert graph.relation("GPG") == 2


def test_answers_and_heads_are_the_types_that_the_metaedge_names(medicines):
    types, m = {t.name: t.range for t in medicines.entity_types}, medicines.relations
    for r, metaedge in enumerate(medicines.metaedges):
        assert medicines.answers(r) == medicines.heads(r + m) == types[metaedge.tail_type]
        assert medicines.heads(r) == medicines.answers(r + m) == types[metaedge.head_type]


def test_the_treatment_relations_are_those_that_the_graph_says_treat(medicines):
    assert [medicines.metaedges[r].abbreviation for r in medicines.treatment_relations] == ["CtD"]
    assert replace(medicines, treats=()).treatment_relations == []


def test_an_entity_is_found_among_the_heads_of_a_relation(medicines):
    m = medicines.relations
    with pytest.raises(AmbiguousNameError):
        medicines.find("ER")
    for relation, expected in (
        (medicines.relation("DaG"), "Disease::3"),
        (medicines.relation("DaG") + m, "Gene::2099"),
        (medicines.relation("CtD") + m, "Disease::3"),
    ):
        assert medicines.entities.ids[medicines.find("er", relation)] == expected


def test_an_entity_of_another_type_is_unknown_as_a_head_and_the_error_says_which_type_was_looked_through(medicines):
    with pytest.raises(UnknownNameError, match="unknown Disease 'Metformin'") as caught:
        medicines.find("Metformin", medicines.relation("CtD") + medicines.relations)
    assert not any("Compound::" in close for close in caught.value.close)
    with pytest.raises(UnknownNameError, match=r"unknown Compound 'Metfromin'; did you mean Metformin \("):
        medicines.find("Metfromin", medicines.relation("CtD"))


def test_a_graph_is_shown_in_one_line(medicines):
    sizes = len(medicines.entities), len(medicines.entity_types), len(medicines.triples), medicines.relations
    entities, types, triples, metaedges = sizes
    counted = f"{entities} entities of {types} types, {triples} triples of {metaedges} metaedges"
    assert repr(medicines) == f"KnowledgeGraph({medicines.name}, {counted})"
    assert repr(medicines.entities) == f"Vocabulary({entities} of kind entity)"
    nothing = KnowledgeGraph(Vocabulary(["a"]), (EntityType("x", 0, 1),), (), np.empty((0, 3), np.int64))
    assert repr(nothing) == "KnowledgeGraph(graph, 1 entity of 1 type, 0 triples of 0 metaedges)"
    many = KnowledgeGraph(
        Vocabulary(map(str, range(1234))), (EntityType("x", 0, 1234),), (), np.empty((0, 3), np.int64)
    )
    assert "1,234 entities" in repr(many)


def test_a_triple_reads_as_a_sentence(medicines):
    treats = medicines.triples[medicines.triples[:, 1] == medicines.relation("CtD")]
    assert {medicines.text(t) for t in treats} == {
        "Metformin treats type 2 diabetes mellitus",
        "Insulin treats type 2 diabetes mellitus",
    }


def from_frames(entities: list, metaedges: tuple[Metaedge, ...], facts: list) -> KnowledgeGraph:
    """The graph as `kgdrug.sources` builds it, from tables in this order."""
    nodes = pl.DataFrame(entities, schema={"id": pl.String, "name": pl.String, "type": pl.String}, orient="row")
    table = pl.DataFrame(facts, schema={"head": pl.String, "relation": pl.String, "tail": pl.String}, orient="row")
    builder = GraphBuilder(nodes, Path("nodes.tsv"), Reading())
    builder.add(table.with_row_index("line", 1), Path("edges.tsv"), {e.abbreviation: e for e in metaedges})
    return builder.graph("other name")


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_digest_does_not_depend_on_the_order_of_the_input(data, random_facts, build, metaedges):
    entities, facts = data.draw(random_facts)
    there = tuple(e for e in metaedges if any(e.abbreviation == relation for _, relation, _ in facts))
    expected = build(entities, there, facts)
    graph = from_frames(entities, data.draw(st.permutations(metaedges)), data.draw(st.permutations(facts)))
    assert graph.triples.tolist() == expected.triples.tolist()
    assert graph.entities.ids == expected.entities.ids
    assert graph.entity_types == expected.entity_types
    assert graph.metaedges == expected.metaedges
    assert graph.digest == expected.digest


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_graphs_have_the_same_digest_exactly_when_they_hold_the_same_facts(data, random_facts, build, metaedges):
    (entities, facts), (others, other_facts) = data.draw(random_facts), data.draw(random_facts)
    same = set(entities) == set(others) and set(facts) == set(other_facts)
    digests = {build(entities, metaedges, facts).digest, build(others, metaedges, other_facts).digest}
    assert len(digests) == (1 if same else 2)


def test_the_digest_changes_with_any_fact(medicines):
    without = [medicines.with_triples(np.delete(medicines.triples, i, 0)) for i in range(len(medicines.triples))]
    ids, names = medicines.entities.ids, medicines.entities.names
    others = [(*ids[:i], ids[i] + "x", *ids[i + 1 :]) for i in range(len(ids))]
    renamed = [replace(medicines, entities=Vocabulary(other, names)) for other in others]
    first, *rest = medicines.metaedges
    changes = ({"relation": "eases"}, {"abbreviation": "CeD"})
    reworded = [replace(medicines, metaedges=(replace(first, **change), *rest)) for change in changes]
    *rest, last = medicines.metaedges
    retyped = replace(medicines, metaedges=(*rest, replace(last, tail_type="Gene")))
    graphs = [medicines, *without, *renamed, *reworded, retyped]
    assert len({graph.digest for graph in graphs}) == len(graphs)


def test_the_digest_does_not_change_with_names_licences_and_sources(medicines):
    edges = tuple(replace(e, licence="other", source="other") for e in medicines.metaedges)
    same = replace(medicines, entities=Vocabulary(medicines.entities.ids), metaedges=edges, name="other")
    assert same.digest == medicines.digest


def test_a_file_of_the_same_triples_in_another_order_has_the_same_digest(tmp_path):
    lines = ["a\tlikes\tb\n", "b\tlikes\tc\n", "c\thates\ta\n"]
    (tmp_path / "one.tsv").write_text("".join(lines))
    (tmp_path / "other.tsv").write_text("".join(reversed(lines)) + lines[1])
    (tmp_path / "fewer.tsv").write_text("".join(lines[:2]))
    one, other, fewer = (load_graph(tmp_path / name).digest for name in ("one.tsv", "other.tsv", "fewer.tsv"))
    assert one == other != fewer


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.data())
def test_canonical_triples_are_the_sorted_set(n, data):
    triple = st.tuples(st.integers(0, n - 1), st.integers(0, 3), st.integers(0, n - 1))
    triples = data.draw(st.lists(triple, max_size=20))
    expected = sorted(set(triples), key=lambda t: (t[1], t[0], t[2]))
    assert [tuple(t) for t in canonical_triples(np.array(triples, np.int64), n).tolist()] == expected


def test_canonical_triples_of_nothing_are_nothing():
    assert canonical_triples(np.empty((0, 3), np.int64), 0).shape == (0, 3)
    assert canonical_triples([], 0).shape == (0, 3)


def test_other_triples_are_put_into_order(medicines):
    shuffled = medicines.triples[[3, 0, 0, 2]]
    assert medicines.with_triples(shuffled).triples.tolist() == medicines.triples[[0, 2, 3]].tolist()
    assert medicines.with_triples(shuffled).treats == medicines.treats
