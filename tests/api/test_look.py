"""What is looked up over HTTP is what the library says."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest
from fastapi.testclient import TestClient

import kgdrug
from kgdrug.models import TableModel
from kgdrug_api import create_app

SMILES = {"Metformin": "CN(C)C(=N)NC(N)=N", "Salbutamol": "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1"}


@pytest.fixture(scope="module")
def model(trained_run: kgdrug.Run) -> kgdrug.TrainedModel:
    model = trained_run.model
    graph = replace(model.graph, smiles={model.graph.find(name): smiles for name, smiles in SMILES.items()})
    return replace(model, split=replace(model.split, graph=graph))


@pytest.fixture(scope="module")
def client(model: kgdrug.TrainedModel) -> Iterator[TestClient]:
    with TestClient(create_app(model)) as client:
        yield client


def plain(value: object) -> object:
    return json.loads(json.dumps(value, default=asdict))


@pytest.mark.parametrize("name", ["Metformin", "Disease::DOID:2841", "ace"])
def test_an_entity_and_its_facts_are_those_of_the_library(
    client: TestClient, model: kgdrug.TrainedModel, name: str
) -> None:
    assert client.get(f"/v1/entities/{name}").json() == kgdrug.about_entity(model.served, name)
    facts = kgdrug.neighbours(model.served, name)
    assert client.get(f"/v1/entities/{name}/neighbours").json() == plain(facts)
    page = client.get(f"/v1/entities/{name}/neighbours", params={"limit": 2, "offset": 1}).json()
    assert page == plain(facts[1:3])


def test_an_unknown_entity_names_those_like_it(client: TestClient) -> None:
    for path in ("/v1/entities/metforminn", "/v1/entities/metforminn/neighbours", "/v1/molecules/metforminn.svg"):
        response = client.get(path)
        assert response.status_code == 404
        assert "Metformin (Compound::DB00331)" in response.json()["close_matches"]


def test_vectors_are_the_models_numbers(client: TestClient, model: kgdrug.TrainedModel) -> None:
    found = client.get("/v1/vectors", params={"entity": ["asthma", "Metformin"]}).json()
    assert [one["id"] for one in found] == ["Disease::DOID:2841", "Compound::DB00331"]
    rows = model.members[0].entity[[model.graph.find(one["name"]) for one in found]].numpy()
    np.testing.assert_allclose([one["vector"] for one in found], rows, rtol=1e-6)


def test_of_several_members_one_is_named_whose_vectors_are_told(model: kgdrug.TrainedModel) -> None:
    first, asthma = model.members[0], {"entity": "asthma"}
    second = replace(first, entity=first.entity + 1)
    with TestClient(create_app(replace(model, members=[first, second]))) as client:
        refused = client.get("/v1/vectors", params=asthma)
        assert refused.status_code == 422
        assert (
            "several members have vectors in the model small; give one of the members 0, 1" in refused.json()["detail"]
        )
        assert "no member 2 with" in client.get("/v1/vectors", params={**asthma, "member": 2}).json()["detail"]
        for number, member in enumerate((first, second)):
            (found,) = client.get("/v1/vectors", params={**asthma, "member": number}).json()
            np.testing.assert_allclose(found["vector"], member.entity[model.graph.find("asthma")].numpy(), rtol=1e-6)


def test_a_member_that_is_asked_through_torch_has_its_vectors_told(model: kgdrug.TrainedModel) -> None:
    entities, first = model.graph.entities, model.members[0]
    conve = TableModel.create("conve", len(entities), model.graph.relations, 20, seed=0)
    with TestClient(create_app(replace(model, members=[first, conve]))) as client:
        assert client.get("/v1/vectors", params={"entity": "asthma"}).status_code == 422  # whose?
        (found,) = client.get("/v1/vectors", params={"entity": "asthma", "member": 1}).json()
    np.testing.assert_allclose(found["vector"], conve.entity[model.graph.find("asthma")].numpy(), rtol=1e-6)


def test_the_only_member_may_be_named_and_no_other(client: TestClient) -> None:
    asked = [{"entity": "asthma"}, {"entity": "asthma", "member": 0}]
    plain_, named = (client.get("/v1/vectors", params=one).json() for one in asked)
    assert plain_ == named
    assert client.get("/v1/vectors", params={"entity": "asthma", "member": 1}).status_code == 422


@pytest.mark.parametrize("asked", [{}, {"top": 2}, {"by": "structure"}, {"by": "vectors", "top": 1000}])
def test_what_is_like_an_entity_is_what_the_library_says(
    client: TestClient, model: kgdrug.TrainedModel, asked: dict
) -> None:
    found = client.get("/v1/similar", params={"entity": "metformin", **asked})
    assert found.status_code == 200
    assert found.json() == plain(kgdrug.similar(model, "Metformin", **asked))
    assert len(found.json()) == {"structure": 1}.get(asked.get("by", ""), min(asked.get("top", 20), 21))


@pytest.mark.parametrize(
    ("asked", "status", "detail"),
    [
        ({}, 422, "entity "),
        ({"entity": "metforminn"}, 404, "Metformin"),
        ({"entity": "metformin", "by": "colour"}, 422, "by "),
        ({"entity": "metformin", "top": 1001}, 422, "top "),
        ({"entity": "asthma", "by": "structure"}, 422, "structure"),
    ],
)
def test_what_nothing_can_be_like_is_a_problem(client: TestClient, asked: dict, status: int, detail: str) -> None:
    response = client.get("/v1/similar", params=asked)
    assert response.status_code == status
    assert detail in response.json()["detail"]


def test_a_structure_is_drawn_with_what_is_marked(client: TestClient) -> None:
    plain_, marked = (client.get("/v1/molecules/metformin.svg", params=p) for p in ({}, {"highlight": "C=N"}))
    assert plain_.headers["content-type"].startswith("image/svg+xml")
    assert "<svg" in plain_.text
    assert plain_.text != marked.text
    none = client.get("/v1/molecules/asthma.svg")
    assert (none.status_code, none.json()["type"]) == (404, "urn:kgdrug:not-there")
    assert none.json()["detail"].endswith("holds no structure of asthma (Disease::DOID:2841)")
    assert "'C(' is no SMARTS" in client.get("/v1/molecules/metformin.svg", params={"highlight": "C("}).json()["detail"]


EXPLAINED = [
    {"compound": "Metformin", "disease": "asthma"},
    {"compound": "Salbutamol", "disease": "chronic obstructive pulmonary disease"},
    {"head": "Enalapril", "relation": "CbG", "tail": "ACE"},
]


@pytest.mark.parametrize("asked", EXPLAINED)
def test_an_explanation_is_the_librarys_own(client: TestClient, model: kgdrug.TrainedModel, asked: dict) -> None:
    response = client.get("/v1/explain", params=asked)
    assert response.status_code == 200
    body = response.json()
    expected = plain(kgdrug.explanation_record(kgdrug.explain(model, **asked)))
    assert {key: body[key] for key in expected} == expected
    assert body["graph_digest"] == model.graph.digest
    again = client.get("/v1/explain", params=asked, headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"compound": "Metformin"}, 422),
        ({"compound": "Metformin", "disease": "asthma", "relation": "CtD"}, 422),
        ({"compound": "Metformin", "disease": "astma"}, 404),
        ({"compound": "asthma", "disease": "asthma"}, 404),
        ({"compound": "Metformin", "disease": "asthma", "model": "none"}, 404),
    ],
)
def test_what_cannot_be_explained_is_a_problem(client: TestClient, asked: dict, status: int) -> None:
    response = client.get("/v1/explain", params=asked)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
