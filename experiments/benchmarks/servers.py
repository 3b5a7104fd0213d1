"""The servers that answer the same questions of the same model: how each is started, asked and read.

Defaults are the best settings found; PEERS.md tells what was tried. Each runs in an environment of its own.
"""

import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import free_ports

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = HERE / "serving_peers"
TOP = 20


@dataclass(frozen=True)
class Launch:
    """A command, and what its environment has beside that of all servers."""

    command: list[str]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """One server. launch: of the folder that `serving.py make` wrote, one for its own files, a port, and settings.

    path: where a question is posted; ask: a question in the form of the server; every answer is `{"answers": [...]}`.
    packages: whose versions are told.
    """

    title: str
    environment: str
    packages: tuple[str, ...]
    launch: Callable[..., Launch]
    path: str
    ask: Callable[[str], Any] = lambda disease: {"disease": disease, "top": TOP}

    @property
    def settings(self) -> dict[str, Any]:
        """What it is launched with where nothing else is said."""
        parameters = inspect.signature(self.launch).parameters.values()
        return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}

    @property
    def python(self) -> Path:
        """The interpreter; of ours, the one that runs this."""
        return ROOT / self.environment / "bin" / "python" if self.environment else Path(sys.executable)


def kgdrug(made: Path, own: Path, port: int, *, together: bool = True) -> Launch:
    """together: questions that come at once are answered by one product, as they are unless somebody measures it."""
    command = [str(Path(sys.executable).with_name("kgdrug"))]
    if not together:
        alone = "import kgdrug.serving.batches as batches; batches.MOST = 1; from kgdrug.cli import main; main()"
        command = [sys.executable, "-c", alone]
    command += ["serve", str(made / "model"), "--port", str(port)]
    return Launch(command, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")})


def bare(made: Path, own: Path, port: int) -> Launch:
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
    command = [str(BARE.python), "-m", "uvicorn", "--app-dir", str(PEERS), "bare:app", "--http", "httptools", *options]
    return Launch(command, {"CONTENT": str(made / "content")})


def torchserve(
    made: Path,
    own: Path,
    port: int,
    *,
    batch_size: int = 1,
    batch_delay: int = 0,
    netty_threads: int = 1,
    netty_client_threads: int = 1,
    quiet: bool = True,
) -> Launch:
    """One worker, logs of warnings alone. batch_delay: ms; quiet: the worker's lines for each batch are left out."""
    where = TORCHSERVE.python.parent
    (own / "store").mkdir()
    config = f"minWorkers: 1\nmaxWorkers: 1\nbatchSize: {batch_size}\nmaxBatchDelay: {batch_delay}\n"
    (own / "model.yaml").write_text(f"{config}content: {made / 'content'}\nquiet: {str(quiet).lower()}\n")
    archive = [str(where / "torch-model-archiver"), "--model-name", "kgdrug", "--version", "1"]
    archive += ["--handler", str(PEERS / "torchserve_handler.py"), "--extra-files", str(PEERS / "content.py")]
    archive += ["--config-file", str(own / "model.yaml"), "--archive-format", "no-archive"]
    subprocess.run([*archive, "--export-path", str(own / "store")], check=True, capture_output=True)
    other = free_ports(4)
    names = ["inference_address", "management_address", "metrics_address"]
    lines = [f"{name}=http://127.0.0.1:{p}" for name, p in zip(names, [port, *other[:2]], strict=True)]
    lines += [f"grpc_inference_port={other[2]}", f"grpc_management_port={other[3]}", f"model_store={own / 'store'}"]
    lines += ["load_models=kgdrug", "default_workers_per_model=1", "job_queue_size=1000", "async_logging=true"]
    lines += [f"number_of_netty_threads={netty_threads}", f"netty_client_threads={netty_client_threads}"]
    lines += ["disable_token_authorization=true", "disable_system_metrics=true", "vmargs=-Xms256m -Xmx1g"]
    (own / "config.properties").write_text("\n".join(lines) + "\n")
    shutil.copy(PEERS / "log4j2.xml", own)
    command = [str(where / "torchserve"), "--start", "--foreground", "--no-config-snapshots"]
    command += ["--ts-config", str(own / "config.properties"), "--log-config", str(own / "log4j2.xml")]
    return Launch(command, {"TMPDIR": str(own), "TEMP": str(own), "LOG_LOCATION": str(own / "logs")})


def litserve(
    made: Path, own: Path, port: int, *, batch_size: int = 1, batch_timeout: float = 0.0, fast_queue: bool = True
) -> Launch:
    """One worker and one process for HTTP. batch_timeout: s; fast_queue: answers come by ZeroMQ."""
    settings = map(str, (port, batch_size, batch_timeout, fast_queue))
    command = [str(LITSERVE.python), str(PEERS / "litserve_server.py"), *settings]
    return Launch(command, {"CONTENT": str(made / "content")})


def mlflow(made: Path, own: Path, port: int) -> Launch:
    """One worker, no access log."""
    model = made / "mlflow"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": f"sqlite:///{own / 'mlflow.db'}"}
    if not model.is_dir():
        save = [str(MLFLOW.python), str(PEERS / "mlflow_model.py"), str(made / "content"), str(model)]
        subprocess.run(save, check=True, capture_output=True, env=os.environ | quiet)
    command = [str(MLFLOW.python.with_name("mlflow")), "models", "serve", "--model-uri", str(model), "--workers", "1"]
    quiet |= {"UVICORN_ACCESS_LOG": "false", "UVICORN_LOG_LEVEL": "warning"}
    return Launch([*command, "--env-manager", "local", "--port", str(port)], quiet)


KGDRUG = Server("kgdrug", "", ("kgdrug", "fastapi", "uvicorn", "torch", "numpy"), kgdrug, "/v1/predict")
BARE = Server("FastAPI + numpy + orjson", ".venv-mlflow", ("fastapi", "uvicorn", "orjson", "numpy"), bare, "/predict")
TORCHSERVE = Server(
    "TorchServe", ".venv-torchserve", ("torchserve", "torch", "numpy"), torchserve, "/predictions/kgdrug"
)
LITSERVE = Server("LitServe", ".venv-litserve", ("litserve", "fastapi", "uvicorn", "numpy"), litserve, "/predict")
MLFLOW = Server(
    "mlflow models serve",
    ".venv-mlflow",
    ("mlflow", "fastapi", "uvicorn", "numpy"),
    mlflow,
    "/invocations",
    ask=lambda disease: {"input": {"disease": disease, "top": TOP}},
)
# better under 16 connections and worse under one, where a batch is waited for in vain
BATCHES = {
    "torchserve": {"batch_size": 8, "batch_delay": 1},
    "litserve": {"batch_size": 8, "batch_timeout": 0.001},
}
SERVERS = {"kgdrug": KGDRUG, "torchserve": TORCHSERVE, "litserve": LITSERVE, "mlflow": MLFLOW, "bare": BARE}
