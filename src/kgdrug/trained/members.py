"""Several members answer as one: each ranks the candidates, and a candidate's score is the mean of its ranks' scores.

Raw scores of two members have no common scale; ranks have.
"""

import itertools
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def mean_rank_scores(members: Iterable[Tensor], weights: Sequence[int] = ()) -> Tensor:
    """The mean over members of each candidate's rank score, `(b, k)`, from the members' scores `(b, k)`.

    weights: how often each member counts, whole numbers above 0; without any, once.

    The rank score is `1 - (rank - 1) / (k - 1)`, ties counting half: the share of the other candidates that score
    lower, 1 for the best and 0 for the last (and 0 where there is no other). Ranks are added as whole numbers, so that
    candidates whose ranks have the same sum are equal to the bit. A row with a score that is no number is NaN.
    """
    total, count, unknown = torch.zeros(()), 0, torch.zeros(())
    for scores, weight in zip(members, weights or itertools.repeat(1), strict=False):
        ascending = scores.sort(1).values
        below = torch.searchsorted(ascending, scores, out_int32=True)  # twice those below, and once the equal others
        below += torch.searchsorted(ascending, scores, right=True, out_int32=True).sub_(1)
        nan = scores.isnan().any(1, keepdim=True)
        below = below.long().mul_(weight)
        total, unknown = (below, nan) if not count else (total.add_(below), unknown | nan)
        count += weight
    return total.float().div_(2 * count * max(1, total.shape[1] - 1)).masked_fill_(unknown, math.nan)
