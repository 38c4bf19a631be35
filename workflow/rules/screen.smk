from ctpop.study import rule_sets

checked(rule_sets.read, config["screen"]["rules"])

RULE_SETS = {
    *rule_sets.SHIPPED.glob("*.yaml"),
    rule_sets.existing_file(config["screen"]["rules"]),
}
REVIEW = config["screen"].get("review", [])

# Without this check, Snakemake 9.27 would use the tables of an earlier screening.
if REVIEW and not Path(REVIEW).is_file():
    raise SystemExit(f"error: screen.review: {REVIEW} does not exist")


rule screen:
    input:
        measures=f"{STUDY}/tables/measures.parquet",
        cohort=f"{STUDY}/tables/cohort.parquet",
        exclusions=f"{STUDY}/tables/exclusions.parquet",
        structures=STRUCTURES,
        groups=GROUPS,
        rule_sets=sorted(map(str, RULE_SETS)),
        review=REVIEW,
        code=code("screen"),
    output:
        **tables_of("screen"),
    log:
        rules_of_study.log_file(STUDY, "screen"),
    benchmark:
        f"{STUDY}/benchmarks/screen.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("screen"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest("screen"),
    message:
        "screen: usable and excluded values"
    shell:
        "{params.program} screen --measures {input.measures:q} --cohort {input.cohort:q}"
        " --exclusions {input.exclusions:q} --structures {input.structures:q} --config {params.config:q}"
        " --verdicts {output.verdicts:q} --analysis {output.analysis:q} --failures {output.failures:q}"
        " --group-members {output.group_members:q} --group-values {output.group_values:q}"
        " --structure-flow {output.structure_flow:q} --extremes {output.extremes:q}"
        " --plausibility {output.plausibility:q} --implausible-values {output.implausible_values:q}"
        " --analysis-sets {output.analysis_sets:q} &> {log:q}"


rule contrast:
    input:
        cohort=f"{STUDY}/tables/cohort.parquet",
        measures=f"{STUDY}/tables/measures.parquet",
        verdicts=f"{STUDY}/tables/verdicts.parquet",
        code=code("contrast"),
    output:
        **tables_of("contrast"),
    log:
        rules_of_study.log_file(STUDY, "contrast"),
    benchmark:
        f"{STUDY}/benchmarks/contrast.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("contrast"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest("cohort"),
    message:
        "contrast: check of recorded contrast administration against attenuation"
    shell:
        "{params.program} contrast --cohort {input.cohort:q} --measures {input.measures:q}"
        " --verdicts {input.verdicts:q} --config {params.config:q} --out {output.contrast_check:q} &> {log:q}"
