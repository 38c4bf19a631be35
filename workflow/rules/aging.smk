AGING_TABLES = [
    "normality",
    "associations",
    "groups",
    "posthoc",
    "sensitivity",
    *(["compare_truth"] if TRUTH else []),
]


rule aging:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        analysis_sets=f"{STUDY}/tables/analysis_sets.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        truth=TRUTH,
        code=code("aging", "intervals", "series", "stats/*"),
    output:
        **{table: f"{STUDY}/tables/{table}.parquet" for table in AGING_TABLES},
        csv=table_files("statistics", "Age", AGING_TABLES),
    log:
        f"{STUDY}/logs/aging.log",
    benchmark:
        f"{STUDY}/benchmarks/aging.tsv"
    conda:
        "../../envs/stats.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        settings=stage_settings("aging"),
        truth=(
            f"--truth {shlex.quote(TRUTH)} --compare-truth {STUDY}/tables/compare_truth.parquet"
            if TRUTH
            else ""
        ),
    message:
        "aging: statistics against age"
    shell:
        "python -m ctpop aging --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --structures {input.structures:q} --settings {params.settings:q} --threads {threads} --normality {output.normality:q}"
        " --associations {output.associations:q} --groups {output.groups:q} --posthoc {output.posthoc:q}"
        " --analysis-sets {input.analysis_sets:q} --sensitivity {output.sensitivity:q} {params.truth} &> {log:q}"
