EVALUATION = []

if "evaluate" in config:
    COMPARED = config["evaluate"]["compare_with"]
    NOWHERE = [
        f"{setting}: {path} does not exist"
        for setting, path in [
            ("evaluate.reference", config["evaluate"]["reference"]),
            *(("evaluate.compare_with", folder) for folder in COMPARED.values()),
        ]
        if not Path(path).exists()
    ]
    if NOWHERE:  # else Snakemake 9.27 takes tables of an earlier evaluation for given
        raise SystemExit("error: " + "\n".join(NOWHERE))

    # The label maps are side files: the table `segments` says when they change, and the time of a folder when a label
    # map of another model is added or replaced. References are named in the CSV.
    rule evaluate:
        input:
            reference=config["evaluate"]["reference"],
            segments=f"{STUDY}/tables/segments.parquet",
            cohort=f"{STUDY}/tables/cohort.parquet",
            exclusions=f"{STUDY}/tables/exclusions.parquet",
            compared=list(COMPARED.values()),
            code=code("evaluate"),
        output:
            **tables_of("evaluate", *(["compare_with"] if COMPARED else [])),
        log:
            rules_of_study.log_file(STUDY, "evaluate"),
        benchmark:
            f"{STUDY}/benchmarks/evaluate.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("evaluate"),
        params:
            program=program,
            config=settings_file,
            settings=settings_digest("evaluate"),
            structures=label_set,
            labels=LABELS,
            models=[
                f"{name}={folder}"
                for name, folder in {
                    config["study"]["name"]: f"{STUDY}/masks",
                    **COMPARED,
                }.items()
            ],
            comparison=(
                f"--comparison {STUDY}/tables/evaluation_comparison.parquet"
                if COMPARED
                else ""
            ),
        message:
            "evaluate: agreement with references (progress in {log})"
        shell:
            "{params.program} evaluate --reference {input.reference:q} --predictions {params.models:q}"
            " --segments {input.segments:q} --cohort {input.cohort:q} --exclusions {input.exclusions:q}"
            " --structures {params.structures:q} --config {params.config:q}"
            " --evaluation {output.evaluation:q} --summary {output.evaluation_summary:q} {params.comparison}"
            " &> {log:q}"

    EVALUATION = rules.evaluate.output
