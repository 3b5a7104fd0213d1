"""Does every disease get the same drugs? How much a model lives on what is popular in its training part.

Sources: Zhou et al. 2010, PNAS 107:4511 (overlap of recommendation lists); Shannon 1948 (entropy), over the candidates
of the lists as in Every Cure's MATRIX project (Drug-Entropy@n); Spearman 1904.
"""

import math

import numpy as np
import torch
from torch import Tensor

from kgdrug.evaluation.baselines import Degree, total_degree
from kgdrug.evaluation.intervals import Float
from kgdrug.evaluation.pairs import BLOCK, Pairs
from kgdrug.graph.known import Int
from kgdrug.models import Candidates, Model
from kgdrug.splits import Split

TOP = 10
NAMES = (f"commonality_at_{TOP}", f"entropy_at_{TOP}", "score_and_degree", "score_and_treatments")


def popularity(model: Model, split: Split, pairs: Pairs, top: int = TOP) -> dict[str, float]:
    """Of the answers to "what treats this disease?", for every disease that training knows of.

    commonality_at_10: the share of its first 10 new compounds that a disease has in common with another one, on average
    (1: all diseases get the same); entropy_at_10: how evenly those places go to compounds, from 0 (all to one) to 1 (as
    evenly as can be); new are compounds that neither train nor valid holds for the disease.
    score_and_degree: Spearman's correlation of a compound's score with its training triples over all relations, and
    score_and_treatments: with its treatments in training; both the mean over diseases.
    """
    graph = split.graph
    degree = total_degree(split.train, len(graph.entities))
    span = slice(pairs.compounds.start, pairs.compounds.stop)
    counts = Degree(split.train, len(graph.entities), graph.relations)
    treats = sum(counts.count(r)[span].numpy() for r in pairs.asking)
    against = [_centred_ranks(np.asarray(values, np.float64)) for values in (degree[span], treats)]
    known = pairs.of_triples(np.concatenate([split.train, split.valid]))
    rows, columns = np.flatnonzero(degree[pairs.diseases.start : pairs.diseases.stop]), pairs.shape[1]
    if not len(rows):
        return dict.fromkeys(NAMES, math.nan)
    times, correlations, top = np.zeros(columns, np.int64), [], min(top, columns)
    step = max(1, BLOCK // columns)
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        scores = _best(model, [[pairs.diseases[row], r] for r in pairs.asking for row in some], len(some), span)
        ranks = [_centred_ranks(row) for row in scores.double().numpy()]
        correlations += [[float(own @ other) for other in against] for own in ranks]
        place = np.searchsorted(some, known // columns)
        there = (place < len(some)) & (some[np.minimum(place, len(some) - 1)] == known // columns)
        scores[torch.from_numpy(place[there]), torch.from_numpy(known[there] % columns)] = -math.inf
        best = scores.topk(top, 1)
        times += np.bincount(best.indices[best.values > -math.inf].numpy(), minlength=columns)
    with np.errstate(invalid="ignore"):
        mean = np.array([np.nanmean(c) if not np.isnan(c).all() else np.nan for c in np.array(correlations).T])
    return dict(zip(NAMES, (commonality(times, len(rows), top), entropy(times), *mean.tolist()), strict=True))


def commonality(times: Int, lists: int, length: int) -> float:
    """The mean over pairs of lists of the share of their places that hold the same; `nan` of fewer than two lists.

    times: `(c,)` how many of the lists hold each candidate.
    """
    if lists < 2 or not length:
        return math.nan
    return float((times * (times - 1)).sum() / (length * lists * (lists - 1)))


def entropy(times: Int) -> float:
    """Shannon's entropy of who stands in the lists, divided by the largest that so many places allow."""
    share = times[times > 0] / max(1, times.sum())
    most = math.log(max(1, min(len(times), int(times.sum()))))
    return float(-(share * np.log(share)).sum() / most) if most else math.nan


class DegreeCorrected:
    """A model without what its scores owe to degree.

    The scores of a query are replaced by what is left of them after a least-squares fit, over all candidates of the
    answer's type, on log(1 + d) of two degrees: a candidate's training triples over all relations, and those in which
    it answers this relation.
    """

    def __init__(self, model: Model, split: Split) -> None:
        self.model, self.graph = model, split.graph
        self._total = torch.from_numpy(total_degree(split.train, len(split.graph.entities))).float()
        self._answers = Degree(split.train, len(split.graph.entities), split.graph.relations)
        if hasattr(model, "members"):
            self.members = [DegreeCorrected(member, split) for member in model.members]
            self.weights = getattr(model, "weights", ())

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        if hasattr(self.model, "vote"):  # each member is corrected, and then they vote
            voted: Tensor = self.model.vote(member.scores(queries, candidates) for member in self.members)
            return voted
        found = torch.empty(0)
        for relation in queries[:, 1].unique().tolist():
            rows = queries[:, 1] == relation
            span = self._span(relation, candidates)
            scores = self.model.scores(queries[rows], slice(*span)).float().cpu()
            basis = self._basis(relation, *span)
            left = scores - (scores @ basis) @ basis.T
            inside = (
                slice(candidates.start - span[0], candidates.stop - span[0])
                if isinstance(candidates, slice)
                else candidates - span[0]
            )
            part = left[:, inside]
            found = found if len(found) else torch.empty(len(queries), part.shape[1])
            found[rows] = part
        return found

    def _span(self, relation: int, candidates: Candidates) -> tuple[int, int]:
        """All answers of the relation where the candidates are among them, else all entities."""
        answers = self.graph.answers(relation)
        first, last = (
            (candidates.start, candidates.stop - 1)
            if isinstance(candidates, slice)
            else (int(candidates.min()), int(candidates.max()))
        )
        inside = answers.start <= first and last < answers.stop
        return (answers.start, answers.stop) if inside else (0, len(self.graph.entities))

    def _basis(self, relation: int, start: int, stop: int) -> Tensor:
        """An orthonormal basis `(k, 3)` of a constant and the two degrees; zero columns for what adds nothing."""
        degrees = torch.stack([self._total, self._answers.count(relation)], 1)[start:stop].log1p()
        design = torch.cat([torch.ones(stop - start, 1), degrees - degrees.mean(0)], 1).double()
        left, sizes, _ = torch.linalg.svd(design, full_matrices=False)
        basis: Tensor = (left * (sizes > 1e-9 * sizes.max())).float()
        return basis


def _best(model: Model, queries: list[list[int]], rows: int, span: slice) -> Tensor:
    """The best over relations of the scores of each row, `(rows, columns)`."""
    scores = model.scores(torch.tensor(queries), span).float().cpu()
    return scores.reshape(-1, rows, scores.shape[1]).amax(0)


def _centred_ranks(values: Float) -> Float:
    """Ranks with ties in the middle, less their mean, and of length 1: the product of two is Spearman's correlation."""
    _, row, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[row] - (len(values) + 1) / 2
    length = np.linalg.norm(ranks)
    return ranks / length if length else np.full(len(values), np.nan)
