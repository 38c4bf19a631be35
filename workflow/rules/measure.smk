if DOOR == "measures":

    rule measure:
        input:
            registry=REGISTRY,
            table=config["study"]["measures"],
            code=code(
                "headers",
                "images",
                "registry",
                "scans",
                "exchange",
                "segmentation/label_file",
                "segmentation/store",
                "measuring/*",
                "measure",
            ),
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
            criteria=config["cohort"]["criteria"],
            structures=label_set,
            labels=LABELS,
            files=files_digest(config["study"]["measures"]),
        message:
            "measure: table of measures"
        shell:
            "python -m ctpop measure --registry {input.registry:q} --criteria {params.criteria} --table {input.table:q}"
            " --structures {params.structures:q} --out {output.measures:q} &> {log:q}"

else:

    rule measure:
        input:
            registry=ancient(REGISTRY),
            segments=f"{STUDY}/shards/segments/{{shard}}.parquet",
            code=code(
                "headers",
                "images",
                "registry",
                "scans",
                "segmentation/label_file",
                "segmentation/store",
                "measuring/*",
                "exchange",
                "measure",
            ),
        output:
            measures=f"{STUDY}/shards/measures/{{shard}}.parquet",
            csv=f"{STUDY}/shards/measures/{{shard}}.csv",
            histograms=f"{STUDY}/histograms/{{shard}}.parquet",
        log:
            f"{STUDY}/logs/measure/{{shard}}.log",
        benchmark:
            f"{STUDY}/benchmarks/measure/{{shard}}.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            mem_mb=8000,
            runtime=120,
        params:
            settings=stage_settings("measure"),
            structures=label_set,
            labels=LABELS,
            masks=f"{STUDY}/masks",
        message:
            "measure: shard {wildcards.shard}"
        shell:
            "python -m ctpop measure --registry {input.registry:q} --segments {input.segments:q}"
            " --masks {params.masks:q} --structures {params.structures:q} --settings {params.settings:q}"
            " --out {output.measures:q} --histograms {output.histograms:q} &> {log:q}"

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
        message:
            "gather_measures: measures of all shards"
        shell:
            "python -m ctpop gather --table measures --shards {input.shards:q} --out {output.measures:q} &> {log:q}"
