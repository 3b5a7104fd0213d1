"""Elastic-net logistic regression: many strengths at once, on one matrix of features.

Source: Zou and Hastie 2005 (elastic net); Beck and Teboulle 2009 (FISTA); O'Donoghue and Candès 2015 (restarts). Every
strength is a column, so that a step of all of them is two matrix products. scikit-learn's solver for this penalty goes
one pair and one strength at a time: docs/decisions/0010 has the seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

STEPS = 300  # at most
CLOSE = 1e-3  # of the largest coefficient: a step that changes none by more is the last
SLACK = 1e-7  # of the loss, which float32 cannot tell apart
GROWTH = 1.1  # of the length of a step, until one goes too far


@dataclass(frozen=True)
class Penalty:
    """strength: the weight of the likelihood against the penalty, `C` elsewhere; l1: the share of the lasso in it."""

    strength: float
    l1: float


def fit(
    features: Tensor, treated: Tensor, penalties: Sequence[Penalty], steps: int = STEPS, close: float = CLOSE
) -> tuple[Tensor, Tensor]:
    """Coefficients `(f, g)` and intercepts `(g,)`, one column a penalty.

    features: `(p, f)` float32 of pairs, each of mean 0 and deviation 1; treated: `(p,)` 1 or 0. Each column minimises
    `strength * (sum of log losses) + l1 * |w| + (1 - l1) / 2 * w²`; the intercept is free.
    """
    p, share = len(features), treated.mean().clamp(1 / (len(features) + 2), 1 - 1 / (len(features) + 2))
    scale = torch.tensor([1 / (penalty.strength * p) for penalty in penalties])  # of a penalty to a mean loss
    l1 = scale * torch.tensor([penalty.l1 for penalty in penalties])
    found = torch.zeros(features.shape[1] + 1, len(penalties))  # the last row is the intercept, of a feature that is 1
    found[-1] = share.logit()
    columns = _Columns(features, treated, found.clone(), l1, scale - l1)
    left = torch.arange(len(penalties))
    for _ in range(steps):
        settled = columns.step(close)
        found[:, left] = columns.w
        left = left[~settled]
        if not len(left):
            break
        columns.keep(~settled)
    return found[:-1], found[-1]


class _Columns:
    """Regressions under way: `w` `(f + 1, g)` and where each looks `ahead` of it, with their scores `(p, g)`."""

    def __init__(self, features: Tensor, treated: Tensor, w: Tensor, l1: Tensor, l2: Tensor) -> None:
        self.features, self.y, self.w, self.l1, self.l2 = features, treated[:, None], w, l1, l2
        self.rate = torch.full_like(l1, 4 / features.shape[1])  # safe where all features are one: L is f / 4
        self.momentum = torch.ones_like(l1)
        self.eta = self._scores(w)
        self.ahead, self.eta_ahead = self.w, self.eta

    def step(self, close: float) -> Tensor:
        """Move every column; which of them moved by no more than `close`, `(g,)`."""
        residual = torch.sigmoid(self.eta_ahead).sub_(self.y).div_(len(self.y))
        gradient = torch.cat([self.features.T @ residual, residual.sum(0, keepdim=True)])
        gradient[:-1] += self.l2 * self.ahead[:-1]
        before = self._smooth(self.eta_ahead, self.ahead)
        while True:
            new = self.ahead - self.rate * gradient
            new[:-1] = new[:-1].sign() * (new[:-1].abs() - self.rate * self.l1).clamp(min=0)
            eta = self._scores(new)
            change = new - self.ahead
            bound = before + ((gradient * change).sum(0) + change.square().sum(0) / (2 * self.rate)).double()
            too_far = self._smooth(eta, new) > bound + SLACK * before
            if not too_far.any():
                break
            self.rate = torch.where(too_far, self.rate / 2, self.rate)
        moved = new - self.w
        restart = ((self.ahead - new) * moved).sum(0) > 0
        following = torch.where(restart, 1.0, (1 + (1 + 4 * self.momentum**2).sqrt()) / 2)
        push = torch.where(restart, 0.0, (self.momentum - 1) / following)
        self.ahead, self.eta_ahead = new + push * moved, torch.addcmul(eta, push, eta - self.eta)
        self.w, self.eta, self.momentum, self.rate = new, eta, following, self.rate * GROWTH
        settled: Tensor = moved[:-1].abs().amax(0) <= close * new[:-1].abs().amax(0)
        return settled

    def keep(self, these: Tensor) -> None:
        """Leave the other columns."""
        if not these.all():
            for name in ("w", "ahead", "eta", "eta_ahead", "l1", "l2", "rate", "momentum"):
                setattr(self, name, getattr(self, name)[..., these])

    def _scores(self, w: Tensor) -> Tensor:
        return torch.addmm(w[-1:].expand(len(self.y), -1), self.features, w[:-1])

    def _smooth(self, eta: Tensor, w: Tensor) -> Tensor:
        """The mean loss and the square part of the penalty, `(g,)`."""
        loss = softplus(eta).addcmul_(self.y, eta, value=-1).mean(0, dtype=torch.float64)
        return loss + (self.l2 / 2 * w[:-1].square().sum(0)).double()
