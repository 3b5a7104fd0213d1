"""Load by `wrk`: questions in turn, and what came of them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parent / "serving_peers" / "rotate.lua"


@dataclass(frozen=True)
class Load:
    """What came of a load. per_second: answers; p50, p95 and p99: ms from request to answer; bytes: of an answer."""

    per_second: float
    p50: float
    p95: float
    p99: float
    bytes: float


def load(url: str, questions: Path, connections: int, seconds: int) -> Load:
    """The questions of a file, one a line, posted to an address over and over, by one thread."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    command += ["-s", str(SCRIPT), url, "--", str(questions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return read(done.stdout)


def read(text: str) -> Load:
    """What wrk printed with `rotate.lua`; any answer that failed ends it all, as a server might fail fast."""
    found = json.loads(text.splitlines()[-1])
    errors = {kind: count for kind, count in found["errors"].items() if count}
    if errors or not found["requests"]:
        raise SystemExit(f"wrk: {found['requests']} answers, errors: {errors or 'none'}")
    quantiles = {name: found[name] / 1000 for name in ("p50", "p95", "p99")}
    each = found["bytes"] / found["requests"]
    return Load(1e6 * found["requests"] / found["microseconds"], bytes=each, **quantiles)
