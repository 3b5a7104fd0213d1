"""What every route sends is what the description of the service says of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

import kgdrug
from kgdrug_api import create_app, schemas

ADMIN = {"authorization": "Bearer sesame"}
PAIR = {"compound": "Metformin", "disease": "asthma"}
ASKED: list[tuple[str, str, dict]] = [
    ("POST", "/v1/predict", {"json": {"disease": "asthma", "evidence": 2}}),
    ("POST", "/v1/predict", {"json": {"compound": "Metformin"}}),
    ("POST", "/v1/predict", {"json": {"compound": "Sucralfate"}}),
    ("POST", "/v1/score", {"json": {"pairs": [["Metformin", "asthma"]]}}),
    ("GET", "/v1/explain", {"params": PAIR}),
    ("GET", "/v1/explain", {"params": {"compound": "Sucralfate", "disease": "asthma"}}),
    ("GET", "/v1/relations", {}),
    ("GET", "/v1/entities", {"params": {"search": "a"}}),
    ("GET", "/v1/entities/Metformin", {}),
    ("GET", "/v1/entities/Metformin/neighbours", {}),
    ("GET", "/v1/similar", {"params": {"entity": "Metformin"}}),
    ("GET", "/health", {}),
    ("GET", "/ready", {}),
    ("GET", "/v1/models", {}),
    ("POST", "/v1/feedback", {"json": {**PAIR, "judgement": "promising"}}),
]
OF_TABLES: list[tuple[str, str, dict]] = [
    ("POST", "/v1/predict", {"json": {"head": "Enalapril", "relation": "CbG"}}),
    ("POST", "/v1/score", {"json": {"triples": [["Enalapril", "CbG", "ACE"]]}}),
    ("GET", "/v1/explain", {"params": {"head": "Enalapril", "relation": "CbG", "tail": "ACE"}}),
    ("GET", "/v1/vectors", {"params": {"entity": ["asthma", "Metformin"]}}),
]


@pytest.fixture(scope="module", params=["plain", "calibrated", "metapaths"])
def client(
    request: pytest.FixtureRequest,
    trained_run: kgdrug.Run,
    calibrated_model: kgdrug.TrainedModel,
    metapath_model: kgdrug.TrainedModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TestClient]:
    models = {"plain": trained_run.model, "calibrated": calibrated_model, "metapaths": metapath_model}
    model = models[request.param]
    graph = replace(model.graph, smiles={model.graph.find("Metformin"): "CN(C)C(=N)NC(N)=N"})
    model = replace(model, split=replace(model.split, graph=graph))
    served = kgdrug.LoadedModels([kgdrug.LoadedModel(request.param, "", model.served)])
    said = tmp_path_factory.mktemp("said") / "said.db"
    with TestClient(create_app(served, admin_token="sesame", feedback=said)) as client:
        yield client


def forms(client: TestClient) -> dict[tuple[str, str], TypeAdapter]:
    """By method and path what a route is described to send, where that is a form of our own."""
    found = {}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, about in methods.items():
            sent = next(about["responses"][status] for status in ("200", "201") if status in about["responses"])
            described = sent.get("content", {}).get("application/json", {}).get("schema", {})
            for reference, many in ((described.get("$ref"), False), (described.get("items", {}).get("$ref"), True)):
                if reference:
                    form = getattr(schemas, reference.rpartition("/")[2])
                    found[method.upper(), path] = TypeAdapter(list[form] if many else form)
    return found


def routed(client: TestClient, method: str, path: str) -> tuple[str, str]:
    """Method and path, as the description has it, of the route that an address leads to."""
    return next(
        one for one in forms(client) if one[0] == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", one[1]), path)
    )


def held(client: TestClient, method: str, path: str, asked: dict) -> object:
    """What a route sends, which is read by the model that describes it, and written again, without a difference."""
    response = client.request(method, path, **asked)
    assert response.is_success, response.text
    described, body = forms(client)[routed(client, method, path)], response.json()
    assert described.dump_python(described.validate_python(body), mode="json", exclude_unset=True) == body
    return body


@pytest.mark.parametrize(("method", "path", "asked"), ASKED)
def test_what_a_route_sends_is_what_it_is_said_to_send(client: TestClient, method: str, path: str, asked: dict) -> None:
    body = held(client, method, path, asked)
    name = client.get("/health").json()["model"]
    answers = body.get("answers", body.get("scores", [body.get("answer")])) if isinstance(body, dict) else []
    for answer in filter(None, answers):
        assert ("probability" in answer) == (name == "calibrated")
        assert ("probability_means" in body) == (name == "calibrated")
        assert ("evidence" in answer) == ("evidence" in asked.get("json", ()))


@pytest.mark.parametrize(("method", "path", "asked"), OF_TABLES)
def test_what_models_of_vectors_send_is_what_it_is_said_to_be(
    client: TestClient, method: str, path: str, asked: dict
) -> None:
    if client.get("/health").json()["model"] == "metapaths":
        assert client.request(method, path, **asked).status_code == 422
    else:
        assert '"probability' not in client.request(method, path, **asked).text
        held(client, method, path, asked)


def test_what_a_probability_means_of_stands_beside_it(calibrated_model: kgdrug.TrainedModel) -> None:
    curve = replace(calibrated_model.calibrated.curve, share=1 / 101)
    model = replace(calibrated_model, calibrated=replace(calibrated_model.calibrated, curve=curve))
    said = "that the graph holds the pair, among pairs of which 0.99 % are treatments; not that it works"
    client = TestClient(create_app(model))
    line = client.post("/v1/predict", content='{"disease": "asthma"}', headers={"content-type": "application/jsonl"})
    told = [
        client.post("/v1/predict", json={"disease": "asthma"}).json(),
        line.json(),
        client.post("/v1/score", json={"pairs": [["Metformin", "asthma"]]}).json(),
        client.get("/v1/explain", params=PAIR).json(),
    ]
    assert [one["probability_means"] for one in told] == [said] * 4
    past = client.post("/v1/predict", json={"disease": "asthma", "offset": 1000}).json()
    assert past["answers"] == []
    assert "probability_means" not in past


def test_a_model_is_loaded_and_unloaded_as_it_is_said(client: TestClient, trained_run: kgdrug.Run) -> None:
    source = {"source": str(trained_run.folder), "name": "second"}
    held(client, "POST", "/v1/models", {"json": source, "headers": ADMIN})
    held(client, "DELETE", "/v1/models/second", {"headers": ADMIN})


def test_every_route_with_a_form_is_asked(client: TestClient) -> None:
    asked = {routed(client, method, path) for method, path, _ in ASKED + OF_TABLES}
    assert set(forms(client)) == asked | {("POST", "/v1/models"), ("DELETE", "/v1/models/{name}")}


def test_every_route_stands_in_the_page_about_the_service(client: TestClient) -> None:
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
    told = page.partition("## Routes")[2].partition("NAME is an id or a name")[0]
    shown, last = set(), ""
    for row in re.findall(r"^\| (`.*?`) \|", told, re.MULTILINE):
        for method, path in re.findall(r"`(?:([A-Z]+) )?(/[^`?]*)", row):
            last = method or last
            shown.add((last, path))
    paths = client.get("/openapi.json").json()["paths"]
    described = {(m.upper(), path.replace("{name}", "NAME")) for path, methods in paths.items() for m in methods}
    assert shown == described


def test_every_option_of_the_service_stands_in_the_page_about_it() -> None:
    import typer

    from kgdrug.cli.app import app

    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
    table = page.partition("| option |")[2].partition("\n\n")[0]
    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    options = {name for one in serve.params for name in one.opts if name.startswith("--")}
    first_column = " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))
    assert options == set(re.findall(r"--[a-z][a-z-]*", first_column))


def test_the_description_says_which_fields_are_left_out_where_they_have_no_value(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()["components"]["schemas"]
    for form, name in (
        ("Answer", "probability"),
        ("Answer", "evidence"),
        ("Prediction", "warnings"),
        ("Prediction", "probability_means"),
    ):
        described = schema[form]
        assert name not in described["required"]
        assert "null" not in str(described["properties"][name])
        assert "default" not in described["properties"][name]


def test_the_example_of_an_answer_is_one(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Prediction"]
    described = forms(client)["POST", "/v1/predict"]
    for example in schema["examples"]:
        found = described.validate_python(example)
        assert described.dump_python(found, mode="json", exclude_unset=True) == example
