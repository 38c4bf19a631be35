"""Which tensor of a v1 network becomes which of the v2 network; shapes are checked where the tensors are."""

import re

LAYERS = {"conv": "conv", "instnorm": "norm"}
BLOCK = re.compile(
    r"conv_blocks_(?P<path>context|localization)\.(?P<stage>\d+)\.(?:(?P<half>[01])\.)?blocks\.(?P<block>\d+)"
    r"\.(?P<layer>conv|instnorm)\.(?P<kind>weight|bias)"
)
UP = re.compile(r"tu\.(\d+)\.weight")
HEAD = re.compile(r"seg_outputs\.(\d+)\.weight")
MADE_UP = re.compile(r"decoder\.(transpconvs|seg_layers)\.\d+\.bias")  # biases that v1 does not have


def v2_key(key: str, convolutions: int) -> str | None:
    """Return the v2 name of a v1 tensor, or nothing if v1's network has no such tensor.

    `convolutions` is the number of convolutions in the last stage of the encoder, and in each stage of the decoder: v1
    keeps the last of them in a second block.
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
    """Return the kernel that v1's plans give a convolution, or nothing for any other tensor.

    At each resolution the decoder has the kernel of the next coarser stage of the encoder.
    """
    block = BLOCK.fullmatch(key)
    if not block or block["layer"] != "conv" or block["kind"] != "weight":
        return None
    stage = int(block["stage"])
    return kernels[stage] if block["path"] == "context" else kernels[-(stage + 1)]
