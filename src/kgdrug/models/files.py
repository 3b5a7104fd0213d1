"""Tensors on disk as safetensors: no pickle, and memory-mapped by any reader. The one door to that package."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import BadInputError, KgdrugError

if TYPE_CHECKING:
    from torch import Tensor

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "U8": "u1", "BOOL": "?"}


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"], about: Mapping[str, Any]) -> None:
    """Write tensors by name and a JSON-able mapping about them; an older file is replaced whole or not at all."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    writing = path.with_name(path.name + ".writing")
    contiguous = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(contiguous, writing, metadata={"kgdrug": json.dumps(about)})
        with writing.open("rb+") as file:
            os.fsync(file)  # on the disk before it takes the name: a power cut leaves the old file or the new one
        writing.replace(path)
    except (OSError, SafetensorError) as error:
        writing.unlink(missing_ok=True)
        raise KgdrugError(f"{path} cannot be written, what was there stays: {error}") from error


def read_tensors(path: Path, device: str = "cpu") -> tuple[dict[str, "Tensor"], dict[str, Any]]:
    """Read what `write_tensors` wrote; a missing or damaged file is a BadInputError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt", device) as file:
            about = json.loads((file.metadata() or {}).get("kgdrug", "{}"))
            if not isinstance(about, dict):
                raise BadInputError(path, "does not say what its tensors are")
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise BadInputError(path, f"cannot be read as tensors: {error}") from None


def open_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What `write_tensors` wrote as arrays that are read where they lie on disk; a damaged file is a BadInputError.

    The format (https://github.com/huggingface/safetensors#format): the length of a header in 8 bytes, the header in
    JSON with each tensor's kind, shape and place, and the numbers. safetensors itself would copy them into memory.
    """
    try:
        content = np.memmap(path, np.uint8, "r").view(np.ndarray)
        size = int.from_bytes(content[:8].tobytes(), "little")
        header = json.loads(content[8 : 8 + size].tobytes())
        about = json.loads(header.pop("__metadata__", {}).get("kgdrug", "{}"))
        if not isinstance(about, dict):
            raise BadInputError(path, "does not say what its tensors are")
        arrays = {}
        for name, tensor in header.items():
            first, last = tensor["data_offsets"]
            numbers = content[8 + size + first : 8 + size + last]
            arrays[name] = numbers.view(_KINDS[tensor["dtype"]]).reshape(tensor["shape"])
        return arrays, about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(path, f"cannot be read as tensors: {error}") from None
