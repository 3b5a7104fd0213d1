"""What peers reach on the same tasks: one task in one fresh process, which prints a line of JSON.

    python experiments/benchmarks/peers.py TASK ARGUMENT... [setting=value ...]

Run by the interpreter of the peer's environment (`make .venv-peers/installed .venv-dicee/installed`), with
OMP_NUM_THREADS set, and MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ at 1073741824. `indices` is run by the
project's own interpreter.
Triples are files `(t, 3)` of int64 head, relation, tail; n entities, m relations. An entity has `dim` real numbers
everywhere, so ComplEx has `dim / 2` complex ones.

The defaults of the `quality-` tasks are the best settings found on FB15k-237; PEERS.md tells what was tried.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tasks import main, result, timed


class Done(Exception):  # noqa: N818  (it ends a training loop, and is not an error)
    """Enough was measured."""


class Watch(Protocol):
    """Is told when training starts and what each batch did: triples (in both directions) and scored pairs."""

    def start(self) -> None: ...
    def tick(self, triples: float, pairs: float) -> None: ...


class Rate:
    """Triples and scored pairs per second, over `seconds` after a warm-up; at least one batch each."""

    def __init__(self, seconds: float, warm_up: float) -> None:
        self.seconds, self.warm_up = seconds, warm_up
        self.started = self.counting_from = math.inf
        self.triples = self.pairs = 0.0

    def start(self) -> None:
        self.started = min(self.started, time.perf_counter())

    def tick(self, triples: float, pairs: float) -> None:
        now = time.perf_counter()
        if now < self.counting_from:
            if now - self.started >= self.warm_up:
                self.counting_from = now
            return
        self.triples, self.pairs = self.triples + triples, self.pairs + pairs
        counted = now - self.counting_from
        if counted >= self.seconds:
            result["seconds"] = counted
            result["triples_per_second"] = self.triples / counted
            result["pairs_per_second"] = self.pairs / counted
            raise Done


class Curve:
    """Valid MRR against seconds of training; looking takes none of them.

    Ends when the MRR has reached all `goals`, or after `limit` seconds of training.
    """

    def __init__(self, look: Callable[[], float], goals: tuple[float, ...], every: float, limit: float) -> None:
        self.look, self.goals, self.every, self.limit = look, goals, every, limit
        self.trained, self.next, self.since, self.triples = 0.0, every, math.nan, 0.0
        result.update(curve=[], reached={str(goal): None for goal in goals})

    def start(self) -> None:
        if math.isnan(self.since):
            self.since = time.perf_counter()

    def tick(self, triples: float, pairs: float) -> None:
        self.trained += time.perf_counter() - self.since
        self.triples += triples
        if self.trained >= min(self.next, self.limit):
            self.next = self.trained + self.every
            mrr = self.look()
            result["curve"].append([round(self.trained, 2), round(mrr, 4), int(self.triples)])
            print(f"{self.trained:.1f} s of training: valid MRR {mrr:.4f}", file=sys.stderr)
            for goal in self.goals:
                if mrr >= goal and result["reached"][str(goal)] is None:
                    result["reached"][str(goal)] = self.trained
            if self.trained >= self.limit or mrr >= max(self.goals):
                result["seconds"] = self.trained
                raise Done
        self.since = time.perf_counter()


# Filtered realistic MRR, the same for all


# of `(b, 2)` known entity and relation, the other side of which is a head or not: scores `(b, n)` of all entities
Scores = Callable[[Any, bool], Any]


class Valid:
    """Valid triples `(v, 3)` and all known ones `(a, 3)`, ready to be ranked again and again."""

    def __init__(self, valid: Any, known: Any, m: int) -> None:
        import numpy as np

        self.sides = []
        for anchor, answer, heads in ((0, 2, False), (2, 0, True)):
            key = known[:, anchor] * m + known[:, 1]
            order = np.argsort(key, kind="stable")
            asked = valid[:, anchor] * m + valid[:, 1]
            asked_order = np.argsort(asked, kind="stable")  # a repeated query is scored once
            triples = valid[asked_order]
            start, stop = (np.searchsorted(key[order], asked[asked_order], side) for side in ("left", "right"))
            self.sides.append((triples[:, [anchor, 1]], triples[:, answer], known[order, answer], start, stop, heads))

    def ranks(self, scores: Scores, block: int = 1000) -> Any:
        """Filtered realistic ranks of both sides against all entities, `(2 v,)` float64.

        Products are in full precision, whatever training uses.
        """
        import numpy as np
        import torch

        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        ranks = []
        with torch.no_grad():
            for queries, answers, known, start, stop, heads in self.sides:
                for i in range(0, len(queries), block):
                    part = slice(i, i + block)
                    distinct, row = np.unique(queries[part], axis=0, return_inverse=True)
                    all_scores = scores(torch.from_numpy(distinct), heads)[torch.from_numpy(row.reshape(-1))]
                    answer = torch.from_numpy(answers[part])
                    own = all_scores.gather(1, answer[:, None])
                    lengths = stop[part] - start[part]
                    rows = np.repeat(np.arange(len(lengths)), lengths)
                    within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
                    columns = torch.from_numpy(known[np.repeat(start[part], lengths) + within])
                    rows = torch.from_numpy(rows)
                    known_scores = all_scores[rows, columns]
                    known_scores[columns == answer[rows]] = -math.inf  # the answer itself is no rival
                    above = (all_scores > own).sum(1) - torch.bincount(
                        rows[known_scores > own[rows, 0]], minlength=len(own)
                    )
                    level = (all_scores == own).sum(1) - torch.bincount(
                        rows[known_scores == own[rows, 0]], minlength=len(own)
                    )
                    ranks.append((1 + above + (level - 1) / 2).double())
        torch.set_float32_matmul_precision(precision)
        return torch.cat(ranks)

    def mrr(self, scores: Scores) -> float:
        """Filtered realistic MRR of both sides against all entities."""
        return float((1 / self.ranks(scores)).mean())


def indices(folder: str, out: str) -> None:
    """A folder with train, valid and test files to `train.npy`, `valid.npy`, `test.npy` and `shape.json` (n, m)."""
    import numpy as np

    from kgdrug.splits import fixed

    split = fixed(folder)
    Path(out).mkdir(parents=True, exist_ok=True)
    for name in ("train", "valid", "test"):
        np.save(Path(out) / f"{name}.npy", getattr(split, name))
    shape = {"n": len(split.graph.entities), "m": split.graph.relations}
    (Path(out) / "shape.json").write_text(json.dumps(shape), encoding="utf-8")
    result.update(shape)


@dataclass(frozen=True)
class Peer:
    """A peer's model, how it trains (until the watch has enough), and how it scores so far."""

    model: Any
    train: Callable[[Watch], None]
    scores: Scores


def pykeen(
    triples: Any,
    n: int,
    m: int,
    *,
    model: str = "ComplEx",
    dim: int = 200,
    loop: str = "lcwa",
    loss: str = "CrossEntropyLoss",
    optimizer: str = "Adagrad",
    lr: float = 0.1,
    batch_size: int = 1000,
    negatives: int = 64,
    inverse: bool = True,
    n3: float = 0.0,
    label_smoothing: float = 0.0,
    std: float = 0.001,
    relation_std: float | None = None,
    falling: float = 0.0,
    workers: int = 0,
) -> Peer:
    """PyKEEN's model and training loop.

    loop: slcwa or lcwa; negatives: of slcwa, per triple; inverse: create_inverse_triples; n3: weight of
    PowerSumRegularizer(p=3); std, relation_std: of the initial numbers; falling: seconds of training over which the
    rate falls linearly to 1 % of itself. ComplEx and RESCAL score all entities in one
    product; DistMult multiplies `(b, n, d)` out.
    """
    import pykeen.models
    import torch
    from pykeen.losses import loss_resolver
    from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop
    from pykeen.training.callbacks import TrainingCallback
    from pykeen.triples import CoreTriplesFactory

    factory = CoreTriplesFactory(torch.from_numpy(triples), n, m, create_inverse_triples=inverse)
    regularizer = {"regularizer": "PowerSum", "regularizer_kwargs": {"weight": n3, "p": 3.0}} if n3 else {}
    made = getattr(pykeen.models, model)(
        embedding_dim=dim // 2 if model == "ComplEx" else dim, triples_factory=factory, random_seed=0,
        loss=loss_resolver.make(loss), entity_initializer=partial(torch.nn.init.normal_, std=std),
        relation_initializer=partial(torch.nn.init.normal_, std=relation_std or std), **regularizer,
    )  # fmt: skip
    stepper = getattr(torch.optim, optimizer)(made.parameters(), lr=lr)
    loops = {"slcwa": SLCWATrainingLoop, "lcwa": LCWATrainingLoop}
    sampler = {"negative_sampler_kwargs": {"num_negs_per_pos": negatives}} if loop == "slcwa" else {}
    training = loops[loop](
        model=made, triples_factory=factory, optimizer=stepper, automatic_memory_optimization=False, **sampler
    )

    class Ticks(TrainingCallback):
        def __init__(self, watch: Watch) -> None:
            super().__init__()
            self.watch = watch

        def pre_batch(self, **_: Any) -> None:
            self.watch.start()

        def post_batch(self, epoch: int, batch: Any, **_: Any) -> None:
            directions = 2 if inverse else 1
            if loop == "slcwa":
                count = len(batch["positives"])
                self.watch.tick(count / directions, count * (1 + negatives))
            else:
                self.watch.tick(float(batch["target"].sum()) / directions, batch["target"].numel())
            if falling:
                for group in stepper.param_groups:
                    group["lr"] = lr * max(0.01, 1 - 0.99 * getattr(self.watch, "trained", 0.0) / falling)

    def train(watch: Watch) -> None:
        training.train(
            triples_factory=factory, num_epochs=10**6, batch_size=batch_size, callbacks=Ticks(watch), use_tqdm=False,
            use_tqdm_batch=False, label_smoothing=label_smoothing, num_workers=workers,
        )  # fmt: skip

    def scores(queries: Any, heads: bool) -> Any:
        known, relation = queries.t()
        if inverse:
            return made.score_t(torch.stack([known, 2 * relation + heads], 1))
        return made.score_h(torch.stack([relation, known], 1)) if heads else made.score_t(queries)

    return Peer(made, train, scores)


def pyg(
    triples: Any,
    n: int,
    m: int,
    *,
    model: str = "ComplEx",
    dim: int = 200,
    optimizer: str = "Adam",
    lr: float = 0.01,
    weight_decay: float = 0.0,
    batch_size: int = 4000,
    sparse: bool = False,
    workers: int = 0,
) -> Peer:
    """PyTorch Geometric's model, loader and loss, in the loop of its example kge_fb15k_237.py.

    It samples a single negative per triple, and has no reciprocal relations.
    """
    import torch
    from torch_geometric.nn.kge import ComplEx, DistMult

    torch.manual_seed(0)
    is_complex = model == "ComplEx"
    made = (ComplEx if is_complex else DistMult)(n, m, dim // 2 if is_complex else dim, sparse=sparse)
    decay = {"weight_decay": weight_decay} if weight_decay else {}
    stepper = getattr(torch.optim, optimizer)(made.parameters(), lr=lr, **decay)
    columns = torch.from_numpy(triples).t().contiguous()
    loader = made.loader(*columns, batch_size=batch_size, shuffle=True, num_workers=workers)

    def train(watch: Watch) -> None:
        made.train()
        watch.start()
        while True:
            for batch in loader:
                stepper.zero_grad()
                made.loss(*batch).backward()
                stepper.step()
                watch.tick(len(batch[0]), 2 * len(batch[0]))

    def scores(queries: Any, heads: bool) -> Any:
        known, relation = queries.t()
        if not is_complex:
            return (made.node_emb(known) * made.rel_emb(relation)) @ made.node_emb.weight.T
        real, imaginary, turn = made.node_emb(known), made.node_emb_im(known), made.rel_emb_im(relation)
        turn, stay = -turn if heads else turn, made.rel_emb(relation)  # heads are found by the conjugate
        moved = real * stay - imaginary * turn, real * turn + imaginary * stay
        return moved[0] @ made.node_emb.weight.T + moved[1] @ made.node_emb_im.weight.T

    return Peer(made, train, scores)


def dicee(
    triples: Any,
    n: int,
    m: int,
    *,
    model: str = "ComplEx",
    dim: int = 200,
    technique: str = "KvsAll",
    optimizer: str = "Adam",
    lr: float = 0.001,
    batch_size: int = 1024,
    negatives: int = 1,
    label_smoothing: float = 0.0,
    dropout: float = 0.0,
    initial: str | None = "xavier_normal",
    normalization: str | None = None,
    workers: int = 0,
) -> Peer:
    """DICE Embeddings' data set, model and CPU trainer, with reciprocal triples as it adds them itself.

    technique: KvsAll, 1vsAll or NegSample; dropout: of queries; initial: xavier_normal or None (normal).
    """
    import argparse

    import torch
    from dicee.dataset_classes import construct_dataset
    from dicee.models.complex import ComplEx
    from dicee.models.real import DistMult
    from dicee.trainer.torch_trainer import TorchTrainer
    from torch.utils.data import DataLoader

    settings = {
        "model": model, "num_entities": n, "num_relations": 2 * m, "embedding_dim": dim, "learning_rate": lr,
        "optim": optimizer, "scoring_technique": technique, "input_dropout_rate": dropout, "init_param": initial,
        "normalization": normalization, "random_seed": 0, "gradient_accumulation_steps": 0, "max_epochs": 10**6,
    }  # fmt: skip
    trainer = TorchTrainer(argparse.Namespace(**settings), callbacks=[])
    made = {"ComplEx": ComplEx, "DistMult": DistMult}[model](settings)
    data = construct_dataset(
        train_set=_both(triples, m), entity_to_idx=dict.fromkeys(range(n)), relation_to_idx=dict.fromkeys(range(2 * m)),
        form_of_labelling="EntityPrediction", scoring_technique=technique, neg_ratio=negatives,
        label_smoothing_rate=label_smoothing, seed=0,
    )  # fmt: skip

    class Loader(DataLoader[Any]):
        watch: Watch

        def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
            self.watch.start()
            for queries, labels in super().__iter__():
                yield queries, labels
                self.watch.tick(float((labels > 0.5).sum()) / 2, labels.numel())

    def train(watch: Watch) -> None:
        loader = Loader(data, batch_size=batch_size, shuffle=True, num_workers=workers, collate_fn=data.collate_fn)
        loader.watch = watch
        trainer.fit(made, train_dataloaders=loader)

    def scores(queries: Any, heads: bool) -> Any:
        made.eval()
        found = made.forward_k_vs_all(queries + torch.tensor([0, m * heads]))
        made.train()
        return found

    return Peer(made, train, scores)


PEERS: dict[str, Callable[..., Peer]] = {"pykeen": pykeen, "pyg": pyg, "dicee": dicee}


def train(peer: str, triples: str, n: int, m: int, *, seconds: float = 20, warm_up: float = 5, **settings: Any) -> None:
    """Steady training throughput: triples and scored pairs per second."""
    made = _make(peer, _load(triples), n, m, settings)
    with suppress(Done):
        made.train(Rate(seconds, warm_up))


def quality(
    peer: str,
    folder: str,
    *,
    goals: tuple[float, ...] = (0.30, 0.34),
    every: float = 20,
    limit: float = 600,
    **settings: Any,
) -> None:
    """Seconds of training until the filtered realistic MRR on valid (both sides, all entities) reaches each goal.

    folder: of `indices`; every: seconds of training between looks; limit: seconds of training.
    """
    import numpy as np

    parts = [_load(str(Path(folder) / f"{name}.npy")) for name in ("train", "valid", "test")]
    shape = json.loads((Path(folder) / "shape.json").read_text(encoding="utf-8"))
    made = _make(peer, parts[0], shape["n"], shape["m"], settings)
    valid = Valid(parts[1], np.concatenate(parts), shape["m"])
    with suppress(Done):
        made.train(Curve(lambda: valid.mrr(made.scores), goals, every, limit))


def evaluate_pykeen(
    known: str, test: str, n: int, m: int, *, count: int = 1000, batch_size: int = 8, **settings: Any
) -> None:
    """PyKEEN's filtered evaluation of the first `count` test triples, both sides, all entities.

    known: the triples that are filtered out beside the tested ones. The model is untrained: speed is the same.
    """
    import torch
    from pykeen.evaluation import RankBasedEvaluator

    facts, asked = torch.from_numpy(_load(known)), torch.from_numpy(_load(test)[:count])
    model = _make("pykeen", facts.numpy()[:1000], n, m, {"inverse": False, **settings}).model
    evaluator = RankBasedEvaluator(filtered=True)
    with timed():
        found = evaluator.evaluate(
            model, asked, batch_size=batch_size, use_tqdm=False, additional_filter_triples=[facts]
        )
    result["mrr"] = found.get_metric("both.realistic.inverse_harmonic_mean_rank")
    result["triples_per_second"] = len(asked) / result["seconds"]


def evaluate_pyg(test: str, n: int, m: int, *, count: int = 100, batch_size: int = 50_000, **settings: Any) -> None:
    """PyG's `test` of the first `count` test triples: of tails only and unfiltered, as it knows no other ranks."""
    import torch

    asked = _load(test)[:count]
    model = _make("pyg", asked, n, m, settings).model
    with timed():
        model.test(*torch.from_numpy(asked).t(), batch_size=batch_size, log=False)
    result["triples_per_second"] = len(asked) / result["seconds"]


def evaluate_dicee(
    known: str, test: str, n: int, m: int, *, count: int = 1000, batch_size: int = 128, **settings: Any
) -> None:
    """DICE Embeddings' filtered evaluation of the first `count` test triples, both sides, all entities.

    Ties are ranked as they fall. Its table of known answers is made before the clock starts.
    """
    import argparse

    import numpy as np
    from dicee.evaluation.evaluator import Evaluator

    asked = _both(_load(test)[:count], m)
    model = _make("dicee", asked[:1000], n, m, settings).model
    evaluator = Evaluator(argparse.Namespace(batch_size=batch_size, eval_model="test"))
    answers: dict[tuple[int, int], list[int]] = {}
    for head, relation, tail in np.concatenate([_both(_load(known), m), asked]).tolist():
        answers.setdefault((head, relation), []).append(tail)
    evaluator.er_vocab = answers
    with timed():
        found = evaluator.evaluate_lp_k_vs_all(model, asked, form_of_labelling="EntityPrediction")
    result["mrr"] = found["MRR"]
    result["triples_per_second"] = len(asked) / 2 / result["seconds"]


def _load(path: str) -> Any:
    import numpy as np

    return np.load(path)


def _both(triples: Any, m: int) -> Any:
    """Triples `(t, 3)` and their reciprocals, with relation `r + m`: `(2 t, 3)`."""
    import numpy as np

    return np.concatenate([triples, triples[:, [2, 1, 0]] + np.array([0, m, 0])])


def _make(peer: str, triples: Any, n: int, m: int, settings: dict[str, Any]) -> Peer:
    """The peer with its settings, among them precision: of torch's fp32 products, "medium" for bf16."""
    import torch

    torch.set_float32_matmul_precision(settings.get("precision", "highest"))
    result["settings"] = settings
    return PEERS[peer](triples, n, m, **{name: value for name, value in settings.items() if name != "precision"})


TASKS: dict[str, Callable[..., None]] = {
    "indices": indices,
    "train-pykeen": partial(train, "pykeen", loop="slcwa", inverse=False),
    "train-pykeen-lcwa": partial(train, "pykeen", loop="lcwa"),
    "train-pyg": partial(train, "pyg"),
    "train-dicee": partial(train, "dicee"),
    "evaluate-pykeen": evaluate_pykeen,
    "evaluate-pyg": evaluate_pyg,
    "evaluate-dicee": evaluate_dicee,
    "quality-pykeen": partial(quality, "pykeen", n3=0.05),
    "quality-pyg": partial(quality, "pyg", weight_decay=1e-6),
    "quality-dicee": partial(quality, "dicee", technique="NegSample", negatives=20, lr=0.01),
}


if __name__ == "__main__":
    main(TASKS)
