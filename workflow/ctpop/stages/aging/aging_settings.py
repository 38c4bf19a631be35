"""Settings of the command `aging`."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AgingSettings:
    """Settings of the command `aging`, which the section `aging` of the configuration schema describes."""

    alpha: float
    confidence: float
    n_min: int
    normality: str
    quartiles: str
    cut_years: list[float]
    continuity: bool
    interval: str
    bootstrap_iterations: int
    bootstrap_seed: int
    primary: list[str] = field(default_factory=list)
