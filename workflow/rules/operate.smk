# This rule runs after all others and reports their run times. Run times differ between runs, so no other stage depends
# on them, and the reproducible report contains only a link to this page. The rule reads all benchmarks and has none
# itself.
rule runtime:
    input:
        report=f"{STUDY}/report/index.html",  # one file per job suffices, and each file slows down planning
        adjust=f"{STUDY}/tables/adjusted.parquet",
        others=[
            *(
                files[:1]
                for files in (
                    CENTILES,
                    CHANGE_POINTS,
                    GALLERY,
                    EVALUATION,
                    CONVERSIONS,
                )
            )
        ],
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
        "runtime: run times of jobs and scans"
    shell:
        "{params.program} runtime --benchmarks {params.folder:q}/benchmarks {params.scans} --config {params.config:q}"
        " --out {params.folder:q}/benchmarks &> {log:q}"
