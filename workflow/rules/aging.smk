rule aging:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        analysis_sets=f"{STUDY}/tables/analysis_sets.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        truth=TRUTH,
        code=code("aging"),
    output:
        **tables_of("aging", *(["truth"] if TRUTH else [])),
    log:
        rules_of_study.log_file(STUDY, "aging"),
    benchmark:
        f"{STUDY}/benchmarks/aging.tsv"
    conda:
        "../../envs/stats.yaml"
    threads: 2
    resources:
        **rules_of_study.resources("aging"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest("aging"),
        truth=(
            f"--truth {shlex.quote(TRUTH)} --compare-truth {STUDY}/tables/compare_truth.parquet"
            if TRUTH
            else ""
        ),
    message:
        "aging: statistics of measures against age"
    shell:
        "{params.program} aging --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --structures {input.structures:q} --config {params.config:q} --threads {threads} --normality {output.normality:q}"
        " --associations {output.associations:q} --groups {output.groups:q} --posthoc {output.posthoc:q}"
        " --analysis-sets {input.analysis_sets:q} --sensitivity {output.sensitivity:q} {params.truth} &> {log:q}"


rule adjust:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        code=code("adjust"),
    output:
        **tables_of("adjust"),
    log:
        rules_of_study.log_file(STUDY, "adjust"),
    benchmark:
        f"{STUDY}/benchmarks/adjust.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("adjust"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "aging.confidence",
            "aging.n_min",
            "aging.quartiles",
            "aging.cut_years",
            "aging.covariates",
            "aging.categorical",
            "aging.covariate_share",
            "aging.knots",
            "aging.adjust",
            "aging.category_n_min",
            "cohort.values",
        ),
    message:
        "adjust: statistics by sex and adjusted for covariates"
    shell:
        "OPENBLAS_NUM_THREADS=1 {params.program} adjust --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --structures {input.structures:q} --config {params.config:q} --adjusted {output.adjusted:q}"
        " --by-sex {output.associations_by_sex:q} --rank-ancova {output.rank_ancova:q}"
        " --age-curves {output.age_curves:q} &> {log:q}"


rule effects:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        code=code("effects"),
    output:
        **tables_of("effects"),
    log:
        rules_of_study.log_file(STUDY, "effects"),
    benchmark:
        f"{STUDY}/benchmarks/effects.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("effects"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "aging.alpha",
            "aging.confidence",
            "aging.n_min",
            "aging.covariates",
            "aging.categorical",
            "aging.covariate_share",
            "aging.category_n_min",
            "aging.knots",
            "aging.windows",
            "cohort.values",
        ),
    message:
        "effects: effects per decade of age, sex differences, and relations with height"
    shell:
        "OPENBLAS_NUM_THREADS=1 {params.program} effects --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --structures {input.structures:q} --config {params.config:q} --age-effects {output.age_effects:q}"
        " --age-models {output.age_models:q} --sex-differences {output.sex_differences:q}"
        " --body-size {output.body_size:q} --detectable-effects {output.detectable_effects:q} &> {log:q}"


rule missing:
    input:
        verdicts=f"{STUDY}/tables/verdicts.parquet",
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        rule_sets=sorted(map(str, RULE_SETS)),
        code=code("missing"),
    output:
        **tables_of("missing"),
    log:
        rules_of_study.log_file(STUDY, "missing"),
    benchmark:
        f"{STUDY}/benchmarks/missing.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("missing"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "aging.confidence",
            "aging.n_min",
            "screen.rules",
            "screen.use_truncated_hu",
        ),
    message:
        "missing: missing values by age and sex, and their influence on results"
    shell:
        "OPENBLAS_NUM_THREADS=1 {params.program} missing --verdicts {input.verdicts:q} --analysis {input.analysis:q}"
        " --cohort {input.cohort:q} --structures {input.structures:q} --config {params.config:q}"
        " --missingness {output.missingness:q} --sensitivity {output.missing_sensitivity:q} &> {log:q}"


rule centiles:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        segments=[] if START_FROM == "measures" else f"{STUDY}/tables/segments.parquet",
        code=code("centiles"),
    output:
        **tables_of("centiles"),
    log:
        rules_of_study.log_file(STUDY, "centiles"),
    benchmark:
        f"{STUDY}/benchmarks/centiles.tsv"
    conda:
        "../../envs/stats.yaml"
    threads: 2
    resources:
        **rules_of_study.resources("centiles"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "aging.centiles_n_min",
            "aging.centiles_extreme_n_min",
            "aging.centiles_covariates",
            "aging.confidence",
        ),
        segments=(
            ""
            if START_FROM == "measures"
            else f"--segments {STUDY}/tables/segments.parquet"
        ),
    message:
        "centiles: centile curves for each sex, and z scores"
    shell:
        "OPENBLAS_NUM_THREADS=1 {params.program} centiles --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --structures {input.structures:q} --config {params.config:q} --threads {threads} {params.segments}"
        " --centiles {output.centiles:q} --models {output.centile_models:q}"
        " --calibration {output.centile_calibration:q} --worms {output.centile_worms:q}"
        " --z-scores {output.z_scores:q} &> {log:q}"


CENTILES = rules.centiles.output if config["aging"]["centiles"] else []


rule change_points:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        code=code("change-points"),
    output:
        **tables_of("change_points"),
    log:
        rules_of_study.log_file(STUDY, "change_points"),
    benchmark:
        f"{STUDY}/benchmarks/change_points.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("change_points"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "aging.confidence",
            "aging.covariates",
            "aging.categorical",
            "aging.covariate_share",
            "aging.category_n_min",
            "aging.knots",
            "aging.change_points",
            "aging.bootstrap_seed",
            "cohort.values",
        ),
    message:
        "change_points: ages at which slopes change, for each sex"
    shell:
        "OPENBLAS_NUM_THREADS=1 {params.program} change-points --analysis {input.analysis:q}"
        " --cohort {input.cohort:q} --structures {input.structures:q} --config {params.config:q}"
        " --change-points {output.change_points:q} --curves {output.change_point_curves:q} &> {log:q}"


CHANGE_POINTS = rules.change_points.output if config["aging"]["change_points"] else []


rule repeats:
    input:
        analysis=f"{STUDY}/tables/analysis.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        associations=f"{STUDY}/tables/associations.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        code=code("repeats"),
    output:
        **tables_of("repeats"),
    log:
        rules_of_study.log_file(STUDY, "repeats"),
    benchmark:
        f"{STUDY}/benchmarks/repeats.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("repeats"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "aging.confidence",
            "aging.covariates",
            "aging.categorical",
            "aging.covariate_share",
            "aging.category_n_min",
            "cohort.values",
        ),
    message:
        "repeats: changes within patients, and repeatability"
    shell:
        "OPENBLAS_NUM_THREADS=1 {params.program} repeats --analysis {input.analysis:q} --cohort {input.cohort:q}"
        " --associations {input.associations:q} --structures {input.structures:q} --config {params.config:q}"
        " --within-patient {output.within_patient:q} --retest {output.retest:q} &> {log:q}"


rule published:
    input:
        flow=f"{STUDY}/tables/flow.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        associations=f"{STUDY}/tables/associations.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        results=str(configuration.GROUPS_FILE.with_name("published_results.csv")),
        code=code("published"),
    output:
        **tables_of("published"),
    log:
        rules_of_study.log_file(STUDY, "published"),
    benchmark:
        f"{STUDY}/benchmarks/published.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("published"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(
            "aging.alpha", "aging.confidence", "aging.equivalence_margin_rho"
        ),
    message:
        "published: comparison with the values of the TotalSegmentator study"
    shell:
        "{params.program} published --flow {input.flow:q} --cohort {input.cohort:q}"
        " --associations {input.associations:q} --structures {input.structures:q}"
        " --config {params.config:q} --out {output.compare_published:q} &> {log:q}"
