"""The elastic net is that of scikit-learn, whichever way it is found."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from kgdrug.models.metapaths.regression import Penalty, fit


def pairs(seed: int, p: int = 300, f: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Correlated features, of mean 0 and deviation 1, and rare treated pairs that follow a few of them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(p, f)) + rng.normal(size=(p, 1))
    treated = rng.random(p) < 1 / (1 + np.exp(3 - 2 * features[:, 0] + features[:, 1]))
    features = (features - features.mean(0)) / features.std(0)
    return torch.from_numpy(features).float(), torch.from_numpy(treated).float()


def objective(w: np.ndarray, b: float, x: np.ndarray, y: np.ndarray, penalty: Penalty) -> float:
    scores = x @ w + b
    loss = np.sum(np.logaddexp(0, scores) - y * scores)
    square = (1 - penalty.l1) / 2 * np.sum(w**2)
    return float(penalty.strength * loss + penalty.l1 * np.abs(w).sum() + square)


@pytest.mark.parametrize("seed", range(3))
def test_every_column_is_at_the_optimum_of_its_penalty(seed: int) -> None:
    """The slope of the loss balances that of the penalty, and where a term is left out it is not steep enough."""
    x, y = pairs(seed)
    penalties = [Penalty(strength, l1) for l1 in (0.0, 0.2, 1.0) for strength in (0.01, 0.1, 1.0)]
    weights, intercepts = fit(x, y, penalties, steps=5000, close=1e-6)
    for i, penalty in enumerate(penalties):
        w = weights[:, i].double()
        residual = torch.sigmoid(x.double() @ w + intercepts[i].double()) - y.double()
        slope = penalty.strength * (x.double().T @ residual) + (1 - penalty.l1) * w
        assert residual.mean().abs() < 1e-4
        assert (slope[w == 0].abs() <= penalty.l1 + 1e-3).all()
        torch.testing.assert_close(slope[w != 0], -penalty.l1 * w[w != 0].sign(), atol=5e-3, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_scikit_learn_comes_to_the_same_and_to_no_better(seed: int) -> None:
    x, y = pairs(seed)
    penalties = [Penalty(strength, l1) for l1 in (0.2, 1.0) for strength in (0.03, 0.3)]
    weights, intercepts = fit(x, y, penalties, steps=5000, close=1e-6)
    xs, ys = x.double().numpy(), y.numpy()
    for i, penalty in enumerate(penalties):
        other = LogisticRegression(
            solver="saga", l1_ratio=penalty.l1, C=penalty.strength, tol=1e-7, max_iter=20000, random_state=0
        ).fit(xs, ys)
        ours = objective(weights[:, i].double().numpy(), float(intercepts[i]), xs, ys, penalty)
        assert ours <= objective(other.coef_[0], other.intercept_[0], xs, ys, penalty) * (1 + 1e-5)
        np.testing.assert_allclose(weights[:, i], other.coef_[0], atol=0.02)


def test_a_column_does_not_depend_on_the_others() -> None:
    x, y = pairs(4)
    together, alone = (fit(x, y, penalties)[0] for penalties in ([Penalty(0.1, 1), Penalty(1, 0.2)], [Penalty(1, 0.2)]))
    torch.testing.assert_close(together[:, 1], alone[:, 0], atol=1e-4, rtol=1e-3)


def test_a_strong_penalty_leaves_the_intercept_alone() -> None:
    x, y = pairs(5)
    weights, intercepts = fit(x, y, [Penalty(1e-6, 1.0)])
    assert not weights.any()
    assert torch.sigmoid(intercepts).item() == pytest.approx(y.mean().item(), rel=1e-3)
