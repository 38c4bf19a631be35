rule cohort:
    input:
        registry=REGISTRY,
        code=code("cohort"),
    output:
        **tables_of("cohort"),
    log:
        rules_of_study.log_file(STUDY, "cohort"),
    benchmark:
        f"{STUDY}/benchmarks/cohort.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("cohort"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest("cohort"),
        start_from="dicom" if DICOM and START_FROM == "images" else START_FROM,
    message:
        "cohort: inclusion criteria and participant flow"
    shell:
        "{params.program} cohort --registry {input.registry:q} --start-from {params.start_from}"
        " --config {params.config:q} --cohort {output.cohort:q} --exclusions {output.exclusions:q}"
        " --flow {output.flow:q} --overlap {output.overlap:q} &> {log:q}"


rule describe:
    input:
        cohort=f"{STUDY}/tables/cohort.parquet",
        exclusions=f"{STUDY}/tables/exclusions.parquet",
        flow=f"{STUDY}/tables/flow.parquet",
        code=code("describe"),
    output:
        **tables_of("describe"),
        pages=manuscript_files("table1", "Table 1"),
        figures=figure_files("cohort_flow"),
    log:
        rules_of_study.log_file(STUDY, "describe"),
    benchmark:
        f"{STUDY}/benchmarks/describe.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("describe"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "cohort",
            "aging.quartiles",
            "study.banner",
            "report.dpi",
            "report.formats",
        ),
        study=study_folder,
    message:
        "describe: Table 1 and the flow diagram of the cohort"
    shell:
        "{params.program} describe --cohort {input.cohort:q} --exclusions {input.exclusions:q} --flow {input.flow:q}"
        " --config {params.config:q}"
        " --table1 {output.table1:q} --report {params.study:q}/report --figures {params.study:q}/figures &> {log:q}"


# Runs only on request: snakemake ... export
rule export:
    input:
        cohort=f"{STUDY}/tables/cohort.parquet",
        flow=f"{STUDY}/tables/flow.parquet",
        overlap=f"{STUDY}/tables/overlap.parquet",
        structure_flow=f"{STUDY}/tables/structure_flow.parquet",
        associations=f"{STUDY}/tables/associations.parquet",
        age_effects=f"{STUDY}/tables/age_effects.parquet",
        age_models=f"{STUDY}/tables/age_models.parquet",
        code=code("export"),
    output:
        expand(
            f"{STUDY}/export/{{name}}.csv",
            name=[
                *("table1", "flow", "overlap", "structure_flow"),
                *("associations", "age_effects", "age_models"),
            ],
        ),
        expand(f"{STUDY}/export/table1.{{kind}}", kind=["html", "docx"]),
    log:
        rules_of_study.log_file(STUDY, "export"),
    benchmark:
        f"{STUDY}/benchmarks/export.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("export"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest("cohort", "aging.quartiles", "study.banner"),
        study=study_folder,
    message:
        "export: de-identified tables in {params.study}/export"
    shell:
        "{params.program} export --tables {params.study:q}/tables --config {params.config:q}"
        " --out {params.study:q}/export &> {log:q}"
