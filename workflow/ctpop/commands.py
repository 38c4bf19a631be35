"""The commands of `ctpop`: their purposes, and the functions that import their modules.

Each command is a module with the interface `Command`. A module is imported when its command is chosen, so that a
command without images starts without torch.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Command(Protocol):
    """The interface of a module with a command."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Add the options of the command to a parser."""

    def run(self, options: Any, /) -> None:
        """Run the command; the parameter `options` is annotated with the frozen dataclass of its options."""


@dataclass(frozen=True)
class Entry:
    """A command in the list of commands: its purpose, and the function that imports its module."""

    purpose: str
    load: Callable[[], Command]


def _adjust() -> Command:
    from ctpop.stages.aging import adjust

    return adjust


def _aging() -> Command:
    from ctpop.stages.aging import command

    return command


def _centiles() -> Command:
    from ctpop.stages.aging import centiles

    return centiles


def _check() -> Command:
    from ctpop.stages.operate import check

    return check


def _cohort() -> Command:
    from ctpop.stages.cohort import command

    return command


def _compare() -> Command:
    from ctpop.stages.aging import compare

    return compare


def _contrast() -> Command:
    from ctpop.stages.screen import contrast

    return contrast


def _convert() -> Command:
    from ctpop.stages.dicom import convert

    return convert


def _convert_v1() -> Command:
    from ctpop.stages.segment import convert_v1

    return convert_v1


def _crate() -> Command:
    from ctpop.stages.report import crate

    return crate


def _describe() -> Command:
    from ctpop.stages.cohort import describe

    return describe


def _dictionary() -> Command:
    from ctpop import dictionary

    return dictionary


def _evaluate() -> Command:
    from ctpop.stages.evaluate import command

    return command


def _export() -> Command:
    from ctpop.stages.cohort import export

    return export


def _export_statistics() -> Command:
    from ctpop.stages.measure import export_statistics

    return export_statistics


def _gallery() -> Command:
    from ctpop.stages.review import gallery

    return gallery


def _gather() -> Command:
    from ctpop.stages.measure import gather

    return gather


def _index() -> Command:
    from ctpop.stages.dicom import index

    return index


def _measure() -> Command:
    from ctpop.stages.measure import command

    return command


def _patients() -> Command:
    from ctpop.stages.measure import patients

    return patients


def _plan() -> Command:
    from ctpop.stages.operate import plan

    return plan


def _published() -> Command:
    from ctpop.stages.aging import published

    return published


def _report() -> Command:
    from ctpop.stages.report import command

    return command


def _requantify() -> Command:
    from ctpop.stages.measure import requantify

    return requantify


def _review() -> Command:
    from ctpop.stages.review import command

    return command


def _runtime() -> Command:
    from ctpop.stages.operate import runtime

    return runtime


def _screen() -> Command:
    from ctpop.stages.screen import command

    return command


def _segment() -> Command:
    from ctpop.stages.segment import command

    return command


def _status() -> Command:
    from ctpop.stages.operate import status

    return status


def _view() -> Command:
    from ctpop.stages.review import view

    return view


GROUPS: dict[str, dict[str, Entry]] = {
    "commands that a user runs": {
        "index": Entry("write a registry from a folder of DICOM files", _index),
        "describe": Entry("print Table 1 and draw the flow diagram of the cohort", _describe),
        "view": Entry("show CT and masks of one scan in a browser on this machine", _view),
        "compare": Entry("compare the correlations with age of two studies", _compare),
        "requantify": Entry("compute further attenuation percentiles and windows from stored histograms", _requantify),
        "export": Entry("export de-identified tables without small counts", _export),
        "export-statistics": Entry(
            "write the measures of each scan as a statistics.json of TotalSegmentator", _export_statistics
        ),
        "convert-v1": Entry("convert a model of nnU-Net v1 to a model folder of nnU-Net v2", _convert_v1),
    },
    "operation of a study": {
        "check": Entry("check tables, images, models, disk and Slurm of a study before a run", _check),
        "plan": Entry("estimate jobs, hours, disk and memory of a study from measured rates", _plan),
        "status": Entry("report finished, failed and remaining scans, and the time used and left", _status),
        "runtime": Entry("tabulate run time, memory and GPU use of a finished study", _runtime),
    },
    "stages (called by the workflow)": {
        "patients": Entry("write the registry of a study whose table of measures lists the patients", _patients),
        "cohort": Entry("apply the inclusion criteria to the registry", _cohort),
        "convert": Entry("convert the DICOM files of a shard to NIfTI and check them against the headers", _convert),
        "segment": Entry("segment the scans of a shard, or read their existing segmentations", _segment),
        "measure": Entry("measure volume and attenuation of every structure of a shard, or read a table", _measure),
        "gather": Entry("join the tables of all shards into one", _gather),
        "screen": Entry("screen the measures for failed segmentations", _screen),
        "contrast": Entry("check the recorded contrast administration against attenuation", _contrast),
        "aging": Entry("compute the statistics against age", _aging),
        "adjust": Entry("compute the statistics against age by sex and adjusted for covariates", _adjust),
        "centiles": Entry("fit centile curves of each sex, and score each patient", _centiles),
        "published": Entry("compare a study with every number of the published study", _published),
        "review": Entry("render the masks that a reviewer rates", _review),
        "gallery": Entry("write the page on which a reviewer rates masks", _gallery),
        "evaluate": Entry("compare label maps with references, and two models with each other", _evaluate),
        "report": Entry("draw the figures and write the pages of the report", _report),
        "crate": Entry("write the record of a run as a Workflow Run RO-Crate", _crate),
    },
    "development": {
        "dictionary": Entry(
            "write docs/data.md and docs/config.md from table contracts and configuration schema", _dictionary
        ),
    },
}
COMMANDS: dict[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}
