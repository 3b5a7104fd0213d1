"""Complex numbers and quaternions kept as their parts, side by side in one row."""

import torch
from torch import Tensor


def complex_product(a: Tensor, b: Tensor) -> Tensor:
    """The element-wise product of complex numbers kept as real halves; `(..., d)`."""
    (a_re, a_im), (b_re, b_im) = a.chunk(2, -1), b.chunk(2, -1)
    return torch.cat([a_re * b_re - a_im * b_im, a_re * b_im + a_im * b_re], -1)


def complex_moduli(a: Tensor) -> Tensor:
    """The moduli of complex numbers kept as real halves; `(..., d / 2)`."""
    real, imaginary = a.chunk(2, -1)
    return torch.hypot(real, imaginary)


def hamilton_product(a: Tensor, b: Tensor) -> Tensor:
    """The element-wise product of quaternions kept as four quarters, in this order; `(..., d)`."""
    (a_1, a_i, a_j, a_k), (b_1, b_i, b_j, b_k) = a.chunk(4, -1), b.chunk(4, -1)
    product = (
        a_1 * b_1 - a_i * b_i - a_j * b_j - a_k * b_k,
        a_1 * b_i + a_i * b_1 + a_j * b_k - a_k * b_j,
        a_1 * b_j - a_i * b_k + a_j * b_1 + a_k * b_i,
        a_1 * b_k + a_i * b_j - a_j * b_i + a_k * b_1,
    )
    return torch.cat(product, -1)


def unit_quaternions(a: Tensor) -> Tensor:
    """Quaternions divided by their moduli, zero staying zero; `(..., d)`."""
    moduli = quaternion_moduli(a).clamp_min(1e-12)
    return a / torch.cat([moduli] * 4, -1)


def quaternion_moduli(a: Tensor) -> Tensor:
    """The moduli of quaternions kept as four quarters; `(..., d / 4)`."""
    moduli: Tensor = torch.linalg.vector_norm(torch.stack(a.chunk(4, -1)), dim=0)
    return moduli
