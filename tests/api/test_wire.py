"""Sizes, streams, tags and pages."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.types import ASGIApp

import kgdrug
from kgdrug_api import ask, create_app, schemas
from kgdrug_api.schemas import JSON_LINES, MOST_QUESTIONS


@pytest.fixture(scope="module")
def model(trained_run: kgdrug.Run) -> kgdrug.TrainedModel:
    model = trained_run.model
    graph = replace(model.graph, smiles={model.graph.find("Metformin"): "CN(C)C(=N)NC(N)=N"})
    return replace(model, split=replace(model.split, graph=graph))


@pytest.fixture(scope="module")
def client(model: kgdrug.TrainedModel) -> Iterator[TestClient]:
    with TestClient(create_app(model, most_bytes=2_000_000)) as client:
        yield client


def lines(client: TestClient, *questions: object) -> list[dict]:
    body = "\n".join(q if isinstance(q, str) else json.dumps(q) for q in questions)
    response = client.post("/v1/predict", content=body, headers={"content-type": JSON_LINES})
    assert response.status_code == 200
    assert response.headers["content-type"] == JSON_LINES
    return [json.loads(line) for line in response.text.splitlines()]


def test_many_questions_are_answered_one_a_line_as_each_is_alone(client: TestClient) -> None:
    questions = [
        {"disease": "asthma", "top": 3},
        {"disease": "hypertension", "top": 3},
        {"disease": "hypertension", "top": 3, "novel": True},
        {"compound": "Metformin"},
        {"head": "Metformin", "relation": "CtD", "top": 1, "offset": 1},
        {"disease": "asthma", "top": 3},
    ]
    alone = [client.post("/v1/predict", json=question).json() for question in questions]
    together = lines(client, *questions)
    assert [one["question"] for one in together] == [one["question"] for one in alone]
    for one, other in zip(together, alone, strict=True):
        for a, b in zip(one["answers"], other["answers"], strict=True):
            assert a == {**b, "score": pytest.approx(b["score"], rel=1e-5)}


def test_a_line_that_cannot_be_asked_has_its_problem_in_its_place(client: TestClient) -> None:
    found = lines(
        client,
        {"disease": "asthma", "top": 1},
        {"disease": "astma"},
        "no json",
        {"disease": "asthma", "filters": {"only": ["nobody"]}},
        {"disease": "asthma", "topp": 1},
        {"disease": "asthma", "top": 1},
    )
    assert [one.get("problem", {}).get("status") for one in found] == [None, 404, 422, 404, 422, None]
    assert "asthma (Disease::DOID:2841)" in found[1]["problem"]["close_matches"]
    assert found[0] == found[5]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no json", "line 4 is not JSON: expected ident at column 2"),
        ("[]", "line 4 is a list of 0; it must be an object"),
        (
            '{"topp": 1, "novel": 7}',
            "line 4: novel is 7; it must be true or false; unknown field topp; did you mean top?",
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_wrong_with_a_line_names_the_line_of_the_body(
    client: TestClient, line: str, said: str, end: str
) -> None:
    asked = json.dumps({"disease": "asthma", "top": 1})
    found = lines(client, end.join([asked, "", asked, line]))
    assert [one.get("problem", {}).get("detail") for one in found] == [None, None, said]
    assert found[2]["problem"]["type"] == "urn:kgdrug:not-a-question"


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_a_blank_line_is_no_question_and_has_no_line_in_the_answer(client: TestClient, blank: str) -> None:
    first, second = (json.dumps({"disease": name, "top": 1}) for name in ("asthma", "migraine"))
    found = lines(client, "\n".join([blank, first, blank, blank, second, blank]) + "\n")
    assert [one["question"] for one in found] == ["? treats asthma", "? treats migraine"]
    assert lines(client, blank) == []


def test_neighbours_that_cannot_be_asked_each_have_their_problem(client: TestClient) -> None:
    nobody, no_smarts = ({"disease": "asthma", "filters": given} for given in ({"only": ["nobody"]}, {"smarts": "C("}))
    found = lines(client, nobody, nobody, no_smarts, no_smarts, {"disease": "asthma", "top": 1})
    assert [one.get("problem", {}).get("status") for one in found] == [404, 404, 422, 422, None]
    assert found[0] == found[1]
    assert found[4]["answers"]


def test_of_neighbours_asked_alike_only_that_which_fails_has_a_problem(model: kgdrug.TrainedModel) -> None:
    import torch

    broken = model.members[0].entity.clone()
    broken[model.graph.find("hypertension")] = torch.nan
    member = replace(model.members[0], entity=broken)
    client = TestClient(create_app(replace(model, members=[member])))
    diseases = ["asthma", "migraine", "hypertension", "asthma", "hypertension", "migraine"]
    found = lines(client, *({"disease": name, "top": 2} for name in diseases))
    told = [one.get("problem", {}).get("status") or one["question"].removeprefix("? treats ") for one in found]
    assert told == ["asthma", "migraine", 500, "asthma", 500, "migraine"]
    assert "NaN" in found[2]["problem"]["detail"]


def test_what_a_model_of_metapaths_cannot_answer_is_a_problem_in_its_place(metapaths: TestClient) -> None:
    treats, binds = {"disease": "asthma", "top": 1}, {"head": "Metformin", "relation": "CbG", "top": 1}
    found = lines(metapaths, treats, binds, binds, treats)
    assert [one.get("problem", {}).get("status") for one in found] == [None, 422, 422, None]
    assert "metapaths" in found[1]["problem"]["detail"]


def test_an_error_inside_has_its_place_in_a_stream_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asking = kgdrug.question

    def fall(graph: kgdrug.KnowledgeGraph, **words: str) -> kgdrug.Question:
        if words["disease"] == "migraine":
            raise ZeroDivisionError("secret")
        return asking(graph, **words)

    monkeypatch.setattr(kgdrug, "question", fall)
    found = lines(client, *({"disease": name} for name in ("asthma", "migraine", "asthma")))
    assert [one.get("problem", {}).get("status") for one in found] == [None, 500, None]
    assert "secret" not in found[1]["problem"]["detail"]
    assert "secret" in caplog.text


def test_no_more_lines_than_one_request_may_hold(client: TestClient) -> None:
    body = '{"disease": "asthma"}\n' * (MOST_QUESTIONS + 1)
    response = client.post("/v1/predict", content=body, headers={"content-type": JSON_LINES})
    assert response.status_code == 413
    assert "10,000" in response.json()["detail"]


POSTS = ["/v1/predict", "/v1/score", "/v1/models", "/v1/feedback", "/trapi/query"]


def test_every_route_that_reads_a_body_is_looked_at(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {path for path, methods in paths.items() if "requestBody" in methods.get("post", ())} == set(POSTS)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(client: TestClient, path: str, chunked: bool) -> None:
    body = b" " * 2_000_001
    content = iter([body[:1000], body[1000:]]) if chunked else body
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:kgdrug:too-large"
    assert "2,000,000 bytes" in response.json()["detail"]


def exchanged(app: ASGIApp, scope: dict, messages: list[dict]) -> list[dict]:
    """What an application sends after it was sent these messages."""
    sent = []

    async def receive() -> dict:
        return messages.pop(0)

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize("path", POSTS)
def test_who_goes_away_while_sending_is_no_error_of_the_service(model: kgdrug.TrainedModel, path: str) -> None:
    app = create_app(model)
    messages = [{"type": "http.request", "body": b'{"dis', "more_body": True}, {"type": "http.disconnect"}]
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "root_path": "", "scheme": "http",
        "headers": [(b"content-type", b"application/json")], "server": ("here", 80), "http_version": "1.1",
    }  # fmt: skip
    sent = exchanged(app, scope, messages)
    assert sent[0]["status"] == 400
    counted = TestClient(app).get("/metrics").text
    assert f'kgdrug_requests_total{{method="POST",route="{path}",status="400"}} 1.0' in counted


def test_a_body_that_is_longer_than_was_said_is_refused(model: kgdrug.TrainedModel) -> None:
    app = create_app(model, most_bytes=2000)
    said = {"content-type": "application/json", "content-length": "20", "transfer-encoding": "chunked"}
    headers = [(name.encode(), value.encode()) for name, value in said.items()]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"", "root_path": "", "scheme": "http",
        "headers": headers, "server": ("here", 80), "http_version": "1.1",
    }  # fmt: skip
    messages = [{"type": "http.request", "body": b" " * 500, "more_body": True} for _ in range(5)]
    assert exchanged(app, scope, messages)[0]["status"] == 413


def test_the_log_is_told_when_a_model_cannot_answer(
    model: kgdrug.TrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    member = replace(model.members[0], entity=torch.full_like(model.members[0].entity, torch.nan))
    client = TestClient(create_app(replace(model, members=[member])))
    assert client.post("/v1/predict", json={"disease": "asthma"}).status_code == 500
    assert "NaN" in caplog.text
    caplog.clear()
    assert client.post("/v1/score", json={"pairs": [["Metformin", "asthma"]]}).status_code == 500
    assert "NaN" in caplog.text
    assert "kgdrug_questions_total{" not in client.get("/metrics").text  # none was answered


def test_methods_that_nobody_knows_are_counted_as_one(client: TestClient) -> None:
    for method in ("BREW", "WHEN"):
        client.request(method, "/v1/predict")
    counted = client.get("/metrics").text
    assert 'method="other",route="/v1/predict",status="405"} 2.0' in counted
    assert "BREW" not in counted


def test_answers_are_told_in_pages(client: TestClient) -> None:
    whole = client.post("/v1/predict", json={"disease": "asthma", "top": 10}).json()["answers"]
    page = client.post("/v1/predict", json={"disease": "asthma", "top": 4, "offset": 3}).json()["answers"]
    assert page == whole[3:7]
    beyond = client.post("/v1/predict", json={"disease": "asthma", "offset": 5000}).json()["answers"]
    assert beyond == []


def test_answers_have_evidence_where_it_is_asked_for(client: TestClient, trained_run: kgdrug.Run) -> None:
    plain = client.post("/v1/predict", json={"disease": "asthma"}).json()["answers"]
    assert all("evidence" not in answer for answer in plain)
    told = client.post("/v1/predict", json={"disease": "asthma", "evidence": 2}).json()["answers"]
    expected = kgdrug.predict(trained_run.model, disease="asthma", evidence=2)
    assert [[e["metapath"] for e in a["evidence"]] for a in told] == [
        [e.metapath for e in a.evidence] for a in expected
    ]
    step = told[0]["evidence"][0]["paths"][0]["steps"][0]
    assert {"metaedge", "relation", "direction", "parts", "licence", "source"} <= step.keys()
    (line,) = lines(client, {"disease": "asthma", "evidence": 2})
    assert [answer["evidence"] for answer in line["answers"]] == [answer["evidence"] for answer in told]


@pytest.mark.parametrize("asked", [{"evidence": 21}, {"evidence": -1}, {"evidence": 1, "top": 101}])
def test_more_evidence_than_is_told_is_refused(client: TestClient, asked: dict[str, int]) -> None:
    response = client.post("/v1/predict", json={"disease": "asthma", **asked})
    assert response.status_code == 422
    assert "evidence" in response.json()["detail"]


FILTERED = [
    ({"targets": ["ADRB2"], "exclude": ["Salmeterol"]}, ["Salbutamol"]),
    ({"classes": ["ACE"]}, ["Enalapril", "Lisinopril", "Ramipril"]),
    ({"classes": ["ace", "AGTR1"], "only": ["Losartan", "Metformin", "Enalapril"]}, ["Enalapril", "Losartan"]),
    ({"smarts": "NC(=N)N"}, ["Metformin"]),
    ({"smarts": "c1ccccc1"}, []),
    ({"smarts": "NC(=N)N", "classes": ["ABCC8"]}, []),
]


@pytest.mark.parametrize(("given", "names"), FILTERED)
def test_filters_hold_over_http_as_in_the_library(
    client: TestClient, model: kgdrug.TrainedModel, given: dict, names: list[str]
) -> None:
    answers = client.post("/v1/predict", json={"disease": "asthma", "filters": given}).json()["answers"]
    filters = kgdrug.Filters(**{name: value if name == "smarts" else tuple(value) for name, value in given.items()})
    assert [a["id"] for a in answers] == [a.id for a in kgdrug.predict(model, disease="asthma", filters=filters)]
    assert sorted(a["name"] for a in answers) == names
    (line,) = lines(client, {"disease": "asthma", "filters": given})
    assert [a["name"] for a in line["answers"]] == [a["name"] for a in answers]


def test_an_empty_list_of_those_that_may_answer_is_refused_and_any_other_asks_for_nothing(client: TestClient) -> None:
    question = {"disease": "asthma", "top": 3}
    refused = client.post("/v1/predict", json={**question, "filters": {"only": []}})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:kgdrug:not-a-question")
    (line,) = lines(client, {**question, "filters": {"only": []}})
    assert line["problem"]["detail"].startswith("line 1: filters.only is empty")
    plain = client.post("/v1/predict", json=question)
    for name in ("exclude", "classes", "targets"):
        assert client.post("/v1/predict", json={**question, "filters": {name: []}}).content == plain.content
    described = client.get("/openapi.json").json()["components"]["schemas"]["Filters"]["properties"]
    assert {name for name, one in described.items() if one.get("minItems")} == {"only"}
    assert "default" not in described["only"]


@pytest.mark.parametrize(
    ("given", "status", "detail"),
    [
        ({"smarts": "C("}, 422, "'C(' is no SMARTS"),
        ({"classes": ["statins"]}, 404, "unknown class 'statins'"),
        ({"targets": ["ACEE"]}, 404, "did you mean ACE"),
    ],
)
def test_a_filter_that_means_nothing_is_a_problem(client: TestClient, given: dict, status: int, detail: str) -> None:
    response = client.post("/v1/predict", json={"disease": "asthma", "filters": given})
    assert response.status_code == status
    assert detail in response.json()["detail"]


def test_who_has_an_answer_of_this_model_is_told_so(client: TestClient) -> None:
    first = client.get("/v1/entities", params={"search": "asthma"})
    tag = first.headers["etag"]
    again = client.get("/v1/entities", params={"search": "asthma"}, headers={"if-none-match": f'"x", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = client.get("/v1/entities", params={"search": "asthm"}, headers={"if-none-match": tag})
    assert other.status_code == 200
    assert other.headers["etag"] != tag


def test_whatever_there_is_of_it_is_not_made_up(client: TestClient) -> None:
    anything = {"if-none-match": "*"}
    assert client.get("/v1/entities/asthma", headers=anything).status_code == 304
    missing = client.get("/v1/entities/astma", headers=anything)
    assert missing.status_code == 404
    assert "etag" not in missing.headers


def test_an_answer_of_another_version_or_another_name_is_another(
    model: kgdrug.TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = {"compound": "Metformin", "disease": "asthma"}

    def tag(name: str) -> str:
        models = kgdrug.LoadedModels([kgdrug.LoadedModel(name, "", model.served)])
        return TestClient(create_app(models)).get("/v1/explain", params=pair).headers["etag"]

    first = tag("first")
    assert tag("first") == first
    assert tag("second") != first
    monkeypatch.setattr(kgdrug, "__version__", "99.0")
    assert tag("first") != first


def test_long_answers_are_compressed_for_who_reads_that(client: TestClient) -> None:
    with client.stream("POST", "/v1/predict", json={"disease": "asthma"}, headers={"accept-encoding": "gzip"}) as it:
        raw = b"".join(it.iter_raw())
        assert it.headers["content-encoding"] == "gzip"
    assert raw[8] == 4  # made as fast as can be, RFC 1952
    assert json.loads(gzip.decompress(raw))["answers"]
    plain = client.post("/v1/predict", json={"disease": "asthma"}, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_pairs_and_triples_are_scored_in_their_order(client: TestClient, trained_run: kgdrug.Run) -> None:
    pairs = [["Metformin", "asthma"], ["Salbutamol", "asthma"], ["Metformin", "asthma"]]
    scored = client.post("/v1/score", json={"pairs": pairs}).json()["scores"]
    expected = kgdrug.score(trained_run.model, pairs)
    assert [(a["id"], a["rank"], a["score"]) for a in scored] == [(a.id, a.rank, a.score) for a in expected]
    triple = client.post("/v1/score", json={"triples": [["Enalapril", "CbG", "ACE"]]}).json()["scores"]
    assert [a["name"] for a in triple] == ["ACE"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"pairs": [], "triples": []}, 422),
        ({"pairs": [["a"]]}, 422),
        ({"pairs": [["Nobody", "asthma"]]}, 404),
    ],
)
def test_what_cannot_be_scored_is_a_problem(client: TestClient, body: dict, status: int) -> None:
    response = client.post("/v1/score", json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


LONG_NAME = "é" * 600_000
TOO_LONG = [
    ("/v1/predict", {"disease": LONG_NAME}, "disease "),
    ("/v1/predict", {"head": "Metformin", "relation": LONG_NAME}, "relation "),
    ("/v1/predict", {"disease": "asthma", "model": LONG_NAME}, "model "),
    ("/v1/predict", {"disease": "asthma", LONG_NAME: 1}, "unknown field ééé"),
    ("/v1/predict", {"disease": "asthma", "filters": {"smarts": LONG_NAME}}, "filters.smarts "),
    *(
        ("/v1/predict", {"disease": "asthma", "filters": {name: ["x", LONG_NAME]}}, f"filters.{name}.1 ")
        for name in ("classes", "targets", "only", "exclude")
    ),
    ("/v1/predict", {"disease": "asthma", "filters": {"only": ["x", ""]}}, "filters.only.1 "),
    ("/v1/predict", {"disease": "asthma", "filters": {"only": [""] * 10_000}}, "filters.only.0 "),
    ("/v1/score", {"pairs": [["Metformin", LONG_NAME]]}, "pairs.0.1 "),
    ("/v1/score", {"triples": [["Metformin", "CbG", ""]]}, "triples.0.2 "),
    ("/v1/score", {"pairs": [["Metformin", "asthma"]], LONG_NAME: 1}, "unknown field ééé"),
    ("/v1/predict", {f"f{i}": i for i in range(10)}, "unknown field f0; unknown field f1; "),
    ("/v1/predict", {f"f{i}": i for i in range(40_000)}, "40,000 fields of the body are wrong"),
]


@pytest.mark.parametrize(("path", "body", "detail"), TOO_LONG, ids=[detail for _, _, detail in TOO_LONG])
def test_what_is_too_long_is_refused_and_not_told_again(client: TestClient, path: str, body: dict, detail: str) -> None:
    content = json.dumps(body, ensure_ascii=False).encode()
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.json()["detail"].startswith(detail)
    assert len(response.content) < 2000


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/entities", {"search": "a", "type": "x" * 501}),
        ("/v1/vectors", {"entity": ["asthma", "x" * 501]}),
        ("/v1/vectors", {"entity": ["asthma", ""]}),
        (f"/v1/entities/{'x' * 501}", {}),
    ],
)
def test_no_name_of_an_address_is_longer_than_a_name_may_be(client: TestClient, path: str, query: dict) -> None:
    assert client.get(path, params=query).status_code == 422


@pytest.mark.parametrize("number", [1_000_001, 2**63, 10**30])
@pytest.mark.parametrize("path", ["/v1/entities?search=a", "/v1/entities/asthma/neighbours?limit=1"])
def test_no_page_is_farther_than_a_machine_counts(client: TestClient, path: str, number: int) -> None:
    assert client.get(f"{path}&offset={number}").status_code == 422
    asked = client.post("/v1/predict", json={"disease": "asthma", "offset": number})
    assert asked.status_code == 422


def on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def test_large_bodies_are_read_by_a_thread_and_small_ones_at_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []

    def parse(which: type, body: bytes) -> object:
        places.append(on_loop())
        return BaseModel.model_validate_json.__func__(which, body)

    monkeypatch.setattr(schemas.Question, "model_validate_json", classmethod(parse))
    monkeypatch.setattr(schemas.Scored, "model_validate_json", classmethod(parse))
    question = {"disease": "asthma", "top": 1}
    assert lines(client, question)
    assert client.post("/v1/predict", json=question).status_code == 200
    assert places == [True, True]
    assert lines(client, {**question, "filters": {"only": ["Metformin"] * 6000}})
    only = {"only": ["Metformin"] * 6000}
    assert client.post("/v1/predict", json={**question, "filters": only}).status_code == 200
    assert client.post("/v1/score", json={"pairs": [["Metformin", "asthma"]] * 3000}).status_code == 200
    assert places[2:] == [False, False, False]


def test_many_answers_are_written_by_a_thread_and_few_at_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    places, write = [], ask._records

    def records(*given: object) -> list:
        places.append(on_loop())
        return write(*given)

    monkeypatch.setattr(ask, "_records", records)
    monkeypatch.setattr(ask, "MANY", 5)
    for top in (5, 6):
        assert len(client.post("/v1/predict", json={"disease": "asthma", "top": top}).json()["answers"]) == top
    assert places == [True, False]
