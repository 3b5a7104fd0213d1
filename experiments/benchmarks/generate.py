"""Generated graphs of published shapes, the same ones for every machine and every run."""

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


def drkg_sized(path: Path, seed: int = 0) -> None:
    """A file of DRKG's form and size: 97,238 entities, 107 relations, 5,874,261 distinct triples in random order."""
    random = np.random.default_rng(seed)
    ids = {name: pl.Series([f"{name}::{i * 7919 % 1_000_003}" for i in range(count)]) for name, count in TYPES.items()}
    shares = 1 / np.arange(1, RELATIONS + 1)
    counts = np.maximum((shares / shares.sum() * TRIPLES).astype(int), 1)
    counts[0] += TRIPLES - counts.sum()
    parts = []
    for i, count in enumerate(counts.tolist()):
        head_type, tail_type = PAIRS[i % len(PAIRS)]
        heads, tails = _pairs(random, count, TYPES[head_type], TYPES[tail_type])
        relation = pl.repeat(f"SOURCE{i % 6}::r{i}::{head_type}:{tail_type}", count, eager=True)
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
