"""One expert as an ONNX graph: prepared pictures in, logits out."""

from __future__ import annotations

import copy
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from bodycascade.encoders.fusion import unfuse
from bodycascade.expert import Expert
from bodycascade.onnx_graphs.packages import IR_VERSION, OPSET, onnx
from bodycascade.onnx_graphs.writing import describe

INPUT, OUTPUT = "prepared", "logits"

TEXT = """The expert {name!r} of a bodycascade: it tells apart {children}.

Input {input!r}: float32 (batch, 3, height, width), RGB, height and width multiples of {stride}: the values 0 to 255
minus `mean`, divided by `std` (metadata `settings`), then weakened outside the expert's node as `mask_form` and
`outside` say: by {outside} + {inside} times the probability of the node. The root's expert sees everything.
Output {output!r}: float32 (batch, {count}, height, width); softmax over the axis 1 gives the probability of each child
given the node."""


def expert_model(expert: Expert) -> Any:
    """The ONNX model of `expert`, which is on the CPU and in float32; batch, height and width may be any.

    Heights and widths are multiples of `expert.stride`, as `Expert.input_shape` gives them.
    """
    # The kernels of fused networks are no operators of ONNX; the caller's expert stays fused.
    expert = copy.deepcopy(expert)
    unfuse(expert)
    side = 2 * expert.stride
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        file = Path(folder) / "expert.onnx"
        # The exporter that follows the computation by running it (dynamo=False) warns that it is the older one; it
        # takes a second where the newer one takes a minute. It also warns that sizes met in conditions are taken as
        # they are: paddings do not depend on them where sides are whole strides, and the caller checks other sizes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            expert,
            (torch.zeros(2, 3, side, 2 * side),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "batch", 2: "height", 3: "width"} for name in (INPUT, OUTPUT)},
        )
        model = onnx.load_model(file)
    model.ir_version = IR_VERSION
    for axis, length in zip(model.graph.output[0].type.tensor_type.shape.dim, _axes(expert), strict=True):
        if isinstance(length, int):
            axis.dim_value = length
        else:
            axis.dim_param = length
    facts = {"tree": json.dumps(expert.tree.to_json()), "settings": json.dumps(expert.settings.to_json())}
    describe(model, text=_text(expert), facts=facts)
    onnx.checker.check_model(model)
    return model


def _axes(expert: Expert) -> tuple[str | int, ...]:
    return "batch", len(expert.spec.children), "height", "width"


def _text(expert: Expert) -> str:
    outside = expert.settings.outside
    return TEXT.format(
        name=expert.spec.name,
        children=", ".join(expert.spec.children),
        count=len(expert.spec.children),
        stride=expert.stride,
        outside=outside,
        inside=1 - outside,
        input=INPUT,
        output=OUTPUT,
    )
