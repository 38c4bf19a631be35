CONVERSIONS = []

# The command `index` created the registry before the workflow. Volumes are not declared as output, as label maps are
# not. The registry is `ancient` because `rows`, `reading`, and `criteria` determine which shards a change of the
# registry affects.
if DICOM:

    rule convert:
        input:
            registry=ancient(REGISTRY),
        output:
            conversions=f"{STUDY}/shards/convert/{{shard}}.parquet",
            csv=f"{STUDY}/shards/convert/{{shard}}.csv",
        log:
            rules_of_study.log_file(STUDY, "convert", shard=True),
        benchmark:
            f"{STUDY}/benchmarks/convert/{{shard}}.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("convert"),
            attempts_left=0,  # a profile with retries sets the remaining attempts
        params:
            program=program,
            config=settings_file,
            settings=settings_digest("dicom"),
            rows=rows_of,
            criteria=settings_digest("cohort.criteria"),
            reading=reading_digest(),
            folder=DICOM,
            private=(
                f"--private {shlex.quote(config['study']['private'])}"
                if "private" in config["study"]
                else ""
            ),
        message:
            "convert: CT volumes of shard {wildcards.shard} from DICOM files (progress in {log})"
        shell:
            "{params.program} convert --registry {input.registry:q}"
            " --shard {wildcards.shard} --dicom {params.folder:q}"
            " {params.private} --config {params.config:q} --attempts-left {resources.attempts_left}"
            " --out {output.conversions:q} &> {log:q}"

    rule gather_conversions:
        input:
            shards=expand(f"{STUDY}/shards/convert/{{shard}}.parquet", shard=SHARDS),
            code=code("gather"),
        output:
            **tables_of("convert"),
        log:
            rules_of_study.log_file(STUDY, "gather_conversions"),
        benchmark:
            f"{STUDY}/benchmarks/gather_conversions.tsv"
        conda:
            "../../envs/stats.yaml"
        resources:
            **rules_of_study.resources("gather_conversions"),
        params:
            program=program,
            shards=tables_of_shards("convert"),
        message:
            "gather_conversions: conversions of all shards"
        shell:
            "{params.program} gather --table conversions --shards {params.shards} --out {output.conversions:q} &> {log:q}"

    CONVERSIONS = rules.gather_conversions.output
