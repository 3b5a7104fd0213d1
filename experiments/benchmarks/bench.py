"""Measures kgdrug and its peers in turn, each figure in fresh processes, and writes RESULTS.md and results.json.

make bench                                          # everything
python experiments/benchmarks/bench.py graphs       # one part
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import generate

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / ".venv-peers" / "bin" / "python"


@dataclass(frozen=True)
class Contestant:
    """Who does a task: a name, the task's name in tasks.py, and the interpreter that runs it."""

    name: str
    task: str
    python: Path = Path(sys.executable)


@dataclass(frozen=True)
class Figure:
    """One row of the results: what is measured, who takes part (ours first), and the bound that it should keep.

    arguments: of the task; `{out}` stands for a new folder in each run. at_most: seconds; at_least: ratio to the best
    peer; at_most_mb: peak memory.
    """

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    arguments: tuple[str, ...]
    at_most: float | None = None
    at_least: float | None = None
    at_most_mb: float | None = None


def graphs(work: Path) -> list[Figure]:
    """Files to graphs."""
    drkg = work / "drkg-sized.tsv"
    generate.drkg_sized(drkg)
    readers = (Contestant("kgdrug", "read-kgdrug"), Contestant("pandas + dict", "read-pandas"))
    if PEERS.is_file():
        readers += (Contestant("PyKEEN TriplesFactory.from_path", "read-pykeen", PEERS),)
    figures = [
        Figure(
            "drkg_build",
            "DRKG-sized file (5,874,261 triples) to a built graph",
            (Contestant("kgdrug", "build"),),
            (str(drkg), "{out}"),
            at_most=20,
            at_most_mb=2000,
        ),
        Figure(
            "drkg_read_vs_best_peer",
            "DRKG-sized file to triples of indices",
            readers,
            (str(drkg),),
            at_least=5,
        ),
    ]
    hetionet = _hetionet()
    if hetionet:
        built, plain = work / "hetionet", work / "hetionet.tsv"
        _run(Contestant("kgdrug", "build"), (str(hetionet), str(built)))
        command = [
            Path(sys.executable).with_name("kgdrug"),
            "export",
            str(built),
            "--form",
            "triples",
            "--out",
            str(plain),
        ]
        subprocess.run(command, check=True, capture_output=True)
        kgdrug = (Contestant("kgdrug", "build"),)
        figures = [
            Figure("hetionet_build", "Hetionet's files to a built graph", kgdrug, (str(hetionet), "{out}"), at_most=5),
            Figure(
                "hetionet_open", "built Hetionet opened", (Contestant("kgdrug", "open"),), (str(built),), at_most=0.3
            ),
            Figure(
                "hetionet_read_vs_best_peer",
                "Hetionet's triples as plain lines to triples of indices",
                readers,
                (str(plain),),
                at_least=5,
            ),
            *figures,
        ]
    return figures


PARTS = {"graphs": graphs}


def _hetionet() -> Path | None:
    folder = Path(os.environ.get("KGDRUG_DATA", "")) / "hetionet"
    return folder if os.environ.get("KGDRUG_DATA") and folder.is_dir() else None


def _run(who: Contestant, arguments: tuple[str, ...]) -> dict[str, Any]:
    command = [str(who.python), str(HERE / "tasks.py"), who.task, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{who.name}: {' '.join(command)}\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def measure(figure: Figure, rounds: int, work: Path) -> dict[str, Any]:
    """All contestants in turn, so that whatever else the machine does meets each of them."""
    runs: dict[str, list[dict[str, Any]]] = {who.name: [] for who in figure.contestants}
    for i in range(rounds):
        for who in figure.contestants:
            out = str(work / f"{figure.name}-{i}")
            runs[who.name].append(_run(who, tuple(a.replace("{out}", out) for a in figure.arguments)))
            print(f"{figure.name}, round {i + 1}, {who.name}: {runs[who.name][-1]}", file=sys.stderr)
    seconds = {name: [run["seconds"] for run in of] for name, of in runs.items()}
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ours, *peers = medians
    return {
        "title": figure.title,
        "seconds": seconds,
        "median": medians,
        "peak_mb": {name: max(run["peak_mb"] for run in of) for name, of in runs.items()},
        "ratio": min(medians[peer] for peer in peers) / medians[ours] if peers else None,
        "at_most": figure.at_most,
        "at_least": figure.at_least,
        "at_most_mb": figure.at_most_mb,
    }


def report(results: dict[str, dict[str, Any]], about: dict[str, str]) -> str:
    """The results as a page."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; each figure is measured in fresh processes, ours and the peers' in turn.",
        "",
    ]
    lines += [f"- {key}: {value}" for key, value in about.items()]
    lines += [
        "",
        "| what | who | median s | min - max | peak MB | kgdrug is | should be |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for result in results.values():
        for i, (name, seconds) in enumerate(result["seconds"].items()):
            ours = result["median"][next(iter(result["median"]))]
            ratio = "" if i == 0 else f"{result['median'][name] / ours:.1f} times as fast"
            bounds = [f"at most {result['at_most']:g} s"] if result["at_most"] else []
            bounds += [f"{result['at_least']:g} times as fast as any"] if result["at_least"] else []
            bounds += [f"at most {result['at_most_mb']:g} MB"] if result["at_most_mb"] else []
            lines.append(
                f"| {result['title'] if i == 0 else ''} | {name} | {result['median'][name]:.2f} | "
                f"{min(seconds):.2f} - {max(seconds):.2f} | {result['peak_mb'][name]:,.0f} | {ratio} | "
                f"{', '.join(bounds) if i == 0 else ''} |"
            )
    return "\n".join(lines) + "\n"


def about_this_machine(rounds: int) -> dict[str, str]:
    """What the figures were measured on and with."""
    from importlib.metadata import version

    names = ("kgdrug", "polars", "numpy", "pandas")
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in names),
        "rounds": str(rounds),
        "commit": _output(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]),
    }
    if PEERS.is_file():
        wanted = "('pykeen', 'torch', 'pandas')"
        code = f"from importlib.metadata import version as v; print(', '.join(f'{{n}} {{v(n)}}' for n in {wanted}))"
        about["peers"] = _output([str(PEERS), "-c", code])
    else:
        about["peers"] = "no .venv-peers: PyKEEN was not measured"
    return about


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in path.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in arguments.parts or PARTS:
            for figure in PARTS[part](Path(folder)):
                results[figure.name] = measure(figure, arguments.rounds, Path(folder))
    about = about_this_machine(arguments.rounds)
    (HERE / "RESULTS.md").write_text(report(results, about), encoding="utf-8")
    (HERE / "results.json").write_text(json.dumps({"about": about, **results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
