"""The service kept: models come and go, judgements stay, everything is counted."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio.to_thread
import httpx
import pytest
from fastapi.testclient import TestClient

import kgdrug
from kgdrug_api import create_app

ADMIN = {"authorization": "Bearer sesame"}
JUDGED = {
    "compound": "metformin",
    "disease": "asthma",
    "judgement": "implausible",
    "comment": "no sense",
    "by": "A. B.",
}


@pytest.fixture
def client(trained_run: kgdrug.Run, tmp_path: Path) -> Iterator[TestClient]:
    models = kgdrug.LoadedModels.open([f"first={trained_run.folder}"])
    with TestClient(create_app(models, admin_token="sesame", feedback=tmp_path / "said.db")) as client:
        yield client


def asked(client: TestClient, **words: object) -> dict:
    return client.post("/v1/predict", json={"disease": "asthma", "top": 2, **words}).json()


def test_a_model_is_loaded_asked_by_name_source_or_digest_and_unloaded(
    client: TestClient, trained_run: kgdrug.Run
) -> None:
    folder = str(trained_run.folder)
    made = client.post("/v1/models", json={"source": folder, "name": "second"}, headers=ADMIN)
    assert made.status_code == 201
    assert [m["name"] for m in client.get("/v1/models").json()["models"]] == ["first", "second"]
    assert asked(client)["model"] == "first"
    assert asked(client, model="second")["model"] == "second"
    assert asked(client, model=folder)["model"] == "second"
    assert asked(client, model=made.json()["digest"][:8])["model"] == "second"
    assert client.delete("/v1/models/first", headers=ADMIN).json()["name"] == "first"
    assert asked(client)["model"] == "second"


def test_answers_name_the_version_of_a_model_of_the_registry(trained_run: kgdrug.Run, laboratory: Path) -> None:
    from kgdrug.registry import import_mlflow

    mlflow = import_mlflow()
    number = mlflow.register_model(f"runs:/{trained_run.run_id}/model", "Drugs").version
    mlflow.MlflowClient().set_registered_model_alias("Drugs", "champion", number)
    version, pair = f"Drugs/{number}", {"compound": "metformin", "disease": "asthma"}
    with TestClient(create_app(kgdrug.LoadedModels.open(["Drugs@champion", f"own={trained_run.folder}"]))) as client:
        assert [(one["source"], one["version"]) for one in client.get("/v1/models").json()["models"]] == [
            ("Drugs@champion", version),
            (str(trained_run.folder), None),
        ]
        for word in (version, "Drugs@champion"):
            answers = [
                asked(client, model=word),
                client.post("/v1/score", json={"pairs": [["metformin", "asthma"]], "model": word}).json(),
                client.get("/v1/explain", params={**pair, "model": word}).json(),
                client.get("/health").json(),
            ]
            assert [answer["model_version"] for answer in answers] == [version] * 4
        assert "model_version" not in asked(client, model="own")


def test_the_models_tell_the_score_of_every_member(
    trained_run: kgdrug.Run, metapath_model: kgdrug.TrainedModel
) -> None:
    from kgdrug.trained import together

    table, experiment = trained_run.model, metapath_model.experiment
    score = table.experiment.model.score
    paths = replace(metapath_model, experiment=replace(experiment, model=replace(experiment.model, score="metapaths")))
    both = together([table, paths], [2, 1], "both")
    twice = together([table, table], [1, 1], "twice")
    of = [{"score": score, "weight": 2}, {"score": "metapaths", "weight": 1}, {"score": "transe-l1", "weight": 0}]
    older = replace(both, experiments=(), metrics={"ensemble": {"of": of}})
    named = {"table": table, "paths": paths, "both": both, "twice": twice, "older": older}
    app = create_app(kgdrug.LoadedModels([kgdrug.LoadedModel(name, "", one.served) for name, one in named.items()]))
    told = {one["name"]: one for one in TestClient(app).get("/v1/models").json()["models"]}
    assert {name: (one["score"], one["member_scores"]) for name, one in told.items()} == {
        "table": (score, [score]),
        "paths": ("metapaths", ["metapaths"]),
        "both": ("ensemble", [score, "metapaths"]),
        "twice": (score, [score, score]),
        "older": ("ensemble", [score, "metapaths"]),
    }
    assert told["paths"]["dimension"] is None
    assert told["both"]["dimension"] == table.served.dimension


def test_the_models_tell_what_holds_for_all_their_answers(calibrated_model: kgdrug.TrainedModel) -> None:
    model = calibrated_model
    licences = {"DaG": "CC BY 4.0", "CbG": "secret"}
    metaedges = tuple(replace(e, licence=licences.get(e.abbreviation, e.licence)) for e in model.graph.metaedges)
    experiment = replace(model.experiment, training=replace(model.experiment.training, without=("CbG",)))
    split = replace(model.split, graph=replace(model.graph, metaedges=metaedges))
    model = replace(model, split=split, experiment=experiment)
    (told,) = TestClient(create_app(model)).get("/v1/models").json()["models"]
    about = kgdrug.about_model(model)
    for name in ("licences", "licences_besides", "probability_means", "note"):
        assert told[name] == about[name]
    assert (told["licences"]["CC BY 4.0"], told["licences_besides"]) == (["DaG"], {"secret": ["CbG"]})
    assert "no medical advice" in told["note"]


def test_an_unknown_model_names_those_there_are(client: TestClient) -> None:
    for name, said in (("frist", "did you mean first?"), ("other", "choose from first")):
        response = client.post("/v1/predict", json={"disease": "asthma", "model": name})
        assert response.status_code == 404
        assert response.json()["detail"] == f"unknown model '{name}'; {said}"
    assert client.delete("/v1/models/third", headers=ADMIN).status_code == 404


def test_the_last_model_stays_and_a_name_is_given_once(client: TestClient, trained_run: kgdrug.Run) -> None:
    gone = client.delete("/v1/models/first", headers=ADMIN)
    assert gone.status_code == 409
    assert "only model" in gone.json()["detail"]
    twice = client.post("/v1/models", json={"source": str(trained_run.folder), "name": "first"}, headers=ADMIN)
    assert twice.status_code == 409
    assert "give this one another name" in twice.json()["detail"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "sesame"}])
def test_only_the_administrator_loads_and_unloads(client: TestClient, trained_run: kgdrug.Run, headers: dict) -> None:
    made = client.post("/v1/models", json={"source": str(trained_run.folder), "name": "x"}, headers=headers)
    gone = client.delete("/v1/models/first", headers=headers)
    assert made.status_code == gone.status_code == 403
    assert len(client.get("/v1/models").json()["models"]) == 1


@pytest.mark.parametrize("body", ["", "{", "[]", '{"sauce": "x"}'])
def test_who_is_not_the_administrator_is_told_so_whatever_was_sent(client: TestClient, body: str) -> None:
    assert client.post("/v1/models", content=body, headers={"authorization": "Bearer wrong"}).status_code == 403
    assert client.post("/v1/models", content=body, headers=ADMIN).status_code == 422


@pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_is_json_whatever_it_is_said_to_be(
    client: TestClient, trained_run: kgdrug.Run, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}  # curl -d says that it is a form
    source = json.dumps({"source": str(trained_run.folder), "name": "second"})
    assert client.post("/v1/models", content=source, headers={**headers, **ADMIN}).status_code == 201
    assert client.post("/v1/feedback", content=json.dumps(JUDGED), headers=headers).status_code == 201


def test_without_a_token_nobody_is_the_administrator(trained_run: kgdrug.Run) -> None:
    client = TestClient(create_app(trained_run.model))
    for token in ("", "None", "null"):
        headers = {"authorization": f"Bearer {token}".strip()}
        assert client.post("/v1/models", json={"source": "x"}, headers=headers).status_code == 403


@pytest.mark.parametrize("token", ["", " ", "sesame\n", " sesame", "sésame"])
def test_a_token_that_nobody_could_send_is_refused_at_once(trained_run: kgdrug.Run, token: str) -> None:
    with pytest.raises(kgdrug.UsageError, match="administrator's token is empty, or no header holds it"):
        create_app(trained_run.model, admin_token=token)


@pytest.mark.parametrize(
    "source", ["/nowhere", "x" * 2000, "a\0b", "Nobody@champion", "Nobody/7", "runs:0123456789abcdef0123456789abcdef"]
)
def test_a_source_that_is_not_there_is_a_problem(client: TestClient, laboratory: Path, source: str) -> None:
    response = client.post("/v1/models", json={"source": source}, headers=ADMIN)
    problem = response.json()
    assert (response.status_code, problem["type"]) == (404, "urn:kgdrug:unknown-model")
    assert problem["detail"].startswith(f"no such model: {source}")


def test_a_folder_that_is_there_but_no_model_cannot_be_asked_for(client: TestClient, tmp_path: Path) -> None:
    response = client.post("/v1/models", json={"source": str(tmp_path)}, headers=ADMIN)
    assert (response.status_code, response.json()["title"]) == (422, "Not a question")


@pytest.mark.parametrize(
    ("file", "content", "detail"),
    [
        ("metrics.json", "{}", "is damaged or was changed"),
        ("manifest.json", "{", "is not JSON"),
        ("manifest.json", "{}", "format is None"),
        ("facts", None, "is missing"),
    ],
)
def test_a_folder_that_holds_no_whole_model_is_its_senders_mistake(
    client: TestClient, trained_run: kgdrug.Run, tmp_path: Path, file: str, content: str | None, detail: str
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(trained_run.folder, bad)
    if content is None:
        shutil.rmtree(bad / file)
    else:
        (bad / file).write_text(content)
    response = client.post("/v1/models", json={"source": str(bad), "name": "bad"}, headers=ADMIN)
    assert response.status_code == 422
    assert f"{bad} cannot be loaded" in response.json()["detail"]
    assert detail in response.json()["detail"]
    assert len(client.get("/v1/models").json()["models"]) == 1


def test_a_model_is_warmed_up_before_it_is_added(
    client: TestClient, trained_run: kgdrug.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def warm_up(model: kgdrug.ServedModel) -> None:
        seen.append([one["name"] for one in client.get("/v1/models").json()["models"]])
        if len(seen) == 2:
            raise kgdrug.KgdrugError("the model's scores are not numbers (NaN)")

    monkeypatch.setattr("kgdrug_api.ask.warm_up", warm_up)
    made = client.post("/v1/models", json={"source": str(trained_run.folder), "name": "fine"}, headers=ADMIN)
    assert made.status_code == 201
    failed = client.post("/v1/models", json={"source": str(trained_run.folder), "name": "bad"}, headers=ADMIN)
    assert failed.status_code == 422
    assert "the model bad cannot answer: the model's scores are not numbers" in failed.json()["detail"]
    assert seen == [["first"], ["first", "fine"]]
    assert [one["name"] for one in client.get("/v1/models").json()["models"]] == ["first", "fine"]


def test_a_judgement_is_kept_with_ids_model_and_time(client: TestClient, trained_run: kgdrug.Run) -> None:
    written = client.post("/v1/feedback", json={**JUDGED, "rank": 3})
    assert written.status_code == 201
    (kept,) = client.get("/v1/feedback").json()
    assert kept == written.json()
    assert (kept["compound"], kept["disease"]) == ("Compound::DB00331", "Disease::DOID:2841")
    assert (kept["model"], kept["rank"]) == (trained_run.model.digest, 3)
    assert kept["at"].endswith("+00:00")


def test_a_page_of_another_site_cannot_judge_unasked(client: TestClient) -> None:
    body, origin = json.dumps(JUDGED), {"origin": "https://elsewhere.example"}
    for kind in ("text/plain;charset=UTF-8", "application/x-www-form-urlencoded"):
        sent = client.post("/v1/feedback", content=body, headers={**origin, "content-type": kind})
        assert sent.status_code == 403
        assert "application/json" in sent.json()["detail"]
    assert client.options("/v1/feedback", headers=origin).status_code == 405  # so no browser sends its JSON
    assert client.get("/v1/feedback").json() == []
    assert client.post("/v1/feedback", json=JUDGED, headers=origin).status_code == 201
    assert client.post("/v1/feedback", content=body, headers={"content-type": "text/plain"}).status_code == 201


def test_judgements_outlive_the_service(trained_run: kgdrug.Run, tmp_path: Path) -> None:
    for number in (1, 2):
        with TestClient(create_app(trained_run.model, feedback=tmp_path / "said.db")) as client:
            client.post("/v1/feedback", json=JUDGED)
            assert len(client.get("/v1/feedback").json()) == number
            assert len(client.get("/v1/feedback", params={"offset": 1}).json()) == number - 1


def test_a_graph_that_names_no_treatments_is_judged_as_well(trained_run: kgdrug.Run, tmp_path: Path) -> None:
    served = kgdrug.open_model(trained_run.folder)
    model = kgdrug.LoadedModel("first", "", replace(served, graph=replace(served.graph, treats=())))
    with TestClient(create_app(kgdrug.LoadedModels([model]), feedback=tmp_path / "said.db")) as client:
        assert client.post("/v1/feedback", json=JUDGED).status_code == 201


def test_a_name_of_two_types_is_judged_as_the_one_that_is_asked_for(trained_run: kgdrug.Run, tmp_path: Path) -> None:
    served = kgdrug.open_model(trained_run.folder)
    entities = served.graph.entities
    names = ["asthma" if name == "ADRB2" else name for name in entities.names]
    graph = replace(served.graph, entities=kgdrug.Vocabulary(entities.ids, names, entities.kind))
    model = kgdrug.LoadedModel("first", "", replace(served, graph=graph))
    with TestClient(create_app(kgdrug.LoadedModels([model]), feedback=tmp_path / "said.db")) as client:
        assert asked(client)["answers"]
        written = client.post("/v1/feedback", json=JUDGED)
    assert written.status_code == 201
    assert written.json()["disease"] == "Disease::DOID:2841"


@pytest.mark.parametrize(
    "pair",
    [("asthma", "metformin"), ("metformin", "salbutamol"), ("ADRB2", "asthma"), ("metformin", "ADRB2")],
)
def test_a_pair_that_no_answer_holds_is_not_kept(client: TestClient, pair: tuple[str, str]) -> None:
    compound, disease = pair
    response = client.post("/v1/feedback", json={**JUDGED, "compound": compound, "disease": disease})
    assert response.status_code == 404
    assert response.json()["title"] in ("Unknown compound", "Unknown disease")
    assert client.get("/v1/feedback").json() == []


def test_judgements_come_in_pages_and_as_annotations_all_at_once(client: TestClient, tmp_path: Path) -> None:
    store = kgdrug.Feedback(tmp_path / "said.db")  # as another process would write it
    for number in range(1203):
        store.add(kgdrug.Judgement(f"Compound::{number}", "Disease::1", "trial" if number % 2 else "promising"))
    store.close()
    first = client.get("/v1/feedback")
    last = client.get("/v1/feedback", params={"limit": 5, "offset": 1200})
    assert [len(page.json()) for page in (first, last)] == [1000, 3]
    assert [page.headers["x-total-count"] for page in (first, last)] == ["1203", "1203"]
    header, *rows = client.get("/v1/feedback", params={"form": "annotations"}).text.splitlines()
    assert header.startswith("compound\tdisease\tstatus")
    assert [row.split("\t")[0] for row in rows] == [f"Compound::{number}" for number in range(1, 1203, 2)]
    cut = client.get("/v1/feedback", params={"form": "annotations", "limit": 5})
    assert cut.status_code == 422
    assert "leave limit and offset out" in cut.json()["detail"]


def test_judgements_become_annotations_of_a_graph(
    client: TestClient, curated: Path, tmp_path: Path, kgdrug_command: object
) -> None:
    client.post("/v1/feedback", json=JUDGED)  # an opinion, which no annotation has a status for
    client.post("/v1/feedback", json={**JUDGED, "judgement": "refuted", "comment": "a\ttrial\nfailed"})
    rows = client.get("/v1/feedback", params={"form": "annotations"}).text
    (tmp_path / "said.tsv").write_text(rows)
    done = kgdrug_command("build", curated, "--out", tmp_path / "built", "--annotations", tmp_path / "said.tsv")
    assert done.code == 0, done.err
    (note,) = kgdrug.load_graph(str(tmp_path / "built")).annotations
    assert (note.status, note.source) == ("refuted", "judged by A. B.: a trial failed")


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"judgement": "refutd"}, 422, "did you mean refuted?"),
        ({"compound": "metforminn"}, 404, "Metformin"),
        ({"rank": -1}, 422, "rank"),
        ({"rank": 2**63}, 422, "rank"),
        ({"comments": "x"}, 422, "did you mean comment?"),
    ],
)
def test_what_is_no_judgement_is_said_to_be_none(client: TestClient, change: dict, status: int, detail: str) -> None:
    response = client.post("/v1/feedback", json={**JUDGED, **change})
    assert response.status_code == status
    assert detail in response.json()["detail"]
    assert client.get("/v1/feedback").json() == []


def test_a_service_without_a_file_takes_no_judgements_whatever_they_are(trained_run: kgdrug.Run) -> None:
    client = TestClient(create_app(trained_run.model))
    posts = [client.post("/v1/feedback", content=content) for content in (json.dumps(JUDGED), "{", "")]
    for response in (*posts, client.get("/v1/feedback"), client.get("/v1/feedback?form=annotations")):
        assert (response.status_code, response.json()["type"]) == (403, "urn:kgdrug:forbidden")
        assert "--feedback FILE" in response.json()["detail"]


def test_the_description_says_which_routes_a_service_may_keep_closed(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    closed = {
        (m, path) for path, methods in described.items() for m, one in methods.items() if "403" in one["responses"]
    }
    models, feedback = {("post", "/v1/models"), ("delete", "/v1/models/{name}")}, "/v1/feedback"
    assert closed == models | {("get", feedback), ("post", feedback)}


def test_a_file_that_is_no_database_is_named(trained_run: kgdrug.Run, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database" * 1000)
    with pytest.raises(kgdrug.KgdrugError, match=r"text\.db cannot be used for feedback"):
        create_app(trained_run.model, feedback=tmp_path / "text.db")


def test_requests_and_questions_are_counted(client: TestClient) -> None:
    asked(client)
    asked(client)
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'kgdrug_questions_total{model="first"} 2.0' in text
    assert 'kgdrug_requests_total{method="POST",route="/v1/predict",status="200"} 2.0' in text
    assert 'route="other",status="404"' in text
    assert 'kgdrug_request_seconds_count{route="/v1/predict"} 2.0' in text


def test_ready_and_health_name_the_model(client: TestClient) -> None:
    assert client.get("/ready").json() == client.get("/health").json()
    assert client.get("/ready").json()["model"] == "first"


def test_a_service_is_healthy_before_it_is_ready(trained_run: kgdrug.Run) -> None:
    service = create_app(kgdrug.LoadedModels(), admin_token="sesame")
    with TestClient(service) as client:
        assert client.get("/health").json() == {"status": "ok", "model": "", "model_digest": ""}
        not_ready = client.get("/ready")
        assert (not_ready.status_code, not_ready.json()["detail"]) == (503, "no model is loaded")
        assert not_ready.headers["content-type"] == "application/problem+json"
        client.post("/v1/models", json={"source": str(trained_run.folder), "name": "late"}, headers=ADMIN)
        assert client.get("/ready").json()["model"] == "late"
    cold = create_app(trained_run.model)
    client = TestClient(cold)  # nobody started it
    assert client.get("/health").json()["model"] == "small"
    assert (client.get("/ready").status_code, client.get("/ready").json()["title"]) == (503, "Not ready")
    cold.warm_up()
    assert client.get("/ready").status_code == 200


def test_a_model_that_cannot_answer_keeps_the_service_from_starting(
    trained_run: kgdrug.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warm_up(model: kgdrug.ServedModel) -> None:
        raise kgdrug.KgdrugError("the model's scores are not numbers (NaN)")

    monkeypatch.setattr("kgdrug_api.ask.warm_up", warm_up)
    with pytest.raises(kgdrug.KgdrugError, match="the model small cannot answer: the model's scores"):
        create_app(trained_run.model).warm_up()


@pytest.mark.parametrize("route", ["/health", "/ready", "/metrics"])
def test_what_watches_the_service_waits_for_no_thread(trained_run: kgdrug.Run, route: str) -> None:
    service, done = create_app(trained_run.model), threading.Event()
    service.warm_up()

    async def watch() -> int:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1
        slow = asyncio.create_task(anyio.to_thread.run_sync(done.wait))
        await asyncio.sleep(0)
        try:
            transport = httpx.ASGITransport(service)
            async with asyncio.timeout(10), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return (await client.get(route)).status_code
        finally:
            done.set()
            await slow

    assert asyncio.run(watch()) == 200
