"""What a study cost: time, memory and GPU of each stage, and of each scan that was segmented."""

from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

SIDE_VOXELS = 512
SLICES = {"small": 280, "medium": 458, "large": 824}  # SOURCE: Wasserthal et al. 2023, the scans of their run times
NOT_FINISHED = "a step that the scan did not come to"

RUNTIME = Table(
    "runtime",
    ("stage",),
    "one row per stage: what its jobs cost; not in tables/, but a CSV in results/<study.name>/benchmarks/, since no two"
    " runs agree on it",
    {
        "stage": text("stage, as the rule of the workflow is called"),
        "jobs": count("jobs; each counts once, however often it was run", low=1),
        "seconds": number("their run times, summed; of segment, killed and repeated runs included", "s", low=0),
        "longest_seconds": number("run time of the longest of them; of segment, of all jobs on one shard", "s", low=0),
        "cpu_seconds": number(
            "processor time; it is looked at now and then, and lacks the last seconds of a job",
            "s",
            low=0,
            missing="the jobs were too short for it to be seen",
        ),
        "peak_mb": number(
            "largest resident memory of a job", "MB", low=0, missing="the jobs were too short for it to be seen"
        ),
        "gpu_seconds": number("run times of the jobs that held a GPU", "s", low=0, missing="no job used a GPU"),
    },
)
SCAN_SECONDS = Table(
    "scan_seconds",
    ("scan_id",),
    "one row per scan that a job of segment looked at: what it took; not in tables/, but a CSV in"
    " results/<study.name>/benchmarks/",
    {
        "scan_id": SCAN,
        "job": text("shard whose job the steps are from"),
        "reused": truth("the label map was found finished, and no record tells what it took"),
        "voxels": count("voxels of the label map", missing="there is no label map"),
        "size": text(
            "scan of the paper with the nearest number of voxels: "
            + ", ".join(f"{name} {SIDE_VOXELS} x {SIDE_VOXELS} x {slices}" for name, slices in SLICES.items()),
            among=SLICES,
            missing="there is no label map",
        ),
        "read_seconds": number("reading, and preparing for the model", "s", low=0, missing=NOT_FINISHED),
        "predict_seconds": number("prediction", "s", low=0, missing=NOT_FINISHED),
        "write_seconds": number("resampling to the CT, and writing", "s", low=0, missing=NOT_FINISHED),
        "seconds": number(
            "the three steps, one after the other; in a job, the steps of neighbouring scans overlap",
            "s",
            low=0,
            missing="failed, or made by a job that was killed or by one of an earlier run",
        ),
        "job_seconds": number(
            "time of the job that made it, from the end of the scan before; the first scan of a job has the loading of"
            " models in it",
            "s",
            low=0,
            missing="found finished, or failed",
        ),
        "gpu_mb": number("largest GPU memory of the program", "MB", low=0, missing="no GPU was used, or not known"),
    },
)
TABLES = (RUNTIME, SCAN_SECONDS)
