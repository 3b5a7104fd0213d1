"""Generated graphs of published shapes, the same ones for every machine and every run."""

import re
from pathlib import Path

import numpy as np
import polars as pl

# 13 types and 97,238 entities, as many as DRKG has
TYPES = {
    "Gene": 39_220, "Compound": 24_313, "Biological Process": 11_381, "Side Effect": 5_701, "Disease": 5_103,
    "Atc": 4_048, "Molecular Function": 2_884, "Pathway": 1_822, "Cellular Component": 1_391, "Symptom": 415,
    "Anatomy": 400, "Pharmacologic Class": 345, "Tax": 215,
}  # fmt: skip
PAIRS = [
    ("Gene", "Gene"), ("Compound", "Gene"), ("Compound", "Compound"), ("Gene", "Biological Process"),
    ("Compound", "Side Effect"), ("Disease", "Gene"), ("Compound", "Disease"), ("Gene", "Anatomy"),
    ("Gene", "Molecular Function"), ("Gene", "Pathway"), ("Compound", "Atc"), ("Disease", "Symptom"),
    ("Gene", "Cellular Component"), ("Disease", "Anatomy"), ("Disease", "Disease"),
    ("Pharmacologic Class", "Compound"), ("Gene", "Tax"),
]  # fmt: skip
RELATIONS, TRIPLES = 107, 5_874_261


# Hetionet v1.0: types with their nodes, metaedges with their edges (Himmelstein et al. 2017, tables 1 and 2)
HETIONET_TYPES = {
    "Anatomy": 402, "Biological Process": 11_381, "Cellular Component": 1_391, "Compound": 1_552, "Disease": 137,
    "Gene": 20_945, "Molecular Function": 2_884, "Pathway": 1_822, "Pharmacologic Class": 345, "Side Effect": 5_734,
    "Symptom": 438,
}  # fmt: skip
HETIONET_EDGES = {
    "AdG": 102_240, "AeG": 526_407, "AuG": 97_848, "CbG": 11_571, "CcSE": 138_944, "CdG": 21_102, "CpD": 390,
    "CrC": 6_486, "CtD": 755, "CuG": 18_756, "DaG": 12_623, "DdG": 7_623, "DlA": 3_602, "DpS": 3_357, "DrD": 543,
    "DuG": 7_731, "GcG": 61_690, "GiG": 147_164, "GpBP": 559_504, "GpCC": 73_566, "GpMF": 97_222, "GpPW": 84_372,
    "Gr>G": 265_672, "PCiC": 1_029,
}  # fmt: skip
_INITIALS = {"A": "Anatomy", "BP": "Biological Process", "CC": "Cellular Component", "C": "Compound", "D": "Disease",
             "G": "Gene", "MF": "Molecular Function", "PW": "Pathway", "PC": "Pharmacologic Class", "SE": "Side Effect",
             "S": "Symptom"}  # fmt: skip


def drkg_sized(path: Path, seed: int = 0) -> None:
    """A file of DRKG's form and size: 97,238 entities, 107 relations, 5,874,261 distinct triples in random order."""
    shares = 1 / np.arange(1, RELATIONS + 1)
    counts = np.maximum((shares / shares.sum() * TRIPLES).astype(int), 1)
    counts[0] += TRIPLES - counts.sum()
    edges = [(f"SOURCE{i % 6}::r{i}", *PAIRS[i % len(PAIRS)], count) for i, count in enumerate(counts.tolist())]
    _write(path, TYPES, edges, seed)


def hetionet_sized(path: Path, seed: int = 0) -> None:
    """A file of DRKG's form and Hetionet's size: 47,031 entities of 11 types, 24 relations, 2,250,197 triples."""
    edges = []
    for name, count in HETIONET_EDGES.items():
        head, _, tail = re.fullmatch(r"([A-Z]+)([a-z>]+)([A-Z]+)", name).groups()  # type: ignore[union-attr]
        edges.append((f"Hetionet::{name}", _INITIALS[head], _INITIALS[tail], count))
    _write(path, HETIONET_TYPES, edges, seed)


def _write(path: Path, types: dict[str, int], edges: list[tuple[str, str, str, int]], seed: int) -> None:
    """Distinct triples in random order: so many of each relation, between its two types."""
    random = np.random.default_rng(seed)
    ids = {name: pl.Series([f"{name}::{i * 7919 % 1_000_003}" for i in range(count)]) for name, count in types.items()}
    parts = []
    for name, head_type, tail_type, count in edges:
        heads, tails = _pairs(random, count, types[head_type], types[tail_type])
        relation = pl.repeat(f"{name}::{head_type}:{tail_type}", count, eager=True)
        columns = {"head": ids[head_type].gather(heads), "relation": relation, "tail": ids[tail_type].gather(tails)}
        parts.append(pl.DataFrame(columns))
    facts = pl.concat(parts).sample(fraction=1, shuffle=True, seed=seed)
    facts.write_csv(path, separator="\t", include_header=False, quote_style="never")


def _pairs(random: np.random.Generator, count: int, heads: int, tails: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs `(count,)` of indices: a few entities are frequent, and each stands in one where there is room."""
    once = min(count, max(heads, tails))
    chosen = np.unique(np.arange(once) % heads * tails + np.arange(once) % tails)
    while len(chosen) < count:
        more = _skewed(random, 2 * count, heads) * tails + _skewed(random, 2 * count, tails)
        fresh = np.setdiff1d(more, chosen)
        chosen = np.concatenate([chosen, random.permutation(fresh)[: count - len(chosen)]])
    return chosen // tails, chosen % tails


def _skewed(random: np.random.Generator, count: int, entities: int) -> np.ndarray:
    """Indices `(count,)` of which a few are frequent."""
    hubs = (random.pareto(1.2, count) * entities / 50).astype(np.int64)
    return np.where(hubs < entities, hubs, random.integers(0, entities, count))
