"""What a trained-model folder must hold: each file vouched for by a SHA-256.

The manifest lists what decides answers, so that its own SHA-256, the model's digest, is the same for the same model.
What was measured decides none, and holds times that are never the same: its sum lies beside it.
"""

from pathlib import Path

from kgdrug.config import Experiment, experiment_from
from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph.store import read_json, sha256_of, write_json

FORMAT = "kgdrug model 1"
MANIFEST, WEIGHTS, EXPERIMENTS, FACTS = "manifest.json", "weights.json", "experiments.json", "facts"
METRICS, METRICS_SUM = "metrics.json", "metrics.json.sha256"  # the sum as `sha256sum --check` reads it


def write_manifest(folder: Path, name: str) -> None:
    """List every file of the folder with its SHA-256, that of the metrics in a file of its own."""
    (folder / METRICS_SUM).write_text(f"{sha256_of(folder / METRICS)}  {METRICS}\n", encoding="utf-8")
    beside = MANIFEST, METRICS, METRICS_SUM
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).as_posix() not in beside)
    sums = {p.relative_to(folder).as_posix(): sha256_of(p) for p in files}
    write_json(folder / MANIFEST, {"format": FORMAT, "name": name, "files": sums})


def check_manifest(folder: Path, whole: bool = True) -> None:
    """An error where the folder is no trained model; with whole, every file is compared with its SHA-256."""
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{folder} is not a trained model: it has no {MANIFEST}")
    manifest = read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise BadInputError(folder / MANIFEST, f"format is {manifest.get('format')!r}; this kgdrug reads {FORMAT!r}")
    if whole:
        _verify(folder, manifest.get("files"))


def read_weights(path: Path, members: int) -> tuple[int, ...]:
    """How much each member counts; empty where there is no such file."""
    if not path.is_file():
        return ()
    weights = read_json(path).get("weights")
    if isinstance(weights, list) and len(weights) == members and all(type(w) is int and w > 0 for w in weights):
        return tuple(weights)
    raise BadInputError(path, f"does not give each of {members} members a whole number above 0")


def read_experiments(path: Path, members: int) -> tuple[Experiment, ...]:
    """What each member was trained by; empty where there is no such file."""
    if not path.is_file():
        return ()
    found = read_json(path).get("experiments")
    if not isinstance(found, list) or len(found) != members or not all(isinstance(one, dict) for one in found):
        raise BadInputError(path, f"does not give each of {members} members its experiment")
    return tuple(experiment_from(one, str(path)) for one in found)


def _verify(folder: Path, sums: object) -> None:
    """BadInputError for the first file that is missing, is not what was saved, or was added since."""
    if not isinstance(sums, dict):
        raise BadInputError(folder / MANIFEST, "does not list the files with their SHA-256")
    listed = {name: (expected, MANIFEST) for name, expected in sums.items()}
    beside = {MANIFEST}
    if METRICS not in sums:  # older manifests list it
        listed[METRICS], beside = (_metrics_sum(folder), METRICS_SUM), {MANIFEST, METRICS_SUM}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in beside and name not in listed:
            raise BadInputError(path, f"is not listed in {MANIFEST}")
    for name, (expected, where) in listed.items():
        path = folder / name
        if not path.is_file():
            raise BadInputError(path, f"is missing, though {where} lists it")
        if sha256_of(path) != expected:
            raise BadInputError(path, f"is damaged or was changed: its SHA-256 is not the one in {where}")


def _metrics_sum(folder: Path) -> str:
    path = folder / METRICS_SUM
    if not path.is_file():
        raise BadInputError(path, "is missing")
    words = path.read_bytes().decode("utf-8", "replace").split()
    if words[1:] != [METRICS]:
        raise BadInputError(path, f"is damaged or was changed: it does not hold the SHA-256 of {METRICS}")
    return words[0]
