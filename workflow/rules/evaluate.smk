EVALUATION = []

if "evaluate" in config:
    COMPARED = config["evaluate"]["compare_with"]
    MISSING_FILES = [
        f"{setting}: {path} does not exist"
        for setting, path in [
            ("evaluate.reference", config["evaluate"]["reference"]),
            *(("evaluate.compare_with", folder) for folder in COMPARED.values()),
        ]
        if not Path(path).exists()
    ]
    if (
        MISSING_FILES
    ):  # otherwise, Snakemake 9.27 would use the tables of an earlier evaluation
        raise SystemExit("error: " + "\n".join(MISSING_FILES))

    # Label maps are not declared as input. The table `segments` changes with the label maps of the study, and the
    # modification time of the folder of the second model changes with its label maps. The CSV file lists the reference
    # masks.
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
            "evaluate: agreement with the reference masks (progress in {log})"
        shell:
            "{params.program} evaluate --reference {input.reference:q} --predictions {params.models:q}"
            " --segments {input.segments:q} --cohort {input.cohort:q} --exclusions {input.exclusions:q}"
            " --structures {params.structures:q} --config {params.config:q}"
            " --evaluation {output.evaluation:q} --summary {output.evaluation_summary:q} {params.comparison}"
            " &> {log:q}"

    EVALUATION = rules.evaluate.output
