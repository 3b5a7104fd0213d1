"""The real server: started as a user starts it, asked over the network."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

import kgdrug
from kgdrug import Run
from kgdrug.cli import main

KGDRUG = Path(sys.executable).with_name("kgdrug")
Kgdrug = Callable[..., SimpleNamespace]


@contextmanager
def serving(folder: Path, *words: object, **environment: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of `kgdrug serve` on a free port, in this folder and with it as HOME, and its process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KGDRUG_", "MLFLOW_", "COV"))}
    process = subprocess.Popen(
        [KGDRUG, "serve", *map(str, words), "--port", "0"],
        cwd=folder,
        env=kept | {"HOME": str(folder)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    late = threading.Timer(60, process.kill)
    late.start()
    try:
        assert process.stderr is not None
        said = process.stderr.readline()  # it comes when the service answers, or has failed
        address = re.search(r"http://127\.0\.0\.1:[1-9]\d*", said)
        assert address, said
        late.cancel()
        yield address[0], process
    finally:
        late.cancel()
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def server(trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen]]:
    """A service of one model, in an empty folder; an empty token in the environment is none."""
    with serving(tmp_path_factory.mktemp("server"), trained_run.folder, KGDRUG_ADMIN_TOKEN="") as started:
        yield started


def test_bodies_of_clients_that_would_rather_speak_http2_are_read(server: tuple[str, subprocess.Popen]) -> None:
    wishes = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAAB"}  # Java's
    answered = httpx.post(f"{server[0]}/v1/predict", json={"disease": "asthma", "top": 1}, headers=wishes)
    assert (answered.status_code, answered.json()["question"]) == (200, "? treats asthma")


@pytest.mark.parametrize(
    "words",
    [
        {"tail": "type 2 diabetes mellitus", "relation": "CtD", "top": 10, "novel": True},
        {"disease": "hypertension"},
        {"compound": "Metoprolol", "top": 3},
    ],
)
def test_the_http_answers_are_the_command_lines_own(
    server: tuple[str, subprocess.Popen], trained_run: Run, words: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    over_http = httpx.post(f"{server[0]}/v1/predict", json=words).json()
    options = [f"--{key}" if value is True else f"--{key}={value}" for key, value in words.items()]
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(trained_run.folder), *options, "--format", "json"])
    assert ended.value.code == 0
    by_command = json.loads(capsys.readouterr().out)
    assert over_http == {key: by_command[key] for key in over_http}
    assert over_http["answers"]


def test_the_server_answers_head_with_the_head_alone(server: tuple[str, subprocess.Popen]) -> None:
    with httpx.Client() as client:  # one connection: a body that came all the same would spoil the next answer
        head, whole = client.head(f"{server[0]}/v1/models"), client.get(f"{server[0]}/v1/models")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_the_server_stops_quietly_when_told_to(server: tuple[str, subprocess.Popen]) -> None:
    address, process = server
    assert httpx.get(f"{address}/health").json()["status"] == "ok"
    assert httpx.request("DELETE", f"{address}/v1/models/small").status_code == 403
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert output == errors == ""


def test_two_models_are_served_judged_and_exchanged_by_who_has_the_token(trained_run: Run, tmp_path: Path) -> None:
    folder, said = trained_run.folder, tmp_path / "said.db"
    words = [f"first={folder}", f"a/b={folder}", "--feedback", said]
    with serving(tmp_path, *words, KGDRUG_ADMIN_TOKEN="sesame") as (address, process):
        with kgdrug.Client(address) as anyone, kgdrug.Client(address, token="sesame") as admin:
            assert anyone.wait_until_ready(1).model == "first"
            assert [one.name for one in anyone.models()] == ["first", "a/b"]
            assert anyone.predict(disease="asthma", model="a/b") == anyone.predict(disease="asthma")
            judgement = anyone.judge("metformin", "asthma", "implausible", by="A. B.", model="a/b")
            assert anyone.judgements() == [judgement]
            with pytest.raises(kgdrug.ServiceError, match="administrator's token"):
                anyone.unload("a/b")
            assert admin.unload("a/b").name == "a/b"
            assert admin.load(str(folder), "third").name == "third"
            assert [one.name for one in anyone.models()] == ["first", "third"]
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30) == ("", "")
    assert kgdrug.Feedback(said).all() == [judgement]


def test_a_model_that_cannot_answer_is_said_to_be_what_failed(
    kgdrug_command: Kgdrug, trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warm_up(model: kgdrug.ServedModel) -> None:
        raise kgdrug.KgdrugError("the model's scores are not numbers (NaN)")

    monkeypatch.setattr("kgdrug_api.ask.warm_up", warm_up)
    done = kgdrug_command("serve", trained_run.folder, "--port", 0)
    assert done.code == 1
    assert done.err == "kgdrug: the model small cannot answer: the model's scores are not numbers (NaN)\n"


@pytest.mark.parametrize("host", ["256.0.0.1", "nowhere.invalid", "192.0.2.1", "a..b"])
def test_a_place_that_is_not_here_is_named(kgdrug_command: Kgdrug, trained_run: Run, host: str) -> None:
    done = kgdrug_command("serve", trained_run.folder, "--host", host, "--port", 0)
    assert done.code == 1
    assert f"cannot listen on {host}:0: " in done.err
    assert "serving" not in done.err


def test_an_empty_token_on_the_command_line_is_an_error(kgdrug_command: Kgdrug, trained_run: Run) -> None:
    done = kgdrug_command("serve", trained_run.folder, "--port", 0, "--admin-token", "")
    assert done.code == 2
    assert "the administrator's token is empty" in done.err
