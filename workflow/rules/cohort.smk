rule cohort:
    input:
        registry=REGISTRY,
        code=code("registry", "registries/*", "cohort"),
    output:
        cohort=f"{STUDY}/tables/cohort.parquet",
        exclusions=f"{STUDY}/tables/exclusions.parquet",
        flow=f"{STUDY}/tables/flow.parquet",
        overlap=f"{STUDY}/tables/overlap.parquet",
        csv=table_files("people", "People", ["cohort", "exclusions", "flow", "overlap"]),
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
        door="dicom" if DICOM and DOOR == "images" else DOOR,
    message:
        "cohort: who is in the study"
    shell:
        "python -m ctpop cohort --registry {input.registry:q} --start-from {params.door}"
        " --settings {params.settings:q} --cohort {output.cohort:q} --exclusions {output.exclusions:q}"
        " --flow {output.flow:q} --overlap {output.overlap:q} &> {log:q}"


rule describe:
    input:
        cohort=f"{STUDY}/tables/cohort.parquet",
        exclusions=f"{STUDY}/tables/exclusions.parquet",
        flow=f"{STUDY}/tables/flow.parquet",
        code=code("documents", "stats/*", "describing/*", "figures/*", "describe"),
    output:
        table1=f"{STUDY}/tables/table1.parquet",
        csv=table_files("people", "People", ["table1"]),
        pages=manuscript_files("table1", "Table 1"),
        figures=figure_files("cohort_flow"),
    log:
        f"{STUDY}/logs/describe.log",
    benchmark:
        f"{STUDY}/benchmarks/describe.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=stage_settings("cohort"),
        aging=as_argument({"quartiles": config["aging"]["quartiles"]}),
        banner=banner,
        dpi=config["report"]["dpi"],
        formats=config["report"]["formats"],
        study=study_folder,
    message:
        "describe: Table 1 and the flow diagram of the cohort"
    shell:
        "python -m ctpop describe --cohort {input.cohort:q} --exclusions {input.exclusions:q} --flow {input.flow:q}"
        " --settings {params.settings:q} --aging {params.aging:q} {params.banner} --dpi {params.dpi} --formats {params.formats}"
        " --table1 {output.table1:q} --report {params.study:q}/report --figures {params.study:q}/figures &> {log:q}"


rule contrast:
    input:
        cohort=f"{STUDY}/tables/cohort.parquet",
        measures=f"{STUDY}/tables/measures.parquet",
        verdicts=f"{STUDY}/tables/verdicts.parquet",
        code=code("contrast"),
    output:
        contrast=f"{STUDY}/tables/contrast_check.parquet",
        csv=f"{STUDY}/tables/contrast_check.csv",
    log:
        f"{STUDY}/logs/contrast.log",
    benchmark:
        f"{STUDY}/benchmarks/contrast.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        settings=stage_settings("cohort"),
    message:
        "contrast: what is said of contrast agent, and what it looks like"
    shell:
        "python -m ctpop contrast --cohort {input.cohort:q} --measures {input.measures:q}"
        " --verdicts {input.verdicts:q} --settings {params.settings:q} --out {output.contrast:q} &> {log:q}"
