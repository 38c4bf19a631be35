"""Tables of computing resources: time, memory, and GPU use of each rule and of each segmented scan."""

from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

SIDE_VOXELS = 512
SLICES = {"small": 280, "medium": 458, "large": 824}  # SOURCE: Wasserthal et al. 2023, the scans of their run times
NOT_FINISHED = "the scan did not reach this step"
TOO_SHORT = "the jobs were too short to be sampled"

RUNTIME = Table(
    "runtime",
    ("stage",),
    "computing resources used by the jobs of each rule: one row per rule of the workflow. The table is written only as"
    " CSV, to `results/<study.name>/benchmarks/`, because it differs from run to run",
    {
        "stage": text("name of the rule"),
        "jobs": count("number of jobs. A job that was run several times is counted once", low=1),
        "seconds": number(
            "total run time of the jobs. For `segment`, interrupted and repeated runs are included", "s", low=0
        ),
        "longest_seconds": number(
            "run time of the longest job. For `segment`, total run time of all jobs of the same shard", "s", low=0
        ),
        "cpu_seconds": number(
            "CPU time, sampled at intervals. The last seconds of a job are not included",
            "s",
            low=0,
            missing=TOO_SHORT,
        ),
        "peak_mb": number("largest resident memory of a job", "MB", low=0, missing=TOO_SHORT),
        "gpu_seconds": number("total run time of the jobs with a GPU", "s", low=0, missing="no job used a GPU"),
    },
)
SCAN_SECONDS = Table(
    "scan_seconds",
    ("scan_id",),
    "computing time of each scan: one row per scan that a segmentation job processed or skipped because its label map"
    " was finished. The table is written only as CSV, to `results/<study.name>/benchmarks/`",
    {
        "scan_id": SCAN,
        "job": text("shard of the job that recorded the steps"),
        "reused": truth("whether the scan was skipped because its label map was finished. No times are then recorded"),
        "voxels": count("number of voxels of the label map", missing="no label map"),
        "size": text(
            "scan size of the original study with the nearest number of voxels: "
            + ", ".join(f"{name} ({SIDE_VOXELS} × {SIDE_VOXELS} × {slices})" for name, slices in SLICES.items()),
            among=SLICES,
            missing="no label map",
        ),
        "read_seconds": number("time for reading and preprocessing the scan", "s", low=0, missing=NOT_FINISHED),
        "predict_seconds": number("time for prediction", "s", low=0, missing=NOT_FINISHED),
        "write_seconds": number(
            "time for resampling the labels to the CT grid and writing them", "s", low=0, missing=NOT_FINISHED
        ),
        "seconds": number(
            "sum of the three steps. In a job, the steps of consecutive scans overlap",
            "s",
            low=0,
            missing="the scan failed, or its label map was written by an interrupted job or by an earlier run",
        ),
        "job_seconds": number(
            "time between the completion of the previous scan of the job and the completion of this scan. For the first"
            " scan of a job, the time includes loading the models",
            "s",
            low=0,
            missing="the scan was skipped because its label map was finished, or the scan failed",
        ),
        "gpu_mb": number(
            "largest GPU memory of the process", "MB", low=0, missing="no GPU was used, or its memory is not recorded"
        ),
    },
)
TABLES = (RUNTIME, SCAN_SECONDS)
