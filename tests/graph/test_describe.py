import json
import statistics
from collections import Counter, defaultdict
from dataclasses import replace

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, describe
from kgdrug.graph.annotations import Annotation
from kgdrug.graph.describe import MOST, components

every_graph = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="session")
def worlds(random_facts, build, metaedges):
    """Entities whose names may be their ids or shared, the facts, and the graph that they make."""

    @st.composite
    def draw_world(draw):
        entities, facts = draw(random_facts)
        names = draw(st.lists(st.sampled_from(["A", "B", ""]), min_size=len(entities), max_size=len(entities)))
        entities = [(i, name or i, kind) for (i, _, kind), name in zip(entities, names, strict=True)]
        return entities, set(facts), build(entities, metaedges, facts, ("CtD", "CpD"), "mine")

    return draw_world()


def degree_of(entities, facts):
    """Ends of facts at each id, counted one by one."""
    ends = Counter(end for head, _, tail in facts for end in (head, tail))
    return {i: ends[i] for i, _, _ in entities}


def spread(values):
    """Least, quartiles, mean and greatest, from the standard library."""
    if not values:
        return dict.fromkeys(("min", "lower_quartile", "median", "upper_quartile", "max", "mean"))
    lower, median, upper = statistics.quantiles(values, method="inclusive") if len(values) > 1 else 3 * values
    named = {"min": min(values), "lower_quartile": lower, "median": median, "upper_quartile": upper}
    return named | {"max": max(values), "mean": pytest.approx(statistics.mean(values))}


def greatest(counts, graph):
    """Ids with the greatest counts above 0, ties in the order of the graph."""
    there = [i for i in graph.entities.ids if counts.get(i, 0)]
    return sorted(there, key=lambda i: -counts[i])[:MOST]


@every_graph
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


@every_graph
@given(data=st.data())
def test_each_type_has_its_degrees_names_structures_and_isolated_entities(data, worlds):
    entities, facts, graph = data.draw(worlds)
    with_smiles = data.draw(st.sets(st.integers(0, len(entities) - 1)))
    rows = describe(replace(graph, smiles=dict.fromkeys(with_smiles, "C")))["types"]
    degree = degree_of(entities, facts)
    assert list(rows) == [t.name for t in graph.entity_types]
    for kind, row in rows.items():
        of_type = [(i, name) for i, name, t in entities if t == kind]
        assert row["entities"] == len(of_type)
        assert row["isolated"] == sum(degree[i] == 0 for i, _ in of_type)
        assert row["named"] == sum(name != i for i, name in of_type)
        assert row["with_smiles"] == sum(graph.entities.index(i) in with_smiles for i, _ in of_type)
        assert row["degree"] == spread([degree[i] for i, _ in of_type])


@every_graph
@given(data=st.data())
def test_components_are_those_that_networkx_finds(data, worlds):
    entities, facts, graph = data.draw(worlds)
    same = networkx.Graph()
    same.add_nodes_from(i for i, _, _ in entities)
    same.add_edges_from((head, tail) for head, _, tail in facts)
    found = list(networkx.connected_components(same))
    numbers = describe(graph)["components"]
    assert numbers == {"count": len(found), "sizes": sorted(map(len, found), reverse=True)[:MOST]}
    roots = components(graph)
    for component in found:
        members = [graph.entities.index(i) for i in component]
        assert {int(roots[i]) for i in members} == {min(members)}


@pytest.mark.parametrize("seed", range(4))
def test_a_long_chain_in_any_order_is_one_component(seed):
    order = np.random.default_rng(seed).permutation(2000)
    links = np.stack([order[:-1], np.zeros(1999, np.int64), order[1:]], 1)
    ids = [f"{i:04}" for i in range(2000)]
    chain = KnowledgeGraph(
        Vocabulary(ids),
        (EntityType("Link", 0, 2000),),
        (Metaedge("LnL", "Link", "next", "Link"),),
        np.empty((0, 3), np.int64),
    ).with_triples(links)
    assert describe(chain)["components"] == {"count": 1, "sizes": [2000]}


@every_graph
@given(data=st.data())
def test_hubs_are_the_entities_in_most_facts(data, worlds):
    entities, facts, graph = data.draw(worlds)
    degree = degree_of(entities, facts)
    about = {i: (name, kind) for i, name, kind in entities}
    rows = describe(graph)["hubs"]
    assert [row["id"] for row in rows] == greatest(degree, graph)
    for row in rows:
        assert (row["name"], row["type"]) == about[row["id"]]
        assert row["degree"] == degree[row["id"]]
        assert row["share"] == pytest.approx(sum(row["id"] in (h, t) for h, _, t in facts) / len(facts))


@every_graph
@given(data=st.data())
def test_names_of_several_entities_are_counted_within_a_type(data, worlds):
    entities, _, graph = data.draw(worlds)
    bearers = defaultdict(list)
    for i, name, kind in sorted(entities):
        bearers[kind, name].append(i)
    shared = {key: ids for key, ids in bearers.items() if len(ids) > 1}
    found = describe(graph)["duplicates"]["names"]
    assert found["count"] == len(shared)
    assert {(row["type"], row["name"]): row["ids"] for row in found["examples"]} == shared
    sizes = [row["entities"] for row in found["examples"]]
    assert sizes == sorted(map(len, shared.values()), reverse=True)


@every_graph
@given(data=st.data())
def test_pairs_both_ways_round_and_loops_are_found(data, worlds, metaedges):
    _, facts, graph = data.draw(worlds)
    numbers = describe(graph)
    assert numbers["self_loops"] == sum(head == tail for head, _, tail in facts)
    assert numbers["duplicates"]["both_ways"] == {
        e.abbreviation: sum(h < t and (t, r, h) in facts for h, r, t in facts if r == e.abbreviation)
        for e in metaedges
        if e.head_type == e.tail_type
    }


@every_graph
@given(data=st.data())
def test_pairs_under_several_metaedges_are_counted_by_combination(data, worlds):
    _, facts, graph = data.draw(worlds)
    under = defaultdict(set)
    for head, relation, tail in facts:
        under[tuple(sorted((head, tail)))].add(relation)
    combinations = Counter(tuple(sorted(relations)) for relations in under.values() if len(relations) > 1)
    found = describe(graph)["duplicates"]["several_metaedges"]
    assert found["pairs"] == sum(combinations.values())
    assert [(tuple(row["metaedges"]), row["pairs"]) for row in found["combinations"]] == sorted(
        combinations.items(), key=lambda c: (-c[1], c[0])
    )


def test_a_pair_counts_once_whichever_way_round_its_metaedges_point(build):
    metaedges = (Metaedge("GaD", "Gene", "associates", "Disease"), Metaedge("DaG", "Disease", "associates", "Gene"))
    entities = [("Disease::1", "asthma", "Disease"), ("Gene::1", "ADRB2", "Gene")]
    graph = build(entities, metaedges, [("Gene::1", "GaD", "Disease::1"), ("Disease::1", "DaG", "Gene::1")])
    found = describe(graph)["duplicates"]["several_metaedges"]
    assert found == {"pairs": 1, "combinations": [{"metaedges": ["DaG", "GaD"], "pairs": 1}]}


@every_graph
@given(data=st.data())
def test_treatments_are_counted_per_disease_and_per_compound(data, worlds):
    entities, facts, graph = data.draw(worlds)
    pairs = {(head, tail) for head, relation, tail in facts if relation in ("CtD", "CpD")}
    found = describe(graph)["treatment_pairs"]
    assert found["pairs"] == len(pairs)
    for side, kind, place in (("compounds", "Compound", 0), ("diseases", "Disease", 1)):
        counts = Counter(pair[place] for pair in pairs)
        row = found[side]
        assert row["entities"] == sum(t == kind for _, _, t in entities)
        assert row["with_any"] == len(counts)
        assert row["with_one"] == sum(count == 1 for count in counts.values())
        assert row["treatments"] == spread(list(counts.values()))
        assert [(of["id"], of["treatments"]) for of in row["most"]] == [(i, counts[i]) for i in greatest(counts, graph)]


@every_graph
@given(data=st.data())
def test_licences_have_the_triples_of_their_metaedges(data, worlds, metaedges):
    _, facts, graph = data.draw(worlds)
    licence = {e.abbreviation: e.licence for e in metaedges}
    counts = Counter(licence[relation] for _, relation, _ in facts)
    found = describe(graph)["licences"]
    assert found == {text: counts[text] for text in licence.values()}
    assert list(found.values()) == sorted(found.values(), reverse=True)


@every_graph
@given(data=st.data())
def test_a_description_is_plain_json(data, worlds):
    _, _, graph = data.draw(worlds)
    about = describe(replace(graph, made={"sources": ["here"], "duplicates": 3}))
    assert json.loads(json.dumps(about, allow_nan=False)) == about


def test_a_graph_without_anything_is_described_too():
    about = describe(KnowledgeGraph(Vocabulary([]), (), (), np.empty((0, 3), np.int64)))
    assert json.loads(json.dumps(about, allow_nan=False)) == about
    assert about["components"] == {"count": 0, "sizes": []}
    assert (about["hubs"], about["types"], about["licences"]) == ([], {}, {})


def test_a_type_without_entities_has_no_degrees():
    types = (EntityType("Compound", 0, 1), EntityType("Disease", 1, 1))
    about = describe(KnowledgeGraph(Vocabulary(["Compound::1"]), types, (), np.empty((0, 3), np.int64)))
    assert set(about["types"]["Disease"]["degree"].values()) == {None}
    assert about["types"]["Compound"]["degree"]["max"] == 0


def test_metaedges_are_described_with_types_licence_source_and_version(medicines):
    dated = replace(medicines, metaedges=tuple(replace(e, version="2024-05") for e in medicines.metaedges))
    assert describe(dated)["metaedges"]["CrC"] == {
        "head_type": "Compound",
        "relation": "resembles",
        "tail_type": "Compound",
        "triples": 1,
        "licence": "CC BY 4.0",
        "source": "structures",
        "version": "2024-05",
    }


def test_annotations_are_counted_by_status(medicines):
    known = (
        Annotation(0, 3, "refuted", "here"),
        Annotation(0, 4, "trial", "here"),
        Annotation(1, 3, "refuted", "here"),
    )
    assert describe(replace(medicines, annotations=known))["annotations"] == {"refuted": 2, "trial": 1}
    assert describe(medicines)["annotations"] == {}


def test_duplicates_dropped_on_the_way_are_told_where_they_were_counted(medicines):
    counted = replace(medicines, made={"duplicates": 12, "form": "curated"})
    assert describe(counted)["duplicates"]["dropped"] == 12
    assert describe(counted)["made"] == {"duplicates": 12, "form": "curated"}
    assert describe(medicines)["duplicates"]["dropped"] is None


def test_a_graph_that_names_no_treatment_has_none(medicines):
    assert describe(medicines)["treats"] == ["CtD"]
    assert describe(medicines)["digest"] == medicines.digest
    numbers = describe(replace(medicines, treats=()))
    assert (numbers["treats"], numbers["treatments"]) == ([], 0)
    assert numbers["treatment_pairs"]["pairs"] == 0
    assert numbers["treatment_pairs"]["diseases"]["most"] == []
