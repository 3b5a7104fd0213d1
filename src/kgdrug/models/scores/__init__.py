"""Score functions: how likely is a tail for a head and a relation?

Each moves a head by a relation into the space of answers (`query`) and compares the result with rows of the
entity table (`compare`). `d` counts real numbers per entity; complex models keep the `d / 2` real parts first
and the imaginary parts behind them, so that a row is a plain row of a matrix for every model.

Read before: facebookresearch/kbc (one class a model, scores against all rows as one product) and PyKEEN's
interactions (head, relation and tail of any shape). Here the two steps are apart, so that training, evaluation
and serving compare a moved head with whichever rows they need by one and the same product.
"""

from kgdrug.models.scores.conve import ConvE
from kgdrug.models.scores.distances import RotatE, TransE, TransEL1, TransEL2
from kgdrug.models.scores.function import ScoreFunction, Weights
from kgdrug.models.scores.products import CP, RESCAL, ComplEx, DistMult, QuatE, SimplE

__all__ = ["SCORES", "ScoreFunction", "Weights"]

SCORES: dict[str, ScoreFunction] = {
    "transe": TransE(),
    "transe-l1": TransEL1(),
    "transe-l2": TransEL2(),
    "rotate": RotatE(),
    "distmult": DistMult(),
    "complex": ComplEx(),
    "quate": QuatE(),
    "cp": CP(),
    "simple": SimplE(),
    "rescal": RESCAL(),
    "conve": ConvE(),
}
