# A resource and no parameter: another share is no reason to measure a shard again.
FAILED_SHARE = str(config["segment"]["max_failed_share"])
TABLE_SETTINGS = as_argument({"columns": config["measure"].get("columns", {})})


if ONE_FILE:

    rule patients:
        input:
            table=config["study"]["measures"],
            code=code("patients"),
        output:
            registry=REGISTRY,
        log:
            f"{STUDY}/logs/patients.log",
        benchmark:
            f"{STUDY}/benchmarks/patients.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            mem_mb=8000,
            runtime=60,
        params:
            settings=TABLE_SETTINGS,
            structures=label_set,
            labels=LABELS,
        message:
            "patients: who is in the table of measures"
        shell:
            "{CTPOP} patients --table {input.table:q} --structures {params.structures:q}"
            " --settings {params.settings:q} --out {output.registry:q} &> {log:q}"


if DOOR == "measures":

    rule measure:
        input:
            registry=REGISTRY,
            table=config["study"]["measures"],
            code=code("measure"),
        output:
            measures=f"{STUDY}/tables/measures.parquet",
            csv=f"{STUDY}/tables/measures.csv",
        log:
            f"{STUDY}/logs/measure.log",
        benchmark:
            f"{STUDY}/benchmarks/measure.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            mem_mb=8000,
            runtime=60,
        params:
            criteria=CRITERIA,
            reading=reading_settings(),
            settings=TABLE_SETTINGS,
            structures=label_set,
            labels=LABELS,
            files=files_digest(config["study"]["measures"]),
        message:
            "measure: table of measures"
        shell:
            "{CTPOP} measure --registry {input.registry:q} --criteria {params.criteria:q}"
            " --reading {params.reading:q} --table {input.table:q} --structures {params.structures:q}"
            " --settings {params.settings:q} --out {output.measures:q} &> {log:q}"

else:

    rule measure:
        input:
            registry=ancient(REGISTRY),
            segments=f"{STUDY}/shards/segments/{{shard}}.parquet",
        output:
            measures=f"{STUDY}/shards/measures/{{shard}}.parquet",
            histograms=f"{STUDY}/histograms/{{shard}}.parquet",
        log:
            f"{STUDY}/logs/measure/{{shard}}.log",
        benchmark:
            f"{STUDY}/benchmarks/measure/{{shard}}.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            attempts_left=0,  # a profile with retries counts them down
            max_failed_share=FAILED_SHARE,
            mem_mb=8000,
            runtime=120,
        params:
            code=code_digest("measure"),
            settings=stage_settings("measure"),
            reading=reading_settings(),
            structures=label_set,
            labels=LABELS,
            masks=f"{STUDY}/masks",
        message:
            "measure: shard {wildcards.shard}"
        shell:
            "{CTPOP} measure --registry {input.registry:q} --reading {params.reading:q}"
            " --segments {input.segments:q} --masks {params.masks:q} --structures {params.structures:q}"
            " --settings {params.settings:q} --attempts-left {resources.attempts_left}"
            " --max-failed-share {resources.max_failed_share} --out {output.measures:q}"
            " --histograms {output.histograms:q} &> {log:q}"

    rule gather_measures:
        input:
            shards=expand(f"{STUDY}/shards/measures/{{shard}}.parquet", shard=SHARDS),
            code=code("gather"),
        output:
            measures=f"{STUDY}/tables/measures.parquet",
            csv=f"{STUDY}/tables/measures.csv",
        log:
            f"{STUDY}/logs/gather_measures.log",
        benchmark:
            f"{STUDY}/benchmarks/gather_measures.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            mem_mb=8000,
            runtime=30,
        params:
            shards=tables_of_shards("measures"),
        message:
            "gather_measures: measures of all shards"
        shell:
            "{CTPOP} gather --table measures --shards {params.shards} --out {output.measures:q} &> {log:q}"
