# Last of all: it tells what the others took. Times differ from run to run, so that no other stage may depend on them, and
# the report, whose bytes do not change, only links to the page. It has no benchmark of its own, which it would read.
rule runtime:
    input:
        report=f"{STUDY}/report/index.html",  # one file of a job is enough to wait for it; each costs time of a plan
        adjust=f"{STUDY}/tables/adjusted.parquet",
        others=[*(files[:1] for files in (CENTILES, GALLERY, EVALUATION, CONVERSIONS))],
        segments=[] if START_FROM == "measures" else f"{STUDY}/tables/segments.parquet",
        templates=[
            str(resource("report", name)) for name in ("runtime.html", "style.css")
        ],
        code=code("runtime"),
    output:
        f"{STUDY}/benchmarks/runtime.csv",
        f"{STUDY}/benchmarks/scan_seconds.csv",
        f"{STUDY}/benchmarks/runtime.html",
    log:
        rules_of_study.log_file(STUDY, "runtime"),
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("runtime"),
    params:
        program=program,
        config=settings_file,
        study=settings_digest("study"),
        folder=study_folder,
        scans=(
            f"--segments {STUDY}/tables/segments.parquet --masks {STUDY}/masks"
            if START_FROM != "measures"
            else ""
        ),
    message:
        "runtime: what jobs and scans took"
    shell:
        "{params.program} runtime --benchmarks {params.folder:q}/benchmarks {params.scans} --config {params.config:q}"
        " --out {params.folder:q}/benchmarks &> {log:q}"
