"""Where the arithmetic runs."""

import torch

from kgdrug.errors import UsageError, first_line


def pick_device(name: str) -> torch.device:
    """The device of this name; `auto` is CUDA where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = first_line(error).split(". ")[0]
        raise UsageError(f"device is {name!r}, which is not to be had here: {reason}") from None
    return device


def product_precision(name: str, device: torch.device) -> torch.dtype:
    """The precision of matrix products: `fp32`, `bf16`, or `auto`, bf16 where the device has instructions for it."""
    if name == "auto":
        return torch.bfloat16 if _multiplies_bf16(device) else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    found = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(ask is not None and ask() for ask in found)
