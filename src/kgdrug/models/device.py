"""Where the arithmetic runs."""

import torch

from kgdrug.errors import UsageError, first_line


def pick_device(name: str) -> torch.device:
    """The device of this name; `auto` is CUDA, else MPS, else the CPU."""
    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = first_line(error).split(". ")[0]
        raise UsageError(f"device is {name!r}, which is not to be had here: {reason}") from None
    return device
