"""The command line, by hand: what is typed, what is printed, and the exit code."""

import csv
import functools
import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

import kgdrug
from kgdrug import Run, cli
from kgdrug.errors import UsageError
from kgdrug.sources.downloads import DATASETS, Dataset, RemoteFile
from kgdrug.training import Epoch

pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")
MEANS = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank", "amri")
METRICS = {"queries", *(name + end for name in MEANS for end in ("", "_low", "_high"))}
BASELINES = {"degree", "degree_product", "shared_neighbours", "random"}


Done = SimpleNamespace  # what a command came to: code, out, err
Kgdrug = Callable[..., Done]


def type_in(folder: Path, *words: object, **environment: str) -> Done:
    """A command as a newcomer gives it: a process of its own, with an empty HOME and nothing set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KGDRUG_", "MLFLOW_", "COV"))}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [Path(sys.executable).with_name("kgdrug"), *map(str, words)],
        cwd=folder,
        env=kept | {"HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def refused(done: Done, *parts: str, code: int = 2) -> None:
    """Checks an error: exit code, one or two plain lines on stderr that hold the parts, nothing on stdout."""
    lines = done.err.splitlines()
    assert (done.code, done.out) == (code, "")
    assert 1 <= len(lines) <= 2, done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err
    for part in parts:
        assert part in done.err


# the whole way, by hand


def test_a_newcomer_builds_trains_asks_and_is_warned_of_a_compound_nothing_is_known_of(
    curated: Path, empty_tracking: Path, tmp_path: Path
) -> None:
    shutil.copy(empty_tracking, tmp_path / "mlflow.db")
    built = type_in(tmp_path, "build", curated, "--out", "graph")
    assert built.code == 0, built.err
    assert "clinic: 36 entities" in built.out
    (tmp_path / "my.toml").write_text(
        'name = "mine"\n[graph]\nsource = "graph"\n[model]\ndimension = 16\n[training]\nepochs = 3\n'
    )
    trained = type_in(tmp_path, "train", "my.toml", "--set", "training.epochs=2", "--out", "model")
    assert trained.code == 0, trained.err
    assert "baseline degree" in trained.out
    assert "model folder  model" in trained.out
    assert "Traceback" not in trained.err
    asked = type_in(tmp_path, "predict", "model", "--compound", "SUCRALFATE", "--top", "3", "--format", "json")
    assert asked.code == 0
    assert len(json.loads(asked.out)["answers"]) == 3
    assert asked.err == (
        "WARNING: Sucralfate (Compound::DB00364) stands in no training triple: this ranking is arbitrary\n"
    )
    assert {p.name for p in tmp_path.iterdir()} == {"home", "graph", "my.toml", "model", "mlflow.db", "mlruns"}


def test_a_traceback_comes_on_demand(tmp_path: Path) -> None:
    debugged = type_in(tmp_path, "data", "get", "hetionett", "--debug")
    assert debugged.code != 0
    assert "Traceback" in debugged.err
    assert "UnknownNameError: unknown data set 'hetionett'" in debugged.err


def test_training_is_quiet_on_stderr_but_for_its_own_lines(
    kgdrug_command: Kgdrug, desk: Path, experiment_file: Path, recwarn: pytest.WarningsRecorder
) -> None:
    done = kgdrug_command("train", experiment_file, "--set", "training.epochs=1", "--out", "model")
    assert done.code == 0
    header, epoch = done.err.splitlines()
    assert header == "experiment small: complex, 16 numbers per entity"
    assert re.fullmatch(r"epoch 1 of 1: loss [\d.]+, [\d,]+ triples/s, valid MRR [\d.]+ \(best\), 0 s left", epoch)
    assert [str(warning.message) for warning in recwarn if "mlflow" in str(warning.filename)] == []


# help


def test_help_names_every_command(kg: Kgdrug) -> None:
    done = kg("--help")
    assert done.code == 0
    for command in ("demo", "doctor", "data", "build", "train", "evaluate", "compare", "predict", "runs", "serve"):
        assert f"\n  {command}" in done.out
    assert "no medical advice" in done.out


def test_help_has_the_commands_in_the_order_of_the_work_each_told_whole(
    kg: Kgdrug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    lines = kg("--help").out.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0] for line in lines]
    way = ("demo", "doctor", "data", "build", "split", "audit", "train", "evaluate", "predict", "explain", "serve")
    assert [name for name in names if name in way] == list(way)
    assert names[-1] == "serve"
    for group in ([], ["data"], ["runs"], ["import"]):
        lines = kg(*group, "--help").out.partition("Commands:\n")[2].splitlines()
        assert all(re.match(r"  \w+  .*\w\.$", line) and len(line) <= 80 for line in lines), lines


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["build"], ["--out", "--force"]),
        (["train"], ["--set", "--seeds", "--out", "--force", "--keep-checkpoints", "--resume"]),
        (["evaluate"], ["--json", "--candidates", "--pairs", "--universe", "--exclude", "--degree-corrected"]),
        (["compare"], ["--json", "--candidates"]),
        (
            ["predict"],
            ["--disease", "--compound", "--head", "--tail", "--relation", "--top", "--novel", "--format", "--out"],
        ),
        (["serve"], ["--host", "--port", "127.0.0.1", "8000"]),
        (["data", "describe"], ["--json", "--html", "--force"]),
        (["runs", "show"], []),
    ],
)
def test_every_command_explains_its_options(kg: Kgdrug, command: list[str], options: list[str]) -> None:
    done = kg(*command, "--help")
    assert done.code == 0
    usage = done.out.splitlines()[0]
    assert usage.startswith(f"Usage: kgdrug {' '.join(command)} [OPTIONS]")
    for option in options:
        assert option in done.out


def test_the_version_is_the_packages(kg: Kgdrug) -> None:
    assert kg("--version") == Done(code=0, out=f"kgdrug {kgdrug.__version__}\n", err="")


def test_help_and_version_load_neither_torch_nor_mlflow() -> None:
    program = "import sys, kgdrug.cli\ntry: kgdrug.cli.main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "kgdrug.cli" in modules
    assert not {"torch", "mlflow", "dgl", "pandas", "fastapi"} & set(modules)


@pytest.mark.parametrize("words", [[], ["data"], ["runs"]])
def test_a_command_left_out_is_answered_with_the_help(kg: Kgdrug, words: list[str]) -> None:
    done = kg(*words)
    assert done.code == 2
    assert "Commands:" in done.out + done.err


# wrong use


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["nonsense"], "nonsense"),
        (["predict"], "MODEL"),
        (["predict", "m", "--disease", "x", "--format", "xml"], "--format"),
        (["predict", "m", "--disease", "x", "--top", "0"], "--top"),
        (["predict", "m", "--disease", "x", "--topp", "3"], "--topp"),
        (["serve", "m", "--port", "99999"], "--port"),
        (["build", "essential"], "--out"),
        (["vectors", "m", "--out", "q"], "missing option --form"),
        (["vectors", "m", "--out", "q"], ": parquet, npy, word2vec or projector\ntry: kgdrug vectors --help"),
    ],
)
def test_words_that_are_no_command_are_wrong_use(kg: Kgdrug, words: list[str], part: str) -> None:
    refused(kg(*words), part)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["predict", "m", "--format", "xls"], "--format is 'xls'; give table, json, jsonl, csv, tsv, parquet or xlsx"),
        (["predict", "m", "--format", "x is not one of y"],
         "--format is 'x is not one of y'; give table, json, jsonl, csv, tsv, parquet or xlsx"),
        (["calibrate", "m", "--kind", ""], "--kind is ''; give platt or isotonic"),
        (["predict", "m", "--top", "abc"], "--top is 'abc'; give a whole number, 1 or more"),
        (["predict", "m", "--top", "1.5"], "--top is '1.5'; give a whole number, 1 or more"),
        (["predict", "m", "--top", "0"], "--top is '0'; give 1 or more"),
        (["serve", "m", "--port", "a\nb"], "--port is 'a\\nb'; give a whole number, 0 to 65535"),
        (["serve", "m", "--port", "99999"], "--port is '99999'; give 0 to 65535"),
        (["split", "g", "--out", "s", "--seed", "x"], "--seed is 'x'; give a whole number, 0 or more"),
        (["split", "g", "--out", "s", "--valid", "half"], "--valid is 'half'; give a number"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_option_is_told_with_what_does(kg: Kgdrug, words: list[str], text: str) -> None:
    done = kg(*words)
    refused(done, f"kgdrug: {text}\ntry: kgdrug {words[0]} --help")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["train", "nothing.toml"], ["no such experiment file: nothing.toml"]),
        (["predict", "nothing", "--disease", "x"], ["no such model: nothing"]),
        (["evaluate", "."], ["is not a trained model: it has no manifest.json"]),
        (["serve", "nothing"], ["no such model: nothing"]),
        (["build", "nowhere", "--out", "g"], ["no such graph: 'nowhere'", "essential, hetionet"]),
        (["data", "describe", "nowhere"], ["no such graph: 'nowhere'"]),
        (["data", "get", "hetionett"], ["unknown data set 'hetionett'", "hetionet"]),
        (["build", "hetionet", "--out", "g"], ["hetionet is not on this machine", "kgdrug data get hetionet"]),
    ],
)
def test_what_is_not_there_is_wrong_use_and_leaves_nothing_behind(
    kg: Kgdrug, words: list[str], parts: list[str]
) -> None:
    refused(kg(*words), *parts)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--disease", "astma"], ["unknown disease 'astma'; did you mean asthma (Disease::DOID:2841)?"]),
        (["--compound", "Lisinoprill"], ["did you mean Lisinopril (Compound::DB00722)"]),
        (["--head", "Metformin", "--relation", "CtX"], ["unknown relation 'CtX'; did you mean"]),
        (["--tail", "slc12a1", "--relation", "DaG"], ["is ambiguous", "Gene::20497", "Gene::6557"]),
        (["--head", "Metformin"], ["head needs a relation"]),
        ([], ["give one of disease, compound, head or tail; none came"]),
        (["--disease", "asthma", "--compound", "Metformin"], ["disease and compound came"]),
        (["--disease", "asthma", "--only", "@nofile.txt"], ["no such file: nofile.txt"]),
        (["--disease", "asthma", "--format", "parquet"], ["--format parquet needs --out FILE"]),
    ],
)
def test_a_question_that_cannot_be_asked_is_wrong_use(
    kg: Kgdrug, trained_run: Run, words: list[str], parts: list[str]
) -> None:
    refused(kg("predict", trained_run.folder, *words), *parts)


def test_an_unknown_setting_names_the_closest_one(kg: Kgdrug, experiment_file: Path) -> None:
    refused(
        kg("train", experiment_file, "--set", "training.batchsize=5"),
        "unknown key training.batchsize; did you mean training.batch_size?",
    )
    Path("typo.toml").write_text('[graph]\nsource = "essential"\n[training]\nepoch = 3\n')
    refused(kg("train", "typo.toml"), "typo.toml: unknown key training.epoch; did you mean training.epochs?")


def test_a_damaged_model_has_failed_and_is_no_wrong_use(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    shutil.copytree(trained_run.folder, bare / "model")
    path = bare / "model/members/0.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    for words in (["predict", "model", "--disease", "asthma"], ["evaluate", "model"], ["serve", "model"]):
        refused(kg(*words), "0.safetensors", "is damaged", code=1)


def test_a_file_that_is_wrong_is_named_with_its_line(kg: Kgdrug, curated: Path, bare: Path) -> None:
    shutil.copytree(curated, bare / "mine")
    with (bare / "mine/edges/CtD.tsv").open("a") as file:
        file.write("Metphormin\tasthma\n")
    refused(kg("build", "mine", "--out", "graph"), "CtD.tsv, line 30", "Metformin", code=1)
    assert {p.name for p in bare.iterdir()} == {"mine"}


def test_an_error_nobody_thought_of_is_two_lines_that_name_the_way_to_the_traceback(
    kg: Kgdrug, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(kgdrug, "load_graph", fall)
    refused(
        kg("data", "describe", "essential"),
        "kgdrug: unexpected ZeroDivisionError: division by zero",
        "run again with --debug for the traceback",
        code=1,
    )
    with pytest.raises(ZeroDivisionError):
        cli.main(["--debug", "data", "describe", "essential"])


@pytest.mark.parametrize("words", [["--debug", "evaluate", "nothing"], ["evaluate", "nothing", "--debug"]])
def test_debug_may_stand_anywhere_and_lets_the_error_through(bare: Path, words: list[str]) -> None:
    with pytest.raises(UsageError, match="no such model: nothing"):
        cli.main(words)


# doctor, data


def test_doctor_finds_nothing_wrong_here(kg: Kgdrug) -> None:
    done = kg("doctor")
    assert done.code == 0, done.out
    assert done.out.splitlines()[-1] == "no problems found"
    first_words = [line.split()[0] for line in done.out.splitlines()]
    for word in ("python", "kgdrug", "torch", "dgl", "mlflow", "device", "KGDRUG_DATA", "cache", "tracking"):
        assert word in first_words
    assert list(Path().iterdir()) == []


def test_doctor_says_what_is_wrong(kg: Kgdrug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGDRUG_DATA", "no folder")
    done = kg("doctor")
    assert done.code == 1
    assert "problem: KGDRUG_DATA is no folder, which is no folder" in done.out


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """A tracking server that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


@pytest.mark.parametrize(
    "words", [["runs", "list"], ["runs", "show", "abc"], ["predict", "runs:abc", "--disease", "x"], ["train", "mine"]]
)
def test_a_tracking_server_that_is_down_is_told_in_a_line_before_anything_is_trained(
    kg: Kgdrug, nobody: str, experiment_file: Path, words: list[str]
) -> None:
    train = words[0] == "train"
    done = kg("train", experiment_file, "--out", "model") if train else kg(*words)
    *before, last = done.err.splitlines()
    assert (done.code, len(before)) == (1, int(train))
    said = f"kgdrug: MLflow at {nobody} does not answer: Connection refused; see MLFLOW_TRACKING_URI"
    assert last == said
    assert list(Path().iterdir()) == []


def test_doctor_finds_a_tracking_server_that_is_down(kg: Kgdrug, nobody: str) -> None:
    done = kg("doctor")
    assert done.code == 1
    assert f"problem: runs cannot be tracked: MLflow at {nobody} does not answer" in done.out


def test_doctor_shows_no_password(kg: Kgdrug, nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", nobody.replace("://", "://user:token@"))
    done = kg("doctor")
    assert f"MLflow at {nobody} does not answer: Connection refused" in done.out
    assert "token" not in done.out + done.err


@pytest.mark.parametrize("place", ["foo://x", "sqlite:///notes.db"])
def test_doctor_finds_a_tracking_place_that_cannot_be(kg: Kgdrug, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    Path("notes.db").write_text("no database " * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
    done = kg("doctor")
    assert done.code == 1
    assert f"problem: runs cannot be tracked: MLflow at {place}: " in done.out


def test_data_sets_are_listed_with_where_they_are(kg: Kgdrug) -> None:
    done = kg("data", "list")
    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert "data/essential" in lines["essential"]
    assert "no: kgdrug data get hetionet" in lines["hetionet"]


def test_the_sample_graph_is_here_already(kg: Kgdrug) -> None:
    done = kg("data", "get", "essential")
    assert done.code == 0
    assert done.out.startswith("essential is in ")
    assert Path(done.out.split(" is in ")[1].strip(), "metaedges.tsv").is_file()


def test_a_graph_is_described_in_words_and_in_json(kg: Kgdrug, curated: Path) -> None:
    words = kg("data", "describe", curated)
    assert words.code == 0
    assert "clinic: 36 entities, 62 triples" in words.out
    assert "22 Compound, 7 Disease, 7 Gene; 1 isolated" in words.out
    assert "* 28 treatments" in words.out
    about = json.loads(kg("data", "describe", curated, "--json").out)
    assert about == kgdrug.describe(kgdrug.load_graph(curated))
    assert about["entity_types"] == {"Compound": 22, "Disease": 7, "Gene": 7}
    assert about["metaedges"]["CtD"]["triples"] == about["treatments"] == 28


@pytest.fixture
def published(bare: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A web server that publishes two files as "hetionet", and the folder that they lie in."""
    folder = bare.with_name("published")
    folder.mkdir()
    contents = {
        "hetionet-v1.0-nodes.tsv": "id\tname\tkind\n",
        "hetionet-v1.0-edges.sif": "source\tmetaedge\ttarget\n",
    }
    handler = functools.partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        files = []
        for name, content in contents.items():
            (folder / name).write_text(content)
            address = f"http://127.0.0.1:{server.server_port}/{name}"
            files.append(RemoteFile(name, address, f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"))
        monkeypatch.setitem(DATASETS, "hetionet", Dataset("hetionet", "a small one", "CC0 1.0", tuple(files)))
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield folder
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_data_set_is_downloaded_once_and_then_found(kg: Kgdrug, published: Path, bare: Path) -> None:
    first = kg("data", "get", "hetionet")
    assert (first.code, first.out) == (0, f"hetionet is in {bare / 'no cache' / 'hetionet'}\n")
    assert first.err == ("hetionet-v1.0-nodes.tsv: 13 bytes downloaded\nhetionet-v1.0-edges.sif: 23 bytes downloaded\n")
    for path in published.iterdir():
        assert (bare / "no cache/hetionet" / path.name).read_bytes() == path.read_bytes()
        path.unlink()
    assert kg("data", "get", "hetionet") == Done(code=0, out=first.out, err="")
    listed = "".join(kg("data", "list").out.split())  # a long path is folded
    assert "".join(str(bare / "no cache/hetionet").split()) in listed


def test_a_download_that_is_not_the_published_file_has_failed(kg: Kgdrug, published: Path, bare: Path) -> None:
    (published / "hetionet-v1.0-edges.sif").write_text("something else\n")
    refused(kg("data", "get", "hetionet"), "hetionet-v1.0-edges.sif", code=1)
    assert not (bare / "no cache/hetionet/hetionet-v1.0-edges.sif").exists()


# build


def test_a_built_graph_is_the_graph_it_was_built_from(kg: Kgdrug, curated: Path, bare: Path) -> None:
    done = kg("build", curated, "--out", "graph")
    assert done.code == 0
    assert "wrote graph in" in done.out
    assert kgdrug.load_graph("graph").digest == kgdrug.load_graph(curated).digest
    refused(kg("build", curated, "--out", "graph"), "graph exists", "--force")
    (bare / "graph/old").touch()
    assert kg("build", curated, "--out", "graph", "--force").code == 0
    assert not (bare / "graph/old").exists()
    assert {p.name for p in bare.iterdir()} == {"graph"}


@pytest.mark.parametrize("place", [".", ".."])
def test_a_folder_one_stands_in_is_never_replaced(kg: Kgdrug, curated: Path, bare: Path, place: str) -> None:
    for letter in (bare / "letter", bare.with_name("letter")):
        letter.write_text("dear")
    done = kg("build", curated, "--out", place, "--force")
    assert (bare / "letter").exists()
    assert bare.with_name("letter").exists()
    refused(done, place)


# train


def test_settings_on_the_command_line_win_over_the_file(
    kgdrug_command: Kgdrug, desk: Path, experiment_file: Path
) -> None:
    settings = ("--set", "training.epochs=2", "--set", "model.score=distmult", "--set", "name=other name")
    done = kgdrug_command("train", experiment_file, *settings, "--out", "model")
    assert done.code == 0
    model = kgdrug.load_model("model")
    assert (model.experiment.training.epochs, model.experiment.model.score, model.name) == (2, "distmult", "other name")
    assert "split pairs: " in done.out
    assert "best valid MRR" in done.out
    assert "Next: kgdrug predict model --disease NAME" in done.out
    refused(kgdrug_command("train", experiment_file, *settings, "--out", "model"), "model exists", "--force")


def test_a_stopped_training_says_how_to_go_on_and_goes_on(
    kgdrug_command: Kgdrug, desk: Path, experiment_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_ctrl_c(epochs: Iterable[Epoch], seeds: range) -> Iterator[Epoch]:
        for epoch in epochs:
            yield epoch
            if epoch.number == 2:
                signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("kgdrug.cli.models.epochs", press_ctrl_c)
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        stopped = kgdrug_command("train", experiment_file, "--set", "training.epochs=4", "--out", "model")
        signal.signal(signal.SIGINT, handler)
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == "kgdrug: stopped by SIGINT; go on with: kgdrug train --resume model"
    refused(kgdrug_command("train", "--resume", "model", "--seeds", "3"), "seeds was 1 when this training began")
    refused(kgdrug_command("train", experiment_file, "--resume", "model"), "EXPERIMENT.toml was settled when")
    refused(kgdrug_command("train", "--resume", "model", "--out", "other"), "--out was settled when")
    done = kgdrug_command("train", "--resume", "model", "--set", "training.epochs=5")
    assert done.code == 0
    assert [line.split(":")[0] for line in done.err.splitlines()[1:]] == [f"epoch {i} of 5" for i in (3, 4, 5)]
    assert kgdrug.load_model("model").experiment.training.epochs == 5
    refused(kgdrug_command("train", "--resume", "model"), "nothing to resume: model is a finished model")


@pytest.mark.parametrize("name", ["essential", "essential.toml", "experiments/essential.toml"])
def test_an_experiment_that_comes_with_kgdrug_is_found_by_name_where_no_such_file_is(bare: Path, name: str) -> None:
    from kgdrug.experiment import find_experiment

    (bare / "essential").mkdir()  # such as a built graph
    assert find_experiment(name) == kgdrug.shipped("experiments/essential.toml")
    Path(name).with_suffix(".toml").parent.mkdir(exist_ok=True)
    Path(name).with_suffix(".toml").write_text("")
    if name.endswith(".toml"):
        assert find_experiment(name) == Path(name)


def test_an_experiment_that_is_not_there_names_those_that_come_with_kgdrug(kg: Kgdrug) -> None:
    refused(kg("train", "esential.toml"), "did you mean essential?", "with kgdrug come auto, ", "essential, ")
    refused(kg("train", "my/essential.toml"), "no such experiment file: my/essential.toml")
    Path("trials").mkdir()
    Path("trials/one.toml").write_text("")
    refused(kg("train", "trials"), "trials cannot be read", "it is a folder; give one of its files: one.toml")


def test_a_dimension_that_follows_from_the_graph_is_told_in_words(kgdrug_command: Kgdrug, bare: Path) -> None:
    words = ["--set", "graph.source=nowhere", "--set", "auto=['model.dimension']"]
    err = kgdrug_command("train", "essential", *words).err
    assert "experiment essential: complex, as many numbers per entity as suit the graph\n" in err


def test_a_training_needs_an_experiment_or_something_to_resume(kg: Kgdrug) -> None:
    refused(kg("train"), "give an EXPERIMENT.toml to train, or --resume DIR")
    refused(kg("train", "--resume", "nothing"), "nothing to resume: there are no checkpoints in nothing.partial")


def test_several_seeds_show_each_and_the_whole_and_answer_with_their_agreement(
    kgdrug_command: Kgdrug, desk: Path, experiment_file: Path
) -> None:
    done = kgdrug_command("train", experiment_file, "--seeds", "2", "--set", "training.epochs=1", "--out", "model")
    assert done.code == 0
    header, *lines = done.err.splitlines()
    assert header == "experiment small: complex, 16 numbers per entity, 2 seeds from 7"
    assert [line.split(":")[0] for line in lines] == ["seed 7, epoch 1 of 1", "seed 8, epoch 1 of 1"]
    assert "complex (all 2 seeds)" in done.out
    members = kgdrug.load_model("model").metrics["members"]
    table = {line.split()[0]: line.split() for line in done.out.splitlines() if line.strip()[:1] in ("7", "8")}
    for member in members:
        assert table[str(member["seed"])][3] == f"{member['both']['mrr']:.3f}"
    asked = kgdrug_command("predict", "model", "--disease", "hypertension", "--top", "3")
    rows = [line.split() for line in asked.out.splitlines() if line.strip()[:1].isdigit()]
    answers = kgdrug.predict(kgdrug.load_model("model"), disease="hypertension", top=3)
    assert "agreement" in asked.out
    assert all(f"{a.agreement:.2f}" in row for a, row in zip(answers, rows, strict=True))
    assert "agreement" not in kgdrug_command("predict", "model", "--help").out


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (7505, "2 h 5 min")])
def test_time_is_said_in_its_two_largest_units(seconds: float, text: str) -> None:
    from kgdrug.cli import screen

    assert screen.as_time(seconds) == text


# evaluate


def test_evaluate_prints_the_contracts_keys_as_json(kg: Kgdrug, trained_run: Run) -> None:
    done = kg("evaluate", trained_run.folder, "--json")
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)
    for side in ("both", "head", "tail"):
        assert set(report[side]) == METRICS
    assert set(report["by_metaedge"]) == {"CtD"}
    assert set(report["by_metaedge"]["CtD"]) == METRICS
    assert set(report["baselines"]) == set(report["pairs"]["baselines"]) == BASELINES
    for baseline in report["baselines"].values():
        assert set(baseline) == METRICS
    assert report["candidates"] == "typed"
    assert report["both"]["queries"] == 2 * len(trained_run.model.split.test)
    assert report == {key: trained_run.model.metrics[key] for key in report}


def test_evaluate_prints_a_table_with_the_baselines(kg: Kgdrug, trained_run: Run) -> None:
    done = kg("evaluate", trained_run.folder)
    assert done.code == 0
    titles = ("MRR [95 %]", "Hits@10", "AMRI", "AUROC, matched", "recall@10", "enriched 1 %", "Commonality@10")
    for words in (*titles, "small", "baseline degree product", "baseline random", "head asked, ", "how likely"):
        assert words in done.out
    assert max(map(len, map(str.rstrip, done.out.splitlines()))) <= 100
    assert "filtered realistic ranks among the entities of the answer's type" in done.out
    assert f"{trained_run.model.metrics['both']['mrr']:.3f}" in done.out


def test_every_table_of_ranks_has_the_baselines(kg: Kgdrug, trained_run: Run) -> None:
    report, printed = trained_run.model.metrics, kg("evaluate", trained_run.folder).out
    lines = [line.split() for line in printed.splitlines()]
    for row, values in report["by_degree"].items():
        (line,) = (line for line in lines if line[: len(row.split())] == row.split())
        others = report["baselines_by_degree"][row]
        assert line[-4:] == [f"{others[name]['mrr']:.3f}" for name in others]
        assert line[len(row.split()) :][:2] == [str(values["queries"]), f"{values['mrr']:.3f}"]
    groups = report["by_disease"]["groups"]
    after = printed.partition(f"mean over {groups} diseases")[2].splitlines()[1:6]
    macro = [report["by_disease"], *report["baselines_by_disease"].values()]
    assert [next(word for word in line.split() if word.startswith(("0.", "1."))) for line in after] == [
        f"{values['mrr']:.3f}" for values in macro
    ]


def test_meaningless_ranks_among_all_entities_are_refused(kg: Kgdrug, trained_run: Run) -> None:
    refused(kg("evaluate", trained_run.folder, "--candidates", "all"), "mean nothing", "--candidates typed")


# predict


def test_predict_prints_a_table_that_marks_known_answers(kg: Kgdrug, trained_run: Run) -> None:
    done = kg("predict", trained_run.folder, "--disease", "hypertension", "--top", "22")
    assert (done.code, done.err) == (0, "")
    assert "? treats hypertension" in done.out
    rows = [line.split() for line in done.out.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == [str(rank) for rank in range(1, 23)]
    for answer in kgdrug.predict(trained_run.model, disease="hypertension", top=22):
        line = next(line for line in done.out.splitlines() if answer.id in line)
        assert answer.name in line
        assert f"{answer.score:.3f}" in line
        for fact in answer.known:
            assert f"{fact.metaedge} ({fact.part})" in line


FORMATS = {
    "json": lambda text: [a["id"] for a in json.loads(text)["answers"]],
    "jsonl": lambda text: [json.loads(line)["id"] for line in text.splitlines()[1:]],  # the first says what they are of
    "csv": lambda text: [row["id"] for row in csv.DictReader(io.StringIO(text))],
}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_the_same_answers_printed_and_in_a_file(kg: Kgdrug, trained_run: Run, form: str) -> None:
    words = ("predict", trained_run.folder, "--compound", "Metoprolol", "--format", form, "--top", "5")
    printed, written = kg(*words), kg(*words, "--out", "answers")
    expected = [a.id for a in kgdrug.predict(trained_run.model, compound="Metoprolol", top=5)]
    assert FORMATS[form](printed.out) == expected
    assert printed.err.startswith("# model small (") if form == "csv" else printed.err == ""
    assert Path("answers").read_text() == printed.out
    assert written.out == "wrote 5 answers to answers\n"


def test_answers_as_parquet_are_read_by_pandas(kg: Kgdrug, trained_run: Run) -> None:
    import pandas

    words = ("predict", trained_run.folder, "--tail", "ACE", "--relation", "CbG", "--format", "parquet")
    assert kg(*words, "--out", "answers.parquet").code == 0
    expected = kgdrug.flat_rows(kgdrug.predict(trained_run.model, tail="ACE", relation="CbG"))
    found = pandas.read_parquet("answers.parquet").astype(object)
    assert found.where(found.notna(), None).to_dict("records") == expected


def test_novel_leaves_known_answers_out(kg: Kgdrug, trained_run: Run) -> None:
    words = ("predict", trained_run.folder, "--disease", "hypertension", "--format", "json", "--top", "100")
    everything = {a["id"]: a for a in json.loads(kg(*words).out)["answers"]}
    novel = {a["id"] for a in json.loads(kg(*words, "--novel").out)["answers"]}
    treats = {i for i, a in everything.items() if "CtD" in {fact["metaedge"] for fact in a["known"]}}
    assert len(everything) == 22
    assert novel == set(everything) - treats
    assert len(treats) == 7


def test_json_names_the_question_the_model_and_the_graph(kg: Kgdrug, trained_run: Run) -> None:
    done = kg("predict", trained_run.folder, "--head", "metformin", "--relation", "TREATS", "--format", "json")
    about = json.loads(done.out)
    del about["answers"]
    assert about == {
        "question": "Metformin treats ?",
        "model": "small",
        "model_digest": trained_run.model.digest,
        "graph": "clinic",
        "graph_digest": trained_run.model.graph.digest,
        "licences": {"CC0 1.0": ["CbG", "CpD", "CtD", "DaG", "DrD"]},
        "date": datetime.now(UTC).date().isoformat(),
        "kgdrug": kgdrug.__version__,
        "note": "research software: no medical advice",
    }


def test_a_file_that_is_there_is_replaced_with_force_alone(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    (bare / "answers.csv").write_text("mine")
    words = ("predict", trained_run.folder, "--disease", "asthma", "--format", "csv", "--out", "answers.csv")
    refused(kg(*words), "answers.csv exists", "--force")
    assert (bare / "answers.csv").read_text() == "mine"
    assert kg(*words, "--force").code == 0
    assert len((bare / "answers.csv").read_text().splitlines()) == 21


@pytest.mark.parametrize("place", ["no/such/folder/answers.csv", "."])
def test_a_place_that_cannot_be_written_is_an_error_that_names_it(kg: Kgdrug, trained_run: Run, place: str) -> None:
    words = ("predict", trained_run.folder, "--disease", "asthma", "--format", "csv", "--out", place, "--force")
    done = kg(*words)
    assert done.code in (0, 1, 2)
    if done.code:  # making the folder would do as well
        assert place in done.err
        assert "unexpected" not in done.err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_that_closes_early_is_no_error(
    trained_run: Run, tmp_path: Path, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = (
        f"{Path(sys.executable).with_name('kgdrug')} predict {trained_run.folder} --disease asthma --format csv | true"
    )
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


# serve; the real server is asked in tests/api


def test_two_models_of_one_name_are_told_how_to_be_served(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    Path("mine").symlink_to(trained_run.folder)
    refused(kg("serve", trained_run.folder, "mine"), "mine are both named small; name one of them, such as mine=mine")
    refused(kg("serve", "small=mine", "mine=mine", "mine"), "small=mine and mine are both", "such as small-2=mine")


def test_a_port_that_is_taken_has_failed_and_is_nothing_found(kg: Kgdrug, trained_run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = kg("serve", trained_run.folder, "--port", port)
    assert done.code == 1  # 3 means that a leak, an alert or the like was found
    assert str(port) in done.err
    assert "Traceback" not in done.err


# runs


def test_runs_are_listed_and_shown(kgdrug_command: Kgdrug, trained_run: Run, laboratory: Path) -> None:
    listed = kgdrug_command("runs", "list")
    assert listed.code == 0
    line = next(line for line in listed.out.splitlines() if "clinic-model" in line)
    short = line.split()[0]
    assert trained_run.run_id.startswith(short)
    assert f"{trained_run.model.metrics['both']['mrr']:.3f}" in line
    shown = kgdrug_command("runs", "show", short)
    assert shown.code == 0
    values = dict(line.split(maxsplit=1) for line in shown.out.splitlines() if line.startswith("  "))
    assert values["training.epochs"] == "8"
    assert values["device"]
    assert trained_run.run_id in shown.out
    assert trained_run.model.graph.digest[:32] in shown.out
    refused(kgdrug_command("runs", "show", "nope"), "no such run: nope", "kgdrug runs list")


def test_the_id_that_runs_list_shows_is_a_model(kgdrug_command: Kgdrug, trained_run: Run, laboratory: Path) -> None:
    short = trained_run.run_id[:8]
    done = kgdrug_command("predict", f"runs:{short}", "--disease", "asthma", "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["model_digest"] == trained_run.model.digest


def test_without_runs_the_list_says_how_to_get_one(kgdrug_command: Kgdrug, desk: Path) -> None:
    done = kgdrug_command("runs", "list")
    assert done == Done(code=0, out="no runs yet; start one with: kgdrug demo\n", err="")
    refused(kgdrug_command("runs", "show", "x"), "no such run: x")


def test_looking_for_runs_makes_no_database(kg: Kgdrug, bare: Path) -> None:
    assert "no runs yet" in kg("runs", "list").out
    assert list(bare.iterdir()) == []


# demo


def test_the_demo_trains_on_the_sample_graph_and_ranks_drugs_for_three_diseases(
    kgdrug_command: Kgdrug, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One epoch here; the whole of it is run by the test of the wheel."""
    quick = desk / "quick.toml"
    quick.write_text(kgdrug.shipped("experiments/essential.toml").read_text().replace("epochs = ", "epochs = 1 #"))
    monkeypatch.setattr(kgdrug, "shipped", lambda path: quick)
    done = kgdrug_command("demo", "--out", "model")
    assert done.code == 0
    assert "baseline degree" in done.out
    for disease in ("hypertension", "type 2 diabetes mellitus", "epilepsy syndrome"):
        assert f"? treats {disease}" in done.out
    assert "CtD (train)" in done.out
    assert "no medical advice" in done.out
    commands = [line.split() for line in done.out.split("Next:")[1].splitlines() if line.strip()]
    assert [words[:2] for words in commands[:4]] == [
        ["kgdrug", "predict"],
        ["kgdrug", "evaluate"],
        ["kgdrug", "serve"],
        ["kgdrug", "runs"],
    ]
    for words in (commands[0], commands[1], commands[3]):
        assert kgdrug_command(*words[1:]).code == 0


def test_the_command_runs_as_a_module_too() -> None:
    done = subprocess.run([sys.executable, "-m", "kgdrug", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"kgdrug {kgdrug.__version__}\n")
