"""The service kept: models come and go, judgements stay, everything is counted."""

from collections.abc import Iterator
from pathlib import Path

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
    assert asked(client, model=folder)["model"] == "first"
    assert asked(client, model=made.json()["digest"][:8])["model"] == "first"
    assert client.delete("/v1/models/first", headers=ADMIN).json()["name"] == "first"
    assert asked(client)["model"] == "second"


def test_an_unknown_model_names_those_there_are(client: TestClient) -> None:
    response = client.post("/v1/predict", json={"disease": "asthma", "model": "third"})
    assert response.status_code == 404
    assert response.json()["close_matches"] == ["first"]
    assert client.delete("/v1/models/third", headers=ADMIN).status_code == 404


def test_the_last_model_stays_and_a_name_is_given_once(client: TestClient, trained_run: kgdrug.Run) -> None:
    assert "only model" in client.delete("/v1/models/first", headers=ADMIN).json()["detail"]
    twice = client.post("/v1/models", json={"source": str(trained_run.folder), "name": "first"}, headers=ADMIN)
    assert twice.status_code == 422
    assert "give this one another name" in twice.json()["detail"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "sesame"}])
def test_only_the_administrator_loads_and_unloads(client: TestClient, trained_run: kgdrug.Run, headers: dict) -> None:
    made = client.post("/v1/models", json={"source": str(trained_run.folder), "name": "x"}, headers=headers)
    gone = client.delete("/v1/models/first", headers=headers)
    assert made.status_code == gone.status_code == 403
    assert len(client.get("/v1/models").json()["models"]) == 1


def test_without_a_token_nobody_is_the_administrator(trained_run: kgdrug.Run) -> None:
    client = TestClient(create_app(trained_run.model))
    for token in ("", "None", "null"):
        headers = {"authorization": f"Bearer {token}".strip()}
        assert client.post("/v1/models", json={"source": "x"}, headers=headers).status_code == 403


def test_a_source_that_is_no_model_is_a_problem(client: TestClient) -> None:
    response = client.post("/v1/models", json={"source": "/nowhere"}, headers=ADMIN)
    assert response.status_code == 422
    assert "no such model" in response.json()["detail"]


def test_a_judgement_is_kept_with_ids_model_and_time(client: TestClient, trained_run: kgdrug.Run) -> None:
    written = client.post("/v1/feedback", json={**JUDGED, "rank": 3})
    assert written.status_code == 201
    (kept,) = client.get("/v1/feedback").json()
    assert kept == written.json()
    assert (kept["compound"], kept["disease"]) == ("Compound::DB00331", "Disease::DOID:2841")
    assert (kept["model"], kept["rank"]) == (trained_run.model.digest, 3)
    assert kept["at"].endswith("+00:00")


def test_judgements_outlive_the_service(trained_run: kgdrug.Run, tmp_path: Path) -> None:
    for number in (1, 2):
        with TestClient(create_app(trained_run.model, feedback=tmp_path / "said.db")) as client:
            client.post("/v1/feedback", json=JUDGED)
            assert len(client.get("/v1/feedback").json()) == number
            assert len(client.get("/v1/feedback", params={"offset": 1}).json()) == number - 1


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


def test_a_service_without_a_file_takes_no_judgements(trained_run: kgdrug.Run) -> None:
    client = TestClient(create_app(trained_run.model))
    assert "--feedback" in client.post("/v1/feedback", json=JUDGED).json()["detail"]


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
