rule cohort:
    input:
        registry=REGISTRY,
        code=code("registry", "cohort"),
    output:
        cohort=f"{STUDY}/tables/cohort.parquet",
        exclusions=f"{STUDY}/tables/exclusions.parquet",
        flow=f"{STUDY}/tables/flow.parquet",
        csv=expand(
            f"{STUDY}/tables/{{table}}.csv", table=["cohort", "exclusions", "flow"]
        ),
    log:
        f"{STUDY}/logs/cohort.log",
    benchmark:
        f"{STUDY}/benchmarks/cohort.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=stage_settings("cohort"),
        door=DOOR,
    message:
        "cohort: who is in the study"
    shell:
        "python -m ctpop cohort --registry {input.registry:q} --start-from {params.door}"
        " --settings {params.settings:q} --cohort {output.cohort:q} --exclusions {output.exclusions:q}"
        " --flow {output.flow:q} &> {log:q}"
