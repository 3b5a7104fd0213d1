"""ConvE: a small convolutional network moves the head."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import conv2d, layer_norm

from kgdrug.models.scores.function import Weights
from kgdrug.models.scores.products import Product

FILTERS, SIDE = 32, 3


class ConvE(Product):
    """`relu(W conv([h; r])) · t + b_t` (Dettmers et al. 2018).

    Head and relation are two images of `d` pixels, one above the other; 32 filters of 3 by 3 pass over them. The
    last number of an entity's row is its bias `b_t`: it meets a 1 in the query, and its pixel in a head is empty.

    Layer normalisation stands where the paper has batch normalisation and dropout: a query's score then depends on
    the query alone, not on those asked beside it.
    """

    multiple: ClassVar[int] = 10  # so that an image is 10 pixels wide or more from 100 numbers on
    linear: ClassVar[bool] = False

    def weights(self, dimension: int, generator: torch.Generator) -> dict[str, Tensor]:
        # of size 1, whatever their number: what follows is normalised, and Adagrad's first steps then change little
        height, width = grid(dimension)
        features = FILTERS * (2 * height - SIDE + 1) * (width - SIDE + 1)
        return {
            "filters": torch.randn(FILTERS, 1, SIDE, SIDE, generator=generator),
            "filter_bias": torch.zeros(FILTERS),
            "projection": torch.randn(features, dimension - 1, generator=generator),
            "projection_bias": torch.zeros(dimension - 1),
        }

    def query(self, heads: Tensor, relations: Tensor, weights: Weights) -> Tensor:
        height, width = grid(heads.shape[1])
        empty, one = heads.new_zeros(len(heads), 1), heads.new_ones(len(heads), 1)
        image = _normal(torch.cat([heads[:, :-1], empty, relations], 1)).view(-1, 1, 2 * height, width)
        features = conv2d(image, weights["filters"], weights["filter_bias"]).relu().flatten(1)
        moved = _normal(features @ weights["projection"]) + weights["projection_bias"]
        return torch.cat([moved.relu(), one], 1)


def grid(dimension: int) -> tuple[int, int]:
    """Height and width of an image of so many pixels: as near to a square as divisors allow, and no narrower."""
    height = max(h for h in range(1, math.isqrt(dimension) + 1) if dimension % h == 0)
    return height, dimension // height


def _normal(rows: Tensor) -> Tensor:
    return layer_norm(rows, rows.shape[1:], eps=1e-12)
