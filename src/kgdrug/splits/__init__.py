"""How facts are held out, and what of the held-out facts training gives away."""

from kgdrug.graph.facts import PARTS
from kgdrug.splits.draw import Draw
from kgdrug.splits.findings import Finding, given_away
from kgdrug.splits.folder import load_split, read_parts, save_folds, save_split
from kgdrug.splits.from_files import fixed, hold_out_given, hold_out_groups, hold_out_later
from kgdrug.splits.kinds import (
    disease_areas,
    hold_out_areas,
    hold_out_diseases,
    hold_out_drugs,
    hold_out_pairs,
    hold_out_triples,
)
from kgdrug.splits.leaks import audit, given_away_rows, not_looked_for
from kgdrug.splits.make import open_split, split_graph
from kgdrug.splits.split import Split
from kgdrug.splits.treated import Treated, pair_keys, treated_pairs

__all__ = [
    "PARTS",
    "Draw",
    "Finding",
    "Split",
    "Treated",
    "audit",
    "disease_areas",
    "fixed",
    "given_away",
    "given_away_rows",
    "hold_out_areas",
    "hold_out_diseases",
    "hold_out_drugs",
    "hold_out_given",
    "hold_out_groups",
    "hold_out_later",
    "hold_out_pairs",
    "hold_out_triples",
    "load_split",
    "not_looked_for",
    "open_split",
    "pair_keys",
    "read_parts",
    "save_folds",
    "save_split",
    "split_graph",
    "treated_pairs",
]
