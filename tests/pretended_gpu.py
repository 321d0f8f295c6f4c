"""Tensors that lie in the CPU's memory, say that they are on cuda:0, and refuse to be mixed with those that do not.

With them the code for a GPU runs where there is none: each operation that would end in "Expected all tensors to be on
the same device", and each look into a GPU's memory without `.cpu()`, ends here too. The kernels are the CPU's, so speed
and last bits are not those of a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

aten = torch.ops.aten

_BETWEEN_DEVICES = (aten.copy_.default, aten._to_copy.default)


class GpuTensor(Tensor):
    """The tensor `here` as if it lay on cuda:0."""

    @staticmethod
    def __new__(cls, here: Tensor) -> GpuTensor:
        with torch.inference_mode(False):
            # A real cuda device would call for CUDA's own machinery within torch, so `device` below says it instead.
            tensor = Tensor._make_wrapper_subclass(
                cls,
                here.size(),
                strides=here.stride(),
                storage_offset=here.storage_offset(),
                dtype=here.dtype,
                device="cpu",
            )
        tensor.here = here
        return tensor

    @property
    def device(self) -> torch.device:
        return torch.device("cuda", 0)

    @property
    def is_cuda(self) -> bool:
        return True

    @property
    def is_cpu(self) -> bool:
        return False

    def numpy(self, **_: object) -> None:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()")

    def __array__(self, *_: object) -> None:
        self.numpy()

    def __reduce_ex__(self, protocol: int) -> Any:  # what torch.save writes is read back on the CPU
        return self.here.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it, `cuda` is a device that works, and holds what was made there or brought there."""
    with monkeypatch.context() as patch:
        patch.setattr(torch.version, "cuda", "13.0")
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)
        patch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
        patch.setattr(torch.cuda, "get_device_name", lambda _=None: "a pretended GPU")
        patch.setattr(torch, "autocast", _Autocast)
        before = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            with _Making(), _Moving():
                yield
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(before)


class _Autocast(torch.autocast):
    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


class _Making(TorchDispatchMode):
    """Operations without any tensor, as torch.zeros(..., device="cuda")."""

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Moving(TorchFunctionMode):
    """Operations that bring a tensor from one device to the other."""

    def __torch_function__(self, func: Any, _: object, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and _is_gpu(kwargs.get("device")):
            return GpuTensor(func(*args, **kwargs | {"device": "cpu"}))
        if func is Tensor.cpu:
            return _moved(args[0], "cpu")
        if func is Tensor.to:
            given = [*args[1:], *kwargs.values()]
            given += [fact for one in given if isinstance(one, Tensor) for fact in (one.device, one.dtype)]
            types = [one for one in given if isinstance(one, torch.dtype)]
            for device in given:
                if isinstance(device, str | torch.device):
                    if _is_gpu(device) != isinstance(args[0], GpuTensor):
                        return _moved(args[0], device, *types, layout=kwargs.get("memory_format"))
                    return args[0].to(*types) if types else args[0]
        return func(*args, **kwargs)


def _moved(
    tensor: Tensor, device: str | torch.device, dtype: torch.dtype | None = None, *, layout: Any = None
) -> Tensor:
    """A copy of `tensor` on the other device."""
    with torch.no_grad():  # nobody here learns through a change of device
        source = tensor.here if isinstance(tensor, GpuTensor) else tensor
        copy = source.detach().to(dtype or source.dtype, copy=True, memory_format=layout or torch.preserve_format)
        return GpuTensor(copy) if _is_gpu(device) else copy


def _is_gpu(device: str | torch.device | None) -> bool:
    return device is not None and torch.device(device).type == "cuda"


def _run(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """The operation on the CPU; its result is where its arguments are."""
    tensors = [one for one in tree_iter((args, kwargs)) if isinstance(one, Tensor)]
    there = {id(one.here): one for one in tensors if isinstance(one, GpuTensor)}
    here = [one for one in tensors if not isinstance(one, GpuTensor) and one.dim()]
    if there and here and func not in _BETWEEN_DEVICES:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found cuda:0 and cpu, in {func}")
    on_gpu = isinstance(args[0], GpuTensor) if func is aten.copy_.default else bool(there)
    if _is_gpu(kwargs.get("device")):
        on_gpu, kwargs = True, kwargs | {"device": torch.device("cpu")}
    args, kwargs = tree_map(lambda one: one.here if isinstance(one, GpuTensor) else one, (args, kwargs))

    def placed(result: Any) -> Any:
        if not isinstance(result, Tensor) or not on_gpu:
            return result
        return there[id(result)] if id(result) in there else GpuTensor(result)

    return tree_map(placed, func(*args, **kwargs))
