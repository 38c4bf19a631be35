NAMES = [row["structure"] for row in settings.label_rows(config["structures"])]
PANELS = [
    f"{structure}_{measure}" for structure, measure in config["report"]["figure6"]
]
FIGURES = [
    *("flow", "age_by_sex", "figure6", "spearman_overview", "figure_s3_p01"),
    *("sensitivity", "failures_p01", "by_sex_p01"),
    *(["spearman_groups"] if checked(settings.groups_of, NAMES) else []),
    *[f"{kind}_{panel}" for panel in PANELS for kind in ("scatter", "boxes")],
    *(["truth"] if TRUTH else []),
]


rule report:
    input:
        cohort=rules.cohort.output,
        segments=[] if DOOR == "measures" else f"{STUDY}/tables/segments.parquet",
        measures=f"{STUDY}/tables/measures.parquet",
        screen=rules.screen.output,
        aging=rules.aging.output,
        structures=STRUCTURES,
        groups=GROUPS,
        truth=TRUTH,
        code=code(
            "report",
            "reporting/*",
            "screening/policy",
            "figures/*",
            "stats/*",
            "segmentation/model_folder",
            "segmentation/model_set",
            "segmentation/set_file",
        ),
        checklists=sorted(
            str(path)
            for path in Path(
                workflow.basedir, "workflow", "resources", "checklists"
            ).iterdir()
        ),
        templates=sorted(
            str(path)
            for path in Path(workflow.basedir, "workflow", "report").iterdir()
        ),
    output:
        f"{STUDY}/report/index.html",
        f"{STUDY}/report/methods.md",
        f"{STUDY}/report/results.md",
        f"{STUDY}/report/references.bib",
        expand(f"{STUDY}/report/{{name}}.csv", name=["strobe", "claim"]),
        expand(
            f"{STUDY}/report/table2_associations.{{kind}}", kind=["csv", "html", "docx"]
        ),
        f"{STUDY}/provenance.json",
        figure_files(*FIGURES),
    log:
        f"{STUDY}/logs/report.log",
    benchmark:
        f"{STUDY}/benchmarks/report.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        config=json.dumps(config, sort_keys=True),
        study=study_folder,
    message:
        "report: figures and pages"
    shell:
        "python -m ctpop report --tables {params.study:q}/tables --figures {params.study:q}/figures"
        " --report {params.study:q}/report --structures {input.structures:q} --config {params.config:q} &> {log:q}"
