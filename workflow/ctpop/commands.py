"""The commands of `ctpop`: their summaries, and the functions that import their modules.

Each command is a module with the interface `Command`. The module is imported only when its command is run. Commands
that process no images therefore start without torch.
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
    """A command: its summary, which is an imperative phrase, and the function that imports its module."""

    purpose: str
    load: Callable[[], Command]


def _adjust() -> Command:
    from ctpop.stages.aging import adjust

    return adjust


def _aging() -> Command:
    from ctpop.stages.aging import command

    return command


def _missing() -> Command:
    from ctpop.stages.aging import missing

    return missing


def _score() -> Command:
    from ctpop.stages.aging import score

    return score


def _centiles() -> Command:
    from ctpop.stages.aging import centiles

    return centiles


def _repeats() -> Command:
    from ctpop.stages.aging import repeats

    return repeats


def _change_points() -> Command:
    from ctpop.stages.aging import change_points

    return change_points


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


def _effects() -> Command:
    from ctpop.stages.aging import effects

    return effects


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


def _pool() -> Command:
    from ctpop.stages.aging import pool

    return pool


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
    "user commands": {
        "index": Entry("write a registry from a folder of DICOM files", _index),
        "describe": Entry("write Table 1 and draw the flow diagram from the tables of the cohort", _describe),
        "view": Entry("show the CT and masks of a scan in a browser on this computer", _view),
        "compare": Entry("compare effects of age and correlations with age between two studies", _compare),
        "pool": Entry("pool the effects of age of several studies in a random-effects meta-analysis", _pool),
        "score": Entry("compute z scores of new patients from the centile models of another study", _score),
        "requantify": Entry(
            "compute additional attenuation percentiles and windows from stored histograms", _requantify
        ),
        "export": Entry("export de-identified tables with small counts suppressed", _export),
        "export-statistics": Entry(
            "write the measures of each scan to a statistics.json file in the format of TotalSegmentator",
            _export_statistics,
        ),
        "convert-v1": Entry("convert an nnU-Net v1 model to an nnU-Net v2 model folder", _convert_v1),
    },
    "study operation": {
        "check": Entry("check the tables, images, models, disk space, and Slurm setup before a run", _check),
        "plan": Entry("estimate the jobs, hours, disk space, and memory of a study from measured rates", _plan),
        "status": Entry("report finished, failed, and remaining scans, and elapsed and remaining time", _status),
        "runtime": Entry("tabulate the run time, memory, and GPU use of a finished study", _runtime),
    },
    "stages (run by the workflow)": {
        "patients": Entry("write the registry from the patient columns of a table of measures", _patients),
        "cohort": Entry("apply the inclusion criteria to the registry", _cohort),
        "convert": Entry("convert the DICOM files of a shard to NIfTI and check the volumes", _convert),
        "segment": Entry("segment the scans of a shard or read existing segmentations", _segment),
        "measure": Entry("measure the volume and attenuation of each structure in a shard, or read a table", _measure),
        "gather": Entry("join the tables of all shards", _gather),
        "screen": Entry("screen the measures of all scans for failed segmentations", _screen),
        "contrast": Entry("check the recorded contrast administration against attenuation", _contrast),
        "aging": Entry("compute the statistics against age from the screened measures", _aging),
        "adjust": Entry("compute the statistics against age by sex and adjusted for covariates", _adjust),
        "effects": Entry("compute effects per decade of age, sex differences, and relations with height", _effects),
        "missing": Entry("count missing values by age and sex and estimate their influence on results", _missing),
        "centiles": Entry("fit centile curves by sex and compute the z scores of each patient", _centiles),
        "change-points": Entry("estimate the age at which the slope of a measure changes, by sex", _change_points),
        "repeats": Entry("estimate changes within patients and repeatability from repeated scans", _repeats),
        "published": Entry("compare the results of a study with the published results", _published),
        "review": Entry("render images of the masks that a reviewer rates", _review),
        "gallery": Entry("write the page on which a reviewer rates the masks", _gallery),
        "evaluate": Entry("compare label maps with reference masks, and compare two models", _evaluate),
        "report": Entry("draw the figures and write the pages of the report", _report),
        "crate": Entry("write the record of a run as a Workflow Run RO-Crate", _crate),
    },
    "development": {
        "dictionary": Entry(
            "write docs/data.md and docs/config.md from the table contracts and the configuration schema", _dictionary
        ),
    },
}
COMMANDS: dict[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}
