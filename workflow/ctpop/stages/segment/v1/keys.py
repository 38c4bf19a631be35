"""The correspondence between tensor names of v1 and v2 networks. `tensors` checks the shapes."""

import re

LAYERS = {"conv": "conv", "instnorm": "norm"}
BLOCK = re.compile(
    r"conv_blocks_(?P<path>context|localization)\.(?P<stage>\d+)\.(?:(?P<half>[01])\.)?blocks\.(?P<block>\d+)"
    r"\.(?P<layer>conv|instnorm)\.(?P<kind>weight|bias)"
)
UP = re.compile(r"tu\.(\d+)\.weight")
HEAD = re.compile(r"seg_outputs\.(\d+)\.weight")
MADE_UP = re.compile(r"decoder\.(transpconvs|seg_layers)\.\d+\.bias")  # biases that are absent in v1


def v2_key(key: str, convolutions: int) -> str | None:
    """Return the v2 name of a v1 tensor; None if the name is not that of a v1 tensor.

    `convolutions` is the number of convolutions in the last stage of the encoder and in each stage of the decoder. In
    v1, the last of these convolutions is in a second block.
    """
    if up := UP.fullmatch(key):
        return f"decoder.transpconvs.{up[1]}.weight"
    if head := HEAD.fullmatch(key):
        return f"decoder.seg_layers.{head[1]}.weight"
    block = BLOCK.fullmatch(key)
    if not block:
        return None
    number = int(block["block"]) + (convolutions - 1 if block["half"] == "1" else 0)
    stage = f"encoder.stages.{block['stage']}.0" if block["path"] == "context" else f"decoder.stages.{block['stage']}"
    return f"{stage}.convs.{number}.{LAYERS[block['layer']]}.{block['kind']}"


def v1_kernel(key: str, kernels: list[list[int]]) -> list[int] | None:
    """Return the kernel of a convolution in the v1 plans; None for any other tensor.

    At each resolution, the decoder has the kernel of the next coarser stage of the encoder.
    """
    block = BLOCK.fullmatch(key)
    if not block or block["layer"] != "conv" or block["kind"] != "weight":
        return None
    stage = int(block["stage"])
    return kernels[stage] if block["path"] == "context" else kernels[-(stage + 1)]
