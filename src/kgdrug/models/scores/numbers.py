"""Complex numbers kept as their real parts, side by side in one row."""

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
