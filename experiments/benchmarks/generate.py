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
    """A file of DRKG's form and size: 97,238 entities, 107 relations, 5,874,261 lines, some of them duplicates."""
    random = np.random.default_rng(seed)
    ids = {name: [f"{name}::{i * 7919 % 1_000_003}" for i in range(count)] for name, count in TYPES.items()}
    shares = 1 / np.arange(1, RELATIONS + 1)
    counts = np.maximum((shares / shares.sum() * TRIPLES).astype(int), 1)
    counts[0] += TRIPLES - counts.sum()
    parts = []
    for i, count in enumerate(counts.tolist()):
        head_type, tail_type = PAIRS[i % len(PAIRS)]
        columns = {
            "head": pl.Series(ids[head_type]).gather(_skewed(random, count, TYPES[head_type])),
            "relation": pl.repeat(f"SOURCE{i % 6}::r{i}::{head_type}:{tail_type}", count, eager=True),
            "tail": pl.Series(ids[tail_type]).gather(_skewed(random, count, TYPES[tail_type])),
        }
        parts.append(pl.DataFrame(columns))
    # so that every entity stands in a line
    facts = pl.concat(parts).sample(fraction=1, shuffle=True, seed=seed)
    facts.write_csv(path, separator="\t", include_header=False, quote_style="never")


def _skewed(random: np.random.Generator, count: int, entities: int) -> np.ndarray:
    """Indices `(count,)` of which a few are frequent, each of the entities once where there is room for it."""
    hubs = (random.pareto(1.2, count) * entities / 50).astype(np.int64)
    chosen = np.where(hubs < entities, hubs, random.integers(0, entities, count))
    once = min(count, entities)
    chosen[:once] = np.arange(once)
    return chosen
