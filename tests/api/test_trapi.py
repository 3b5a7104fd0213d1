"""TRAPI 1.5, asked as the Translator's agents ask; reasoner-pydantic says what the form of an answer is."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reasoner_pydantic import MetaKnowledgeGraph, Response

import kgdrug
from kgdrug.biolink import ancestors, category, curie, inverse, predicate
from kgdrug.biolink import qualifiers as qualifiers_of
from kgdrug.sources.forms.hetionet import METAEDGES
from kgdrug_api import create_app
from kgdrug_api.trapi.query import MOST_IDS, MOST_INFERRED
from kgdrug_api.trapi.routes import EXPLAINED

ASTHMA, METFORMIN, BUDESONIDE = "DOID:2841", "DRUGBANK:DB00331", "DRUGBANK:DB01222"
PAGE = (Path(__file__).parents[2] / "docs" / "trapi.md").read_text(encoding="utf-8")
PROBLEM = {"type", "title", "status", "detail", "instance", "close_matches"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def model(trained_run: kgdrug.Run) -> kgdrug.ServedModel:
    return trained_run.model.served


@pytest.fixture(scope="module")
def client(model: kgdrug.ServedModel) -> Iterator[TestClient]:
    with TestClient(create_app(model), raise_server_exceptions=False) as client:
        yield client


def asking(subject: Json, object: Json, **edge: object) -> Json:
    return {
        "message": {
            "query_graph": {
                "nodes": {"a": subject, "b": object},
                "edges": {"ab": {"subject": "a", "object": "b", **edge}},
            }
        }
    }


def treating(**more: object) -> Json:
    return {"predicates": ["biolink:treats"], "knowledge_type": "inferred", **more}


def answered(client: TestClient, query: Json, **params: object) -> Json:
    """The response to a query, whose form is checked, and that whatever it refers to is in it."""
    response = client.post("/trapi/query", json=query, params=params)
    assert response.status_code == 200, response.text
    body: Json = response.json()
    Response.model_validate(body)
    message = body["message"]
    assert message["query_graph"] == query["message"]["query_graph"]
    nodes, edges, auxiliary = (*message["knowledge_graph"].values(), message["auxiliary_graphs"])
    used = set()
    for edge in edges.values():
        assert {edge["subject"], edge["object"]} <= set(nodes)
        assert [s["resource_role"] for s in edge["sources"]].count("primary_knowledge_source") == 1
        assert len(attribute(edge, "biolink:knowledge_level", every=True)) == 1
        assert len(attribute(edge, "biolink:agent_type", every=True)) == 1
    for result in message["results"]:
        assert set(result["node_bindings"]) == set(query["message"]["query_graph"]["nodes"])
        bound = [one["id"] for bindings in result["node_bindings"].values() for one in bindings]
        (analysis,) = result["analyses"]
        ((key, bindings),) = analysis["edge_bindings"].items()
        assert key in query["message"]["query_graph"]["edges"]
        for one in bindings:
            assert {edges[one["id"]]["subject"], edges[one["id"]]["object"]} == set(bound)
        supports = analysis.get("support_graphs", [])
        used |= {one["id"] for one in bindings} | {e for name in supports for e in auxiliary[name]["edges"]}
    assert used == set(edges), "an edge that nothing refers to"
    assert body["schema_version"] == "1.5.0"
    assert body["biolink_version"] == "4.4.4"
    return body


def attribute(edge: Json, name: str, every: bool = False) -> Any:
    found = [one["value"] for one in edge["attributes"] if one["attribute_type_id"] == name]
    return found if every else next(iter(found), None)


def pairs(body: Json) -> list[tuple[str, str]]:
    bindings = [result["node_bindings"] for result in body["message"]["results"]]
    return [(one["a"][0]["id"], one["b"][0]["id"]) for one in bindings]


def problem(client: TestClient, query: object, status: int) -> Json:
    response = client.post("/trapi/query", json=query)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert set(response.json()) == PROBLEM
    return response.json()


# look-ups


def test_treatments_of_a_disease_are_looked_up_with_where_they_are_from(client: TestClient) -> None:
    body = answered(client, asking({"categories": ["biolink:Drug"]}, {"ids": [ASTHMA]}, predicates=["biolink:treats"]))
    names = {pair[0]: body["message"]["knowledge_graph"]["nodes"][pair[0]]["name"] for pair in pairs(body)}
    assert set(names.values()) == {"Salbutamol", "Salmeterol", "Montelukast", "Budesonide"}
    of_budesonide = next(r for r in body["message"]["results"] if r["node_bindings"]["a"][0]["id"] == BUDESONIDE)
    bound = of_budesonide["analyses"][0]["edge_bindings"]["ab"]
    edges = [body["message"]["knowledge_graph"]["edges"][one["id"]] for one in bound]
    said = {attribute(e, "kgdrug:metaedge"): e["predicate"] for e in edges}
    assert said == {"CpD": "biolink:ameliorates_condition", "CtD": "biolink:treats"}
    assert attribute(edges[0], "biolink:knowledge_level") == "knowledge_assertion"
    assert attribute(edges[0], "biolink:license") == "CC0 1.0"
    assert attribute(edges[0], "kgdrug:source") == "textbook"
    assert body["status"] == "Success"
    assert "score" not in of_budesonide["analyses"][0]
    assert body["logs"] == []


PREDICATES = [
    "biolink:treats", "biolink:treated_by", "biolink:related_to", "biolink:similar_to", "biolink:affects",
    "biolink:condition_associated_with_gene", "biolink:genetically_associated_with", "biolink:interacts_with",
]  # fmt: skip


@pytest.mark.parametrize("asked", PREDICATES)
@pytest.mark.parametrize("side", ["a", "b"])
def test_what_is_looked_up_is_in_the_triples_and_all_of_it(
    client: TestClient, trained_run: kgdrug.Run, asked: str, side: str
) -> None:
    graph = trained_run.model.graph
    expected: dict[str, set[tuple[str, str]]] = {}
    for head, r, tail in graph.triples.tolist():
        e = graph.metaedges[r]
        ends = [curie(graph.entities.ids[i], graph.type_of(i).name) for i in (head, tail)]
        said = predicate(e.relation, e.head_type, e.tail_type)
        for way, pair in ((said, ends), (inverse(said), ends[::-1])):
            if way is not None and asked in ancestors(way):
                expected.setdefault(pair[0 if side == "a" else 1], set()).add((pair[0], pair[1]))
    for i in range(len(graph.entities)):
        name = curie(graph.entities.ids[i], graph.type_of(i).name)
        nodes = {"a": {}, "b": {}, side: {"ids": [name]}}
        found = pairs(answered(client, asking(nodes["a"], nodes["b"], predicates=[asked])))
        assert len(found) == len(set(found))
        assert set(found) == expected.get(name, set())


def test_no_predicate_asks_for_any_and_several_ids_for_each(client: TestClient) -> None:
    alone = [pairs(answered(client, asking({"ids": [one]}, {}))) for one in (ASTHMA, METFORMIN)]
    together = pairs(answered(client, asking({"ids": [ASTHMA, METFORMIN]}, {})))
    assert sorted(together) == sorted(alone[0] + alone[1])
    assert {pair[1].partition(":")[0] for pair in alone[0]} == {"DRUGBANK", "NCBIGene", "DOID"}


def test_both_ends_may_be_given(client: TestClient) -> None:
    found = answered(client, asking({"ids": [METFORMIN, BUDESONIDE]}, {"ids": [ASTHMA, "DOID:9352", "DOID:3393"]}))
    assert set(pairs(found)) == {(BUDESONIDE, ASTHMA), (METFORMIN, "DOID:9352")}


def test_the_graphs_own_id_names_an_entity_too_and_the_binding_says_so(client: TestClient) -> None:
    body = answered(client, asking({"ids": ["Compound::DB00331"]}, {}))
    (result,) = body["message"]["results"]
    assert result["node_bindings"]["a"] == [{"id": METFORMIN, "attributes": [], "query_id": "Compound::DB00331"}]


def test_an_unknown_id_is_no_error_and_the_log_says_so(client: TestClient) -> None:
    body = answered(client, asking({"ids": ["MONDO:0004979"]}, {}, predicates=["biolink:treated_by"]))
    assert body["message"]["results"] == []
    assert body["message"]["knowledge_graph"] == {"nodes": {}, "edges": {}}
    (log,) = body["logs"]
    assert (log["level"], log["code"]) == ("WARNING", "UnknownIdentifier")
    assert "MONDO:0004979" in log["message"]
    both = answered(client, asking({"ids": ["MONDO:0004979", METFORMIN]}, {}))
    assert [pair[0] for pair in pairs(both)] == [METFORMIN]


@pytest.mark.parametrize(
    ("subject", "object", "edge"),
    [
        ({"ids": [ASTHMA]}, {"categories": ["biolink:Cell"]}, {}),
        ({"ids": [ASTHMA]}, {}, {"predicates": ["biolink:expresses"]}),
        ({"ids": [ASTHMA]}, {}, {"predicates": ["biolink:is_like"]}),
        ({}, {"categories": ["biolink:Gene"], "ids": ["NCBIGene:1636"]}, treating()),
        ({}, {"ids": [ASTHMA]}, {"predicates": ["biolink:affects"], "knowledge_type": "inferred"}),
    ],
)
def test_what_nothing_here_says_is_answered_with_nothing_and_the_reason(
    client: TestClient, subject: Json, object: Json, edge: Json
) -> None:
    body = answered(client, asking(subject, object, **edge))
    assert body["message"]["results"] == []
    assert body["status"] == "QueryNotTraversable"
    assert [log["code"] for log in body["logs"]] == ["QueryNotTraversable"]


def test_qualifiers_must_all_be_said(client: TestClient) -> None:
    def bound(*sets: Json) -> list[tuple[str, str]]:
        constraints = [
            {"qualifier_set": [{"qualifier_type_id": f"biolink:{n}", "qualifier_value": v} for n, v in one.items()]}
            for one in sets
        ]
        query = asking({"categories": ["biolink:Drug"]}, {"ids": ["NCBIGene:154"]}, qualifier_constraints=constraints)
        return sorted(pairs(answered(client, query)))

    both = [("DRUGBANK:DB00938", "NCBIGene:154"), ("DRUGBANK:DB01001", "NCBIGene:154")]
    assert bound({"causal_mechanism_qualifier": "binding"}) == both
    assert bound({"causal_mechanism_qualifier": "modulation"}) == both
    assert bound({"causal_mechanism_qualifier": "inhibition"}) == []
    assert bound({"causal_mechanism_qualifier": "binding", "object_aspect_qualifier": "activity"}) == []
    assert bound({"object_aspect_qualifier": "activity"}, {"causal_mechanism_qualifier": "binding"}) == both


def test_an_empty_set_of_qualifiers_asks_nothing(client: TestClient) -> None:
    plain = pairs(answered(client, asking({}, {"ids": [ASTHMA]})))
    assert (
        pairs(answered(client, asking({}, {"ids": [ASTHMA]}, qualifier_constraints=[{"qualifier_set": []}]))) == plain
    )
    assert plain


# inferences


def test_the_model_ranks_the_treatments_of_a_disease_and_marks_those_that_are_known(
    client: TestClient, model: kgdrug.ServedModel
) -> None:
    body = answered(client, asking({"categories": ["biolink:ChemicalEntity"]}, {"ids": [ASTHMA]}, **treating()))
    answers = kgdrug.predict(model, disease="asthma", top=500)
    assert [pair[0] for pair in pairs(body)] == [curie(one.id, one.type) for one in answers]
    edges = body["message"]["knowledge_graph"]["edges"]
    for one, result in zip(answers, body["message"]["results"], strict=True):
        (analysis,) = result["analyses"]
        predicted, *known = (edges[binding["id"]] for binding in analysis["edge_bindings"]["ab"])
        assert (predicted["predicate"], predicted["object"]) == ("biolink:treats", ASTHMA)
        assert attribute(predicted, "biolink:knowledge_level") == "prediction"
        assert attribute(predicted, "biolink:agent_type") == "computational_model"
        assert predicted["sources"][0]["resource_id"] == analysis["resource_id"] == "infores:kgdrug"
        assert attribute(predicted, "kgdrug:score") == one.score
        assert attribute(predicted, "kgdrug:usual_percentile") == one.usual_percentile
        assert attribute(predicted, "biolink:has_confidence_score") is None  # without calibration
        assert (analysis["score"], result["normalized_score"]) == (one.percentile / 100, one.percentile)
        assert {(attribute(e, "kgdrug:metaedge"), *attribute(e, "kgdrug:part")) for e in known} == {
            (fact.metaedge, fact.part) for fact in one.known
        }
        assert {attribute(e, "biolink:knowledge_level") for e in known} <= {"knowledge_assertion"}
    scores = [result["analyses"][0]["score"] for result in body["message"]["results"]]
    assert scores == sorted(scores, reverse=True)
    assert body["model_digest"] == model.digest


@pytest.mark.parametrize(
    ("subject", "object", "predicates"),
    [
        ({}, {"ids": [ASTHMA]}, ["biolink:treats"]),
        ({"ids": [ASTHMA]}, {}, ["biolink:treated_by"]),
        ({}, {"ids": [ASTHMA]}, ["biolink:treats_or_applied_or_studied_to_treat"]),
        ({}, {"ids": [ASTHMA]}, ["biolink:related_to"]),
        ({}, {"ids": [ASTHMA]}, None),
        ({"categories": ["biolink:SmallMolecule"]}, {"ids": [ASTHMA], "categories": ["biolink:Disease"]}, None),
    ],
)
def test_what_is_above_treating_and_its_inverse_are_inferred_too(
    client: TestClient, subject: Json, object: Json, predicates: list[str] | None
) -> None:
    asked = answered(client, asking(subject, object, predicates=predicates, knowledge_type="inferred"), top=7)
    plain = answered(client, asking({}, {"ids": [ASTHMA]}, **treating()), top=7)
    turned = "ids" in subject
    assert [pair[turned] for pair in pairs(asked)] == [pair[0] for pair in pairs(plain)]
    predicted = [result["analyses"][0]["edge_bindings"]["ab"][0]["id"] for result in asked["message"]["results"]]
    edges = asked["message"]["knowledge_graph"]["edges"]
    assert {(edges[one]["predicate"], edges[one]["object"]) for one in predicted} == {("biolink:treats", ASTHMA)}


def test_diseases_of_a_compound_are_ranked_as_the_library_does(client: TestClient, model: kgdrug.ServedModel) -> None:
    body = answered(client, asking({"ids": [METFORMIN]}, {"categories": ["biolink:Disease"]}, **treating()))
    expected = kgdrug.predict(model, compound="Metformin", top=500)
    assert [pair[1] for pair in pairs(body)] == [curie(one.id, one.type) for one in expected]


def test_several_diseases_are_asked_one_by_one(client: TestClient) -> None:
    ids = [ASTHMA, "DOID:6364"]
    alone = [pairs(answered(client, asking({}, {"ids": [one]}, **treating()), top=5)) for one in ids]
    together = pairs(answered(client, asking({}, {"ids": ids}, **treating()), top=5))
    assert together == alone[0] + alone[1]


def test_given_compounds_alone_are_ranked_where_both_ends_are_given(
    client: TestClient, model: kgdrug.ServedModel
) -> None:
    given = {"ids": [METFORMIN, BUDESONIDE, "DRUGBANK:DB99999"]}
    body = answered(client, asking(given, {"ids": [ASTHMA]}, **treating()))
    expected = {curie(one.id, one.type): one.percentile for one in kgdrug.predict(model, disease="asthma", top=500)}
    found = {pair[0]: r["normalized_score"] for pair, r in zip(pairs(body), body["message"]["results"], strict=True)}
    assert found == {one: expected[one] for one in (METFORMIN, BUDESONIDE)}
    assert [log["code"] for log in body["logs"]] == ["UnknownIdentifier", "Ranked"]


def test_the_best_answers_have_paths_of_the_graph_as_support_graphs(client: TestClient) -> None:
    body = answered(client, asking({}, {"ids": [ASTHMA]}, **treating()))
    edges, auxiliary = body["message"]["knowledge_graph"]["edges"], body["message"]["auxiliary_graphs"]
    results = body["message"]["results"]
    assert auxiliary
    assert len(results) > EXPLAINED
    for result in results[EXPLAINED:]:
        assert "support_graphs" not in result["analyses"][0]
    for result in results[:EXPLAINED]:
        (analysis,) = result["analyses"]
        predicted = edges[analysis["edge_bindings"]["ab"][0]["id"]]
        assert attribute(predicted, "biolink:support_graphs") == analysis.get("support_graphs")
        for name in analysis.get("support_graphs", []):
            steps = [edges[edge] for edge in auxiliary[name]["edges"]]
            assert all(attribute(step, "biolink:knowledge_level") != "prediction" for step in steps)
            ends = [end for step in steps for end in (step["subject"], step["object"])]
            assert {result["node_bindings"]["a"][0]["id"], ASTHMA} <= set(ends)


def test_an_answer_that_no_path_joins_says_so_and_one_that_was_not_looked_at_says_nothing(
    client: TestClient, model: kgdrug.ServedModel
) -> None:
    body = answered(client, asking({}, {"ids": [ASTHMA]}, **treating()))
    answers = kgdrug.predict(model, disease="asthma", top=500)
    said = []
    for one, result in zip(answers, body["message"]["results"], strict=True):
        (analysis,) = result["analyses"]
        none = attribute({"attributes": [], **analysis}, "kgdrug:no_path")
        said.append(None if none is None and "support_graphs" not in analysis else none is None)
        if len(said) <= EXPLAINED:
            joined = kgdrug.explain(model, compound=one.id, disease="asthma").evidence
            assert said[-1] == bool(joined), one.name
    assert {True, False} == set(said[:EXPLAINED])
    assert set(said[EXPLAINED:]) == {None}
    (log,) = body["logs"]
    assert log["message"] == (
        f"the best 500 of each id; paths were looked for beside {EXPLAINED} of {len(answers)} answers; "
        f"{said.count(False)} have none, and say so (kgdrug:no_path)"
    )


def test_a_probability_says_what_it_is_of(client: TestClient, calibrated_model: kgdrug.TrainedModel) -> None:
    query, name = asking({}, {"ids": [ASTHMA]}, **treating()), "biolink:has_confidence_score"
    calibrated = answered(TestClient(create_app(calibrated_model)), query)
    results, edges = calibrated["message"]["results"], calibrated["message"]["knowledge_graph"]["edges"]
    for result in results:
        predicted = edges[result["analyses"][0]["edge_bindings"]["ab"][0]["id"]]
        (told,) = (one for one in predicted["attributes"] if one["attribute_type_id"] == name)
        assert told["description"] == calibrated_model.served.probability_means
        assert "not that it works" in told["description"]
    assert results
    assert name not in str(answered(client, query))


ADRB2 = "NCBIGene:154"


@pytest.mark.parametrize(
    ("subjects", "objects", "named", "pairs_found"),
    [
        (None, [ADRB2], [ADRB2], False),
        ([ADRB2], None, [ADRB2], False),
        (None, [ADRB2, ASTHMA], [ADRB2], True),
        ([ASTHMA], [ASTHMA], [ASTHMA], False),
        ([ASTHMA, METFORMIN], [ADRB2, ASTHMA], [ADRB2, ASTHMA], True),
        ([METFORMIN], [ASTHMA], [], True),
    ],
)
def test_what_is_known_but_at_no_such_end_of_a_treatment_is_named(
    client: TestClient, subjects: list[str] | None, objects: list[str] | None, named: list[str], pairs_found: bool
) -> None:
    ends = ({} if ids is None else {"ids": ids} for ids in (subjects, objects))
    body = answered(client, asking(*ends, **treating()))
    assert bool(pairs(body)) == pairs_found
    logs = {log["code"]: log for log in body["logs"]}
    assert ("Ranked" in logs) == pairs_found
    assert ("WrongCategory" in logs) == bool(named)
    if named:
        assert logs["WrongCategory"]["level"] == "WARNING"
        _, _, told = logs["WrongCategory"]["message"].partition("predicted: ")
        assert [one.split(" (")[0] for one in told.split("), ")] == named


def test_a_curie_of_which_one_entity_can_be_asked_for_is_not_said_to_be_unfit(model: kgdrug.ServedModel) -> None:
    entities = model.graph.entities
    ids = ["Gene::DOID:2841" if one == "Gene::154" else one for one in entities.ids]
    graph = replace(model.graph, entities=kgdrug.Vocabulary(ids, list(entities.names), entities.kind))
    client = TestClient(create_app(replace(model, graph=graph)))
    body = answered(client, asking({}, {"ids": [ASTHMA]}, **treating()))
    assert pairs(body)
    assert [log["code"] for log in body["logs"]] == ["Ranked"]
    alone = answered(client, asking({}, {"ids": ["Gene::DOID:2841"]}, **treating()))
    assert [log["code"] for log in alone["logs"]] == ["WrongCategory"]


def test_a_ranking_to_which_training_had_no_answer_is_told_in_the_log(
    client: TestClient, model: kgdrug.ServedModel
) -> None:
    training = replace(model.experiment.training, without=("CtD",))
    without = TestClient(create_app(replace(model, experiment=replace(model.experiment, training=training))))
    query = asking({"categories": ["biolink:Drug"]}, {"ids": [ASTHMA]}, **treating())
    assert "NoAnswerInTraining" not in [log["code"] for log in answered(client, query)["logs"]]
    (said,) = (log for log in answered(without, query)["logs"] if log["code"] == "NoAnswerInTraining")
    assert said["level"] == "WARNING"
    assert said["message"].startswith("training had no answer to ? treats asthma ")


def test_why_there_are_no_results_is_said_of_unknown_and_of_unfit_ids(client: TestClient) -> None:
    body = answered(client, asking({"categories": ["biolink:Drug"]}, {"ids": [ADRB2, "UMLS:C0020538"]}, **treating()))
    assert body["message"]["results"] == []
    assert [(log["code"], log["message"]) for log in body["logs"]] == [
        ("UnknownIdentifier", "the graph has no UMLS:C0020538"),
        (
            "WrongCategory",
            "known, but at that end of no treatment that is predicted: NCBIGene:154 (ADRB2, biolink:Gene)",
        ),
    ]


def test_a_number_of_answers_can_be_asked_for(client: TestClient) -> None:
    query = asking({}, {"ids": [ASTHMA]}, **treating())
    assert len(answered(client, query, top=3)["message"]["results"]) == 3
    assert client.post("/trapi/query", json=query, params={"top": 0}).status_code == 422


# where statements are from


def test_whoever_runs_the_service_names_it_and_known_sources_stand_in_their_order(trained_run: kgdrug.Run) -> None:
    model = trained_run.model
    from_of = {"CtD": "DrugCentral", "CpD": "PharmacotherapyDB, textbook", "DaG": "DISEASES", "CbG": "textbook"}
    metaedges = tuple(replace(e, source=from_of.get(e.abbreviation, "")) for e in model.graph.metaedges)
    graph = replace(model.graph, metaedges=metaedges, name="hetionet")
    client = TestClient(create_app(replace(model.served, graph=graph), infores="infores:clinic"))
    body = answered(client, asking({"ids": [BUDESONIDE, ASTHMA]}, {}))
    found = {
        attribute(e, "kgdrug:metaedge"): [
            (s["resource_id"], s["resource_role"].partition("_")[0]) for s in e["sources"]
        ]
        for e in body["message"]["knowledge_graph"]["edges"].values()
    }
    own, of_graph = ("infores:clinic", "aggregator"), ("infores:hetionet", "aggregator")
    assert found["CtD"] == [("infores:drugcentral", "primary"), of_graph, own]
    assert found["CpD"] == [
        ("infores:hetionet", "primary"), own, ("infores:pharmacotherapydb", "supporting"),
    ]  # fmt: skip
    assert found["DrD"] == [("infores:hetionet", "primary"), own]
    inferred = answered(client, asking({}, {"ids": [ASTHMA]}, **treating()), top=1)
    (result,) = inferred["message"]["results"]
    predicted = result["analyses"][0]["edge_bindings"]["ab"][0]["id"]
    assert inferred["message"]["knowledge_graph"]["edges"][predicted]["sources"] == [
        {
            "resource_id": "infores:clinic",
            "resource_role": "primary_knowledge_source",
            "upstream_resource_ids": ["infores:hetionet"],
        },
        {"resource_id": "infores:hetionet", "resource_role": "supporting_data_source"},
    ]


@pytest.mark.parametrize("name", ["kgdrug", "infores:", "infores:My Drugs", ""])
def test_a_name_that_is_none_is_refused_at_the_start(model: kgdrug.ServedModel, name: str) -> None:
    with pytest.raises(kgdrug.UsageError, match="no information resource"):
        create_app(model, infores=name)


def test_what_is_noted_about_a_pair_stands_at_its_prediction(model: kgdrug.ServedModel) -> None:
    ends = [model.graph.entities.find(name) for name in ("Metformin", "asthma")]
    note = kgdrug.Annotation(*ends, "refuted", "a trial", "CC0 1.0", "2014")
    client = TestClient(create_app(replace(model, graph=replace(model.graph, annotations=(note,)))))
    body = answered(client, asking({"ids": [METFORMIN]}, {"ids": [ASTHMA]}, **treating()))
    ((predicted,),) = ([e] for e in body["message"]["knowledge_graph"]["edges"].values() if "refuted" in str(e))
    (told,) = (one for one in predicted["attributes"] if one["attribute_type_id"] == "kgdrug:annotation")
    assert (told["value"], told["description"]) == ("refuted", "a trial, 2014")
    assert told["attributes"] == [{"attribute_type_id": "biolink:license", "value": "CC0 1.0"}]


def test_what_a_regression_sums_stands_at_its_analyses(client: TestClient, experiment_file: Path, desk: Path) -> None:
    experiment = kgdrug.read_experiment(experiment_file, ["model.score=metapaths", "metapaths.length=3"])
    made = kgdrug.run(experiment, "paths").model
    body = answered(TestClient(create_app(made)), asking({}, {"ids": [ASTHMA]}, **treating()))
    expected = {
        curie(one.id, "Compound"): [{"name": t.name, "contribution": pytest.approx(t.contribution)} for t in one.terms]
        for one in kgdrug.predict(made, disease="asthma", top=100)
    }
    assert any(expected.values())
    for result in body["message"]["results"]:
        (analysis,) = result["analyses"]
        said = [one["value"] for one in analysis.get("attributes", ()) if one["attribute_type_id"] == "kgdrug:terms"]
        terms = expected[result["node_bindings"]["a"][0]["id"]]
        assert said == ([terms] if terms else [])
    plain = answered(client, asking({}, {"ids": [ASTHMA]}, **treating()))
    assert "kgdrug:terms" not in str(plain["message"]["results"])


def test_what_the_page_shows_can_be_asked_as_it_stands(client: TestClient) -> None:
    shown = re.findall(r"^curl -s '?localhost:8000(\S+?)'? -d '\n(.*?)' \|", PAGE, re.MULTILINE | re.DOTALL)
    told = [client.post(address, content=body).json() for address, body in shown]
    assert [one["status"] for one in told] == ["QueryNotTraversable", "Success"]  # no CuG in this graph
    assert len(told[1]["message"]["results"]) == 2
    assert told[1]["message"]["auxiliary_graphs"]


# what is not answered


@pytest.mark.parametrize(
    ("change", "status", "about"),
    [
        ({"message": None}, 422, "message "),
        ({"message": {}}, 422, "message.query_graph "),
        ({"message": {"query_graph": None}}, 422, "message.query_graph "),
        ({"message": {"query_grahp": {}}}, 422, "unknown field message.query_grahp; did you mean query_graph?"),
        ({"nodes": []}, 422, "message.query_graph.nodes "),
        ({"a": {"ids": []}}, 422, "message.query_graph.nodes.a.ids "),
        ({"a": {"ids": [7]}}, 422, "message.query_graph.nodes.a.ids.0 "),
        ({"a": {"ids": ASTHMA}}, 422, "message.query_graph.nodes.a.ids "),
        ({"a": {"ids": [ASTHMA], "categories": ["Disease"]}}, 422, "message.query_graph.nodes.a.categories.0 "),
        ({"a": {"ids": [ASTHMA], "set_interpretation": "SOME"}}, 422, "nodes.a.set_interpretation "),
        ({"a": {"ids": [ASTHMA], "member_ids": [METFORMIN]}}, 422, "query_graph.nodes.a.member_ids: "),
        ({"ab": {"subject": "a"}}, 422, "message.query_graph.edges.ab.object "),
        ({"ab": {"subject": "a", "object": "c"}}, 422, "query_graph.edges.ab.object: there is no node c"),
        ({"ab": {"subject": "a", "object": "b", "predicates": []}}, 422, "edges.ab.predicates "),
        ({"ab": {"subject": "a", "object": "b", "predicates": ["treats"]}}, 422, "edges.ab.predicates.0 "),
        ({"ab": {"subject": "a", "object": "b", "knowledge_type": "guessed"}}, 422, "edges.ab.knowledge_type "),
        ({"ab": {"subject": "a", "object": "b", "qualifier_constraints": [{}]}}, 422, "qualifier_set "),
        ({"log_level": "LOUD"}, 422, "log_level "),
        ({"workflow": [{}]}, 422, "workflow.0.id "),
        ({"a": {}}, 501, "neither node has ids"),
        ({"nodes": {"a": {"ids": [ASTHMA]}, "b": {}, "c": {}}}, 501, "3 nodes and 1 edges came"),
        ({"nodes": {"a": {"ids": [ASTHMA]}}}, 422, "query_graph.edges.ab.object: there is no node b"),
        ({"nodes": {}, "edges": {}}, 501, "0 nodes and 0 edges came"),
        ({"edges": {}}, 501, "2 nodes and 0 edges came"),
        ({"edges": {k: {"subject": "a", "object": "b"} for k in "xy"}}, 501, "2 nodes and 2 edges came"),
        ({"paths": {"p": {"subject": "a", "object": "b"}}}, 501, "query_graph.paths: "),
        ({"ab": {"subject": "a", "object": "a"}}, 501, "an edge from a node to itself"),
        ({"a": {"ids": [ASTHMA], "set_interpretation": "MANY"}}, 501, "MANY is not supported, BATCH is"),
        ({"a": {"ids": ["x:1"], "set_interpretation": "ALL", "member_ids": [ASTHMA]}}, 501, "ALL is not supported"),
        ({"a": {"ids": [ASTHMA], "constraints": [{"id": "x:1", "name": "mass"}]}}, 501, "came mass"),
        ({"ab": {"subject": "a", "object": "b", "attribute_constraints": [{"id": "x"}]}}, 501, "UnsupportedConstraint"),
        ({"workflow": [{"id": "lookup"}, {"id": "score"}]}, 501, "workflow: score is not supported"),
        ({"a": {"ids": ["x:1"] * (MOST_IDS + 1)}}, 413, "1,001 came; 1,000 are looked up"),
    ],
)
def test_what_is_not_answered_is_a_problem_that_says_what_and_where(
    client: TestClient, change: Json, status: int, about: str
) -> None:
    query = asking({"ids": [ASTHMA]}, {})
    graph = query["message"]["query_graph"]
    for name, value in change.items():
        place = {"a": graph["nodes"], "ab": graph["edges"], "nodes": graph, "edges": graph, "paths": graph}
        place.get(name, query)[name] = value
    assert about in problem(client, query, status)["detail"]


def test_treatments_of_too_many_ids_are_not_inferred_at_once(client: TestClient) -> None:
    query = asking({}, {"ids": [f"DOID:{i}" for i in range(MOST_INFERRED + 1)]}, **treating())
    assert "ask in parts" in problem(client, query, 413)["detail"]


def test_a_query_that_calls_back_is_not_done(client: TestClient) -> None:
    query = asking({"ids": [ASTHMA]}, {}) | {"callback": "http://localhost/"}
    response = client.post("/trapi/asyncquery", json=query)
    assert (response.status_code, set(response.json())) == (501, PROBLEM)
    assert "/trapi/query" in response.json()["detail"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff", b'{"message": {"query_graph": "\\ud800"}}'])
def test_a_body_that_is_no_query_is_a_problem(client: TestClient, content: bytes) -> None:
    response = client.post("/trapi/query", content=content)
    assert (response.status_code, set(response.json())) == (422, PROBLEM)


def test_an_unknown_model_is_404(client: TestClient) -> None:
    response = client.post("/trapi/query", json=asking({"ids": [ASTHMA]}, {}), params={"model": "smal"})
    assert (response.status_code, response.json()["close_matches"]) == (404, ["small"])


# what is tolerated


def test_what_trapi_allows_besides_is_tolerated_and_what_it_does_not_know_is_warned_of(client: TestClient) -> None:
    query = asking(
        {"ids": [ASTHMA], "is_set": False, "constraints": [], "set_interpretation": "BATCH", "name": "asthma"},
        {"categories": None, "ids": None},
        predicates=None,
        attribute_constraints=[],
        qualifier_constraints=[],
        exclude=False,
    )
    query["message"] |= {"results": [], "knowledge_graph": {"nodes": {}, "edges": {}}, "auxiliary_graphs": None}
    query |= {"workflow": [{"id": "lookup"}], "submitter": "a test", "bypass_cache": True, "log_level": None}
    query |= {"parameters": {"timeout": 60}, "callback": "http://localhost/"}
    body = answered(client, query)
    assert pairs(body) == pairs(answered(client, asking({"ids": [ASTHMA]}, {})))
    (log,) = body["logs"]
    assert log["code"] == "UnknownProperty"
    assert all(
        f"query_graph.{name}" in log["message"] for name in ("nodes.a.is_set", "nodes.a.name", "edges.ab.exclude")
    )
    assert answered(client, query | {"log_level": "ERROR"})["logs"] == []


def test_a_number_that_cannot_be_said_back_is_a_problem(client: TestClient) -> None:
    assert "said back" in problem(client, asking({"ids": [ASTHMA], "extra": 10**40}, {}), 422)["detail"]


IDS = st.sampled_from([ASTHMA, METFORMIN, BUDESONIDE, "NCBIGene:154", "Compound::DB00331", "MONDO:1", "é", ":", "::"])
CATEGORY = st.sampled_from(["biolink:Drug", "biolink:Disease", "biolink:NamedThing", "biolink:Nothing", "Gene", ""])
PREDICATE = st.sampled_from([*PREDICATES, "biolink:is_like", "treats", "biolink:"])
ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)


def part(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.one_of(
        st.fixed_dictionaries({}, optional=fields),
        st.fixed_dictionaries({}, optional={name: st.one_of(of, ANYTHING) for name, of in fields.items()}),
    )


NODE = part(
    ids=st.lists(IDS, max_size=3), categories=st.lists(CATEGORY, max_size=2), set_interpretation=st.just("BATCH")
)
EDGE = part(
    subject=st.sampled_from("ab"),
    object=st.sampled_from("abc"),
    predicates=st.lists(PREDICATE, max_size=2),
    knowledge_type=st.sampled_from(["lookup", "inferred", None]),
    qualifier_constraints=st.just([{"qualifier_set": []}]),
)
QUERY = part(
    message=part(
        query_graph=part(
            nodes=st.one_of(st.fixed_dictionaries({"a": NODE, "b": NODE}), st.dictionaries(st.text(max_size=2), NODE)),
            edges=st.one_of(st.fixed_dictionaries({"ab": EDGE}), st.dictionaries(st.text(max_size=2), EDGE)),
        )
    ),
    log_level=st.sampled_from(["DEBUG", None, "x"]),
    workflow=st.just([{"id": "lookup"}]),
)
SOUND = st.builds(
    asking,
    st.fixed_dictionaries({"ids": st.lists(IDS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({}, optional={"ids": st.lists(IDS, min_size=1), "categories": st.just(["biolink:Disease"])}),
    predicates=st.one_of(st.none(), st.lists(st.sampled_from(PREDICATES), min_size=1, max_size=2)),
    knowledge_type=st.sampled_from(["lookup", "inferred"]),
)


@given(st.one_of(QUERY, ANYTHING))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_is_a_failure_of_the_service(client: TestClient, query: object) -> None:
    response = client.post("/trapi/query", json=query)
    assert response.status_code in (200, 413, 422, 501), response.text
    if response.status_code == 200:
        Response.model_validate(response.json())
    else:
        assert set(response.json()) == PROBLEM


@given(SOUND)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_sound_query_is_answered_in_the_form_of_trapi(client: TestClient, query: Json) -> None:
    answered(client, query)


# the meta knowledge graph and the description


def test_the_meta_knowledge_graph_tells_what_can_be_asked(client: TestClient, model: kgdrug.ServedModel) -> None:
    response = client.get("/trapi/meta_knowledge_graph")
    body = response.json()
    MetaKnowledgeGraph.model_validate(body)
    assert {name: node["id_prefixes"] for name, node in body["nodes"].items()} == {
        "biolink:ChemicalEntity": ["DRUGBANK"],
        "biolink:Disease": ["DOID"],
        "biolink:Gene": ["NCBIGene"],
    }
    edges = {(e["subject"], e["predicate"], e["object"]): e for e in body["edges"]}
    assert set(edges) == {
        (category(e.head_type), predicate(e.relation, e.head_type, e.tail_type), category(e.tail_type))
        for e in model.graph.metaedges
    }
    kinds = {e["predicate"].removeprefix("biolink:"): e["knowledge_types"] for e in body["edges"]}
    assert kinds.pop("treats") == ["lookup", "inferred"]
    assert set(map(tuple, kinds.values())) == {("lookup",)}
    binding = edges["biolink:ChemicalEntity", "biolink:directly_physically_interacts_with", "biolink:Gene"]
    assert binding["qualifiers"] == [
        {"qualifier_type_id": "biolink:causal_mechanism_qualifier", "applicable_values": ["binding"]}
    ]
    again = client.get("/trapi/meta_knowledge_graph", headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/trapi/meta_knowledge_graph", params={"model": "nobody"}).status_code == 404


def test_every_kind_of_statement_that_is_told_of_is_looked_up(client: TestClient, model: kgdrug.ServedModel) -> None:
    graph = model.graph
    by_category: dict[str, list[str]] = {}
    for t in graph.entity_types:
        by_category.setdefault(category(t.name), []).extend(curie(graph.entities.ids[i], t.name) for i in t.range)
    for edge in client.get("/trapi/meta_knowledge_graph").json()["edges"]:
        subjects, objects = ({"ids": by_category[edge[end]]} for end in ("subject", "object"))
        query = asking(subjects, objects, predicates=[edge["predicate"]])
        assert answered(client, query)["message"]["results"]


def test_the_description_tells_of_trapi_and_its_example_is_answered(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["info"]["x-trapi"]["version"] == "1.5.0"
    assert {"/trapi/query", "/trapi/asyncquery", "/trapi/meta_knowledge_graph"} <= set(schema["paths"])
    (example,) = schema["components"]["schemas"]["TrapiQuery"]["examples"]
    assert len(answered(client, example)["message"]["results"]) == 22
    content = schema["paths"]["/trapi/query"]["post"]["requestBody"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/TrapiQuery"}
    assert json.dumps(schema).count("#/components/schemas/QNode") == 1


def test_the_page_shows_what_the_sample_graph_answers() -> None:
    import torch

    graph = kgdrug.load_graph("essential")
    table = kgdrug.TableModel("distmult", torch.ones(len(graph.entities), 1), torch.ones(2 * graph.relations, 1))
    none = np.empty((0, 3), np.int64)
    split = kgdrug.Split(graph, graph.triples, none, none, none, {"kind": "by hand"})
    client = TestClient(create_app(kgdrug.TrainedModel([table], split, kgdrug.Experiment("essential"))))
    query, shown = PAGE.split("-d '\n")[1].split("}' | python")[0] + "}", PAGE.split("```json\n")[1].split("```")[0]
    message = answered(client, json.loads(query))["message"]
    assert message.pop("query_graph") == json.loads(query)["message"]["query_graph"]
    assert message == json.loads(shown)


def test_the_page_shows_the_words_of_hetionets_metaedges() -> None:
    shown = {}
    for names, said, more in re.findall(r"^\| ([\w, >]+) \| `(\w+)` \| ([\w ,]*) \|$", PAGE, re.MULTILINE):
        qualifiers = dict(one.split(" ") for one in more.split(", ") if one)
        shown |= dict.fromkeys(names.split(", "), (said, qualifiers))
    assert shown == {
        name: (
            predicate(e.relation, e.head_type, e.tail_type).removeprefix("biolink:"),
            {
                key.removeprefix("biolink:").removesuffix("_qualifier"): value.removeprefix("biolink:")
                for key, value in qualifiers_of(e.relation, e.head_type, e.tail_type).items()
            },
        )
        for name, e in METAEDGES.items()
    }


def test_inferences_are_counted_as_questions(model: kgdrug.ServedModel) -> None:
    client = TestClient(create_app(model))
    client.post("/trapi/query", json=asking({"ids": [ASTHMA]}, {}))
    client.post("/trapi/query", json=asking({}, {"ids": [ASTHMA]}, **treating()))
    assert 'kgdrug_questions_total{model="small"} 1.0' in client.get("/metrics").text


def test_no_torch_is_loaded(trained_run: kgdrug.Run, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "ask.py"
    script.write_text(
        "import sys\n"
        "from fastapi.testclient import TestClient\n"
        "from kgdrug.trained.served import open_served\n"
        "from pathlib import Path\n"
        "from kgdrug_api import create_app\n"
        "client = TestClient(create_app(open_served(Path(sys.argv[1]))))\n"
        f"query = {asking({}, {'ids': [ASTHMA]}, **treating())!r}\n"
        "assert client.post('/trapi/query', json=query).json()['message']['auxiliary_graphs']\n"
        "assert client.get('/trapi/meta_knowledge_graph').json()['edges']\n"
        "print([name for name in ('torch', 'mlflow', 'pandas', 'rdkit') if name in sys.modules])\n"
    )
    folder = trained_run.folder
    assert folder is not None
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
