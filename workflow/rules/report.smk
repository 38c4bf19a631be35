NAMES = [row["structure"] for row in settings.label_rows(config["structures"])]
PANELS = [
    f"{structure}_{measure}" for structure, measure in config["report"]["figure6"]
]
FIGURES = [
    *("flow", "structure_flow_p01", "age_by_sex", "figure6"),
    *("spearman_overview", "figure_s3_p01"),
    *("sensitivity", "failures_p01", "by_sex_p01"),
    *(["spearman_groups"] if checked(settings.groups_of, NAMES) else []),
    *[f"{kind}_{panel}" for panel in PANELS for kind in ("scatter", "boxes")],
    *(["truth"] if TRUTH else []),
]


rule report:
    input:
        cohort=rules.cohort.output,
        described=rules.describe.output,
        contrast=rules.contrast.output,
        segments=[] if DOOR == "measures" else f"{STUDY}/tables/segments.parquet",
        measures=f"{STUDY}/tables/measures.parquet",
        screen=rules.screen.output,
        aging=rules.aging.output,
        adjusted=rules.adjust.output,  # the checklists name them
        published=rules.published.output,
        structures=STRUCTURES,
        groups=GROUPS,
        truth=TRUTH,
        code=code(
            "report",
            "describing/*",
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
            f"{STUDY}/report/table2_associations.{{kind}}",
            kind=["csv", "html", "docx"],
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
        mem_mb=12000,
        runtime=60,
    params:
        config=as_argument(config),
        study=study_folder,
    message:
        "report: figures and pages"
    shell:
        "python -m ctpop report --tables {params.study:q}/tables --figures {params.study:q}/figures"
        " --report {params.study:q}/report --structures {input.structures:q} --config {params.config:q} &> {log:q}"


# Only on request: snakemake ... share
rule share:
    input:
        cohort=f"{STUDY}/tables/cohort.parquet",
        flow=f"{STUDY}/tables/flow.parquet",
        overlap=f"{STUDY}/tables/overlap.parquet",
        structure_flow=f"{STUDY}/tables/structure_flow.parquet",
        associations=f"{STUDY}/tables/associations.parquet",
        template=str(Path(workflow.basedir, "workflow", "report", "table1.html")),
        code=code("stats/*", "describing/*", "share"),
    output:
        expand(
            f"{STUDY}/shareable/{{name}}.csv",
            name=["table1", "flow", "overlap", "structure_flow", "associations"],
        ),
        f"{STUDY}/shareable/table1.html",
    log:
        f"{STUDY}/logs/share.log",
    benchmark:
        f"{STUDY}/benchmarks/share.tsv"
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=stage_settings("cohort"),
        aging=as_argument({"quartiles": config["aging"]["quartiles"]}),
        banner=BANNER,
        study=study_folder,
    message:
        "share: tables without small counts, in {params.study}/shareable"
    shell:
        "python -m ctpop share --tables {params.study:q}/tables --settings {params.settings:q}"
        " --aging {params.aging:q} {params.banner} --out {params.study:q}/shareable &> {log:q}"
