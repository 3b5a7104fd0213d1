"""What a newcomer has: a terminal in a folder, a small graph, an experiment file, and a model trained from them."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch loads: small tables wait long for a second thread

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# where others wait for the result, the same examples each time; by hand, new ones
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

if TYPE_CHECKING:
    from kgdrug import Run

# id, name, and the names of what each joins
ENTITIES = {
    "Compound": {
        "DB00722": "Lisinopril",
        "DB00584": "Enalapril",
        "DB00178": "Ramipril",
        "DB00678": "Losartan",
        "DB00177": "Valsartan",
        "DB00381": "Amlodipine",
        "DB00264": "Metoprolol",
        "DB00331": "Metformin",
        "DB01067": "Glipizide",
        "DB01120": "Gliclazide",
        "DB01016": "Glyburide",
        "DB01261": "Sitagliptin",
        "DB01001": "Salbutamol",
        "DB00938": "Salmeterol",
        "DB00471": "Montelukast",
        "DB01222": "Budesonide",
        "DB00252": "Phenytoin",
        "DB00564": "Carbamazepine",
        "DB00555": "Lamotrigine",
        "DB00313": "Valproic acid",
        "DB01202": "Levetiracetam",
        "DB00364": "Sucralfate",
    },
    "Disease": {
        "DOID:10763": "hypertension",
        "DOID:3393": "coronary artery disease",
        "DOID:9352": "type 2 diabetes mellitus",
        "DOID:2841": "asthma",
        "DOID:3083": "chronic obstructive pulmonary disease",
        "DOID:1826": "epilepsy syndrome",
        "DOID:6364": "migraine",
    },
    "Gene": {
        "1636": "ACE",
        "185": "AGTR1",
        "154": "ADRB2",
        "6833": "ABCC8",
        "6323": "SCN1A",
        "6557": "SLC12A1",
        "20497": "Slc12a1",  # the mouse's gene is spelt so: names that differ in case alone
    },
}
METAEDGES = {
    "CbG": ("Compound", "binds", "Gene", "no"),
    "CpD": ("Compound", "palliates", "Disease", "no"),
    "CtD": ("Compound", "treats", "Disease", "yes"),
    "DaG": ("Disease", "associates", "Gene", "no"),
    "DrD": ("Disease", "resembles", "Disease", "no"),
}
EDGES = {
    "CbG": [
        *((name, "ACE") for name in ("Lisinopril", "Enalapril", "Ramipril")),
        *((name, "AGTR1") for name in ("Losartan", "Valsartan")),
        *((name, "ABCC8") for name in ("Glipizide", "Gliclazide", "Glyburide")),
        *((name, "ADRB2") for name in ("Salbutamol", "Salmeterol")),
        *((name, "SCN1A") for name in ("Phenytoin", "Carbamazepine", "Lamotrigine")),
    ],
    "CpD": [
        ("Amlodipine", "coronary artery disease"),
        ("Metoprolol", "migraine"),
        ("Budesonide", "asthma"),
        ("Budesonide", "chronic obstructive pulmonary disease"),
        ("Valproic acid", "migraine"),
        ("Salbutamol", "asthma"),
        ("Enalapril", "hypertension"),
        ("Glipizide", "type 2 diabetes mellitus"),
    ],
    "CtD": [
        *((name, "hypertension") for name in ("Lisinopril", "Enalapril", "Ramipril", "Losartan", "Valsartan")),
        *((name, "hypertension") for name in ("Amlodipine", "Metoprolol")),
        *((name, "coronary artery disease") for name in ("Lisinopril", "Ramipril", "Metoprolol", "Amlodipine")),
        *((name, "type 2 diabetes mellitus") for name in ("Metformin", "Glipizide", "Gliclazide", "Glyburide")),
        ("Sitagliptin", "type 2 diabetes mellitus"),
        *((name, "asthma") for name in ("Salbutamol", "Salmeterol", "Montelukast", "Budesonide")),
        *((name, "chronic obstructive pulmonary disease") for name in ("Salbutamol", "Salmeterol")),
        *((name, "epilepsy syndrome") for name in ("Phenytoin", "Carbamazepine", "Lamotrigine", "Valproic acid")),
        ("Levetiracetam", "epilepsy syndrome"),
        ("Valproic acid", "migraine"),
    ],
    "DaG": [
        ("hypertension", "ACE"),
        ("hypertension", "AGTR1"),
        ("hypertension", "SLC12A1"),
        ("coronary artery disease", "ACE"),
        ("type 2 diabetes mellitus", "ABCC8"),
        ("asthma", "ADRB2"),
        ("chronic obstructive pulmonary disease", "ADRB2"),
        ("epilepsy syndrome", "SCN1A"),
        ("migraine", "SCN1A"),
        ("migraine", "Slc12a1"),
    ],
    "DrD": [
        ("asthma", "chronic obstructive pulmonary disease"),
        ("hypertension", "coronary artery disease"),
        ("epilepsy syndrome", "migraine"),
    ],
}
EXPERIMENT = """\
name = "small"
seed = 7

[graph]
source = "{source}"

[split]
valid = 0.15
test = 0.2

[model]
dimension = 16

[training]
epochs = 8
batch_size = 64
negatives = "all"
"""


@contextmanager
def _working_in(folder: Path) -> Iterator[Path]:
    """A terminal in this folder: nothing set for kgdrug or MLflow, and no run open before or after."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("KGDRUG_", "MLFLOW_"))]:
            patch.delenv(name)
        patch.setenv("KGDRUG_CACHE", str(folder / "no cache"))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(folder)
        _forget_tracking()
        try:
            yield folder
        finally:
            _forget_tracking()


def _forget_tracking() -> None:
    if "mlflow" in sys.modules:
        import mlflow

        while mlflow.active_run():
            mlflow.end_run("KILLED")
        mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small graph, written by hand: 22 compounds, 7 diseases, 7 genes. Sucralfate joins nothing."""
    folder = tmp_path_factory.mktemp("graph") / "clinic"
    (folder / "edges").mkdir(parents=True)
    nodes = [f"{t}::{i}\t{name}\t{t}\n" for t, names in ENTITIES.items() for i, name in names.items()]
    (folder / "entities.tsv").write_text("id\tname\ttype\n" + "".join(nodes))
    header = "abbreviation\thead_type\trelation\ttail_type\ttreats\tlicence\tsource\n"
    rows = ["\t".join([edge, *about, "CC0 1.0", "textbook"]) + "\n" for edge, about in METAEDGES.items()]
    (folder / "metaedges.tsv").write_text(header + "".join(rows))
    for edge, pairs in EDGES.items():
        lines = "".join(f"{head}\t{tail}\n" for head, tail in pairs)
        (folder / "edges" / f"{edge}.tsv").write_text("head\ttail\n" + lines)
    return folder


@pytest.fixture(scope="session")
def experiment_file(curated: Path) -> Path:
    """An experiment on the small graph that trains in a blink."""
    path = curated.with_name("small.toml")
    path.write_text(EXPERIMENT.format(source=curated))
    return path


@pytest.fixture(scope="session")
def empty_tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: making its tables takes seconds, copying it none."""
    folder = tmp_path_factory.mktemp("tracking")
    with _working_in(folder):
        from kgdrug.registry import import_mlflow

        import_mlflow().MlflowClient().search_experiments()
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def trained_run(experiment_file: Path, empty_tracking: Path, tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """The one model trained for all tests; nobody changes its folder. It is tracked in `laboratory`."""
    from kgdrug import read_experiment, run

    folder = tmp_path_factory.mktemp("laboratory")
    shutil.copy(empty_tracking, folder / "mlflow.db")
    with _working_in(folder):
        return run(read_experiment(experiment_file), folder / "clinic-model")


@pytest.fixture
def laboratory(trained_run: "Run") -> Iterator[Path]:
    """A terminal in the folder where `trained_run` was trained and tracked."""
    with _working_in(trained_run.folder.parent) as folder:
        yield folder


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Path]:
    """A terminal in an empty folder."""
    folder = tmp_path / "bare"
    folder.mkdir()
    with _working_in(folder):
        yield folder


@pytest.fixture
def desk(bare: Path, empty_tracking: Path) -> Path:
    """A terminal in a folder that holds nothing but an MLflow database without runs."""
    shutil.copy(empty_tracking, bare / "mlflow.db")
    return bare


@pytest.fixture
def kgdrug_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Runs the command line in this process: its exit code, what it printed, and its errors."""

    def run(*words: object) -> SimpleNamespace:
        capsys.readouterr()
        from kgdrug import cli

        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        written = capsys.readouterr()
        code = ended.value.code
        code = code if isinstance(code, int) else int(code is not None)
        return SimpleNamespace(code=code, out=written.out, err=written.err)

    return run


@pytest.fixture
def kg(kgdrug_command: Callable[..., SimpleNamespace], bare: Path) -> Callable[..., SimpleNamespace]:
    """The command line in an empty folder."""
    return kgdrug_command
