"""`kgdrug split` and `kgdrug audit`, by hand."""

import json
from pathlib import Path

import pytest

import kgdrug
from kgdrug.splits import load_split

pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")


def test_a_split_is_written_audited_and_trained_on(kgdrug_command, desk, curated, experiment_file):
    done = kgdrug_command("split", curated, "--kind", "cold-disease", "--valid", 0.2, "--test", 0.3, "--out", "cold")
    assert done.code == 0, done.err
    split = load_split(Path("cold"))
    assert f"cold: {len(split.train)} train, {len(split.valid)} valid, {len(split.test)} test triples" in done.out
    assert split.digest[:12] in done.out
    assert "Next: kgdrug audit cold, kgdrug train EXPERIMENT.toml --set graph.splits=cold" in done.out

    done = kgdrug_command("audit", "cold")
    assert "training gives away none of" in done.out
    assert "entity unseen in training (CtD): no table model can rank them" in done.out
    assert done.code == 3

    done = kgdrug_command(
        "train", experiment_file, "--set", "graph.splits=cold", "--set", "training.epochs=1", "--out", "m"
    )
    assert done.code == 0, done.err
    assert kgdrug.load_model("m").split.digest == split.digest
    assert "split cold-disease" in done.out


def test_the_same_command_makes_the_same_split_and_another_seed_another(kgdrug_command, bare, curated):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert kgdrug_command("split", curated, "--seed", seed, "--out", name).code == 0
    a, b, c = (load_split(Path(name)) for name in "abc")
    assert a.digest == b.digest != c.digest
    assert (bare / "a" / "parts.npy").read_bytes() == (bare / "b" / "parts.npy").read_bytes()


def test_folds_are_written_side_by_side(kgdrug_command, bare, curated):
    done = kgdrug_command("split", curated, "--folds", 3, "--out", "folds")
    assert done.code == 0, done.err
    splits = [load_split(Path("folds") / str(i)) for i in range(3)]
    tested = [tuple(t) for split in splits for t in split.test.tolist()]
    treatments = {tuple(t) for t in splits[0].graph.triples.tolist() if t[1] in splits[0].graph.treatment_relations}
    assert len(tested) == len(treatments)
    assert set(tested) == treatments
    assert kgdrug_command("split", curated, "--folds", 3, "--fold", 2, "--out", "last").code == 0
    assert load_split(Path("last")).digest == splits[2].digest


def test_folds_can_be_written_again_and_are_named_where_one_of_them_is_wanted(kgdrug_command, bare, curated):
    for _ in range(2):
        done = kgdrug_command("split", curated, "--folds", 3, "--out", "folds", "--force")
        assert done.code == 0, done.err
    digests = {str(i): load_split(Path("folds") / str(i)).digest for i in range(3)}
    listed = json.loads(Path("folds/folds.json").read_text())
    assert listed == {"kind": "pairs", "valid": 0.1, "seed": 0, "folds": 3, "digests": digests}
    done = kgdrug_command("audit", "folds")
    assert (done.code, done.out) == (2, "")
    assert "folds holds 3 folds, each a split of its own; name one: folds/0, folds/1, folds/2" in done.err
    assert kgdrug_command("split", curated, "--folds", 3, "--out", "folds").code == 2
    assert kgdrug_command("split", curated, "--folds", 4, "--test", 0.2, "--out", "more").code == 2


def test_an_experiment_says_what_its_split_passed_over(kgdrug_command, desk, experiment_file, caplog):
    Path("classes.tsv").write_text("entity\tgroup\nDB00722\ta\nDB00331\tb\nDB01001\tc\nDB00252\td\nXX1\td\n")
    settings = [
        "split.kind=groups",
        "split.groups=classes.tsv",
        "split.valid=0.2",
        "split.test=0.3",
        "training.epochs=1",
    ]
    done = kgdrug_command("train", experiment_file, *(w for s in settings for w in ("--set", s)), "--out", "m")
    assert done.code == 0, done.err
    (said,) = [r.getMessage() for r in caplog.records if "the split" in r.getMessage()]
    assert said.startswith("the split, groups: ")
    assert said.endswith("pairs without group, 1 line about others")


def test_splits_by_groups_and_by_time_say_what_they_passed_over(kgdrug_command, bare, curated):
    rows = [
        "DB00722 ace",
        "DB00584 ace",
        "DB00178 ace",
        "DB00331 biguanide",
        "DB01067 sulfonylurea",
        "DB01120 sulfonylurea",
    ]
    rows += ["DB01001 beta", "DB00938 beta", "DB00252 old", "XX1 none"]
    Path("classes.tsv").write_text("entity\tgroup\n" + "\n".join(row.replace(" ", "\t") for row in rows))
    words = ["--kind", "groups", "--groups", "classes.tsv", "--valid", 0.2, "--test", 0.3]
    done = kgdrug_command("split", curated, *words, "--out", "by-class")
    assert done.code == 0, done.err
    assert "\n1 line about others\n" in done.out
    dates = ["DB00722 DOID:10763 1987", "DB00178 DOID:10763 1991", "DB00177 DOID:10763 1996"]
    Path("dates.tsv").write_text("compound\tdisease\tdate\n" + "\n".join(row.replace(" ", "\t") for row in dates))
    words = ["--kind", "time", "--dates", "dates.tsv", "--valid-from", 1990, "--test-from", 1995]
    done = kgdrug_command("split", curated, *words, "--out", "by-time")
    assert done.code == 0, done.err
    assert "pairs without date" in done.out
    split = load_split(Path("by-time"))
    assert [split.graph.entities.names[h] for h in split.test[:, 0]] == ["Valsartan"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "time"], "kgdrug split: split.kind = 'time' needs split.valid_from"),
        (["--kind", "groups"], "kgdrug split: split.kind = 'groups' needs split.groups"),
        (["--kind", "given", "--folder", "x", "--seed", 4], "kgdrug split: split.seed is for split.kind = 'pairs' or"),
        (
            ["--folds", 3, "--test", 0.4],
            "kgdrug split: split.test is 0.4, but with split.folds a fold is the test part",
        ),
        (["--kind", "groups", "--groups", "none.tsv"], "no such table of groups: 'none.tsv'"),
        (["--fold", 1], "kgdrug split: split.fold needs split.folds"),
        (["--kind", "given", "--folder", "x", "--seed", 0], "kgdrug split: split.seed is for split.kind = 'pairs' or"),
        (["--folds", 3, "--test", 0.2], "kgdrug split: split.test is 0.2, but with split.folds"),
        (["--kind", "groups", "--groups", "."], ". is a folder; give a file, the table of groups"),
    ],
)
def test_what_does_not_fit_a_kind_is_refused_and_nothing_is_written(kgdrug_command, bare, curated, words, message):
    done = kgdrug_command("split", curated, *words, "--out", "out")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert list(bare.iterdir()) == []


def test_a_leak_is_told_with_what_to_do_and_exit_code_3(kgdrug_command, bare):
    lines = {
        "train": [f"a{i} likes b{i}" for i in range(5)] + [f"b{i} is_liked_by a{i}" for i in range(9)],
        "valid": ["a7 likes b7"],
        "test": ["a5 likes b5", "a6 likes b6", "a0 likes b1"],
    }
    for part, rows in lines.items():
        Path(f"{part}.txt").write_text("".join(row.replace(" ", "\t") + "\n" for row in rows))
    done = kgdrug_command("audit", ".")
    assert done.code == 3
    assert "a5 likes b5 (test), b5 is_liked_by a5 (training)" in done.out
    assert "kgdrug split GRAPH --kind given" in done.out
    assert "training gives away 2 of 3 test triples" in done.out
    report = json.loads(kgdrug_command("audit", ".", "--json").out)
    assert (report["given_away"], report["test"], report["split"]["kind"]) == (2, 3, "fixed")
    assert report["findings"][0]["relations"] == ["likes", "is_liked_by"]
    assert report["findings"][0]["leak"] is True
    assert report["findings"][0]["triples"] == ["a5\tlikes\tb5", "a6\tlikes\tb6"]
    assert report["twins_not_looked_for_by"] == ["names", "structures"]


def test_what_an_audit_finds_beyond_its_first_findings_is_counted(kgdrug_command, bare):
    relations = [f"r{i:02d}" for i in range(6)]
    lines = {"train": [f"a{i} {r} b{i}" for r in relations for i in range(9)], "valid": ["a0 r00 b1"]}
    lines["test"] = [f"a9 {r} b9" for r in relations]
    lines["train"] += [f"a9 likes{r} b9" for r in relations]
    for part, rows in lines.items():
        Path(f"{part}.txt").write_text("".join(row.replace(" ", "\t") + "\n" for row in rows))
    found = json.loads(kgdrug_command("audit", ".", "--json").out)["findings"]
    done = kgdrug_command("audit", ".")
    assert len(found) == 36
    assert all(f"({', '.join(f['relations'])}): {f['advice']}\n  {f['examples'][0]}\n" in done.out for f in found[:15])
    assert "\n21 more findings, 21 of them leaks; kgdrug audit --json has them all\n" in done.out


def test_the_advice_to_a_leaky_split_can_be_followed(kgdrug_command, bare, curated):
    assert kgdrug_command("split", curated, "--kind", "triples", "--test", 0.3, "--out", "leaky").code == 0
    done = kgdrug_command("audit", "leaky")
    assert "--kind given --folder SPLIT" in done.out
    done = kgdrug_command("split", "leaky", "--kind", "given", "--folder", "leaky", "--out", "whole")
    assert done.code == 0, done.err
    assert "training gives away none of" in kgdrug_command("audit", "whole").out
    done = kgdrug_command("split", "leaky", "--kind", "given", "--folder", "nowhere", "--out", "x")
    assert "no such split: 'nowhere'" in done.err


def test_a_split_without_a_fault_says_so(kgdrug_command, bare):
    pairs = [(i, j) for i in range(4) for j in range(4)]
    for part, rows in (("train", pairs[:14]), ("valid", pairs[14:15]), ("test", pairs[15:])):
        Path(f"{part}.txt").write_text("".join(f"a{i}\tr\tb{j}\n" for i, j in rows))
    done = kgdrug_command("audit", ".")
    assert (done.code, done.out) == (
        0,
        "training gives away none of 1 test triples; nothing else was found\n"
        "twins were not looked for by names or by structures: no entity of the test triples' types has any\n",
    )


def test_training_warns_of_what_is_given_away(kgdrug_command, desk, experiment_file, caplog):
    settings = ["--set", "split.kind=triples", "--set", "training.epochs=1", "--set", "split.test=0.3"]
    assert kgdrug_command("train", experiment_file, *settings, "--out", "m").code == 0
    warned = [r.getMessage() for r in caplog.records if "gives away" in r.getMessage()]
    assert len(warned) == 1
    assert "test triples; kgdrug audit says which" in warned[0]
    done = kgdrug_command("audit", "m")
    assert done.code == 3
    assert f"training gives away {warned[0].split()[3]} of" in done.out


def test_what_is_no_split_cannot_be_audited(kgdrug_command, bare):
    Path("empty").mkdir()
    done = kgdrug_command("audit", "empty")
    assert done.code == 2
    assert "empty is no split" in done.err
