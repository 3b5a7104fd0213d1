"""The engine's own figures: one task in one fresh process, which prints a line of JSON.

    python experiments/benchmarks/engine.py TASK ARGUMENT... [setting=value ...]

Rates of a bare product are taken in the same run, on the same shapes and in the same precision.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tasks import main, peak_mb, result

from kgdrug.config import TrainingConfig
from kgdrug.evaluation import metrics, rank_triples
from kgdrug.graph import EntityType, KnowledgeGraph, KnownTails, Metaedge, Vocabulary
from kgdrug.graph.known import distinct, triple_keys, triples_of
from kgdrug.models import TableModel, pick_device, product_precision
from kgdrug.models.arrays import Int, scorer_of
from kgdrug.ranking.answers import AT_ONCE, TOGETHER
from kgdrug.ranking.top import best_columns
from kgdrug.sources import load_graph
from kgdrug.splits import Split, fixed
from kgdrug.training import State, keep_freed_memory
from kgdrug.training import train as training
from kgdrug.training.ahead import ahead
from kgdrug.training.batches import Batch, Batches
from kgdrug.training.loop import learning_rate
from kgdrug.training.losses import softmax_loss
from kgdrug.training.step import step

EVERY = 10  # of the products of every answer on its own one in so many is made: all of them take longer than training
EVEN = 256  # their rows are rounded to a multiple of it: oneDNN writes a program for each shape, which takes longer


def shape(graph: str, out: str) -> None:
    """A built graph to `all.npy`, its triples `(t, 3)` in random order, for peers; its numbers n, m and of triples."""
    made = load_graph(graph)
    Path(out).mkdir(parents=True, exist_ok=True)
    np.save(Path(out) / "all.npy", np.random.default_rng(0).permutation(made.triples))
    result.update(n=len(made.entities), m=made.relations, triples=len(made.triples))


def train(
    graph: str, *, seconds: float = 20.0, warm_up: float = 3.0, device: str = "auto", dim: int = 200, **settings: Any
) -> None:
    """Steady training throughput on a built graph: triples and scored pairs per second, and the share of bare products.

    A triple counts once, though it is learned in both directions, each against the sample. pairs: query and candidate,
    as multiplied; a query's pieces of several answers share theirs. share_of_product: of the rate that the products
    which are made would reach alone; share_of_each_product: of the rate of triples that products would reach which
    score every answer against the sample on its own, as they are where a query is not scored once for all its answers.
    """
    state, batches, config, where, precision = _ready(load_graph(graph), dim, device, settings)
    done: list[tuple[int, int]] = []
    each: list[tuple[int, int]] = []
    started, counting, triples = time.perf_counter(), None, 0.0
    for batch in ahead(_forever(batches), where):
        step(state, batch, config, config.learning_rate, precision)
        now = time.perf_counter()
        if counting is None:
            _wait(where)
            counting = now if now - started > warm_up else None
            continue
        triples += len(batch.answers) / 2
        width = len(batch.sample) if batch.sample is not None else batch.candidates.stop - batch.candidates.start
        done.append((len(batch.heads), width))
        each.append((len(batch.answers), width))
        if now - counting > seconds:
            break
    _wait(where)
    took = time.perf_counter() - counting
    pairs = sum(b * k for b, k in done)
    some = [(max(1, round(b / EVEN)) * EVEN, k) for b, k in each[::EVERY]]
    products = _products(done, dim, precision, where)
    of_each = _products(some, dim, precision, where) * sum(b * k for b, k in each) / sum(b * k for b, k in some)
    result.update(
        triples_per_second=triples / took,
        pairs_per_second=pairs / took,
        product_pairs_per_second=pairs / products,
        share_of_product=products / took,
        share_of_each_product=of_each / took,
        seconds=took,
        device=str(where),
        precision=str(precision),
    )


def evaluate(graph: str, *, triples: int = 2000, device: str = "auto", dim: int = 200) -> None:
    """Filtered evaluation of some triples of a built graph, both sides, against all entities."""
    made, where = load_graph(graph), pick_device(device)
    keep_freed_memory()
    model = TableModel.create("complex", len(made.entities), made.relations, dim, 0).to(where)
    asked = made.triples[np.random.default_rng(0).permutation(len(made.triples))[:triples]]
    known = KnownTails(made.triples, len(made.entities), made.relations)
    rank_triples(model, asked[:200], known, made, "all")
    started = time.perf_counter()
    rank_triples(model, asked, known, made, "all")
    took = time.perf_counter() - started
    queries = sum(len(np.unique(asked[:, side], axis=0)) for side in ([0, 1], [2, 1]))  # each is scored once
    bare = _products([(170, len(made.entities))] * (queries // 170), dim, torch.float32, where, 1)
    result.update(triples_per_second=len(asked) / took, queries=queries, share_of_product=bare / took, seconds=took)


def top(graph: str, *, device: str = "auto", dim: int = 200, answers: str = "Compound") -> None:
    """The best 100 of all entities, of one type, and of all for 1,000 queries at once, beside bare products."""
    made, where = load_graph(graph), pick_device(device)
    keep_freed_memory()
    n, of_type = len(made.entities), made.entity_type(answers)
    model = TableModel.create("complex", n, made.relations, dim, 0).to(where)
    asked = scorer_of(model)
    random = np.random.default_rng(0)
    queries = np.stack([random.integers(0, n, 1000), random.integers(0, made.relations, 1000)], 1)
    moved = model.queries(torch.from_numpy(queries).to(where))
    one, all_of_it, typed = queries[:1], slice(0, n), slice(of_type.start, of_type.stop)

    def best(of: Int, candidates: slice) -> list[Int]:
        step = max(1, min(TOGETHER, AT_ONCE // (candidates.stop - candidates.start)))
        blocks = (asked.scores(of[start : start + step], candidates) for start in range(0, len(of), step))
        return [columns for block in blocks for columns in best_columns(block, 100)]

    calls: dict[str, tuple[Callable[[], object], int]] = {
        "all": (lambda: best(one, all_of_it), 100),
        "matvec": (lambda: torch.mv(model.entity, moved[0]), 100),
        "type": (lambda: best(one, typed), 1000),
        "many": (lambda: best(queries, all_of_it), 3),
        "many_product": (lambda: [part @ model.entity.T for part in moved.split(170)], 3),
    }
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(5):  # in turn, so that whatever else the machine does meets each of them
        for name, (call, times) in calls.items():
            call()
            _wait(where)
            started = time.perf_counter()
            for _ in range(times):
                call()
            _wait(where)
            seconds[name].append((time.perf_counter() - started) / times)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    result.update({f"{name}_ms": 1000 * value for name, value in medians.items()})
    result.update(
        all_times_matvec=medians["all"] / medians["matvec"],
        share_of_product=medians["many_product"] / medians["many"],
        seconds=medians["all"],
    )


def compiled(*, queries: int = 500, candidates: int = 14_541, device: str = "auto") -> None:
    """The softmax loss as it is and by `torch.compile`, ms a batch of FB15k-237's shape; it needs a compiler."""
    where, random = pick_device(device), torch.Generator().manual_seed(0)
    rows = torch.arange(queries).repeat_interleave(4)
    columns = torch.randint(candidates, (len(rows),), generator=random)
    cells = [tensor.to(where) for tensor in (rows, columns, torch.full((queries,), 4.0))]
    for name, precision in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        scores = torch.randn(queries, candidates, generator=random).to(where, precision)
        for how, loss in (("eager", softmax_loss), ("compiled", torch.compile(softmax_loss, dynamic=True))):
            taken = []
            for _ in range(12):
                _wait(where)
                started = time.perf_counter()
                loss(scores, *cells)
                _wait(where)
                taken.append(time.perf_counter() - started)
            result[f"{name}_{how}_ms"] = 1000 * float(np.median(taken[2:]))
            result[f"{name}_{how}_first_s"] = taken[0]
    result["seconds"] = result["bf16_compiled_first_s"]


def quality(
    folder: str,
    *,
    goals: tuple[float, ...] = (0.30, 0.34),
    looks: int = 4,
    limit: float = 600.0,
    device: str = "auto",
    dim: int = 256,
    **settings: Any,
) -> None:
    """Seconds of training until the filtered realistic MRR on valid reaches each goal; looking takes none of them.

    looks: into each epoch; the rate falls over `epochs` where a schedule says so, and stays at its end.
    """
    split, where = fixed(folder), pick_device(device)
    keep_freed_memory()
    config = TrainingConfig(**{"negatives": "all", "batch_size": 1000, "n3": 0.05, **settings})
    model = TableModel.create("complex", len(split.graph.entities), split.graph.relations, dim, 0).to(where)
    state, precision = State.fresh(model), product_precision(config.precision, where)
    trained, since = 0.0, time.perf_counter()
    batches = Batches(split.graph, split.known_in_training, config, 0)
    steps, every = config.epochs * len(batches), max(1, len(batches) // looks)
    result.update(curve=[], reached={str(goal): None for goal in goals})
    for i, batch in enumerate(ahead(_forever(batches), where), 1):
        step(state, batch, config, learning_rate(config, min(i, steps) - 1, steps), precision)
        if i % every:
            continue
        _wait(where)
        trained += time.perf_counter() - since
        mrr = metrics(rank_triples(model, split.valid, split.known, split.graph, "all"))["mrr"]
        result["curve"].append([round(trained, 2), round(mrr, 4)])
        print(f"{trained:.1f} s of training: valid MRR {mrr:.4f}", file=sys.stderr)
        for goal in goals:
            if mrr >= goal and result["reached"][str(goal)] is None:
                result["reached"][str(goal)] = trained
        if mrr >= max(goals) or trained >= limit:
            break
        since = time.perf_counter()
    result["seconds"] = trained


def precision(folder: str, *, seed: int = 0, device: str = "auto", dim: int = 256, **settings: Any) -> None:
    """The last epoch's filtered realistic valid MRR with bf16 products and with fp32, and how far they are apart."""
    split, where = fixed(folder), pick_device(device)
    keep_freed_memory()
    mrr = {}
    started = time.perf_counter()
    for products in ("bf16", "fp32"):
        config = TrainingConfig(**{"n3": 0.05, "schedule": "linear", "precision": products, **settings})
        config = replace(config, valid_every=config.epochs)
        model = TableModel.create("complex", len(split.graph.entities), split.graph.relations, dim, seed).to(where)
        *_, last = training(State.fresh(model), split, config, seed)
        mrr[products] = last.best_mrr
    result.update(mrr, seed=seed, difference=abs(mrr["bf16"] - mrr["fp32"]), seconds=time.perf_counter() - started)


def scale(
    triples: int,
    entities: int,
    *,
    relations: int = 20,
    seconds: float = 10.0,
    device: str = "cpu",
    dim: int = 64,
    **settings: Any,
) -> None:
    """Cost per triple and peak memory of training on a generated graph: an epoch's plan, its batches and its steps.

    Heads are skewed, tails are not. The plan of an epoch counts over all its triples; of the rest, some seconds are
    measured. Peak memory should be that of the process before, 100 MB, the tables (values and Adagrad's sums), 45 bytes
    a triple and 145 a piece, which is a query with up to eight of its answers.
    """
    random, before = np.random.default_rng(0), peak_mb()
    heads = (random.random(triples) ** 2 * entities).astype(np.int64)
    columns = heads, random.integers(0, relations, triples), random.integers(0, entities, triples)
    facts = triples_of(distinct(triple_keys(np.stack(columns, 1), entities)), entities)
    del heads, columns
    edges = tuple(Metaedge(f"r{r}", "Entity", f"r{r}", "Entity") for r in range(relations))
    ids = Vocabulary(map(str, range(entities)))
    graph = KnowledgeGraph(ids, (EntityType("Entity", 0, entities),), edges, facts)
    of_graph = peak_mb()
    state, batches, config, where, precision = _ready(graph, dim, device, settings)
    pieces = sum(len(group.queries) for group in batches.groups)
    planning = time.perf_counter()
    epoch = batches.epoch(1)
    step(state, next(epoch), config, config.learning_rate, precision)
    planned = time.perf_counter() - planning
    for _, batch in zip(range(20), epoch, strict=False):
        step(state, batch, config, config.learning_rate, precision)
    started, learned = time.perf_counter(), 0.0
    for batch in epoch:
        step(state, batch, config, config.learning_rate, precision)
        learned += len(batch.answers) / 2
        if time.perf_counter() - started > seconds:
            break
    _wait(where)
    took = time.perf_counter() - started
    tables = 2 * sum(tensor.numel() for tensor in state.model.tensors.values()) * 4 / 1e6
    expected = before + 100 + tables + (45 * len(graph.triples) + 145 * pieces) / 1e6
    result.update(
        nanoseconds_per_triple=1e9 * (took / learned + planned / len(graph.triples)),
        planned=planned,
        distinct_triples=len(graph.triples),
        pieces=pieces,
        before_mb=before,
        graph_mb=of_graph,
        tables_mb=tables,
        expected_mb=expected,
        seconds=took,
    )


def _ready(
    graph: KnowledgeGraph, dim: int, device: str, settings: dict[str, Any]
) -> tuple[State, Batches, TrainingConfig, torch.device, torch.dtype]:
    keep_freed_memory()
    where, config = pick_device(device), TrainingConfig(**settings)
    split = Split(graph, graph.triples, graph.triples[:0], graph.triples[:0])
    model = TableModel.create("complex", len(graph.entities), graph.relations, dim, 0).to(where)
    batches = Batches(graph, split.known_in_training, config, 0)
    return State.fresh(model), batches, config, where, product_precision(config.precision, where)


def _forever(batches: Batches) -> Iterator[Batch]:
    for number in count(1):
        yield from batches.epoch(number)


def _products(
    shapes: list[tuple[int, int]], dim: int, precision: torch.dtype, device: torch.device, n: int = 3
) -> float:
    """Seconds of bare products of these shapes `(b, k)`: scores, and with n = 3 the two that are their gradients."""
    b, k = (max(sizes) for sizes in zip(*shapes, strict=True))
    queries, rows = (torch.randn(size, dim, device=device).to(precision) for size in (b, k))
    scores = torch.randn(b, k, device=device).to(precision)
    for _ in range(3):
        queries @ rows.T
    _wait(device)
    started = time.perf_counter()
    for height, width in shapes:
        queries[:height] @ rows[:width].T
        if n == 3:
            part = scores.flatten()[: height * width].view(height, width)
            part @ rows[:width]
            part.T @ queries[:height]
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


TASKS: dict[str, Callable[..., None]] = {
    "shape": shape,
    "train": train,
    "evaluate": evaluate,
    "top": top,
    "compiled": compiled,
    "quality": quality,
    "precision": precision,
    "scale": scale,
}


if __name__ == "__main__":
    main(TASKS)
