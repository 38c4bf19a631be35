ADJUSTED_TABLES = ["adjusted", "associations_by_sex", "rank_ancova", "age_curves"]


rule adjust:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        code=code("adjust", "covariates", "series", "stats/*"),
    output:
        **{table: f"{STUDY}/tables/{table}.parquet" for table in ADJUSTED_TABLES},
        csv=table_files("confounders", "Confounders", ADJUSTED_TABLES),
    log:
        f"{STUDY}/logs/adjust.log",
    benchmark:
        f"{STUDY}/benchmarks/adjust.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        settings=stage_settings(
            "aging",
            "confidence",
            "n_min",
            "quartiles",
            "cut_years",
            "covariates",
            "categorical",
            "covariate_share",
        ),
    message:
        "adjust: statistics by sex and adjusted for covariates"
    shell:
        "OPENBLAS_NUM_THREADS=1 python -m ctpop adjust --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --structures {input.structures:q} --settings {params.settings:q} --adjusted {output.adjusted:q}"
        " --by-sex {output.associations_by_sex:q} --rank-ancova {output.rank_ancova:q}"
        " --age-curves {output.age_curves:q} &> {log:q}"
