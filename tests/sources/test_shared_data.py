"""Published graphs at their true size, where they are on this machine."""

from collections import Counter
from pathlib import Path

import pytest

from kgdrug.graph import KnowledgeGraph, curies, describe, from_curie
from kgdrug.sources import Reading, load_graph, load_parts, read_annotations, read_part


@pytest.fixture
def data(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KGDRUG_DATA", str(shared_data))
    return shared_data


@pytest.fixture(scope="session")
def hetionet(shared_data: Path) -> KnowledgeGraph:
    return load_graph(shared_data / "hetionet")


@pytest.mark.parametrize(
    ("name", "entities", "relations", "sizes"),
    [("UMLS", 135, 46, (5216, 652, 661)), ("FB15k-237", 14_541, 237, (272_115, 17_535, 20_466))],
)
def test_a_benchmark_has_its_published_sizes(data, name, entities, relations, sizes):
    graph, parts = load_parts(f"benchmarks/{name}")
    assert (len(graph.entities), graph.relations) == (entities, relations)
    assert (len(parts["train"]), len(parts["valid"]), len(parts["test"])) == sizes
    assert len(graph.triples) == sum(sizes)


def test_hetionet_has_its_nodes_and_the_edges_that_were_rebuilt(hetionet):
    numbers = describe(hetionet)
    assert (numbers["entities"], numbers["triples"], len(numbers["metaedges"])) == (47_031, 2_138_842, 24)
    assert numbers["entity_types"]["Compound"] == 1552
    assert numbers["entity_types"]["Disease"] == 137
    assert numbers["metaedges"]["CtD"]["triples"] == numbers["treatments"] == 755


def test_each_of_its_entities_is_found_by_its_curie(hetionet):
    assert [from_curie(text, hetionet) for text in curies(hetionet)] == [(i,) for i in range(len(hetionet.entities))]
    for text, entity in (
        ("DRUGBANK:DB00331", "Compound::DB00331"),
        ("DOID:9352", "Disease::DOID:9352"),
        ("NCBIGene:154", "Gene::154"),
    ):
        assert [hetionet.entities.ids[i] for i in from_curie(text, hetionet)] == [entity]


def test_the_published_parts_of_its_treatments_are_read_and_are_all_of_them(data, hetionet):
    parts = [read_part(hetionet, "hetionet/ctd_splits_polo", part).tolist() for part in ("train", "valid", "test")]
    assert [len(part) for part in parts] == [483, 121, 151]
    treatments = hetionet.triples[hetionet.triples[:, 1] == hetionet.relation("CtD")]
    assert sorted(t for part in parts for t in part) == sorted(treatments.tolist())


@pytest.mark.parametrize(
    ("file", "statuses"),
    [
        ("pharmacotherapydb/indications.tsv", {"approved": 755, "symptomatic": 390, "refuted": 243}),
        ("temporal/clinicaltrials_pairs.tsv", {"trial": 6382}),
    ],
)
def test_all_that_is_published_about_its_pairs_is_found(data, hetionet, file, statuses):
    annotations, others = read_annotations(data / file, hetionet, Reading())
    assert Counter(a.status for a in annotations) == statuses
    assert others == 0
    ends = {(hetionet.type_of(a.compound).name, hetionet.type_of(a.disease).name) for a in annotations}
    assert ends == {("Compound", "Disease")}


def test_its_treatments_are_those_that_are_disease_modifying(data, hetionet):
    annotations, _ = read_annotations(data / "pharmacotherapydb" / "indications.tsv", hetionet, Reading())
    for abbreviation, status in (("CtD", "approved"), ("CpD", "symptomatic")):
        triples = hetionet.triples[hetionet.triples[:, 1] == hetionet.relation(abbreviation)]
        assert {(h, t) for h, _, t in triples.tolist()} == {
            (a.compound, a.disease) for a in annotations if a.status == status
        }
