"""What is wrong with a request is said in plain words: what came, where, and what is needed."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

import kgdrug
from kgdrug_api import create_app

LOOKED_UP = [
    ("/v1/similar?entity=asthma&by=foo", 'by is "foo"; it must be vectors or structure'),
    ("/v1/similar?entity=asthma&top=many", 'top is "many"; it must be a whole number'),
    ("/v1/similar?entity=asthma&top=1001", 'top is "1001"; it must be at most 1,000'),
    ("/v1/similar", "entity is missing"),
    ("/v1/entities?search=", 'search is ""; it must be text of at least 1 sign'),
    ("/v1/vectors?entity=asthma&entity=", 'entity.1 is ""; it must be text of at least 1 sign'),
    ("/v1/feedback?form=xml", 'form is "xml"; it must be json or annotations'),
    (f"/v1/entities/{'x' * 501}", f'name is "{"x" * 100}…"; it must be text of at most 500 signs'),
]
ASKED = [
    ("/v1/score", '{"pairs": [["metformin"]]}', "pairs.0.1 is missing: pairs.0 is a list of 1"),
    ("/v1/score", '{"pairs": [["a", "b", "c"]]}', "pairs.0 is a list of 3; it must be a list of at most 2"),
    ("/v1/score", '{"pairs": "metformin"}', 'pairs is "metformin"; it must be a list'),
    ("/v1/predict", "[]", "the body is a list of 0; it must be an object"),
    ("/v1/predict", "", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
    ("/v1/predict", '{"disease": null, "top": null}', "top is null; it must be a whole number"),
    ("/v1/predict", '{"disease": "asthma", "top": 1.5}', "top is 1.5; it must be a whole number"),
    ("/v1/predict", '{"disease": "asthma", "novel": "perhaps"}', 'novel is "perhaps"; it must be true or false'),
    ("/v1/predict", '{"disease": 7, "tpo": 1}', "disease is 7; it must be text; unknown field tpo; did you mean top?"),
    ("/v1/predict", '{"disease": "asthma", "filters": 7}', "filters is 7; it must be an object"),
    (
        "/v1/predict",
        '{"disease": "asthma", "filters": {"only": []}}',
        "filters.only is empty, which nothing answers; leave it out if nothing is meant by it",
    ),
    ("/v1/predict", '{"disease": "asthma", "novel": "yes"}', 'novel is "yes"; it must be true or false'),
    ("/v1/predict", '{"disease": "asthma", "novel": 1}', "novel is 1; it must be true or false"),
    (
        "/v1/predict",
        '{"disease": "asthma", "filters": {"approved": "no"}}',
        'filters.approved is "no"; it must be true or false',
    ),
    ("/v1/predict", '{"disease": "asthma", "top": "5"}', 'top is "5"; it must be a whole number'),
    ("/v1/predict", '{"disease": "asthma", "offset": true}', "offset is true; it must be a whole number"),
    ("/v1/predict", '{"disease": "asthma", "evidence": "1"}', 'evidence is "1"; it must be a whole number'),
    (
        "/v1/feedback",
        '{"compound": "x", "disease": "y", "judgement": "trial", "rank": "1"}',
        'rank is "1"; it must be a whole number',
    ),
    (
        "/trapi/query",
        '{"message": {"query_graph": {"nodes": {}}}, "bypass_cache": "yes"}',
        'bypass_cache is "yes"; it must be true or false',
    ),
    ("/v1/feedback", '{"compound": "x", "disease": "y"}', "judgement is missing"),
    (
        "/trapi/query",
        '{"message": {"query_graph": {"nodes": {"a": {"categories": ["Disease"]}}}}}',
        'message.query_graph.nodes.a.categories.0 is "Disease"; it must be a category of Biolink, '
        "such as biolink:Disease",
    ),
    (
        "/trapi/query",
        '{"message": {"query_graph": {"nodes": {}}}, "log_level": "LOUD"}',
        'log_level is "LOUD"; it must be ERROR, WARNING, INFO or DEBUG',
    ),
]


@pytest.fixture(scope="module")
def client(trained_run: kgdrug.Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    said = tmp_path_factory.mktemp("said") / "said.db"
    with TestClient(create_app(trained_run.model, feedback=said)) as client:
        yield client


@pytest.mark.parametrize(("address", "said"), LOOKED_UP)
def test_what_is_wrong_with_an_address_is_said_plainly(client: TestClient, address: str, said: str) -> None:
    response = client.get(address)
    assert (response.status_code, response.json()["detail"]) == (422, said)


@pytest.mark.parametrize(("path", "body", "said"), ASKED)
def test_what_is_wrong_with_a_body_is_said_plainly(client: TestClient, path: str, body: str, said: str) -> None:
    response = client.post(path, content=body)
    assert (response.status_code, response.json()["detail"]) == (422, said)


def test_a_whole_number_with_a_point_is_one_and_an_address_is_read_as_before(client: TestClient) -> None:
    asked = client.post("/v1/predict", content='{"disease": "asthma", "top": 2.0, "offset": 1e0, "novel": true}')
    assert [answer["rank"] for answer in asked.json()["answers"]] == [2, 3]
    assert len(client.get("/v1/similar", params={"entity": "metformin", "top": "2"}).json()) == 2


def test_of_many_mistakes_the_first_are_said_without_what_came(client: TestClient) -> None:
    response = client.post("/v1/score", json={"pairs": [[7, 7]] * 6})
    told = "; ".join(f"pairs.{i}.{j} must be text" for i in range(5) for j in range(2))
    assert response.json()["detail"] == f"{told}; and 2 more"


@pytest.mark.parametrize(
    ("method", "address", "said"),
    [
        ("GET", "/v1/entities?search=x&limt=1", "unknown parameter limt; did you mean limit?"),
        ("GET", "/v1/entities/asthma?modle=x", "unknown parameter modle; did you mean model?"),
        ("GET", "/v1/similar?entity=metformin&tp=1", "unknown parameter tp; did you mean top?"),
        ("GET", "/v1/vectors?entty=metformin", "unknown parameter entty; did you mean entity?"),
        ("GET", "/v1/explain?compound=metformin&disase=asthma", "unknown parameter disase; did you mean disease?"),
        ("GET", "/v1/models?colour=red", "unknown parameter colour"),
        ("GET", "/v1/feedback?=&limit=1", "unknown parameter "),
        ("POST", "/v1/predict?top=3", "unknown parameter top"),
        ("POST", "/v1/score?model=x", "unknown parameter model"),
        ("DELETE", f"/v1/models/x?{'y' * 200}=1", f"unknown parameter {'y' * 100}…"),
    ],
)
def test_a_parameter_that_is_none_is_refused_and_names_the_closest(
    client: TestClient, method: str, address: str, said: str
) -> None:
    response = client.request(method, address, **({"json": {"disease": "asthma"}} if method == "POST" else {}))
    assert (response.status_code, response.json()["detail"]) == (422, said)


def test_every_parameter_that_is_described_is_known(client: TestClient) -> None:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, about in methods.items() if path.startswith("/v1/") else ():
            for name in (one["name"] for one in about.get("parameters", ()) if one["in"] == "query"):
                answered = client.request(method, path, params={name: "1"})
                assert "unknown parameter" not in answered.text, (path, name)


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_what_watches_the_service_may_ask_as_it_likes(client: TestClient, path: str) -> None:
    assert client.get(path, params={"t": "1732752000"}).status_code == 200
