# The code is not an input: stored label maps are identified by the checksums of model and CT and a version in the
# program, and a job that finds its label maps takes seconds. The registry is `ancient` because `rows`, `reading`, and
# `criteria` determine which shards a change of the registry affects. (For an `ancient` table of another job, Snakemake
# 9.27 would ignore the other reasons to run the job.) Label maps are not declared as output because Snakemake deletes
# the declared output of a killed job. The CSV file of a shard is not declared either because the output files of shards
# determine much of the planning time.
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
        attempts_left=0,  # a profile with retries sets the remaining attempts
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
