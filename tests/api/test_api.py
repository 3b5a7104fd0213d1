"""The HTTP service, asked as its users ask it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import kgdrug
from kgdrug_api import create_app

PROBLEM = {"type", "title", "status", "detail", "instance", "close_matches"}


@pytest.fixture(scope="module")
def model(trained_run: kgdrug.Run) -> kgdrug.TrainedModel:
    return trained_run.model


@pytest.fixture(scope="module")
def client(model: kgdrug.TrainedModel) -> TestClient:
    return TestClient(create_app(model))


def problem(response: object, status: int) -> dict:
    """The problem of a response, whose form is checked."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == PROBLEM
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert isinstance(body["close_matches"], list)
    return body


# what is there


def test_health_names_the_model_that_answers(client: TestClient, model: kgdrug.TrainedModel) -> None:
    assert client.get("/health").json() == {"status": "ok", "model": "small", "model_digest": model.digest}


def test_models_tell_what_was_trained_on_what_and_how_well(client: TestClient, model: kgdrug.TrainedModel) -> None:
    (about,) = client.get("/v1/models").json()["models"]
    assert about == {
        "name": "small",
        "source": "",
        "version": None,
        "digest": model.digest,
        "score": "complex",
        "member_scores": ["complex"],
        "members": 1,
        "calibrated": False,
        "probability_means": None,
        "dimension": 16,
        "licences": {"CC0 1.0": ["CbG", "CpD", "CtD", "DaG", "DrD"]},
        "licences_besides": {},
        "note": "research software: no medical advice",
        "graph": "clinic",
        "graph_digest": model.graph.digest,
        "entities": len(model.graph.entities),
        "triples": len(model.graph.triples),
        "candidates": "typed",
        "test": model.metrics["both"],
    }


def test_relations_tell_which_of_them_treat(client: TestClient) -> None:
    relations = {r["abbreviation"]: r for r in client.get("/v1/relations").json()}
    assert list(relations) == ["CbG", "CpD", "CtD", "DaG", "DrD"]
    assert [name for name, r in relations.items() if r["treats"]] == ["CtD"]
    assert relations["CtD"] == {
        "abbreviation": "CtD",
        "head_type": "Compound",
        "relation": "treats",
        "tail_type": "Disease",
        "treats": True,
        "licence": "CC0 1.0",
        "source": "textbook",
        "version": "",
    }


# entities


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ({"search": "asthma"}, {"id": "Disease::DOID:2841", "name": "asthma", "type": "Disease"}),
        ({"search": "disease::doid:2841"}, {"id": "Disease::DOID:2841", "name": "asthma", "type": "Disease"}),
        ({"search": "METF"}, {"id": "Compound::DB00331", "name": "Metformin", "type": "Compound"}),
        ({"search": "metphormin"}, {"id": "Compound::DB00331", "name": "Metformin", "type": "Compound"}),
        ({"search": "ace", "type": "gene"}, {"id": "Gene::1636", "name": "ACE", "type": "Gene"}),
    ],
)
def test_entities_are_found_by_id_by_the_start_of_a_name_and_in_spite_of_a_slip(
    client: TestClient, query: dict, first: dict
) -> None:
    assert client.get("/v1/entities", params=query).json()[0] == first


def test_entities_of_one_type_are_searched_alone_and_no_more_than_asked_for(client: TestClient) -> None:
    found = client.get("/v1/entities", params={"search": "a", "type": "Compound", "limit": 2}).json()
    assert [entity["type"] for entity in found] == ["Compound", "Compound"]
    assert len(client.get("/v1/entities", params={"search": "a", "limit": 100}).json()) <= 36


def test_nothing_like_it_is_an_empty_list(client: TestClient) -> None:
    assert client.get("/v1/entities", params={"search": "%%%"}).json() == []


@pytest.mark.parametrize(
    ("query", "about"),
    [
        ({}, "search"),
        ({"search": ""}, "search"),
        ({"search": "a", "limit": 0}, "limit"),
        ({"search": "a" * 201}, "search"),
    ],
)
def test_a_search_that_cannot_be_made_is_a_problem(client: TestClient, query: dict, about: str) -> None:
    assert problem(client.get("/v1/entities", params=query), 422)["detail"].startswith(f"{about} ")


def test_an_unknown_type_names_the_types_there_are(client: TestClient) -> None:
    body = problem(client.get("/v1/entities", params={"search": "a", "type": "Drug"}), 404)
    assert "unknown entity type 'Drug'; choose from Compound, Disease, Gene" in body["detail"]
    near = problem(client.get("/v1/entities", params={"search": "a", "type": "Diseas"}), 404)
    assert near["close_matches"] == ["Disease"]


# the start


@pytest.mark.parametrize("treats", [("CtD",), ("CpD", "CtD"), ("CtD", "DrD")])
def test_no_question_about_treatments_waits_for_what_the_first_one_makes(
    model: kgdrug.TrainedModel, treats: tuple[str, ...]
) -> None:
    graph = replace(model.graph, treats=treats)
    model = replace(model, split=replace(model.split, graph=graph))
    with TestClient(create_app(model)) as client:
        assert client.get("/ready").status_code == 200
    for kind, side in (("Disease", "disease"), ("Compound", "compound")):
        for entity in graph.entity_type(kind).range:
            asked = kgdrug.question(graph, **{side: graph.entities.ids[entity]})
            assert model.served.usual_ready(asked.relations)


def test_names_are_put_into_an_index_though_nobody_asks(model: kgdrug.TrainedModel) -> None:
    known = model.graph.entities
    entities = kgdrug.Vocabulary(known.ids, known.names)
    graph = replace(model.graph, entities=entities)
    with TestClient(create_app(replace(model, split=replace(model.split, graph=graph)))):
        pass  # it is made while the service answers already
    assert {"_words", "_trigrams"} <= vars(entities._searched).keys()


def test_who_asks_by_a_name_as_soon_as_the_service_starts_is_answered(model: kgdrug.TrainedModel) -> None:
    known = model.graph.entities
    graph = replace(model.graph, entities=kgdrug.Vocabulary(known.ids, known.names))
    with TestClient(create_app(replace(model, split=replace(model.split, graph=graph)))) as client:
        assert client.post("/v1/predict", json={"disease": "ASTHMA", "top": 1}).json()["question"] == "? treats asthma"


# predictions

QUESTIONS = [
    {"tail": "type 2 diabetes mellitus", "relation": "CtD", "top": 10, "novel": True},
    {"head": "METFORMIN", "relation": "treats"},
    {"disease": "Disease::DOID:2841", "top": 3},
    {"compound": "salbutamol", "novel": True},
    {"tail": "ACE", "relation": "CbG", "top": 10_000},
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_http_answers_are_the_librarys_own(client: TestClient, model: kgdrug.TrainedModel, question: dict) -> None:
    response = client.post("/v1/predict", json=question)
    assert response.status_code == 200
    body = response.json()
    answers = kgdrug.predict(model, **question)
    assert [(a["rank"], a["id"], a["name"], a["type"], a["score"], a["percentile"]) for a in body["answers"]] == [
        (a.rank, a.id, a.name, a.type, a.score, a.percentile) for a in answers
    ]
    assert [[kgdrug.KnownFact(**fact) for fact in a["known"]] for a in body["answers"]] == [
        list(a.known) for a in answers
    ]
    assert {(f["licence"], f["source"]) for a in body["answers"] for f in a["known"]} <= {("CC0 1.0", "textbook")}
    assert body["model_digest"] == model.digest
    assert body["graph_digest"] == model.graph.digest


def test_the_question_comes_back_in_words(client: TestClient) -> None:
    body = client.post("/v1/predict", json={"disease": "ASTHMA"}).json()
    assert body["question"] == "? treats asthma"


def test_an_arbitrary_ranking_is_said_to_be_arbitrary(client: TestClient) -> None:
    questions = [{"compound": name, "top": 2} for name in ("Sucralfate", "Metformin")]
    alone = [client.post("/v1/predict", json=question).json() for question in questions]
    body = "\n".join(map(json.dumps, questions))
    together = client.post("/v1/predict", content=body, headers={"content-type": "application/jsonl"}).text
    for unseen, seen in (alone, map(json.loads, together.splitlines())):
        assert unseen["warnings"] == [
            "Sucralfate (Compound::DB00364) stands in no training triple: this ranking is arbitrary"
        ]
        assert "warnings" not in seen


@pytest.mark.parametrize(
    ("question", "title", "close"),
    [
        ({"disease": "astma"}, "Unknown disease", "asthma (Disease::DOID:2841)"),
        (
            {"tail": "type II diabetes", "relation": "CtD"},
            "Unknown Disease",
            "type 2 diabetes mellitus (Disease::DOID:9352)",
        ),
        ({"compound": "Metforminn"}, "Unknown compound", "Metformin (Compound::DB00331)"),
        ({"head": "Metformin", "relation": "CtX"}, "Unknown relation", "CtD"),
    ],
)
def test_an_unknown_name_is_404_and_names_its_close_matches(
    client: TestClient, question: dict, title: str, close: str
) -> None:
    body = problem(client.post("/v1/predict", json=question), 404)
    assert body["title"] == title
    assert body["type"] == "urn:kgdrug:" + title.lower().replace(" ", "-")
    assert close in body["close_matches"]
    assert body["instance"] == "/v1/predict"


def test_an_ambiguous_name_is_422_and_names_the_ids(client: TestClient) -> None:
    body = problem(client.post("/v1/predict", json={"tail": "slc12a1", "relation": "DaG"}), 422)
    assert (body["type"], body["title"]) == ("urn:kgdrug:ambiguous-gene", "Ambiguous Gene")
    assert body["close_matches"] == ["Slc12a1 (Gene::20497)", "SLC12A1 (Gene::6557)"]


@pytest.mark.parametrize(
    ("question", "detail"),
    [
        ({}, "give one of disease, compound, head or tail"),
        ({"disease": "asthma", "compound": "Metformin"}, "give one of"),
        ({"head": "Metformin"}, "head needs a relation"),
        ({"disease": "asthma", "relation": "CtD"}, "with relation give head or tail"),
        ({"disease": "asthma", "top": 0}, "top is "),
        ({"disease": "asthma", "top": 10_001}, "top is "),
        ({"disease": "asthma", "top": "many"}, "top is "),
        ({"disease": "asthma", "topp": 3}, "topp"),
        ({"disease": ""}, "disease is "),
        ({"disease": 7}, "disease is "),
        (["asthma"], ""),
        (None, ""),
    ],
)
def test_what_is_no_question_is_422_and_says_why(client: TestClient, question: object, detail: str) -> None:
    body = problem(client.post("/v1/predict", json=question), 422)
    assert (body["type"], body["title"]) == ("urn:kgdrug:not-a-question", "Not a question")
    assert detail in body["detail"]


def test_malformed_json_is_said_to_be_json_gone_wrong(client: TestClient) -> None:
    response = client.post("/v1/predict", content='{"disease": ', headers={"content-type": "application/json"})
    detail = problem(response, 422)["detail"]
    assert "JSON" in detail
    assert not detail[0].isdigit()  # a place in the text is no name of a field


def test_a_body_that_is_not_text_is_a_problem(client: TestClient) -> None:
    response = client.post("/v1/predict", content=b"\xff\xfe\x00", headers={"content-type": "application/json"})
    assert "the body is not JSON" in problem(response, 422)["detail"]


def test_the_start_leads_to_what_there_is(client: TestClient) -> None:
    told = client.get("/").json()
    assert (told.pop("name"), told.pop("version")) == ("kgdrug", kgdrug.__version__)
    assert set(told) == {"docs", "openapi", "trapi", "health"}
    assert [client.get(address).status_code for address in told.values()] == [200] * 4


@pytest.mark.parametrize("path", ["/", "/health", "/v1/models", "/v1/entities?search=asthma", "/docs", "/metrics"])
def test_head_is_answered_where_get_is_and_without_a_body(client: TestClient, path: str) -> None:
    asked, told = client.get(path), client.head(path)
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-type"] == asked.headers["content-type"]
    assert told.headers.get("etag") == asked.headers.get("etag")


def test_head_of_what_is_not_there_to_be_read_is_none(client: TestClient) -> None:
    assert client.head("/v1/entities/astma").status_code == 404
    refused = client.head("/v1/predict")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_an_unknown_route_has_the_problem_form(client: TestClient) -> None:
    body = problem(client.get("/v1/nothing"), 404)
    assert (body["instance"], body["type"], body["title"]) == ("/v1/nothing", "about:blank", "Not Found")


def test_a_wrong_method_has_the_problem_form_and_says_what_is_allowed(client: TestClient) -> None:
    response = client.get("/v1/predict")
    problem(response, 405)
    assert response.headers["allow"] == "POST"


def test_an_error_inside_has_the_problem_form_too(model: kgdrug.TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(kgdrug, "question", fall)
    monkeypatch.setattr(kgdrug, "score", fall)
    client = TestClient(create_app(model), raise_server_exceptions=False)
    asked = client.post("/v1/predict", json={"disease": "asthma"})
    scored = client.post("/v1/score", json={"pairs": [["Metformin", "asthma"]]})
    for response in (asked, scored):
        assert "secret" not in problem(response, 500)["detail"]
    told = TestClient(create_app(model))
    with pytest.raises(ZeroDivisionError, match="secret"):  # so that the server's log has it
        told.post("/v1/predict", json={"disease": "asthma"})


# documentation


def test_openapi_shows_examples_that_the_service_accepts(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    examples = schema["components"]["schemas"]["Question"]["examples"]
    assert {"tail": "type 2 diabetes mellitus", "relation": "CtD", "top": 10, "novel": True} in examples
    for example in examples:
        assert client.post("/v1/predict", json=example).status_code == 200
    assert schema["components"]["schemas"]["Prediction"]["examples"]
    parameters = schema["paths"]["/v1/entities"]["get"]["parameters"]
    assert next(p for p in parameters if p["name"] == "search")["schema"]["examples"] == ["diabetes"]


def test_openapi_tells_the_form_of_problems(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/health", "/v1/models", "/v1/relations", "/v1/entities", "/v1/predict", "/v1/explain"} <= set(paths)
    for path, method in (("/v1/predict", "post"), ("/v1/entities", "get")):
        for status in ("404", "422"):
            content = paths[path][method]["responses"][status]["content"]
            assert "Problem" in json.dumps(content)
            assert "application/problem+json" in content, f"{path} {status} is documented as {list(content)}"


def test_the_documentation_page_opens(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "openapi.json" in page.text


def test_an_untyped_model_is_served_too(tmp_path: Path, model: kgdrug.TrainedModel) -> None:
    import torch

    from kgdrug.config import Experiment, GraphConfig, ModelConfig
    from kgdrug.models import TableModel
    from kgdrug.splits import fixed

    for part, line in {"train": "a\tr\tb\nb\tr\tc\n", "valid": "c\tr\ta\n", "test": "a\tr\tc\n"}.items():
        (tmp_path / f"{part}.tsv").write_text(line)
    split = fixed(tmp_path)
    table = TableModel("distmult", torch.eye(3), torch.ones(2, 3))
    experiment = Experiment("abc", graph=GraphConfig(splits=str(tmp_path)), model=ModelConfig("distmult", 3))
    client = TestClient(create_app(kgdrug.TrainedModel([table], split, experiment)))
    answers = client.post("/v1/predict", json={"head": "a", "relation": "r"}).json()["answers"]
    assert [a["id"] for a in answers] == ["b", "c"]  # not itself
    assert "names no treatment relation" in problem(client.post("/v1/predict", json={"disease": "a"}), 422)["detail"]
    assert client.get("/v1/models").json()["models"][0]["test"] == {}
