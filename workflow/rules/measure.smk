# A resource instead of a parameter, because a change of this share must not cause a rerun.
FAILED_SHARE = str(config["segment"]["max_failed_share"])
TABLE_SETTINGS = settings_digest(
    "cohort.missing",
    *(
        f"measure.{key}"
        for key in ("columns", "confirmed", "zero_hu", *registry_options.FORM)
    ),
)


if ONE_FILE:

    rule patients:
        input:
            table=config["study"]["measures"],
            code=code("patients"),
        output:
            registry=REGISTRY,
        log:
            rules_of_study.log_file(STUDY, "patients"),
        benchmark:
            f"{STUDY}/benchmarks/patients.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("patients"),
        params:
            program=program,
            config=settings_file,
            settings=TABLE_SETTINGS,
            structures=label_set,
            labels=LABELS,
        message:
            "patients: registry from the table of measures"
        shell:
            "{params.program} patients --table {input.table:q} --structures {params.structures:q}"
            " --config {params.config:q} --out {output.registry:q} &> {log:q}"


if START_FROM == "measures":

    rule measure:
        input:
            registry=REGISTRY,
            table=config["study"]["measures"],
            code=code("measure"),
        output:
            **tables_of("measure"),
        log:
            rules_of_study.log_file(STUDY, "measure"),
        benchmark:
            f"{STUDY}/benchmarks/measure.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("measure"),
        params:
            program=program,
            config=settings_file,
            criteria=settings_digest("cohort.criteria"),
            reading=reading_digest(),
            settings=TABLE_SETTINGS,
            structures=label_set,
            labels=LABELS,
            files=files_digest(config["study"]["measures"]),
        message:
            "measure: values of the table of measures"
        shell:
            "{params.program} measure --registry {input.registry:q}"
            " --table {input.table:q} --structures {params.structures:q}"
            " --config {params.config:q} --out {output.measures:q} &> {log:q}"

else:

    rule measure:
        input:
            registry=ancient(REGISTRY),
            segments=f"{STUDY}/shards/segments/{{shard}}.parquet",
        output:
            measures=f"{STUDY}/shards/measures/{{shard}}.parquet",
            histograms=f"{STUDY}/histograms/{{shard}}.parquet",
        log:
            rules_of_study.log_file(STUDY, "measure", shard=True),
        benchmark:
            f"{STUDY}/benchmarks/measure/{{shard}}.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("measure"),
            attempts_left=0,  # a profile with retries sets the remaining attempts
            max_failed_share=FAILED_SHARE,
        params:
            program=program,
            config=settings_file,
            code=code_digest("measure"),
            settings=settings_digest("measure"),
            reading=reading_digest(),
            structures=label_set,
            labels=LABELS,
            masks=f"{STUDY}/masks",
        message:
            "measure: volumes and attenuation of shard {wildcards.shard}"
        shell:
            "{params.program} measure --registry {input.registry:q}"
            " --segments {input.segments:q} --masks {params.masks:q} --structures {params.structures:q}"
            " --config {params.config:q} --attempts-left {resources.attempts_left}"
            " --max-failed-share {resources.max_failed_share} --out {output.measures:q}"
            " --histograms {output.histograms:q} &> {log:q}"

    rule gather_measures:
        input:
            shards=expand(f"{STUDY}/shards/measures/{{shard}}.parquet", shard=SHARDS),
            code=code("gather"),
        output:
            **tables_of("measure"),
        log:
            rules_of_study.log_file(STUDY, "gather_measures"),
        benchmark:
            f"{STUDY}/benchmarks/gather_measures.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("gather_measures"),
        params:
            program=program,
            shards=tables_of_shards("measures"),
        message:
            "gather_measures: measures of all shards"
        shell:
            "{params.program} gather --table measures --shards {params.shards} --out {output.measures:q} &> {log:q}"
