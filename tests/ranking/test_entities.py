"""What is said of one entity, against a scan of the graph."""

from dataclasses import replace

import pytest

from kgdrug import Run, about_entity, draw, neighbours
from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.trained import TrainedModel


@pytest.fixture(scope="module")
def model(trained_run: Run) -> TrainedModel:
    return trained_run.model


def scanned(model: TrainedModel, name: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Metaedge, direction, other id and parts of each fact of an entity, outward ones first."""
    graph = model.graph
    entity, found = graph.find(name), []
    for direction, own, other in (("out", 0, 2), ("in", 2, 0)):
        for triple in graph.triples.tolist():
            if triple[own] == entity:
                parts = tuple(
                    p for p in ("train", "valid", "test", "withheld") if triple in getattr(model.split, p).tolist()
                )
                found.append(
                    (graph.metaedges[triple[1]].abbreviation, direction, graph.entities.ids[triple[other]], parts)
                )
    return found


@pytest.mark.parametrize("name", ["asthma", "Metformin", "ACE", "Compound::DB00364"])
def test_neighbours_are_all_facts_of_an_entity(model: TrainedModel, name: str) -> None:
    found = neighbours(model.served, name)
    assert [(n.metaedge, n.direction, n.id, n.parts) for n in found] == scanned(model, name)
    assert neighbours(model.served, name, limit=2, offset=1) == found[1:3]
    for relation in ("CtD", "DaG"):
        assert neighbours(model.served, name, relation) == [n for n in found if n.metaedge == relation]
    counts = about_entity(model.served, name)["facts"]
    assert counts == {edge: sum(n.metaedge == edge for n in found) for edge in sorted({n.metaedge for n in found})}


def test_an_entity_tells_its_names_and_pages(model: TrainedModel) -> None:
    about = about_entity(model.served, "METFORMIN")
    assert (about["id"], about["name"], about["type"]) == ("Compound::DB00331", "Metformin", "Compound")
    assert any(address.endswith("DB00331") for address in about["links"].values())
    assert about["smiles"] is None
    with pytest.raises(UnknownNameError, match="Metformin"):
        about_entity(model.served, "metforminn")


def test_a_structure_is_drawn_where_there_is_one(model: TrainedModel) -> None:
    metformin, enalapril = (model.graph.find(name) for name in ("Metformin", "Enalapril"))
    graph = replace(model.graph, smiles={metformin: "CN(C)C(=N)NC(N)=N", enalapril: "nonsense"})
    served = replace(model, split=replace(model.split, graph=graph)).served
    assert draw(served, "Metformin").lstrip().startswith("<svg")
    assert draw(served, "Metformin", highlight="C=N") != draw(served, "Metformin")
    with pytest.raises(UsageError, match="holds no structure of Lisinopril"):
        draw(served, "Lisinopril")
    with pytest.raises(UsageError, match="cannot be read: nonsense"):
        draw(served, "Enalapril")
