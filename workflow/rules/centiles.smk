CENTILE_TABLES = ["centiles", "centile_calibration", "z_scores"]


rule centiles:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        code=code("centiles", "series", "stats/*"),
    output:
        **{table: f"{STUDY}/tables/{table}.parquet" for table in CENTILE_TABLES},
        csv=table_files("centiles", "Centiles", CENTILE_TABLES),
    log:
        f"{STUDY}/logs/centiles.log",
    benchmark:
        f"{STUDY}/benchmarks/centiles.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=12000,
        runtime=120,
    params:
        settings=stage_settings("aging", "centiles_n_min"),
    message:
        "centiles: curves of each sex and z scores"
    shell:
        "OPENBLAS_NUM_THREADS=1 python -m ctpop centiles --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --structures {input.structures:q} --settings {params.settings:q} --centiles {output.centiles:q}"
        " --calibration {output.centile_calibration:q} --z-scores {output.z_scores:q} &> {log:q}"


CENTILES = rules.centiles.output if config["aging"]["centiles"] else []
