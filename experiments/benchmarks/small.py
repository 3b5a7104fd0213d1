"""Small graphs, each contestant tuned with the same budget; writes SMALL.md and small.json.

    KGDRUG_DATA=FOLDER make small                                    # SECONDS=600 for another budget; or:
    python experiments/benchmarks/small.py --seconds 600 [NAME ...]  # default: UMLS Kinships Nations

By the project's own interpreter, with OMP_NUM_THREADS set, MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ at
1073741824; PyKEEN runs in the environment of `make .venv-peers/installed` (or --peer PYTHON).

One process a contestant and data set, one after the other. Each tries the settings of `FIRST`, then draws others from
its ranges (`RANGES`) until `--seconds` of wall time are over, imports and reading not counted, and trains each with
seed 0. Looks at valid are some 20 a trial, and part of its time. A trial ends after its epochs, after 5 looks without a
better MRR, or after a third of the budget, and counts with its best look. The setting with the best valid MRR is
trained again with seeds 1, 2 and 3 under the same rules, and the tables of the best look at valid are judged on test.
Looks and tests are by the same code, `peers.Valid`: filtered realistic ranks, both sides, all entities.
"""

import argparse
import copy
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from peers import Done, Scores, Valid
from tasks import result

HERE = Path(__file__).parent
DATA = ("UMLS", "Kinships", "Nations")
LOOKS, PATIENCE = 20, 5
SEEDS = (1, 2, 3)
Settings = dict[str, Any]


# What a contestant's settings are drawn from


def _log(rng: random.Random, low: float, high: float) -> float:
    """Between two bounds, uniform in the logarithm; two digits."""
    return float(f"{math.exp(rng.uniform(math.log(low), math.log(high))):.2g}")


def draw_kgdrug(rng: random.Random) -> Settings:
    """Settings of kgdrug: ComplEx, 1-vs-all."""
    return {
        "dimension": rng.choice([64, 128, 256, 512]),
        "n3": rng.choice([0.0, *[_log(rng, 1e-4, 0.05)] * 4]),
        "relation_prediction": rng.choice([0.0, _log(rng, 0.01, 0.5)]),
        "dropout": round(rng.uniform(0, 0.4), 2),
        "batch_size": round(_log(rng, 20, 100)),
        "learning_rate": _log(rng, 0.03, 0.3),
        "epochs": round(_log(rng, 20, 100)),
    }


def draw_pykeen(rng: random.Random) -> Settings:
    """Settings of PyKEEN, more often of what is known to do well: ComplEx, and LCWA with inverse triples."""
    model = rng.choices(["ComplEx", "TuckER", "RESCAL", "DistMult", "RotatE"], [10, 3, 3, 2, 2])[0]
    loop = "slcwa" if rng.random() < 0.1 else "lcwa"
    optimizer = "Adam" if model == "TuckER" else rng.choice(["Adagrad", "Adam"])
    drawn = {
        "model": model,
        "dim": rng.choice([64, 128] if model in ("RESCAL", "TuckER") else [64, 128, 256, 512]),
        "loop": loop,
        "inverse": loop == "lcwa" or rng.random() < 0.5,
        "optimizer": optimizer,
        "lr": _log(rng, 0.03, 0.5) if optimizer == "Adagrad" else _log(rng, 0.001, 0.03),
        "schedule": rng.choice(["constant", "linear"]),
        "epochs": round(_log(rng, 20, 200)),
    }
    if loop == "slcwa":
        drawn["loss"] = rng.choice(["SoftplusLoss", "NSSALoss", "BCEWithLogitsLoss"])
        drawn["negatives"] = rng.choice([8, 32])
        drawn["batch_size"] = round(_log(rng, 64, 512))
    else:
        drawn["loss"] = rng.choice([*["CrossEntropyLoss"] * 3, "BCEWithLogitsLoss"])
        drawn["label_smoothing"] = rng.choice([0.0, 0.1])
        drawn["batch_size"] = round(_log(rng, 20, 256))
    if model == "TuckER":
        drawn["relation_dim"] = rng.choice([16, 32, 64])
        drawn["dropouts"] = [round(rng.uniform(0, 0.4), 2) for _ in range(3)]
    else:
        drawn["std"] = None if model == "RotatE" else rng.choice([0.001, 0.03, 0.1])
        # BCE is a mean over all entities too, so less of a regulariser outweighs it
        weights = (1e-4, 0.1) if drawn["loss"] == "CrossEntropyLoss" else (1e-6, 1e-2)
        drawn["regularizer"] = rng.choices(["PowerSum", "Lp", "No"], [6, 1, 3])[0]
        drawn["weight"] = 0.0 if drawn["regularizer"] == "No" else _log(rng, *weights)
    return drawn


# The first trial of each is the recipe of facebookresearch/kbc, which both can follow; the others are drawn
FIRST: dict[str, Settings] = {
    "kgdrug": {
        "dimension": 256, "n3": 0.05, "relation_prediction": 0.0, "dropout": 0.0, "batch_size": 100,
        "learning_rate": 0.1, "epochs": 40,
    },
    "pykeen": {
        "model": "ComplEx", "dim": 256, "loop": "lcwa", "inverse": True, "optimizer": "Adagrad", "lr": 0.1,
        "schedule": "linear", "epochs": 40, "loss": "CrossEntropyLoss", "label_smoothing": 0.0, "batch_size": 100,
        "std": 0.001, "regularizer": "PowerSum", "weight": 0.05,
    },
}  # fmt: skip


# One trial


class Trial:
    """Looks at valid while something trains; says when it is over; keeps what was best."""

    def __init__(self, valid: Valid, epochs: int, limit: float, keep: Callable[[], Any] | None = None) -> None:
        self.valid, self.epochs, self.keep = valid, epochs, keep
        self.every, self.until = max(1, epochs // LOOKS), time.perf_counter() + limit
        self.best, self.best_epoch, self.kept, self.since_best = 0.0, 0, None, 0

    def is_over(self) -> bool:
        return time.perf_counter() >= self.until or self.since_best >= PATIENCE

    def after(self, epoch: int, scores: Scores, keep: Callable[[], Any] | None) -> None:
        """Look, if it is time to; epoch from 1."""
        if epoch % self.every and epoch != self.epochs and not self.is_over():
            return
        mrr = self.valid.mrr(scores)
        self.since_best += 1
        if mrr > self.best:
            self.best, self.best_epoch, self.since_best = mrr, epoch, 0
            self.kept = keep() if keep else None


def kgdrug_trial(parts: Any, settings: Settings, seed: int, trial: Trial, judge: Valid | None) -> Any:
    """Train kgdrug; ranks of what judge asks for, by the best tables."""
    import torch

    from kgdrug.config import TrainingConfig
    from kgdrug.errors import KgdrugError
    from kgdrug.models import TableModel, product_precision
    from kgdrug.training import State
    from kgdrug.training.batches import Batches
    from kgdrug.training.loop import learning_rate
    from kgdrug.training.step import step

    split, m = parts, parts.graph.relations
    given = {key: value for key, value in settings.items() if key != "dimension"}
    config = TrainingConfig(negatives="all", candidates="all", schedule="linear", **given)
    model = TableModel.create("complex", len(split.graph.entities), m, settings["dimension"], seed)
    state, precision = State.fresh(model), product_precision(config.precision, torch.device("cpu"))
    batches = Batches(split.graph, split.known_in_training, config, seed)
    steps, done = len(batches), 0

    def scores(of: TableModel) -> Scores:
        return lambda queries, heads: of.scores(queries + torch.tensor([0, m * heads]), slice(0, len(of.entity)))

    with suppress(KgdrugError):
        for epoch in range(1, config.epochs + 1):
            for batch in batches.epoch(epoch):
                step(state, batch, config, learning_rate(config, done, config.epochs * steps), precision)
                done += 1
                if time.perf_counter() >= trial.until:
                    break
            trial.after(epoch, scores(model), model.clone if judge else None)
            if trial.is_over():
                break
    return judge.ranks(scores(trial.kept)) if judge else None


def pykeen_trial(parts: Any, settings: Settings, seed: int, trial: Trial, judge: Valid | None) -> Any:
    """Train PyKEEN; ranks of what judge asks for, by the best tables."""
    import pykeen.models
    import torch
    from pykeen.losses import loss_resolver
    from pykeen.regularizers import LpRegularizer, NoRegularizer, PowerSumRegularizer
    from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop
    from pykeen.training.callbacks import TrainingCallback
    from pykeen.triples import CoreTriplesFactory

    triples, n, m = parts
    chosen, inverse, dim = settings["model"], settings["inverse"], settings["dim"]
    factory = CoreTriplesFactory(torch.from_numpy(triples), n, m, create_inverse_triples=inverse)
    options: dict[str, Any] = {"embedding_dim": dim // 2 if chosen in ("ComplEx", "RotatE") else dim}
    if chosen == "TuckER":
        options["relation_dim"] = settings["relation_dim"]
        options.update(zip(("dropout_0", "dropout_1", "dropout_2"), settings["dropouts"], strict=True))
    else:
        regularizers = {"PowerSum": (PowerSumRegularizer, 3.0), "Lp": (LpRegularizer, 2.0)}
        regularizer, p = regularizers.get(settings["regularizer"], (NoRegularizer, 0.0))
        options["regularizer"] = regularizer
        options["regularizer_kwargs"] = {"weight": settings["weight"], "p": p} if p else {"weight": 1.0}
    if settings.get("std"):
        initial = partial(torch.nn.init.normal_, std=settings["std"])
        options.update(entity_initializer=initial, relation_initializer=initial)
    if chosen == "DistMult":
        # as in its peers: no unit length, and entities regularised like relations
        regularized = {key: options[key] for key in ("regularizer", "regularizer_kwargs")}
        options.update(entity_constrainer=None, entity_representations_kwargs=regularized)
    model = getattr(pykeen.models, chosen)(
        triples_factory=factory, random_seed=seed, loss=loss_resolver.make(settings["loss"]), **options
    )
    optimizer = getattr(torch.optim, settings["optimizer"])(model.parameters(), lr=settings["lr"])
    slcwa = settings["loop"] == "slcwa"
    sampler = {"negative_sampler_kwargs": {"num_negs_per_pos": settings["negatives"]}} if slcwa else {}
    falling = {"start_factor": 1.0, "end_factor": 0.01, "total_iters": settings["epochs"]}
    schedule = {"lr_scheduler": "LinearLR", "lr_scheduler_kwargs": falling} if settings["schedule"] == "linear" else {}
    loop = (SLCWATrainingLoop if slcwa else LCWATrainingLoop)(
        model=model, triples_factory=factory, optimizer=optimizer, automatic_memory_optimization=False,
        **sampler, **schedule,
    )  # fmt: skip

    def scores(queries: Any, heads: bool) -> Any:
        known, relation = queries.t()
        if inverse:
            return model.score_t(torch.stack([known, 2 * relation + heads], 1))
        return model.score_h(torch.stack([relation, known], 1)) if heads else model.score_t(queries)

    class Looks(TrainingCallback):
        def post_batch(self, **_: Any) -> None:
            if time.perf_counter() >= trial.until:
                self.look(1 + self.epoch_done)

        def post_epoch(self, epoch: int, **_: Any) -> None:
            self.epoch_done = epoch
            self.look(epoch)

        epoch_done = 0

        def look(self, epoch: int) -> None:
            model.eval()
            trial.after(epoch, scores, (lambda: copy.deepcopy(model.state_dict())) if judge else None)
            model.train()
            if trial.is_over():
                raise Done

    smoothing = {} if slcwa else {"label_smoothing": settings["label_smoothing"]}
    with suppress(Done):
        loop.train(
            triples_factory=factory, num_epochs=settings["epochs"], batch_size=settings["batch_size"], use_tqdm=False,
            use_tqdm_batch=False, callbacks=Looks(), num_workers=0, **smoothing,
        )  # fmt: skip
    if judge is None:
        return None
    model.load_state_dict(trial.kept)
    model.eval()
    return judge.ranks(scores)


RANGES: dict[str, Callable[[random.Random], Settings]] = {"kgdrug": draw_kgdrug, "pykeen": draw_pykeen}
TRIALS: dict[str, Callable[..., Any]] = {"kgdrug": kgdrug_trial, "pykeen": pykeen_trial}


# One contestant on one data set, in a process of its own


def contest(who: str, folder: str, indices: str, seconds: float) -> None:
    """Search, then train and judge again what was best.

    folder: of the data; indices: of the same, by `peers.indices`.
    """
    import numpy as np

    train, valid, test = (np.load(Path(indices) / f"{name}.npy") for name in ("train", "valid", "test"))
    shape = json.loads((Path(indices) / "shape.json").read_text(encoding="utf-8"))
    known = np.concatenate([train, valid, test])
    looks, judge = Valid(valid, known, shape["m"]), Valid(test, known, shape["m"])
    if who == "kgdrug":
        from kgdrug.splits import fixed
        from kgdrug.training import keep_freed_memory

        parts: Any = fixed(folder)
        keep_freed_memory()
    else:
        import pykeen.models  # noqa: F401  (the clock starts after it)

        parts = train, shape["n"], shape["m"]
    run, rng = TRIALS[who], random.Random(0)
    started, cpu = time.perf_counter(), time.process_time()
    trials: list[dict[str, Any]] = []
    while (left := seconds - (time.perf_counter() - started)) > 0:
        settings = RANGES[who](rng) if trials else FIRST[who]
        trial, since = Trial(looks, settings["epochs"], min(seconds / 3, left)), time.perf_counter()
        error = {}
        try:
            run(parts, settings, 0, trial, None)
        except (RuntimeError, ValueError, TypeError, NotImplementedError) as problem:  # the others' time goes on
            error = {"error": f"{type(problem).__name__}: {problem}"[:200]}
        took = time.perf_counter() - since
        trials.append(
            {"valid_mrr": trial.best, "epoch": trial.best_epoch, "seconds": took, "settings": settings, **error}
        )
        print(f"{who} {Path(folder).name} {took:.1f} s: {trial.best:.4f} {settings} {error}", file=sys.stderr)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    best = max(trials, key=lambda trial: trial["valid_mrr"])
    again = []
    for seed in SEEDS:
        trial, since = Trial(looks, best["settings"]["epochs"], seconds / 3), time.perf_counter()
        ranks = run(parts, best["settings"], seed, trial, judge)
        again.append(
            {
                "seed": seed, "valid_mrr": trial.best, "epoch": trial.best_epoch,
                "seconds": time.perf_counter() - since, "test_mrr": float((1 / ranks).mean()),
                **{f"test_hits_at_{k}": float((ranks <= k).double().mean()) for k in (1, 3, 10)},
            }
        )  # fmt: skip
        print(f"{who} {Path(folder).name} seed {seed}: {again[-1]}", file=sys.stderr)
    result.update(best=best, again=again, trials=trials, search_seconds=wall, search_cpu_seconds=cpu)


# All of them, and what is written


def measure(names: list[str], seconds: float, peer: str) -> dict[str, Any]:
    """Every contestant on every data set, in fresh processes one after the other."""
    data = Path(os.environ.get("KGDRUG_DATA", "data")).resolve() / "benchmarks"
    python = {"kgdrug": sys.executable, "pykeen": peer}
    found: dict[str, Any] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as indices:
            _run([sys.executable, str(HERE / "peers.py"), "indices", str(data / name), indices])
            found[name] = {}
            for who, interpreter in python.items():
                command = [interpreter, __file__, "contest", who, str(data / name), indices, str(seconds)]
                found[name][who] = _run(command)
    return found


def _run(command: list[str]) -> Any:
    """The line of JSON that a process prints last."""
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])


def report(found: dict[str, Any], seconds: float) -> str:
    """SMALL.md."""
    lines = [
        "# Small graphs: kgdrug beside PyKEEN 1.11.1, tuned with the same budget",
        "",
        f"Made by `experiments/benchmarks/small.py --seconds {seconds:g}`, whose top says how. Budget: {seconds:g} s",
        f"of wall time a contestant and data set, {os.environ.get('OMP_NUM_THREADS', 'all')} thread(s)",
        f"({platform.machine()}). Chosen by the valid MRR of seed 0; test: mean of seeds 1, 2 and 3, ± their",
        "standard deviation. Filtered realistic ranks, both sides, all entities. CPU: seconds that the search had of",
        "a core, which others may have shared. Every trial is in small.json.",
        "",
        "Who trains faster has more trials in the same time, and the best of a few trials is luck as well as merit:",
        "PEERS.md has settings of PyKEEN, tried by hand, that a short search did not meet.",
        "",
        "| data | contestant | best valid MRR | trials | CPU s | test MRR | Hits@1 | Hits@3 | Hits@10 |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, contestants in found.items():
        for who, of in contestants.items():
            mrr = [one["test_mrr"] for one in of["again"]]
            hits = [f"{mean(one[f'test_hits_at_{k}'] for one in of['again']):.3f}" for k in (1, 3, 10)]
            numbers = [f"{of['best']['valid_mrr']:.4f}", str(len(of["trials"])), f"{of['search_cpu_seconds']:.0f}"]
            row = [name, who, *numbers, f"{mean(mrr):.4f} ± {stdev(mrr):.4f}", *hits]
            lines.append(f"| {' | '.join(row)} |")
    lines += ["", "Chosen settings:", ""]
    for name, contestants in found.items():
        for who, of in contestants.items():
            chosen = ", ".join(f"{key} {value}" for key, value in of["best"]["settings"].items())
            again = ", ".join(f"{one['seconds']:.1f}" for one in of["again"])
            lines.append(f"- {name}, {who}: {chosen}. Trained again in {again} s.")
    lines += ["", "PyKEEN's families, the best valid MRR of each (trials):", ""]
    for name, contestants in found.items():
        families: dict[str, list[float]] = {}
        for trial in contestants["pykeen"]["trials"]:
            families.setdefault(trial["settings"]["model"], []).append(trial["valid_mrr"])
        best = [f"{family} {max(mrr):.4f} ({len(mrr)})" for family, mrr in sorted(families.items())]
        lines.append(f"- {name}: {', '.join(best)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Tune kgdrug and PyKEEN on small graphs with the same budget.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"folders under KGDRUG_DATA/benchmarks: {DATA}")
    parser.add_argument("--seconds", type=float, default=60.0, help="of search, a contestant and data set")
    parser.add_argument("--peer", default=str(HERE.parents[1] / ".venv-peers/bin/python"), help="PyKEEN's interpreter")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for SMALL.md and small.json")
    given = parser.parse_args()
    found = measure(given.names or list(DATA), given.seconds, given.peer)
    about = {"seconds": given.seconds, "results": found}
    (given.out / "small.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (given.out / "SMALL.md").write_text(report(found, given.seconds), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["contest"]:
        who, folder, indices, seconds = sys.argv[2:]
        contest(who, folder, indices, float(seconds))
        print(json.dumps(result))
    else:
        main()
