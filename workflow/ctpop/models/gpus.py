"""The GPUs available to torch."""

import torch


def cards() -> list[tuple[str, int]]:
    """Return the name and memory (MB) of each GPU available to torch."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = [torch.cuda.get_device_properties(number) for number in range(count)]
    return [(card.name, card.total_memory >> 20) for card in found]


def torch_version() -> str:
    """Return the version of torch and the CUDA version for which torch was built."""
    return f"torch {torch.__version__}, built for CUDA {torch.version.cuda or 'none'}"
