"""The real server: started as a user starts it, asked over the network."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kgdrug import Run
from kgdrug.cli import main

KGDRUG = Path(sys.executable).with_name("kgdrug")


@pytest.fixture(scope="module")
def server(trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of `kgdrug serve` on a free port, in an empty folder with an empty HOME, and its process."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KGDRUG_", "MLFLOW_", "COV"))}
    process = subprocess.Popen(
        [KGDRUG, "serve", trained_run.folder, "--port", str(port)],
        cwd=folder,
        env=kept | {"HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                httpx.get(f"{address}/health", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield address, process
    finally:
        process.kill()
        process.wait()


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


def test_the_server_stops_quietly_when_told_to(server: tuple[str, subprocess.Popen]) -> None:
    address, process = server
    assert httpx.get(f"{address}/health").json()["status"] == "ok"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert output == ""
    assert address in errors
    assert "Traceback" not in errors
