"""Make `experiments/RESULTS.md`: each experiment trained by the command line in a process of its own.

    python experiments/results.py [NAME ...]      # default: every experiment here, and every part of science.py

Wall time and peak memory are the whole process's, from reading the graph to the written model.
"""

import csv
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from science import PARTS

HERE = Path(__file__).parent
BASES = ("auto", "treatments", "hetionet-whole")  # experiments that others are made of, or judge by other pairs
RESULTS = HERE / "RESULTS.md"
KGDRUG = [str(Path(sys.executable).with_name("kgdrug"))]
PUBLISHED = {"MRR": "mrr", "hits@1": "hits_at_1", "hits@3": "hits_at_3", "hits@10": "hits_at_10"}
METRICS = {"MRR": "mrr", "Hits@1": "hits_at_1", "Hits@3": "hits_at_3", "Hits@10": "hits_at_10", "AMRI": "amri"}


def measure(experiment: Path) -> dict[str, object]:
    """Train and evaluate one experiment; wall seconds, peak memory in MiB, and the evaluation."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
        if data := os.environ.get("KGDRUG_DATA"):
            environment["KGDRUG_DATA"] = str(Path(data).resolve())
        model = Path(folder) / "model"
        started = time.perf_counter()
        process = subprocess.Popen(
            [*KGDRUG, "train", str(experiment), "--out", str(model)], cwd=folder, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if status:
            raise SystemExit(f"{experiment.name} failed")
        report = subprocess.run(
            [*KGDRUG, "evaluate", str(model), "--json"], cwd=folder, capture_output=True, check=True
        )
        about = json.loads((model / "metrics.json").read_text())
        decided = json.loads((model / "experiment.json").read_text())
        digests = [json.loads((model / name).read_text())["digest"][:12] for name in ("graph.json", "split.json")]
        return {
            "wall": wall,
            "memory": usage.ru_maxrss / 1024,
            "seconds": about["seconds"],
            "valid": about["valid"],
            "digests": digests,
            "seeds": decided.get("seeds", 1),
            "published": published(Path(decided["graph"].get("splits", "")).name),
            "commit": _output(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]),
            **json.loads(report.stdout),
        }


def published(dataset: str) -> dict[str, dict[str, float]]:
    """What others reached on a benchmark, by model and source, from `published_numbers.tsv` beside it."""
    path = Path(os.environ.get("KGDRUG_DATA", "")) / "benchmarks" / "published_numbers.tsv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["dataset"] == dataset]
    return {
        f"{row['model']} ({row['source']})": {key: float(row[name]) for name, key in PUBLISHED.items() if row[name]}
        for row in rows
    }


def machine() -> str:
    """What an experiment ran on."""
    versions = ", ".join(f"{package} {version(package)}" for package in ("kgdrug", "torch", "numpy"))
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    cores = f"{os.cpu_count()} cores ({platform.machine()}), {threads} threads"
    return f"{cores}, Python {platform.python_version()}, {versions}"


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def table(name: str, result: dict) -> str:
    """A section of RESULTS.md."""
    epoch = f" in epoch {result['valid']['epoch']}" if "epoch" in result["valid"] else ""
    lines = [
        f"## {name}",
        "",
        f"`kgdrug train experiments/{name}.toml`: {result['wall']:.0f} s of wall time in all, "
        f"{result['seconds']['train']:.0f} s of it training, peak memory {result['memory']:.0f} MiB; "
        f"best valid MRR {result['valid']['mrr']:.3f}{epoch}. "
        f"Graph {result['digests'][0]}, split {result['digests'][1]}, candidates {result['candidates']}, "
        f"{result['both']['queries']} queries. Seeds: {result['seeds']}; commit {result['commit']}; {machine()}.",
        "",
        "| asked for | model | " + " | ".join(METRICS) + " |",
        "| --- | --- |" + " ---: |" * len(METRICS),
    ]
    for side in ("both", "tail", "head"):
        baselines = result["baselines"] if side == "both" else result["baselines_by_side"][side]
        for model, values in {"this model": result[side], **{f"baseline {k}": v for k, v in baselines.items()}}.items():
            numbers = " | ".join("-" if values[key] is None else f"{values[key]:.3f}" for key in METRICS.values())
            lines.append(f"| {side} | {model} | {numbers} |")
    for model, values in result["published"].items():
        numbers = " | ".join(f"{values[key]:.3f}" if key in values else "" for key in METRICS.values())
        lines.append(f"| both | published: {model} | {numbers} |")
    return "\n".join(lines) + "\n"


def part(name: str) -> str:
    """A section of RESULTS.md that `science.py` makes."""
    started, commit = time.perf_counter(), _output(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"])
    lines = PARTS[name]()
    made = (
        f"`python experiments/results.py {name}`: {time.perf_counter() - started:.0f} s. Commit {commit}; {machine()}."
    )
    return "\n".join([f"## {name}", "", made, "", *lines]) + "\n"


def main(names: list[str]) -> None:
    """Measure the named experiments and put their sections in place of the old ones."""
    old = RESULTS.read_text() if RESULTS.exists() else ""
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", old, flags=re.M | re.S))
    sections = {name: f"## {name}\n{body.rstrip()}\n" for name, body in sections.items()}
    for name in names or [*sorted(p.stem for p in HERE.glob("*.toml") if p.stem not in BASES), *PARTS]:
        sections[name] = part(name) if name in PARTS else table(name, measure(HERE / f"{name}.toml"))
        intro = (
            "# Results\n\nMade by `make results`, which runs `experiments/results.py`. Filtered realistic ranks of the "
            "test triples. Tail asked for: which diseases for a compound; head: which compounds for a disease.\n"
            "Where there is one seed, differences of a few hundredths are noise. "
            "Hetionet is as rebuilt from its public sources: 2,138,842 of its 2,250,197 triples.\n"
        )
        RESULTS.write_text("\n".join([intro, *(sections[key] for key in sorted(sections))]))


if __name__ == "__main__":
    main(sys.argv[1:])
