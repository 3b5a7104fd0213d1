"""Experiment files: TOML to frozen dataclasses, with no key left unread.

A setting has one name everywhere: `training.batch_size` in TOML, in `--set`, in Python and as an MLflow parameter.
"""

import dataclasses
import datetime
import difflib
import math
import tomllib
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from kgdrug.errors import UsageError, close_words

T = TypeVar("T")


def _setting(
    default: Any,
    *,
    minimum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    date: bool = False,
) -> Any:
    bounds = {"minimum": minimum, "above": above, "below": below}
    return field(default=default, metadata={**bounds, "date": date})


@dataclass(frozen=True)
class GraphConfig:
    """Where the facts come from: a source, which `[split]` then parts, or a folder of fixed parts."""

    source: str | None = None  # a name, a built graph folder, or any source of `kgdrug build`
    splits: str | None = None  # a folder with train, valid and test files


@dataclass(frozen=True)
class SplitConfig:
    """How treatments, or triples, are held out. Which settings a kind has is in `SPLIT_SETTINGS`."""

    kind: Literal["pairs", "cold-drug", "cold-disease", "disease-area", "groups", "time", "given", "triples"] = "pairs"
    valid: float = _setting(0.1, above=0)  # share held out to choose the model
    test: float = _setting(0.2, above=0)  # share held out to judge it
    seed: int = _setting(0, minimum=0)
    folds: int | None = _setting(None, minimum=2)  # instead of `test`: so many equal parts, of which
    fold: int | None = _setting(None, minimum=0)  # this one is the test part
    groups: str | None = None  # of `groups`: a table `entity group`
    valid_from: str | None = _setting(None, date=True)  # of `time`: first evidence from here on is valid,
    test_from: str | None = _setting(None, date=True)  # and from here on test
    dates: str | None = None  # of `time`: a table `compound disease date`; by default the graph's annotations
    folder: str | None = None  # of `given`: valid and test files that list what to hold out


_DRAWN = ("valid", "test", "seed", "folds", "fold")
SPLIT_SETTINGS = {
    **dict.fromkeys(("pairs", "cold-drug", "cold-disease", "disease-area", "triples"), _DRAWN),
    "groups": (*_DRAWN, "groups"),
    "time": ("valid_from", "test_from", "dates"),
    "given": ("folder",),
}
_NEEDED = {"groups": ("groups",), "time": ("valid_from", "test_from"), "given": ("folder",)}


@dataclass(frozen=True)
class ModelConfig:
    score: Literal[
        "transe", "distmult", "complex", "rotate", "transe-l2", "transe-l1", "quate", "cp", "simple", "rescal", "conve",
        "metapaths",
    ] = "complex"  # fmt: skip
    dimension: int = _setting(200, minimum=1)  # real numbers per entity


FITTED = ("metapaths",)  # scores of models that are fitted in one go, without epochs


@dataclass(frozen=True)
class MetapathConfig:
    """Of the score `metapaths`, which is fitted and not trained."""

    length: int = _setting(4, minimum=2, below=5)  # steps of the longest metapaths
    damping: float = _setting(0.4, minimum=0)  # how much paths through hubs count less
    null: Literal["degrees", "swaps", "none"] = "degrees"  # what path counts are compared with
    permutations: int = _setting(5, minimum=1)  # graphs with swapped edges, of the null `swaps`
    negatives: int | Literal["all"] = _setting(100, minimum=1)  # pairs without a treatment, for each one with


@dataclass(frozen=True)
class TrainingConfig:
    epochs: int = _setting(50, minimum=1)
    batch_size: int = _setting(512, minimum=1)  # queries a step
    answers_per_query: int | Literal["auto", "all"] = _setting("auto", minimum=1)  # a step; auto: 8, or all in 1-vs-all
    negatives: int | Literal["all"] = _setting(1024, minimum=1)  # per batch, shared; "all" is 1-vs-all
    candidates: Literal["typed", "all"] = "typed"  # which entities an answer competes with
    without: tuple[str, ...] = ()  # metaedges that training does not show; they stay in the graph
    treatment_repeats: int = _setting(1, minimum=1)  # times that an epoch shows each treatment triple
    learning_rate: float = _setting(0.1, above=0)
    schedule: Literal["constant", "linear"] = "constant"  # linear: down to 1 % of the rate at the end of `epochs`
    n3: float = _setting(0.0, minimum=0)  # weight of the N3 regulariser
    relation_prediction: float = _setting(0.0, minimum=0)  # weight of asking which relation joins head and tail
    dropout: float = _setting(0.0, minimum=0, below=1)  # share of a query's numbers left out in training
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # of matrix products in training; tables are fp32
    valid_every: int = _setting(1, minimum=1)  # epochs between looks at valid
    patience: int = _setting(5, minimum=1)  # looks without a better valid MRR before it stops
    checkpoint_every: int = _setting(1, minimum=1)  # epochs between checkpoints, at least


@dataclass(frozen=True)
class EvaluationConfig:
    candidates: Literal["typed", "all"] = "typed"


@dataclass(frozen=True)
class Experiment:
    """Everything that decides a run."""

    name: str = "kgdrug"
    seed: int = _setting(0, minimum=0)
    seeds: int = _setting(1, minimum=1)  # members to train, with the seeds from `seed` on
    device: str = "auto"
    auto: tuple[str, ...] = ()  # settings that are chosen from the graph, such as "training.n3"
    graph: GraphConfig = field(default_factory=GraphConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    metapaths: MetapathConfig = field(default_factory=MetapathConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


CHOSEN = (
    "model.dimension",
    "training.epochs",
    "training.batch_size",
    "training.negatives",
    "training.n3",
    "training.relation_prediction",
    "training.dropout",
)  # what `auto` can name; see `kgdrug.training.recipe`


def read_experiment(path: str | Path, settings: Sequence[str] = ()) -> Experiment:
    """The experiment in a TOML file, with settings such as `training.epochs=50` put over it."""
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no such experiment file: {path}") from None
    except IsADirectoryError:
        files = ", ".join(file.name for file in sorted(path.glob("*.toml")))
        advice = f"one of its files: {files}" if files else "a .toml file; it holds none"
        raise UsageError(f"{path} cannot be read as an experiment: it is a folder; give {advice}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read as an experiment: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from None
    both = set(flat_value(content, "")) & {f".{name}" for name in content.get("auto", [])}
    if both:
        raise UsageError(f"{path}: {both.pop()[1:]} is set, and named by auto too; leave one of them out")
    if settings:
        return override(dataclass_from(Experiment, content, str(path)), settings)
    experiment = dataclass_from(Experiment, content, str(path))
    check(experiment, str(path), _by_hand(name.removeprefix(".") for name in flat_value(content, "")))
    return experiment


def experiment_from(content: Mapping[str, Any], where: str) -> Experiment:
    """The experiment in a nested mapping; where names it in errors."""
    experiment = dataclass_from(Experiment, content, where)
    check(experiment, where)
    return experiment


def _by_hand(names: Iterable[str]) -> set[str]:
    """The settings of `[split]` among dotted names."""
    return {name.removeprefix("split.") for name in names if name.startswith("split.")}


def override(experiment: Experiment, settings: Sequence[str]) -> Experiment:
    """The experiment with `KEY=VALUE` settings put over it; a value is written as in TOML, quotes optional."""
    content = to_dict(experiment)
    by_set = [setting.partition("=")[0].strip() for setting in settings]
    if "graph.splits" in by_set:  # it takes the place of what the file says, not of what else is set by hand
        content["graph"], content["split"] = {}, {}
    elif "graph.source" in by_set:
        content["graph"].pop("splits", None)
    if "split.kind" in by_set:  # another kind has other settings
        kept = SPLIT_SETTINGS.get(str(_value(dict(map(_halves, settings))["split.kind"])), ())
        content["split"] = {name: value for name, value in content["split"].items() if name in kept}
    if "split.folds" in by_set:
        content["split"].pop("test", None)
    elif "split.test" in by_set and "split.fold" not in by_set:  # a share instead of folds
        content["split"].pop("folds", None)
        content["split"].pop("fold", None)
    by_hand: set[str] = set()
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting}: write KEY=VALUE, such as training.epochs=50")
        section: dict[str, Any] = content
        *parts, last = key.strip().split(".")
        if parts and parts[0] not in content and parts[0] not in _sections(Experiment):
            raise UsageError(f"--set: unknown key {key.strip()}{_did_you_mean(key.strip(), Experiment)}")
        for part in parts:
            inner = section.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UsageError(f"--set {setting}: unknown key {key.strip()}{_did_you_mean(key.strip(), Experiment)}")
            section = inner
        section[last] = _value(text.strip())
        named = flat_value(section[last], key.strip())
        content["auto"] = [setting for setting in content["auto"] if setting not in named]
        by_hand |= named.keys()
    experiment = dataclass_from(Experiment, content, "--set")
    check(experiment, "--set", _by_hand(by_hand))
    return experiment


def check(experiment: Experiment, where: str, by_hand: Collection[str] = ()) -> None:
    """Refuse settings that contradict each other; by_hand: as `check_split` has it."""
    graph, split = experiment.graph, experiment.split
    if (graph.source is None) == (graph.splits is None):
        given = "both are" if graph.source is not None else "neither is"
        raise UsageError(f"{where}: give either graph.source, to be split, or graph.splits, a folder; {given} there")
    if graph.splits is not None and (split != SplitConfig() or by_hand):
        raise UsageError(f"{where}: graph.splits is parted already; remove [split]")
    if graph.source is not None:
        check_split(split, where, by_hand)
    if experiment.model.score in FITTED:
        _check_fitted(experiment, where)
    for name in experiment.auto:
        if name not in CHOSEN:
            raise UsageError(f"{where}: auto names {name!r}; of a graph follow {', '.join(CHOSEN)}")


def check_split(split: SplitConfig, where: str, by_hand: Collection[str] = ()) -> None:
    """Refuse settings that the kind of split lacks, or does not use, or that contradict each other.

    by_hand: settings that were written down, which count even where they are as by default.
    """
    allowed = SPLIT_SETTINGS[split.kind]
    by_hand = [f.name for f in dataclasses.fields(split) if f.name in by_hand or getattr(split, f.name) != f.default]
    for name in by_hand:
        if name not in ("kind", *allowed):
            kinds = [kind for kind, settings in SPLIT_SETTINGS.items() if name in settings]
            of = f"split.kind = {' or '.join(map(repr, kinds))}"
            raise UsageError(f"{where}: split.{name} is for {of}, and the kind is {split.kind!r}")
    for name in _NEEDED.get(split.kind, ()):
        if getattr(split, name) is None:
            raise UsageError(f"{where}: split.kind = {split.kind!r} needs split.{name}")
    if (split.folds is None) != (split.fold is None):
        given, lacking = ("folds", "fold") if split.fold is None else ("fold", "folds")
        raise UsageError(f"{where}: split.{given} needs split.{lacking}; fold 0 of folds 5 tests the first fifth")
    if split.folds is not None and split.fold is not None and split.fold >= split.folds:
        raise UsageError(
            f"{where}: split.fold is {split.fold}; of {split.folds} folds it can be 0 to {split.folds - 1}"
        )
    if split.folds is not None and "test" in by_hand:
        raise UsageError(
            f"{where}: split.test is {split.test}, but with split.folds a fold is the test part; leave it out"
        )
    if split.folds is None and "valid" in allowed and not split.valid + split.test < 1:
        raise UsageError(
            f"{where}: split.valid is {split.valid} and split.test {split.test}; together they must be below 1"
        )


def _check_fitted(experiment: Experiment, where: str) -> None:
    """Refuse what means nothing for a model that is fitted in one go."""
    if experiment.seeds > 1:
        raise UsageError(f"{where}: seeds is {experiment.seeds}; fits of metapaths are all but the same, leave it at 1")
    if experiment.auto:
        raise UsageError(f"{where}: auto chooses settings of a training, and metapaths are fitted; leave it out")
    if experiment.evaluation.candidates == "all":
        raise UsageError(f"{where}: metapaths rank the answer's type alone; leave evaluation.candidates at 'typed'")


def unused(experiment: Experiment) -> list[str]:
    """Settings that differ from their defaults and that the experiment's kind of model makes no use of."""
    fitted = experiment.model.score in FITTED
    sections = ("training", "model.dimension") if fitted else ("metapaths",)
    default = flat(Experiment())
    return [
        key
        for key, value in flat(experiment).items()
        if any(key == section or key.startswith(section + ".") for section in sections) and value != default.get(key)
    ]


def to_dict(config: Any) -> dict[str, Any]:
    """Nested mapping of a configuration, without the settings that are None (TOML has no word for it)."""
    return {
        f.name: to_dict(value) if dataclasses.is_dataclass(value) else list(value) if type(value) is tuple else value
        for f in dataclasses.fields(config)
        if (value := getattr(config, f.name)) is not None
    }


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """Settings by dotted name."""
    result: dict[str, Any] = {}
    for key, value in to_dict(config).items():
        result |= flat_value(value, prefix + key)
    return result


def flat_value(value: Any, key: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return {inner: v for k, x in value.items() for inner, v in flat_value(x, f"{key}.{k}").items()}
    return {key: value}


def dataclass_from(cls: type[T], content: Mapping[str, Any], where: str) -> T:
    """A dataclass of settings from a mapping; a setting that is unknown, missing or of another kind is a UsageError."""
    result: T = _dataclass(cls, content, where, "")
    return result


def _dataclass(cls: Any, content: Mapping[str, Any], where: str, prefix: str, root: Any = None) -> Any:
    root = root or cls
    fields, hints = {f.name: f for f in dataclasses.fields(cls)}, typing.get_type_hints(cls)
    values = {}
    for key, value in content.items():
        name = prefix + key
        if key not in fields and isinstance(value, Mapping):
            section = close_words(key, _sections(cls), 0.6)
            hint = f"; did you mean [{prefix}{section[0]}]?" if section else _did_you_mean(name, root)
            raise UsageError(f"{where}: unknown section [{name}]{hint}")
        if key not in fields:
            raise UsageError(f"{where}: unknown key {name}{_did_you_mean(name, root)}")
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise UsageError(f"{where}: {name} is a section, written [{name}], not {value!r}")
            values[key] = _dataclass(hints[key], value, where, name + ".", root)
        else:
            values[key] = _checked(value, hints[key], fields[key], f"{where}: {name}")
    needed = (f.name for f in fields.values() if f.default is MISSING and f.default_factory is MISSING)
    missing = next((name for name in needed if name not in values), None)
    if missing:
        raise UsageError(f"{where}: needs {prefix}{missing}")
    return cls(**values)


def _checked(value: Any, hint: Any, setting: dataclasses.Field[Any], where: str) -> Any:
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(inner, str) for inner in value):
            raise UsageError(f"{where} is {value!r}; expected a list of names")
        return tuple(value)
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    words = [w for o in options if typing.get_origin(o) is Literal for w in typing.get_args(o)]
    kinds = [o for o in options if isinstance(o, type) and o is not types.NoneType]
    if value in words and isinstance(value, str):
        return value
    if setting.metadata.get("date") and type(value) in (int, datetime.date):
        value = str(value)  # TOML reads 2014 and 2014-05-31 as a number and a day
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not any(type(value) is kind for kind in kinds):
        named = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
        expected = [repr(w) for w in words] + [named.get(k.__name__, k.__name__) for k in kinds]
        close = difflib.get_close_matches(str(value), words, 1)
        hint_text = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"{where} is {value!r}; expected {' or '.join(expected)}{hint_text}")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{where} is {value}; it must be a finite number")
    minimum, above, below = (setting.metadata.get(bound) for bound in ("minimum", "above", "below"))
    if minimum is not None and not value >= minimum:
        raise UsageError(f"{where} is {value}; it must be at least {minimum}")
    if above is not None and not value > above:
        raise UsageError(f"{where} is {value}; it must be above {above}")
    if below is not None and not value < below:
        raise UsageError(f"{where} is {value}; it must be below {below}")
    return value


def _halves(setting: str) -> tuple[str, str]:
    key, _, text = setting.partition("=")
    return key.strip(), text.strip()


def _value(text: str) -> Any:
    """A TOML value; what is none, such as a bare word, is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _did_you_mean(name: str, cls: Any) -> str:
    close = difflib.get_close_matches(name, _keys(cls), 1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _sections(cls: Any) -> list[str]:
    return [f.name for f in dataclasses.fields(cls) if dataclasses.is_dataclass(f.default_factory)]


def _keys(cls: Any, prefix: str = "") -> list[str]:
    keys = []
    for f in dataclasses.fields(cls):
        section = f.default_factory if f.default_factory is not MISSING else None
        keys += _keys(section, f"{prefix}{f.name}.") if dataclasses.is_dataclass(section) else [prefix + f.name]
    return keys
