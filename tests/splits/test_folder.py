import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgdrug.config import SplitConfig
from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import Vocabulary
from kgdrug.splits import load_split, open_split, save_split, split_graph

PARTS = ("train", "valid", "test", "withheld")
KINDS = {
    "pairs": {},
    "cold-drug": {"seed": 3},
    "cold-disease": {"folds": 3, "fold": 1},
    "disease-area": {"valid": 0.2, "test": 0.3},
    "groups": {"groups": "groups.tsv", "valid": 0.2, "test": 0.4},
    "time": {"dates": "dates.tsv", "valid_from": "2010", "test_from": "2012"},
    "given": {"folder": "given"},
    "triples": {},
}


@pytest.fixture
def graph(build):
    links = [("D0", "DrD", "D1"), ("D2", "DrD", "D3"), ("D4", "DrD", "D5")]
    pairs = [(f"C{c}", f"D{d}") for c in range(6) for d in range(6)]
    return build([(c, "CtD", d) for c, d in pairs] + [(c, "CpD", d) for c, d in pairs[::4]] + links)


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "groups.tsv").write_text("entity\tgroup\n" + "".join(f"C{i}\tg{i // 2}\n" for i in range(6)))
    rows = "".join(f"C{i}\tD{i}\t{2009 + i}\n" for i in range(6))
    (tmp_path / "dates.tsv").write_text("compound\tdisease\tdate\n" + rows)
    (tmp_path / "given").mkdir()
    for part, line in (("valid", "C0\tCtD\tD0"), ("test", "C1\tCtD\tD1")):
        (tmp_path / "given" / f"{part}.tsv").write_text(line + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_a_split_of_each_kind_is_made_again_to_the_bit_from_what_it_states(graph, tables, kind):
    split = split_graph(graph, SplitConfig(kind, **KINDS[kind]))
    (tables / "split").mkdir()
    save_split(split, tables / "split")
    stated = json.loads((tables / "split" / "split.json").read_text())
    settings = {key: value for key, value in stated.items() if key not in ("digest", "counts", "sha256")}
    again = split_graph(graph, SplitConfig(**settings))
    loaded = load_split(tables / "split")
    for part in PARTS:
        assert getattr(again, part).tolist() == getattr(split, part).tolist() == getattr(loaded, part).tolist()
    assert again.digest == split.digest == stated["digest"]
    assert again.made == split.made == loaded.made


def test_synonyms_are_kept_in_the_folder_of_a_split(graph, tmp_path):
    called = Vocabulary(graph.entities.ids, graph.entities.names, synonyms={1: ["one"]})
    save_split(split_graph(replace(graph, entities=called), SplitConfig()), tmp_path)
    assert load_split(tmp_path).graph.entities.synonyms == {1: ("one",)}


@pytest.fixture
def saved(graph, tables) -> Path:
    (tables / "split").mkdir()
    save_split(split_graph(graph, SplitConfig()), tables / "split")
    return tables / "split"


def test_a_split_whose_parts_were_changed_is_refused(saved):
    bits = np.load(saved / "parts.npy")
    bits[np.flatnonzero(bits == 1)[0]] = 4
    np.save(saved / "parts.npy", bits)
    with pytest.raises(BadInputError, match="digest of another split"):
        load_split(saved)


@pytest.mark.parametrize("content", ['{"kind": "pairs"}', '{"digest": "abc"}', "[]", "{"])
def test_a_split_that_does_not_say_how_it_was_made_is_refused(saved, content):
    (saved / "split.json").write_text(content)
    with pytest.raises(BadInputError, match=r"split\.json"):
        load_split(saved)


@pytest.mark.parametrize("parts", [np.ones(3, np.uint8), np.ones(48, np.int64)])
def test_parts_that_do_not_fit_the_triples_are_refused(saved, parts):
    np.save(saved / "parts.npy", parts)
    with pytest.raises(BadInputError, match="does not say for each triple"):
        load_split(saved)


def test_a_folder_is_opened_for_what_it_is(saved, parts_folder, trained_run, tmp_path):
    assert open_split(saved).made["kind"] == "pairs"
    assert open_split(trained_run.folder).digest == trained_run.model.split.digest
    bare = parts_folder(train=["a r b", "b r c"], valid=["a r c"], test=["c r b"])
    assert open_split(bare).made["kind"] == "fixed"
    with pytest.raises(UsageError, match=r"is no split: it has neither split\.json"):
        open_split(shutil.copytree(tmp_path / "given", tmp_path / "empty", ignore=lambda *_: ["valid.tsv", "test.tsv"]))
    with pytest.raises(UsageError, match="no such split: 'nowhere'"):
        open_split("nowhere")
    with pytest.raises(UsageError, match=rf"split\.json is a file; give the folder of the split, {saved}"):
        open_split(saved / "split.json")
