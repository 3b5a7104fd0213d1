"""Splits by name: what `[split]` in an experiment and `kgdrug split` ask for, and folders that hold one."""

from pathlib import Path

from kgdrug.config import SplitConfig
from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.store import FOLDS_FILE, read_json
from kgdrug.sources import find_part, locate
from kgdrug.splits.draw import Draw
from kgdrug.splits.folder import SPLIT_FILE, load_split
from kgdrug.splits.from_files import fixed, hold_out_given, hold_out_groups, hold_out_later
from kgdrug.splits.kinds import (
    hold_out_areas,
    hold_out_diseases,
    hold_out_drugs,
    hold_out_pairs,
    hold_out_triples,
)
from kgdrug.splits.split import Split

DRAWN = {
    "pairs": hold_out_pairs,
    "cold-drug": hold_out_drugs,
    "cold-disease": hold_out_diseases,
    "disease-area": hold_out_areas,
    "triples": hold_out_triples,
}


def split_graph(graph: KnowledgeGraph, config: SplitConfig) -> Split:
    """The graph, parted as the settings say."""
    if config.kind == "given":
        assert config.folder is not None
        return hold_out_given(graph, config.folder)
    if config.kind == "time":
        assert config.valid_from is not None
        assert config.test_from is not None
        return hold_out_later(graph, config.valid_from, config.test_from, config.dates)
    draw = Draw(config.valid, config.test, config.seed, config.folds, config.fold)
    if config.kind == "groups":
        assert config.groups is not None
        return hold_out_groups(graph, draw, config.groups)
    return DRAWN[config.kind](graph, draw)


def open_split(source: str | Path) -> Split:
    """The split in a folder that `kgdrug split` wrote, of a trained model, or with train, valid and test files."""
    folder = locate(source, "split")
    if folder.is_file():
        raise UsageError(f"{source} is a file; give the folder of the split, {Path(source).parent}")
    if (folder / SPLIT_FILE).is_file():
        return load_split(folder)
    if (folder / FOLDS_FILE).is_file():
        each = [str(Path(source) / name) for name in read_json(folder / FOLDS_FILE).get("digests", {})]
        raise UsageError(f"{source} holds {len(each)} folds, each a split of its own; name one: {', '.join(each)}")
    if find_part(folder, "train") or find_part(folder, "test"):
        return fixed(folder)
    raise UsageError(
        f"{folder} is no split: it has neither {SPLIT_FILE}, which kgdrug split and kgdrug train write, nor train, "
        "valid and test files"
    )
