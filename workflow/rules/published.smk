rule published:
    input:
        flow=f"{STUDY}/tables/flow.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        associations=f"{STUDY}/tables/associations.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        results=str(settings.GROUPS_FILE.with_name("published_results.csv")),
        code=code("published", "stats/*"),
    output:
        table=f"{STUDY}/tables/compare_published.parquet",
        csv=table_files("paper", "Comparison", ["compare_published"]),
    log:
        f"{STUDY}/logs/published.log",
    benchmark:
        f"{STUDY}/benchmarks/published.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=stage_settings("aging"),
    message:
        "published: the numbers of the paper beside ours"
    shell:
        "python -m ctpop published --flow {input.flow:q} --cohort {input.cohort:q}"
        " --associations {input.associations:q} --structures {input.structures:q}"
        " --settings {params.settings:q} --out {output.table:q} &> {log:q}"
