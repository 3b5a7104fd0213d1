"""What lies between two entities, against a walk over a set of triples, read back with networkx and kgdrug."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug import load_graph
from kgdrug.errors import KgdrugError, UnknownNameError, UsageError
from kgdrug.graph import Vocabulary
from kgdrug.ranking import between, write_entities, write_neighbourhood
from kgdrug.trained import TrainedModel

Maker = Callable[..., TrainedModel]
Fact = tuple[str, str, str]
METAEDGES = {
    "CbG": ("Compound", "binds", "Gene"),
    "CtD": ("Compound", "treats", "Disease"),
    "DaG": ("Disease", "associates", "Gene"),
    "GiG": ("Gene", "interacts", "Gene"),
}
ENTITIES = {
    "Compound": [f"Compound::C{i}" for i in range(3)],
    "Disease": [f"Disease::D{i}" for i in range(3)],
    "Gene": [f"Gene::G{i}" for i in range(4)],
}
POSSIBLE = [(h, r, t) for r, (a, _, b) in METAEDGES.items() for h in ENTITIES[a] for t in ENTITIES[b]]
PARTS = ("train", "valid", "test", "withheld")


def plain_steps(facts: dict[Fact, str], start: str, hops: int, past: str) -> dict[str, int]:
    steps = {start: 0}
    for step in range(1, hops + 1):
        for h, _, t in facts:
            for one, other in ((h, t), (t, h)):
                if steps.get(one) == step - 1 and other != past:
                    steps.setdefault(other, step)
    return steps


def plain_between(facts: dict[Fact, str], one: str, other: str, hops: int, ids: list[str]) -> list[str]:
    first, second = plain_steps(facts, one, hops, other), plain_steps(facts, other, hops, one)

    def facts_of(entity: str) -> int:
        return sum((h == entity) + (t == entity) for h, _, t in facts)

    both = (set(first) & set(second)) - {one, other}
    return sorted(both, key=lambda e: (first[e] + second[e], facts_of(e), ids.index(e)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_is_near_both_is_found_and_every_fact_between_is_written(
    make: Maker, tmp_path: Path, data: st.DataObject
) -> None:
    facts = data.draw(st.dictionaries(st.sampled_from(POSSIBLE), st.sampled_from(PARTS), min_size=1, max_size=25))
    model = make(ENTITIES, METAEDGES, facts, ("CtD",))
    ids = list(model.graph.entities.ids)
    one, other = data.draw(st.tuples(st.sampled_from(ids), st.sampled_from(ids)))
    hops, most = data.draw(st.integers(1, 3)), data.draw(st.integers(2, 8))
    expected = plain_between(facts, one, other, hops, ids)
    found = between(model.served.facts, ids.index(one), ids.index(other), hops)
    assert [ids[i] for i in found.tolist()] == expected
    done = write_neighbourhood(model, tmp_path / "a.graphml", head=one, tail=other, hops=hops, most=most, force=True)
    ends = {one, other}
    kept = ends | set(expected[: most - len(ends)])
    inside = {fact: part for fact, part in facts.items() if {fact[0], fact[2]} <= kept}
    assert (done.entities, done.facts, done.left_out) == (len(kept), len(inside), len(expected) + len(ends) - len(kept))
    drawn = networkx.read_graphml(tmp_path / "a.graphml", force_multigraph=True)
    assert set(drawn.nodes) == kept
    for entity, about in drawn.nodes(data=True):
        assert about["type"] == entity.split("::")[0]
        assert about["name"] == entity.split("::")[1]
        assert about.get("role") == ("end" if entity in ends else None)
    edges = {(h, about["metaedge"], t): about for h, t, about in drawn.edges(data=True)}
    assert {fact: about["parts"] for fact, about in edges.items()} == inside
    assert all(about["relation"] == METAEDGES[about["metaedge"]][1] for about in edges.values())


@pytest.fixture
def clinic(make: Maker) -> TrainedModel:
    """Three genes join C0 and D0; G0 joins nothing else, G2 nearly everything."""
    facts = {
        **{("Compound::C0", "CbG", f"Gene::G{i}"): "train" for i in range(3)},
        **{("Disease::D0", "DaG", f"Gene::G{i}"): "test" for i in range(3)},
        **{("Compound::C1", "CbG", f"Gene::G{i}"): "train" for i in (1, 2)},
        ("Compound::C2", "CbG", "Gene::G2"): "train",
        ("Compound::C0", "CtD", "Disease::D0"): "valid",
    }
    model = make(ENTITIES, METAEDGES, facts, ("CtD",))
    licences = {"CbG": "CC BY 4.0", "CtD": "CC0 1.0"}
    edges = tuple(replace(e, licence=licences.get(e.abbreviation, ""), source="X") for e in model.graph.metaedges)
    return replace(model, split=replace(model.split, graph=replace(model.graph, metaedges=edges, smiles={0: "CCO"})))


def test_what_lies_behind_either_end_is_not_between_the_two(make: Maker) -> None:
    facts = {
        ("Compound::C0", "CtD", "Disease::D0"): "train",
        ("Compound::C0", "CbG", "Gene::G0"): "train",
        ("Disease::D0", "DaG", "Gene::G1"): "train",
        ("Gene::G0", "GiG", "Gene::G2"): "train",
        ("Gene::G2", "GiG", "Gene::G1"): "train",
    }
    model = make(ENTITIES, METAEDGES, facts, ("CtD",))
    ids = model.graph.entities.ids
    ends = [ids.index(name) for name in ("Compound::C0", "Disease::D0")]
    found = [[ids[i] for i in between(model.served.facts, *ends, hops).tolist()] for hops in (1, 2, 3)]
    assert found == [[], ["Gene::G2"], ["Gene::G0", "Gene::G1", "Gene::G2"]]


def test_of_many_those_with_few_facts_stay(clinic: TrainedModel, tmp_path: Path) -> None:
    done = write_neighbourhood(clinic, tmp_path / "a.graphml", compound="C0", disease="D0", most=4)
    assert (done.entities, done.facts, done.left_out) == (4, 5, 1)
    assert set(networkx.read_graphml(tmp_path / "a.graphml").nodes) == {
        "Compound::C0", "Disease::D0", "Gene::G0", "Gene::G1",
    }  # fmt: skip


def test_licences_of_what_training_left_out_stand_in_the_file_too(clinic: TrainedModel, tmp_path: Path) -> None:
    training = replace(clinic.experiment.training, without=("CbG",))
    model = replace(clinic, experiment=replace(clinic.experiment, training=training))
    write_neighbourhood(model, tmp_path / "a.graphml", compound="C0", disease="D0")
    about = networkx.read_graphml(tmp_path / "a.graphml").graph
    assert json.loads(about["licences_besides"]) == {"CC BY 4.0": ["CbG"]}
    assert "CbG" not in about["licences"]


def test_each_fact_says_where_it_is_from_and_the_file_what_it_is_of(clinic: TrainedModel, tmp_path: Path) -> None:
    write_neighbourhood(clinic, tmp_path / "a.graphml", compound="C0", disease="D0")
    drawn = networkx.read_graphml(tmp_path / "a.graphml", force_multigraph=True)
    (treats,) = drawn["Compound::C0"]["Disease::D0"].values()
    assert treats == {
        "metaedge": "CtD", "relation": "treats", "parts": "valid", "licence": "CC0 1.0", "source": "X", "version": "",
    }  # fmt: skip
    assert drawn.nodes["Compound::C0"]["smiles"] == "CCO"
    assert (drawn.graph["model"], drawn.graph["note"]) == ("plain", "research software: no medical advice")
    assert json.loads(drawn.graph["licences"]) == {
        "CC BY 4.0": ["CbG"], "CC0 1.0": ["CtD"], "none stated": ["DaG", "GiG"],
    }  # fmt: skip


def test_no_two_edges_of_the_file_have_one_id(clinic: TrainedModel, tmp_path: Path) -> None:
    count = write_entities(clinic, np.arange(10), tmp_path / "a.graphml")
    edges = ElementTree.parse(tmp_path / "a.graphml").findall(".//{*}edge")
    assert len({edge.get("id") for edge in edges}) == len(edges) == count > 1


def test_kgdrug_reads_it_as_a_graph(clinic: TrainedModel, tmp_path: Path) -> None:
    count = write_entities(clinic, np.arange(10), tmp_path / "all.graphml")
    read, own = load_graph(tmp_path / "all.graphml"), clinic.graph
    assert count == len(read.triples) == len(own.triples)
    assert {read.text(triple) for triple in read.triples} == {own.text(triple) for triple in own.triples}
    there = {e.abbreviation: e for e in own.metaedges if e.abbreviation != "GiG"}
    assert {e.abbreviation: e for e in read.metaedges} == there
    assert (read.treats, list(read.smiles.values())) == (("CtD",), ["CCO"])


def test_a_pair_that_nothing_joins_is_its_two_ends(clinic: TrainedModel, tmp_path: Path) -> None:
    done = write_neighbourhood(clinic, tmp_path / "a.graphml", compound="C2", disease="D1")
    assert (done.entities, done.facts, done.left_out) == (2, 0, 0)
    assert len(networkx.read_graphml(tmp_path / "a.graphml")) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"compound": "C0"}, "give compound and disease, or head and tail"),
        ({"compound": "C0", "tail": "D0"}, "give compound and disease, or head and tail"),
        ({"compound": "C0", "disease": "D0", "hops": 4}, "hops is 4; it is 1 to 3"),
        ({"compound": "C0", "disease": "D0", "most": 1}, "most is 1; both ends are 2 already"),
    ],
)
def test_what_cannot_be_written_is_said(clinic: TrainedModel, tmp_path: Path, asked: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        write_neighbourhood(clinic, tmp_path / "a.graphml", **asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.gml", "a.txt", "a", "graphml"])
def test_a_name_of_another_form_is_refused(clinic: TrainedModel, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"what is written is GraphML, for which the name should end in \.graphml"):
        write_neighbourhood(clinic, tmp_path / name, compound="C0", disease="D0")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_compound_is_named(clinic: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown compound 'D0'"):
        write_neighbourhood(clinic, tmp_path / "a.graphml", compound="D0", disease="D0")


def test_a_control_character_has_no_room_in_xml(clinic: TrainedModel, tmp_path: Path) -> None:
    names = ["bad\x01name", *clinic.graph.entities.names[1:]]
    entities = Vocabulary(clinic.graph.entities.ids, names)
    model = replace(clinic, split=replace(clinic.split, graph=replace(clinic.graph, entities=entities)))
    with pytest.raises(KgdrugError, match="control character"):
        write_neighbourhood(model, tmp_path / "a.graphml", compound="Compound::C0", disease="D0")
    assert list(tmp_path.iterdir()) == []
