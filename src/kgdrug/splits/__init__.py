"""How facts are held out."""

from kgdrug.splits.kinds import fixed, hold_out_given, hold_out_pairs, hold_out_triples, pair_keys
from kgdrug.splits.split import Split

__all__ = ["Split", "fixed", "hold_out_given", "hold_out_pairs", "hold_out_triples", "pair_keys"]
