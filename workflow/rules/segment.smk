# The code is not an input here: GPU nights are keyed by model checksum, CT checksum and a version in the program, and
# a job that finds its label maps in the store takes seconds. The registry is `ancient` because `rows`, `reading`
# and `criteria` say which shards it changes. (An `ancient` table of another job would not do: Snakemake 9.27 then drops
# the job's own reasons to run.) Label maps are side files in the store: Snakemake deletes declared outputs of a killed
# job. The CSV beside a shard's table is not declared either: outputs of shards are a good part of the time of a plan.
rule segment:
    input:
        registry=ancient(REGISTRY),
        model=MODEL,
        converted=f"{STUDY}/shards/convert/{{shard}}.parquet" if DICOM else [],
    output:
        segments=f"{STUDY}/shards/segments/{{shard}}.parquet",
    log:
        rules_of_study.log_file(STUDY, "segment", shard=True),
    benchmark:
        f"{STUDY}/benchmarks/segment/{{shard}}.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: config["segment"]["cpu_threads"]
    resources:
        **rules_of_study.resources("segment"),
        gpu=1 if START_FROM == "images" and config["segment"]["device"] != "cpu" else 0,
        attempts_left=0,  # a profile with retries counts them down
    params:
        program=program,
        config=settings_file,
        settings=settings_digest("segment"),
        engine="nnunet" if START_FROM == "images" else "existing",
        structures=label_set,
        labels=LABELS,
        rows=rows_of,
        criteria=settings_digest("cohort.criteria"),
        reading=reading_digest(),
        masks=f"{STUDY}/masks",
        converted=(
            f"--conversions {STUDY}/shards/convert/{{shard}}.parquet" if DICOM else ""
        ),
        times=f"{STUDY}/benchmarks/segment/{{shard}}_scans.csv",
    message:
        "segment: label maps of shard {wildcards.shard} (progress in {log})"
    shell:
        "{params.program} segment --registry {input.registry:q}"
        " --shard {wildcards.shard} --engine {params.engine}"
        " --structures {params.structures:q} --config {params.config:q} --masks {params.masks:q}"
        " --times {params.times:q} {params.converted} --attempts-left {resources.attempts_left}"
        " --out {output.segments:q} &> {log:q}"


rule gather_segments:
    input:
        shards=expand(f"{STUDY}/shards/segments/{{shard}}.parquet", shard=SHARDS),
        code=code("gather"),
    output:
        **tables_of("segment"),
    log:
        rules_of_study.log_file(STUDY, "gather_segments"),
    benchmark:
        f"{STUDY}/benchmarks/gather_segments.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("gather_segments"),
    params:
        program=program,
        shards=tables_of_shards("segments"),
    message:
        "gather_segments: label maps of all shards"
    shell:
        "{params.program} gather --table segments --shards {params.shards} --out {output.segments:q} &> {log:q}"
