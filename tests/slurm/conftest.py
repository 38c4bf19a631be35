"""Fixtures of a temporary Slurm cluster for the tests in this folder."""

from fixtures.slurm import cluster, config, patients, slurm, undisturbed

__all__ = ["cluster", "config", "patients", "slurm", "undisturbed"]
