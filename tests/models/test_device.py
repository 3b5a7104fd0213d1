"""Where the arithmetic runs."""

import pytest
import torch

from kgdrug.errors import UsageError
from kgdrug.models import pick_device


@pytest.mark.parametrize(("cuda", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_cuda_where_there_is_one_and_never_mps(
    cuda: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == torch.device(expected)


def test_the_cpu_is_always_to_be_had() -> None:
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "", "CUDA!", "cuda:x", "hpu", "privateuseone", "meta"])
def test_a_device_that_cannot_train_a_model_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="device"):
        pick_device(name)


@pytest.mark.parametrize("name", ["cuda:99", "mps", "xla"])
def test_a_device_that_this_machine_lacks_is_refused_in_a_plain_line(name: str) -> None:
    if name == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has MPS")
    with pytest.raises(UsageError) as caught:
        pick_device(name)
    assert repr(name) in str(caught.value)
    assert len(str(caught.value)) < 400
