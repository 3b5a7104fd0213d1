"""The trained-model folder: complete in itself, without pickle, each file vouched for by a SHA-256.

`graph.json`, `entities.tsv`, `triples.npy` (as a built graph), `parts.npy` (which part each triple is in),
`split.json`, `experiment.json`, `metrics.json`, `members/*.safetensors`, `weights.json` where members do not count
alike, `experiments.json` where they were not trained by one experiment, `calibration.json` where it has one,
`facts/*.npy`, which are the triples as answers find them, `manifest.json` over all that decides answers, and
`metrics.json.sha256` over the metrics, which hold how long it took and would make each training another model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from kgdrug.config import FITTED, Experiment, experiment_from, to_dict
from kgdrug.errors import UsageError
from kgdrug.evaluation import Pairs, PairScores, calibrate
from kgdrug.graph import KnowledgeGraph, KnownTails, load_graph_folder
from kgdrug.graph.facts import save_facts
from kgdrug.graph.store import fresh_folder, read_json, sha256_of, write_json
from kgdrug.models import Candidates, Model, load_model_file, save_model
from kgdrug.models.calibration import Kind
from kgdrug.splits import PARTS, Split, read_parts, save_split
from kgdrug.trained.calibrated import CALIBRATION, Calibrated, open_calibrated
from kgdrug.trained.manifest import (
    EXPERIMENTS,
    FACTS,
    MANIFEST,
    WEIGHTS,
    check_manifest,
    read_experiments,
    read_weights,
    write_manifest,
)
from kgdrug.trained.members import mean_rank_scores
from kgdrug.trained.served import ServedModel


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """Everything that serving needs: members, graph, known facts by part, configuration, and metrics.

    members: one model a seed, fold or kind; several answer with the mean of their rank scores, see `mean_rank_scores`.
    """

    members: Sequence[Model]
    split: Split
    experiment: Experiment
    metrics: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""  # SHA-256 of the manifest, of what decides answers; empty where no folder was loaded
    weights: tuple[int, ...] = ()  # how much each member counts, above 0; empty where all count alike
    calibrated: Calibrated | None = None
    experiments: tuple[Experiment, ...] = ()  # of each member; empty where all are of the one experiment

    @property
    def graph(self) -> KnowledgeGraph:
        return self.split.graph

    @property
    def name(self) -> str:
        return self.experiment.name

    @property
    def parts(self) -> list[Mapping[str, Any]]:
        """Of an ensemble, the models that it was put together from and that count."""
        return [one for one in self.metrics.get("ensemble", {}).get("of", []) if one["weight"]]

    @property
    def kind(self) -> str:
        """In words, as `complex`, `complex, 5 members` or `ensemble of complex, metapaths`."""
        if self.parts:
            return f"ensemble of {', '.join(one['score'] for one in self.parts)}"
        members = f", {len(self.members)} members" if len(self.members) > 1 else ""
        return f"{self.experiment.model.score}{members}"

    def experiment_of(self, member: int) -> Experiment:
        """What a member was trained by."""
        return self.experiments[member] if self.experiments else self.experiment

    @property
    def scores_all_entities(self) -> bool:
        """Whether training saw negatives of every type, so that ranks against all entities mean something."""
        fitted = self.experiment.model.score in FITTED
        return not fitted and (self.experiment.training.candidates == "all" or not self.graph.typed)

    @cached_property
    def known(self) -> dict[str, KnownTails]:
        """The known answers of each part."""
        parts = {part: getattr(self.split, part) for part in PARTS}
        n, m = len(self.graph.entities), self.graph.relations
        return {part: KnownTails(triples, n, m) for part, triples in parts.items() if len(triples)}

    @cached_property
    def served(self) -> ServedModel:
        """What answers questions."""
        return ServedModel.of(self)

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        """`(b, k)`, those of the one member, or the mean rank scores of several; see `Model.scores`."""
        return self.vote(member.scores(queries, candidates) for member in self.members)

    def vote(self, each: Iterable[Tensor]) -> Tensor:
        """One score of those that each member gives, `(b, k)`."""
        return next(iter(each)) if len(self.members) == 1 else mean_rank_scores(each, self.weights)


def save_trained(model: TrainedModel, folder: Path | str) -> None:
    """Write the model into a folder, which is made where it is not there; one that holds anything is refused."""
    folder = Path(folder)
    if folder.is_dir() and not any(folder.iterdir()):
        _write(model, folder)
        return
    if folder.exists():
        raise UsageError(f"{folder} exists and is no empty folder; give another place")
    with fresh_folder(folder) as writing:
        _write(model, writing)


def _write(model: TrainedModel, folder: Path) -> None:
    save_split(model.split, folder)
    write_json(folder / "experiment.json", to_dict(model.experiment))
    write_json(folder / "metrics.json", model.metrics)
    (folder / "members").mkdir()
    for i, member in enumerate(model.members):
        save_model(member, folder / "members" / f"{i}.safetensors")
    if model.weights:
        write_json(folder / WEIGHTS, {"weights": list(model.weights)})
    if model.experiments:
        write_json(folder / EXPERIMENTS, {"experiments": [to_dict(one) for one in model.experiments]})
    if model.calibrated:
        write_json(folder / CALIBRATION, model.calibrated.to_dict())
    (folder / FACTS).mkdir()
    save_facts(model.served.facts, folder / FACTS)
    write_manifest(folder, model.name)


def load_trained(folder: Path, check: bool = True) -> TrainedModel:
    """Read a trained-model folder; with check, every file is compared with its SHA-256 first."""
    check_manifest(folder, check)
    split = read_parts(folder, load_graph_folder(folder))
    files = sorted((folder / "members").glob("*.safetensors"), key=lambda path: int(path.stem))
    members = [load_model_file(path) for path in files]
    experiment = experiment_from(read_json(folder / "experiment.json"), str(folder / "experiment.json"))
    weights = read_weights(folder / WEIGHTS, len(members))
    experiments = read_experiments(folder / EXPERIMENTS, len(members))
    metrics, digest = read_json(folder / "metrics.json"), sha256_of(folder / MANIFEST)
    return TrainedModel(members, split, experiment, metrics, digest, weights, open_calibrated(folder), experiments)


def with_calibration(model: TrainedModel, kind: Kind = "platt") -> TrainedModel:
    """The model with a calibration learnt from its split; see `kgdrug.evaluation.calibrate`."""
    curve, report = calibrate(model, model.split, kind)
    pairs = Pairs.of(model.graph)
    scales = np.array(PairScores(model, pairs).scales)
    return replace(model, calibrated=Calibrated(curve, pairs.relations, pairs.asking, scales, report))


def save_calibration(model: TrainedModel, folder: Path) -> None:
    """Write the model's calibration into its folder; the digest is another one from then on."""
    assert model.calibrated
    check_manifest(folder)
    write_json(folder / CALIBRATION, model.calibrated.to_dict())
    write_manifest(folder, model.name)
