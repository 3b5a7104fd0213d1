"""A training that is killed again and again, by hand and without warning, ends as if nothing had happened."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kgdrug import load_model, read_experiment, run
from kgdrug.models import read_tensors

pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")
# whoever starts the tests in the background leaves SIGINT ignored; a terminal does not
KGDRUG = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from kgdrug.cli import main; main()"
EXPERIMENT = """\
name = "survivor"
seeds = 2
device = "cpu"
[graph]
source = "essential"
[model]
dimension = 64
[training]
epochs = 10
negatives = "all"
dropout = 0.1
schedule = "linear"
patience = 100
"""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KGDRUG_", "MLFLOW_", "COV"))}
    command = [sys.executable, "-c", KGDRUG, *words]
    return subprocess.Popen(
        command, cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def epochs_of(process: subprocess.Popen[str], number: int) -> list[str]:
    """The lines of its first epochs, as soon as they are there."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines += [line] if "epoch" in line else []
        if len(lines) == number:
            return lines
    raise AssertionError(f"it ended after {lines}")


def test_a_run_that_is_killed_at_random_points_ends_equal_to_the_bit(desk: Path, empty_tracking: Path) -> None:
    (desk / "survivor.toml").write_text(EXPERIMENT)
    whole = run(read_experiment("survivor.toml"), "whole")
    shutil.copy(empty_tracking, desk / "mlflow.db")
    words = ["train", "survivor.toml", "--out", "model"]
    for killer in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        with start(desk, *words) as process:
            seen = epochs_of(process, random.randint(1, 5))
            time.sleep(random.uniform(0, 0.2))
            process.send_signal(killer)
            _, err = process.communicate(timeout=60)
        assert not (desk / "model").exists(), seen
        if killer == signal.SIGKILL:
            assert process.returncode == -killer
        else:
            assert process.returncode == 128 + killer
            hint = f"kgdrug: stopped by {killer.name}; go on with: kgdrug train --resume model"
            assert err.splitlines()[-1] == hint
        words = ["train", "--resume", "model"]
    with start(desk, *words) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "valid MRR of the whole" in out
    for name in ("0.safetensors", "1.safetensors"):
        assert (desk / "model/members" / name).read_bytes() == (whole.folder / "members" / name).read_bytes()
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (desk / "model", whole.folder)]
    assert {**metrics[0], "seconds": 0} == {**metrics[1], "seconds": 0}
    assert load_model("model").experiment == whole.model.experiment


def test_a_process_that_is_killed_while_it_writes_leaves_the_older_checkpoint(tmp_path: Path) -> None:
    program = """
import os, pathlib, signal, sys
import safetensors.torch, torch
from kgdrug.models import write_tensors

path = pathlib.Path(sys.argv[1])
write_tensors(path, {"a": torch.zeros(3)}, {"whole": True})

def die_halfway(tensors, filename, metadata=None):
    pathlib.Path(filename).write_bytes(safetensors.torch.save(tensors, metadata)[:50])
    os.kill(os.getpid(), signal.SIGKILL)

safetensors.torch.save_file = die_halfway
write_tensors(path, {"a": torch.ones(3)}, {"whole": True})
"""
    path = tmp_path / "tensors"
    assert subprocess.run([sys.executable, "-c", program, path]).returncode == -signal.SIGKILL
    tensors, about = read_tensors(path)
    assert (tensors["a"].tolist(), about) == ([0.0, 0.0, 0.0], {"whole": True})
