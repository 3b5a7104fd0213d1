"""Trained models judged on the test triples that they keep: one, two beside each other, several of one kind."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kgdrug.config import FITTED, Experiment, flat
from kgdrug.errors import UsageError
from kgdrug.evaluation import DegreeCorrected, compare, evaluate, evaluate_folds, repeats_of
from kgdrug.trained import TrainedModel


def evaluate_trained(
    model: TrainedModel, candidates: str | None = None, degree_corrected: bool = False
) -> dict[str, Any]:
    """`evaluate` a trained model on its own test triples; candidates: by default as its experiment says.

    degree_corrected: without what its scores owe to degree, see `DegreeCorrected`.
    """
    if not len(model.split.test):
        imported = "imported" in model.metrics
        why = "an imported model is judged where its test triples are" if imported else "its split left none"
        raise UsageError(f"{model.name} has no test triples to be evaluated on: {why}")
    candidates = candidates or model.experiment.evaluation.candidates
    _refuse_all(model, candidates)
    if degree_corrected:
        return {**evaluate(DegreeCorrected(model, model.split), model.split, candidates), "degree_corrected": True}
    return evaluate(model, model.split, candidates)


def compare_trained(a: TrainedModel, b: TrainedModel, candidates: str | None = None) -> dict[str, Any]:
    """`compare` two trained models; candidates: by default as their experiments say, if they say the same."""
    candidates = _agreed_candidates([(a.name, a), (b.name, b)], candidates)
    return compare((a, a.split), (b, b.split), candidates)


def folds_trained(models: Mapping[str, TrainedModel], candidates: str | None = None) -> dict[str, Any]:
    """`evaluate_folds` of trained models, by name; candidates: by default as their experiments say, if they agree.

    Models of several kinds are a UsageError, as are two of one split and seed. Other settings may differ, and `differ`
    has them with the value of each model: what follows from a graph's size is not the same in all folds.
    """
    splits = {name: model.split for name, model in models.items()}
    repeats, (first, *others) = repeats_of(splits), models
    for name in others:
        if models[name].kind != models[first].kind:
            kinds = f"{first} is {models[first].kind} and {name} {models[name].kind}"
            raise UsageError(f"{kinds}: a mean over them says nothing; kgdrug compare tells two models apart")
    candidates = _agreed_candidates(models.items(), candidates)
    names: dict[int, str] = {}
    for name, model in models.items() if repeats == "seeds" else ():
        other = names.setdefault(model.experiment.seed, name)
        if other != name:
            raise UsageError(f"{other} and {name} are of one split and one seed, {model.experiment.seed}: no repeats")
    report = evaluate_folds({name: (model, model.split) for name, model in models.items()}, candidates)
    if repeats == "seeds":
        for about, model in zip(report["models"], models.values(), strict=True):
            about["number"] = model.experiment.seed
    return {"kind": models[first].kind, "differ": _differ([model.experiment for model in models.values()]), **report}


def _differ(experiments: Sequence[Experiment]) -> dict[str, list[Any]]:
    """The settings of training that are not the same in all, by name, each with its values."""
    each = [flat(experiment) for experiment in experiments]
    names = [
        name for name in dict.fromkeys(itertools.chain(*each)) if name.startswith(("model.", "metapaths.", "training."))
    ]
    values = {name: [settings.get(name) for settings in each] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def _agreed_candidates(models: Collection[tuple[str, TrainedModel]], candidates: str | None) -> str:
    """What is ranked, by default as the experiments of all models say; a UsageError where one cannot."""
    found = {model.experiment.evaluation.candidates: name for name, model in models}
    if candidates is None and len(found) > 1:
        names = " and ".join(found.values())
        raise UsageError(f"{names} were evaluated among other candidates; give --candidates typed or all")
    agreed = candidates or next(iter(found))
    for _, model in models:
        _refuse_all(model, agreed)
    return agreed


def _refuse_all(model: TrainedModel, candidates: str) -> None:
    if candidates == "all" and model.experiment.model.score in FITTED:
        raise UsageError(f"a model of {model.experiment.model.score} ranks entities of the answer's type alone")
    if candidates == "all" and not model.scores_all_entities:
        raise UsageError(
            "this model's ranks among all entities mean nothing: it never saw negatives of other types; "
            "train it with training.candidates = 'all', or use --candidates typed"
        )
