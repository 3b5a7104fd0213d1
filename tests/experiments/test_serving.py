"""The serving benchmark: what peers answer, what is read of wrk, and that no server is left behind."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import kgdrug

BENCHMARKS = Path(__file__).parents[2] / "experiments" / "benchmarks"
WRK = """\
Running 10s test @ http://127.0.0.1:8000/predict
  1 threads and 16 connections
{"requests": 4000, "microseconds": 2000000, "bytes": 12000000, "p50": 7500, "p95": 9000, "p99": 12250, "max": 90000,\
 "mean": 7800.5, "errors": {"connect": 0, "read": 0, "write": 0, "status": %d, "timeout": 0}}
"""


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of the benchmarks as they import each other; forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS / "serving_peers"))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").is_relative_to(BENCHMARKS):
            del sys.modules[name]


def test_rates_and_milliseconds_are_read_of_wrk(beside):
    found = beside("wrk").read(WRK % 0)
    assert vars(found) == {"per_second": 2000, "p50": 7.5, "p95": 9.0, "p99": 12.25, "bytes": 3000}


def test_an_answer_that_failed_ends_the_benchmark(beside):
    with pytest.raises(SystemExit, match=r"4000 answers, errors: \{'status': 3\}"):
        beside("wrk").read(WRK % 3)


def test_peers_answer_as_kgdrug_does(beside, trained_run, tmp_path):
    model = trained_run.model
    beside("serving").write_content(model, tmp_path / "content")
    content = beside("content").Content(tmp_path / "content")
    diseases = [model.graph.entities.ids[i] for i in model.graph.entity_type("Disease").range]
    for top in (1, 5, 100):
        each = content.answer([{"disease": disease, "top": top} for disease in diseases])
        for disease, found in zip(diseases, each, strict=True):
            due = kgdrug.predict(model, disease=disease, top=top)
            json.dumps(found)
            for ours, theirs in zip(due, found["answers"], strict=True):
                assert theirs["score"] == pytest.approx(ours.score, rel=1e-4, abs=1e-6)
                assert theirs["known"] == [asdict(fact) for fact in ours.known]
                assert [theirs[key] for key in ("rank", "id", "name", "type")] == [
                    ours.rank,
                    ours.id,
                    ours.name,
                    ours.type,
                ]


def test_equal_scores_of_peers_stay_in_the_order_of_the_table(beside, trained_run, tmp_path):
    beside("serving").write_content(trained_run.model, tmp_path / "content")
    np.save(tmp_path / "content" / "entity.npy", np.ones_like(np.load(tmp_path / "content" / "entity.npy")))
    content = beside("content").Content(tmp_path / "content")
    (found,) = content.answer([{"disease": next(iter(content.diseases)), "top": 4}])
    assert [answer["id"] for answer in found["answers"]] == content.ids[:4]


# a server that does not hear SIGTERM, with a child in a session of its own and an orphan
DEAF = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
if os.fork() == 0:
    print("orphan", flush=True)
    time.sleep(600)
"""
STOPPED = """
import os, sys, time
from pathlib import Path
from processes import descendants, running
with running([sys.executable, "-c", sys.argv[1]], os.environ, Path.cwd() / "log", grace=1):
    while not Path("log").read_text():
        time.sleep(0.01)
    print(*descendants(os.getpid()))
"""


def test_no_process_of_a_server_outlives_it(tmp_path):
    command = [sys.executable, "-c", STOPPED, DEAF]
    env = os.environ | {"PYTHONPATH": str(BENCHMARKS)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True)
    started = [int(number) for number in done.stdout.split()]
    assert len(started) >= 2
    assert not [number for number in started if Path(f"/proc/{number}").exists()]
