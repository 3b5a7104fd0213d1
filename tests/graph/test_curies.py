import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.biolink import curie
from kgdrug.graph import EntityType, KnowledgeGraph, Vocabulary, curies, from_curie
from kgdrug.sources import load_graph


def graph_of(**ids_by_type):
    ids = [i for ids in ids_by_type.values() for i in ids]
    starts = np.cumsum([0, *map(len, ids_by_type.values())]).tolist()
    types = tuple(EntityType(name, starts[i], starts[i + 1]) for i, name in enumerate(ids_by_type))
    return KnowledgeGraph(Vocabulary(ids), types, (), np.empty((0, 3), np.int64))


def named(graph, text):
    return [graph.entities.ids[i] for i in from_curie(text, graph)]


def test_every_entity_of_the_sample_graph_is_found_by_its_curie():
    graph = load_graph("essential")
    assert [from_curie(text, graph) for text in curies(graph)] == [(i,) for i in range(len(graph.entities))]


def test_an_entity_is_found_by_its_own_id_too():
    graph = load_graph("essential")
    assert [from_curie(text, graph) for text in graph.entities.ids] == [(i,) for i in range(len(graph.entities))]


def test_ids_that_are_curies_are_found_as_they_are():
    graph = graph_of(Disease=["MONDO:0005002", "MONDO:5044"], Gene=["HGNC:11603", "NCBIGENE:11200"])
    assert curies(graph) == ["MONDO:0005002", "MONDO:0005044", "HGNC:11603", "NCBIGene:11200"]
    assert named(graph, "MONDO:0005002") == ["MONDO:0005002"]
    assert named(graph, "MONDO:0005044") == named(graph, "MONDO:5044") == ["MONDO:5044"]
    assert named(graph, "NCBIGene:11200") == ["NCBIGENE:11200"]


@pytest.mark.parametrize(
    "text", ["drugbank:DB00331", "DRUGBANK:db00331", "DB00331", "DRUGBANK:DB0033", " DRUGBANK:DB00331", "Metformin", ""]
)
def test_a_curie_is_matched_letter_by_letter(text):
    assert from_curie(text, graph_of(Compound=["Compound::DB00331"])) == ()


def test_all_entities_with_one_curie_are_found():
    graph = graph_of(Disease=["Disease::MESH:D003924"], Symptom=["Symptom::D003924", "Symptom::D009765"])
    assert named(graph, "MESH:D003924") == ["Disease::MESH:D003924", "Symptom::D003924"]
    assert named(graph, "MESH:D009765") == ["Symptom::D009765"]


LOCAL = ["D1", "DB1", "1", "MESH:D1", "DRUGBANK:DB1", "DrugBank:DB1", "HP:1", "HP:0000001", "NCBIGene:1", ":", "é"]
TYPES = ("Compound", "Disease", "Gene", "Symptom")
IDS = [f"{start}{local}" for start in ("", *(f"{name}::" for name in TYPES)) for local in LOCAL]


@settings(deadline=None)
@given(st.lists(st.sampled_from(IDS), unique=True), st.data())
def test_any_graph_is_searched_as_by_hand(ids, data):
    by_type = {name: [] for name in TYPES}
    for entity in ids:
        by_type[data.draw(st.sampled_from(TYPES))].append(entity)
    graph = graph_of(**by_type)
    ids = graph.entities.ids
    said = [curie(entity, graph.type_of(i).name) for i, entity in enumerate(ids)]
    assert curies(graph) == said
    for text in {*IDS, *said}:
        assert from_curie(text, graph) == tuple(i for i in range(len(ids)) if text in (ids[i], said[i]))


def test_a_graph_that_was_searched_can_still_be_forgotten():
    graph = graph_of(Gene=["Gene::154"])
    assert from_curie("NCBIGene:154", graph) == (0,)
    gone = weakref.ref(graph)
    del graph
    gc.collect()
    assert gone() is None
