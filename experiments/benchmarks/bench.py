"""Measures kgdrug and its peers in turn, each figure in fresh processes, and writes RESULTS.md and results.json.

make bench                                          # everything
python experiments/benchmarks/bench.py graphs       # one part; the figures of the others stay as they are
python experiments/benchmarks/bench.py engine --device cuda     # into RESULTS-cuda.md and results-cuda.json
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import generate
from servers import BATCHES, SERVERS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS, DICEE = (ROOT / name / "bin" / "python" for name in (".venv-peers", ".venv-dicee"))
# freed memory is kept by every contestant, as kgdrug does itself
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


@dataclass(frozen=True)
class Contestant:
    """Who does a task: a name, the script and the task, its arguments, the interpreter.

    Of the arguments `{out}` is a new folder, and `{round}` the number of the round, from 0.
    """

    name: str
    task: str
    arguments: tuple[str, ...] = ()
    script: str = "tasks.py"
    python: Path = Path(sys.executable)


@dataclass(frozen=True)
class Figure:
    """One row of the results: what is measured, who takes part (ours first), and the bounds that it should keep.

    value: which number of a task's result counts, `/` between nested names; unit: its unit; higher: whether more is
    better. at_most, at_least: of our own median; times: as good as the best peer (1: no bound);
    at_most_mb: our peak.
    """

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    value: str = "seconds"
    unit: str = "s"
    higher: bool = False
    at_most: float | None = None
    at_least: float | None = None
    times: float | None = None
    at_most_mb: float | None = None


def graphs(work: Path, device: str) -> list[Figure]:
    """Files to graphs."""
    drkg = work / "drkg-sized.tsv"
    generate.drkg_sized(drkg)

    def readers(path: Path) -> tuple[Contestant, ...]:
        all_of_them = (
            Contestant("kgdrug", "read-kgdrug", (str(path),)),
            Contestant("pandas + dict", "read-pandas", (str(path),)),
            Contestant("PyKEEN TriplesFactory.from_path", "read-pykeen", (str(path),), python=PEERS),
        )
        return tuple(who for who in all_of_them if who.python.is_file())

    def ours(task: str, *arguments: object) -> tuple[Contestant]:
        return (Contestant("kgdrug", task, tuple(map(str, arguments))),)

    size = "DRKG-sized file (5,874,261 triples)"
    figures = [
        Figure("drkg_build", f"{size} to a built graph", ours("build", drkg, "{out}"), at_most=20, at_most_mb=2000),
        Figure("drkg_read_vs_best_peer", "DRKG-sized file to triples of indices", readers(drkg), times=5),
    ]
    if hetionet := _data("hetionet"):
        built, plain = work / "hetionet", work / "hetionet.tsv"
        _kgdrug("build", hetionet, "--out", built)
        _kgdrug("export", built, "--form", "triples", "--out", plain)
        title = "Hetionet's triples as plain lines to triples of indices"
        figures += [
            Figure("hetionet_build", "Hetionet's files to a built graph", ours("build", hetionet, "{out}"), at_most=5),
            Figure("hetionet_open", "built Hetionet opened", ours("open", built), at_most=0.3),
            Figure("hetionet_read_vs_best_peer", title, readers(plain), times=5),
        ]
    return figures


def engine(work: Path, device: str) -> list[Figure]:
    """Training, evaluation and queries on Hetionet, or a generated graph of its shape."""
    built, where = _hetionet_shape(work), f"device={device}"
    indices = work / "indices"
    shape = _run(Contestant("kgdrug", "shape", (str(built), str(indices)), "engine.py"))
    n, m, all_of_it = str(shape["n"]), str(shape["m"]), str(indices / "all.npy")

    def ours(name: str, task: str, *settings: str) -> Contestant:
        return Contestant(name, task, (str(built), where, *settings), "engine.py")

    def peer(name: str, task: str, *arguments: str, python: Path = PEERS) -> Contestant:
        return Contestant(name, task, arguments, "peers.py", python)

    bare = (all_of_it, n, m)
    training = [
        peer("PyKEEN, SLCWA, 64 negatives", "train-pykeen", *bare, "batch_size=1024"),
        peer("PyKEEN, LCWA", "train-pykeen-lcwa", *bare, "batch_size=512"),
        peer("PyG nn.kge, 1 negative", "train-pyg", *bare, "batch_size=50000"),
        peer("DICE, KvsAll", "train-dicee", *bare, "batch_size=256", "precision=medium", python=DICEE),
    ]
    asking = [
        peer("PyKEEN", "evaluate-pykeen", all_of_it, all_of_it, n, m, "count=2000", "batch_size=8"),
        peer("DICE", "evaluate-dicee", all_of_it, all_of_it, n, m, "count=2000", python=DICEE),
    ]
    if device != "cpu":  # peers are measured on the CPU alone
        training, asking = [], []
    training, asking = ([who for who in of if who.python.is_file()] for of in (training, asking))
    rate: dict[str, Any] = {"value": "triples_per_second", "unit": "triples/s", "higher": True}
    pairs = {"value": "pairs_per_second", "unit": "pairs/s"}
    share: dict[str, Any] = {"value": "share_of_product", "unit": "of a bare product's rate", "higher": True}
    of_each = {"value": "share_of_each_product", "unit": "of the rate of a bare product with a row an answer"}
    single, brain = (f"training, ComplEx, 200 numbers an entity, {p}" for p in ("fp32", "bf16 products"))
    full = "filtered evaluation, both sides, all entities"
    part = str(shape["triples"] // 20)
    whole = f"the same of a whole test part, {int(part):,} triples (peers: 2,000 of them)"
    fp32, bf16 = (ours("kgdrug, 1,024 typed negatives", "train", f"precision={p}") for p in ("fp32", "bf16"))
    top = ours("kgdrug", "top")
    return [
        Figure("training_vs_pykeen", single, (fp32, *training[:1]), times=40, **rate),
        Figure("training_bf16_vs_pykeen", brain, (bf16, *training[:1]), times=80, **rate),
        Figure("training_vs_best_of_others", single, (fp32, *training[1:]), times=1, **rate),
        Figure("training_pairs", "the same, pairs scored", (fp32, *training), times=1, **(rate | pairs)),
        Figure("training_share_of_product_rate", single, (fp32,), at_least=0.6, **share),
        Figure("training_bf16_share_of_product_rate", brain, (bf16,), at_least=0.6, **share),
        Figure("training_share_of_each_product_rate", single, (fp32,), at_least=0.6, **(share | of_each)),
        Figure("training_bf16_share_of_each_product_rate", brain, (bf16,), at_least=0.6, **(share | of_each)),
        Figure("evaluation_vs_pykeen", full, (ours("kgdrug", "evaluate"), *asking[:1]), times=80, **rate),
        Figure(
            "evaluation_whole_vs_pykeen",
            whole,
            (ours("kgdrug", "evaluate", f"triples={part}"), *asking[:1]),
            times=80,
            **rate,
        ),
        Figure("evaluation_vs_dice", full, (ours("kgdrug", "evaluate"), *asking[1:]), times=1, **rate),
        Figure("evaluation_share_of_product_rate", full, (ours("kgdrug", "evaluate"),), at_least=0.4, **share),
        Figure("top100_all_ms", "top 100 of all entities, one query", (top,), "all_ms", "ms"),
        Figure(
            "top100_all_vs_matvec", "the same", (top,), "all_times_matvec", "times a matrix-vector product", at_most=1.3
        ),
        Figure("top100_type_ms", "top 100 of one type, one query", (top,), "type_ms", "ms", at_most=0.1),
        Figure("top100_many_share_of_product_rate", "top 100 of all, 1,000 queries", (top,), at_least=0.8, **share),
    ]


def quality(work: Path, device: str) -> list[Figure]:
    """Seconds of training until FB15k-237's valid MRR reaches 0.30 and 0.34."""
    data = _data("benchmarks/FB15k-237")
    if data is None:
        return []
    indices, goals = work / "fb15k-237", "goals=(0.3,0.34)"
    _run(Contestant("kgdrug", "indices", (str(data), str(indices)), "peers.py"))
    common = (str(indices), goals, "limit=900")

    def peer(name: str, task: str, *arguments: str, python: Path = PEERS) -> Contestant:
        return Contestant(name, task, arguments, "peers.py", python)

    peers = (
        peer("PyKEEN, falling rate", "quality-pykeen", *common, "falling=1000", "every=30"),
        peer("PyG nn.kge", "quality-pyg", *common, "every=60"),
        peer("DICE", "quality-dicee", *common, "every=60", python=DICEE),
    )
    sooner = peer("PyKEEN", "quality-pykeen", str(indices), "goals=(0.3,)", "limit=900")  # ends near 0.31
    peers, first = (tuple(who for who in of if who.python.is_file() and device == "cpu") for of in (peers, (sooner,)))
    figures = []
    for goal, settings, others in (
        (0.30, ("dim=256", "negatives=1000", "batch_size=500"), first + peers),
        (
            0.34,
            ("dim=512", "negatives=4000", "batch_size=1000", "learning_rate=0.15", "schedule=linear", "epochs=4"),
            peers,
        ),
    ):
        arguments = (str(data), f"device={device}", f"goals=({goal},)", *settings)
        ours = Contestant("kgdrug", "quality", arguments, "engine.py")
        name, title = f"time_to_{100 * goal:03.0f}_vs_best_peer", f"training until FB15k-237's valid MRR is {goal:.2f}"
        figures.append(Figure(name, title, (ours, *others), f"reached/{goal}", times=20))
    return figures


def precision(work: Path, device: str) -> list[Figure]:
    """What bf16 products do to FB15k-237's valid MRR: 12 epochs, each round another seed."""
    data = _data("benchmarks/FB15k-237")
    if data is None:
        return []
    settings = ("seed={round}", f"device={device}", "epochs=12", "negatives=1000", "batch_size=500")
    ours = (Contestant("kgdrug", "precision", (str(data), *settings), "engine.py"),)
    apart = "between bf16 and fp32"
    return [
        Figure("mrr_bf16", "valid MRR with bf16 products", ours, "bf16", "MRR"),
        Figure("mrr_fp32", "the same with fp32 products", ours, "fp32", "MRR"),
        Figure("mrr_bf16_less_fp32", f"difference {apart}, a seed", ours, "difference", "MRR", at_most=0.002),
    ]


def scale(work: Path, device: str) -> list[Figure]:
    """Cost per triple and memory, from small to large generated graphs."""
    figures = []
    # 20 to 25 triples an entity; in the last two more of the same entities, where queries repeat, which is cheaper
    for millions, thousands in ((1, 50), (10, 500), (50, 2000), (10, 50), (50, 50)):
        numbers = (f"{millions}000000", f"{thousands}000", f"device={device}")
        who = (Contestant("kgdrug", "scale", numbers, "engine.py"),)
        title = f"training on {millions} M generated triples of {thousands},000 entities"
        name = f"scale_{millions}m_triples_{thousands}k_entities"
        figures += [
            Figure(f"{name}_ns", title, who, "nanoseconds_per_triple", "ns a triple"),
            Figure(f"{name}_mb", "the same: peak memory", who, "peak_mb", "MB"),
            Figure(f"{name}_mb_expected", "the same: what it should be", who, "expected_mb", "MB"),
        ]
    return figures


def start(work: Path, device: str) -> list[Figure]:
    """The whole process."""
    return [
        Figure("import_s", "`import kgdrug`, a fresh interpreter", (Contestant("kgdrug", "import"),), at_most=0.3),
        Figure("help_s", "`kgdrug --help`", (Contestant("kgdrug", "help"),), at_most=0.5),
    ]


def serving(work: Path, device: str) -> list[Figure]:
    """The best 20 of all compounds for a disease over HTTP: one worker each, and wrk on the same cores."""
    if device != "cpu":
        return []
    if missing := [program for program in ("wrk", "java") if shutil.which(program) is None]:
        raise SystemExit(f"serving needs {' and '.join(missing)}; the Makefile says which packages have them")
    made = str(work / "serving")
    _run(Contestant("kgdrug", "make", (str(_hetionet_shape(work)), made), "serving.py"))
    there = [name for name, server in SERVERS.items() if server.python.is_file()]

    def under(name: str, connections: int) -> Contestant:
        title, arguments = SERVERS[name].title, (made, name)
        if name == "torchserve":  # Java compiles what it runs: a third more after ten seconds of load, and then no more
            arguments = (*arguments, "warm_up=12")
        if name not in BATCHES:
            return Contestant(title, "measure", arguments, "serving.py")  # one run has both loads
        batches = BATCHES[name] if connections > 1 else {}
        title += f", batches of {batches['batch_size']}" if batches else ""
        settings = [f"{key}={value}" for key, value in batches.items()]
        return Contestant(title, "measure", (*arguments, f"connections=({connections},)", *settings), "serving.py")

    filtered = Contestant("kgdrug", "filtered", (made,), "serving.py")
    ready = "from the start to the first answer"
    figures = [Figure("serving_ready_s", ready, tuple(under(name, 1) for name in there), at_most=1.5)]
    for c in (1, 16):
        who = {name: under(name, c) for name in there}
        ours, everyone, at = who["kgdrug"], tuple(who.values()), f"{c} connection{'s' if c > 1 else ''}"
        rate: dict[str, Any] = {"value": f"c{c}/per_second", "unit": "requests/s", "higher": True}
        bound = tuple(who[name] for name in ("kgdrug", "bare") if name in who)
        least = 2000 if c == 16 else None
        title = f"{at}, beside the least there can be"
        figures += [Figure(f"serving_{c}_per_second", title, bound, at_least=least, **rate)]
        for peer, times in (("torchserve", 1.4), ("litserve", 2), ("mlflow", 3)):
            two = (ours, who.get(peer, ours))
            figures += [Figure(f"serving_{c}_vs_{peer}", at, two, times=times, **rate)] if peer in who else []
        most = {(1, "p50"): 1, (16, "p99"): 15}
        for q in ("p50", "p99"):
            bound_ms = most.get((c, q))
            figures += [Figure(f"serving_{c}_{q}_ms", f"{at}, {q}", everyone, f"c{c}/{q}", "ms", at_most=bound_ms)]
        alone = Contestant(
            "kgdrug, one by one", "measure", (made, "kgdrug", "connections=(16,)", "together=False"), "serving.py"
        )
        title = f"{at}, questions that come at once answered together, and one by one"
        figures += [Figure("serving_16_vs_one_by_one", title, (ours, alone), times=1, **rate)] if c > 1 else []
        title, share = f"{at}, compounds that treat something alone", {**rate, "value": f"c{c}/share"}
        share["unit"] = "of the rate for all compounds"
        figures += [Figure(f"serving_{c}_filtered_vs_all", title, (filtered,), at_least=0.95, **share)]
    memory = "memory of all processes of a server"
    figures += [Figure("serving_peak_mb", memory, everyone, "peak_mb", "MB", at_most=200)]
    explain = Contestant("kgdrug", "explain", (made,), "serving.py")
    if _run(replace(explain, arguments=(made, "limit=0")))["there"]:
        title = "an answer explained, 1 connection"
        figures += [Figure("explain_p50_ms", f"{title}, p50", (explain,), "p50", "ms")]
        figures += [Figure("explain_p95_ms", f"{title}, p95", (explain,), "p95", "ms", at_most=150)]
    else:
        print("explain: not measured, as the service has no /v1/explain", file=sys.stderr)
    return figures


PARTS: dict[str, Callable[[Path, str], list[Figure]]] = {
    "graphs": graphs,
    "engine": engine,
    "quality": quality,
    "precision": precision,
    "scale": scale,
    "start": start,
    "serving": serving,
}
ROUNDS = {"serving": 4}  # some 12 minutes


def _data(name: str) -> Path | None:
    """A folder of `KGDRUG_DATA`, if it is there."""
    folder = Path(os.environ.get("KGDRUG_DATA", "")) / name
    return folder if os.environ.get("KGDRUG_DATA") and folder.is_dir() else None


def _hetionet_shape(work: Path) -> Path:
    built = work / "hetionet-shape"
    source = _data("hetionet")
    if source is None:
        source = work / "hetionet-shape.tsv"
        generate.hetionet_sized(source)
    _kgdrug("build", source, "--out", built)
    return built


def _kgdrug(*words: object) -> None:
    command = [str(Path(sys.executable).with_name("kgdrug")), *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)


def _run(who: Contestant, out: str = "", number: int = 0) -> dict[str, Any]:
    arguments = [argument.replace("{out}", out).replace("{round}", str(number)) for argument in who.arguments]
    command = [str(who.python), str(HERE / who.script), who.task, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ALLOCATOR)
    if done.returncode:
        raise SystemExit(f"{who.name}: {' '.join(command)}\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def measure(figures: list[Figure], rounds: int, work: Path) -> dict[str, Any]:
    """All contestants of each figure in turn, so that whatever else the machine does meets each of them.

    Figures of the same part that ask the same contestant share its runs.
    """
    runs: dict[Contestant, list[dict[str, Any]]] = {who: [] for figure in figures for who in figure.contestants}
    for i in range(rounds):
        for j, who in enumerate(runs):
            out = work / "out" / f"{i}-{j}"
            out.parent.mkdir(exist_ok=True)
            if runs[who] and None in runs[who][0].get("reached", {}).values():
                continue  # who did not reach a goal in the first round is not asked again
            runs[who].append(_run(who, str(out), i))
            shutil.rmtree(out, ignore_errors=True)
            print(f"round {i + 1}, {who.name} {who.task}: {runs[who][-1]}", file=sys.stderr)
    return {figure.name: _result(figure, {who.name: runs[who] for who in figure.contestants}) for figure in figures}


def _result(figure: Figure, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    values = {name: [_value(run, figure.value) for run in of] for name, of in runs.items()}
    # who did not come to an end is counted with all the time it had
    counted = {
        name: [run["seconds"] if value is None else value for value, run in zip(values[name], of, strict=True)]
        for name, of in runs.items()
    }
    medians = {name: statistics.median(of) for name, of in counted.items()}
    ours, *peers = medians.values()
    ratios = [ours / peer if figure.higher else peer / ours for peer in peers]
    return {
        "title": figure.title,
        "unit": figure.unit,
        "values": values,
        "median": medians,
        "peak_mb": {name: max(run["peak_mb"] for run in of) for name, of in runs.items()},
        "settings": {name: of[0].get("settings", {}) for name, of in runs.items()},
        "ratios": dict(zip(list(medians)[1:], ratios, strict=True)),
        "ratio": min(ratios) if ratios else None,
        "at_most": figure.at_most,
        "at_least": figure.at_least,
        "times": figure.times,
        "at_most_mb": figure.at_most_mb,
    }


def _value(run: dict[str, Any], path: str) -> float | None:
    found: Any = run
    for name in path.split("/"):
        found = found[name]
    return found  # type: ignore[no-any-return]


def report(parts: dict[str, dict[str, Any]]) -> str:
    """The results as a page."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; each figure is measured in fresh processes, ours and the peers' in turn.",
        "A figure with `>` is of a peer that did not reach the goal in the time it had.",
    ]
    for name, part in parts.items():
        lines += ["", f"## {name}", "", PARTS[name].__doc__ or "", ""]
        lines += [f"- {key}: {value}" for key, value in part["about"].items()]
        lines += [
            "",
            "| what | who | median | min - max | unit | peak MB | kgdrug is | should be |",
            "| --- | --- | ---: | ---: | --- | ---: | ---: | --- |",
        ]
        lines += [row for result in part["figures"].values() for row in _rows(result)]
    return "\n".join(lines) + "\n"


def _rows(result: dict[str, Any]) -> list[str]:
    rows = []
    for i, (name, values) in enumerate(result["values"].items()):
        came = [value for value in values if value is not None]
        spread = f"{_text(min(came))} - {_text(max(came))}" if came else ""
        median = f"{'' if len(came) == len(values) else '> '}{_text(result['median'][name])}"
        ratio = "" if i == 0 else f"{result['ratios'][name]:.1f} times as good"
        bounds = [f"at most {result['at_most']:g}"] if result["at_most"] else []
        bounds += [f"at least {result['at_least']:g}"] if result["at_least"] else []
        bounds += [f"{result['times']:g} times as good as any"] if (result["times"] or 0) > 1 else []
        bounds += [f"at most {result['at_most_mb']:g} MB"] if result["at_most_mb"] else []
        first = (result["title"], ", ".join(bounds)) if i == 0 else ("", "")
        cells = (first[0], name, median, spread, result["unit"], f"{result['peak_mb'][name]:,.0f}", ratio, first[1])
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def about_this_machine(part: str, rounds: int) -> dict[str, str]:
    """What the figures of a part were measured on and with."""
    from importlib.metadata import version

    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("kgdrug", "torch", "polars", "numpy", "pandas")),
        "rounds": str(rounds),
        "commit": _output(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]),
    }
    for title, python, wanted in _peers(part):
        if python.is_file():
            code = f"from importlib.metadata import version as v; print(', '.join(f'{{n}} {{v(n)}}' for n in {wanted}))"
            about[title] = _output([str(python), "-c", code])
        else:
            about[title] = "not measured: it is not there"
    if part == "serving":
        for name, server in SERVERS.items():
            about[server.title] += "".join(f", {key} {value}" for key, value in server.settings.items())
            if name in BATCHES:
                under = ", ".join(f"{key} {value}" for key, value in BATCHES[name].items())
                about[server.title] += f"; under 16 connections {under}"
        about["wrk"] = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split(" [")[0]
        java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
        about["Java"] = java.partition("\n")[0]
    return about


def _peers(part: str) -> list[tuple[str, Path, tuple[str, ...]]]:
    """Who takes part: what they are called, their interpreter, and the packages whose versions are told."""
    if part == "serving":
        return [(server.title, server.python, server.packages) for server in SERVERS.values()]
    peers = ((PEERS, ("pykeen", "torch_geometric", "torch", "pandas")), (DICEE, ("dicee", "torch")))
    return [(f"peers in {python.parents[1].name}", python, wanted) for python, wanted in peers]


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    fast = [name for name in ("amx_bf16", "avx512_bf16") if name in flags]
    return ", ".join([names[0] if names else platform.processor(), *fast])


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--rounds", type=int, help="default: 5, of serving 4")
    parser.add_argument("--device", default="cpu", help="of the engine's own figures")
    arguments = parser.parse_args()
    suffix = "" if arguments.device == "cpu" else f"-{arguments.device}"
    kept = HERE / f"results{suffix}.json"
    parts: dict[str, dict[str, Any]] = json.loads(kept.read_text()).get("parts", {}) if kept.is_file() else {}
    for name in arguments.parts or PARTS:
        rounds = arguments.rounds or ROUNDS.get(name, 5)
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(PARTS[name](Path(folder), arguments.device), rounds, Path(folder))
        if not figures:  # what is there stays
            print(f"{name}: nothing to measure here; its data is looked for under KGDRUG_DATA", file=sys.stderr)
            continue
        parts[name] = {"about": about_this_machine(name, rounds), "figures": figures}
        parts = {name: parts[name] for name in PARTS if name in parts}
        numbers = {
            name: result["ratio"] if result["times"] else next(iter(result["median"].values()))
            for part in parts.values()
            for name, result in part["figures"].items()
        }
        kept.write_text(json.dumps({**numbers, "parts": parts}, indent=1) + "\n", encoding="utf-8")
        (HERE / f"RESULTS{suffix}.md").write_text(report(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
