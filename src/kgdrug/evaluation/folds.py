"""Several models, one a fold or a repeat: the mean of each number, how it spreads, and Student's interval.

The bootstrap says how far a number could be off by which triples were held out of one split. This says how far by the
fold, by the draw of the split, or by the seed of the training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.evaluation.intervals import over_folds
from kgdrug.evaluation.report import evaluate
from kgdrug.models import Model
from kgdrug.splits import Split

Repeats = Literal["folds", "splits", "seeds"]
Table = dict[str, float | None]
DIFFER_BY = {"folds": "fold", "splits": "seed", "seeds": ""}  # by which setting the splits of such models differ
SIDES = ("head", "tail")
PARTS = ("both", *SIDES, "by_disease", "pairs")
_NO_SETTING = ("counts", "groups", "dates", "folder")  # what was found, and names of files, whose SHA-256 counts


def evaluate_folds(models: Mapping[str, tuple[Model, Split]], candidates: str = "typed") -> dict[str, Any]:
    """What models, by name, score together, each on the test triples of its own split; beside the baselines.

    `repeats` says what they are, see `repeats_of`, which refuses others. `both`, `head`, `tail`, `by_disease` and
    `pairs`: of each metric of `evaluate` the mean over the models; `_deviation`, their standard deviation; `_low` and
    `_high`, the ends of Student's interval of 95 %. `baselines`: the same of each baseline; `differences`: of what the
    model has more than the baseline, model by model. `models`: the metrics of each, and the `number` of its fold, or
    the seed of its split. What one of them lacks is None.
    """
    splits = {name: split for name, (_, split) in models.items()}
    repeats = repeats_of(splits)
    by, first = DIFFER_BY[repeats], next(iter(splits.values()))
    # each split is a copy, so that the known answers of one at a time are in memory
    reports = [evaluate(model, replace(split), candidates) for model, split in models.values()]
    each = [
        {"model": name, "number": split.made.get(by), "split": split.digest, "test": len(split.test),
         **_by_model(report)[""]}
        for (name, split), report in zip(splits.items(), reports, strict=True)
    ]  # fmt: skip
    return {
        "repeats": repeats,
        "split": {key: value for key, value in _settings(first).items() if key != by},
        "graph": first.graph.digest,
        "candidates": reports[0]["candidates"],
        "models": each,
        **over_reports(reports),
    }


def repeats_of(splits: Mapping[str, Split]) -> Repeats:
    """What models of these splits are: several `folds` of one set, `splits` by several seeds, or `seeds` of one split.

    A UsageError for fewer than two, for splits of other graphs or without test triples, for those that differ by
    anything but the fold, or the seed, and for one split that comes twice among others.
    """
    if len(splits) < 2:
        raise UsageError(f"{len(splits)} model came; a mean needs two or more, one a fold or a repeat")
    first, *others = splits
    for name, split in splits.items():
        if split.graph.digest != splits[first].graph.digest:
            raise UsageError(f"{name} is of another graph than {first}: a mean over them says nothing")
        if not len(split.test):
            raise UsageError(f"{name} has no test triples to be evaluated on")
    names = {split.digest: name for name, split in splits.items()}
    if len(names) == 1:
        return "seeds"
    for name, split in splits.items():
        if names[split.digest] != name:
            raise UsageError(f"{name} and {names[split.digest]} are of one split, which may come but once among others")
    settings = {name: _settings(split) for name, split in splits.items()}
    differ = {
        key: other
        for key in dict.fromkeys(key for each in settings.values() for key in each)
        if (other := next((o for o in others if settings[o].get(key) != settings[first].get(key)), None))
    }
    if differ.keys() == {"fold"}:
        return "folds"
    if differ.keys() == {"seed"}:
        return "splits"
    said = [f"{key} is {settings[first].get(key)} in {first} and {settings[other].get(key)} in {other}"
            for key, other in differ.items()]  # fmt: skip
    why = "; ".join(said) or f"a split of the kind {settings[first].get('kind')} is not drawn"
    raise UsageError(f"these are neither folds of one split nor repeats: {why}")


def over_reports(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Reports of `evaluate` taken together: the parts of `evaluate_folds` that have means."""
    tables = [_by_model(report) for report in reports]
    parts = {name: {part: [table[name][part] for table in tables] for part in PARTS} for name in tables[0]}
    own = parts.pop("")
    return {
        **{part: _over(each) for part, each in own.items()},
        "baselines": {name: {part: _over(each) for part, each in of.items()} for name, of in parts.items()},
        "differences": {
            name: {part: _over([_less(*two) for two in zip(own[part], each, strict=True)]) for part, each in of.items()}
            for name, of in parts.items()
        },
    }


def _settings(split: Split) -> dict[str, object]:
    return {key: value for key, value in split.made.items() if key not in _NO_SETTING}


def _by_model(report: Mapping[str, Any]) -> dict[str, dict[str, Table | None]]:
    """The metrics of each part, of the model, whose name is empty, and of each baseline."""
    found = {"": {part: report[part] for part in PARTS}}
    for name in report["baselines"]:
        found[name] = {
            "both": report["baselines"][name],
            **{side: report["baselines_by_side"][side][name] for side in SIDES},
            "by_disease": (report["baselines_by_disease"] or {}).get(name),
            "pairs": (report["pairs"] or {"baselines": {}})["baselines"].get(name),
        }
    return {name: {part: _metrics(table) for part, table in parts.items()} for name, parts in found.items()}


def _metrics(table: Mapping[str, Any] | None) -> Table | None:
    """The numbers of a table that have an interval, without it."""
    return None if table is None else {key: value for key, value in table.items() if f"{key}_low" in table}


def _less(one: Table | None, other: Table | None) -> Table | None:
    if one is None or other is None:
        return None
    pairs = {key: (value, other[key]) for key, value in one.items()}
    return {key: None if a is None or b is None else a - b for key, (a, b) in pairs.items()}


def _over(tables: Sequence[Table | None]) -> Table | None:
    """The mean over tables of each of their numbers, with `_deviation`, `_low` and `_high`."""
    there = [table for table in tables if table is not None]
    if len(there) < len(tables):
        return None
    found: Table = {}
    for key in there[0]:
        names, values = (key, f"{key}_deviation", f"{key}_low", f"{key}_high"), [table[key] for table in there]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            found |= dict.fromkeys(names)
        else:
            mean, low, high = over_folds(numbers)
            found |= dict(zip(names, (mean, float(np.std(numbers, ddof=1)), low, high), strict=True))
    return found
