"""The fixtures of a throw-away Slurm cluster, for the tests in this folder alone."""

from fixtures.slurm import cluster, config, patients, slurm, undisturbed

__all__ = ["cluster", "config", "patients", "slurm", "undisturbed"]
