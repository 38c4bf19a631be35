ROWS = settings.label_rows(config["structures"])
NAMES = [row["structure"] for row in ROWS]
COMBINED = [*checked(settings.groups_of, NAMES)]
SIDED = settings.twins_of((row["structure"], row.get("side")) for row in ROWS)
PANELS = [
    f"{structure}_{measure}" for structure, measure in config["report"]["figure6"]
]
FIGURES = [
    *("flow", "age_by_sex", "figure6", "spearman_overview", "heatmap"),
    *("sensitivity", "published"),
    *(["spearman_groups"] if COMBINED else []),
    *(["asymmetry"] if SIDED else []),
    *pages.pages_of("structure_flow", NAMES),
    *pages.pages_of("failures", NAMES),
    *pages.pages_of("by_sex", [*NAMES, *COMBINED]),
    *pages.pages_of("figure_s3", [*NAMES, *COMBINED]),
    *[
        f"{kind}_{panel}"
        for panel in PANELS
        for kind in ("scatter", "boxes", *(["centiles"] if CENTILES else []))
    ],
    *[f"structure_{structure}" for structure in [*NAMES, *COMBINED]],
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
        adjusted=rules.adjust.output,
        centiles=CENTILES,  # only where they are computed
        published=rules.published.output,
        structures=STRUCTURES,
        groups=GROUPS,
        truth=TRUTH,
        code=code(
            "documents",
            "templates",
            "workers",
            "report",
            "headers",
            "images",
            "describing/*",
            "reporting/*",
            "screening/policy",
            "figures/*",
            "stats/*",
            "nifti_file",
            "segmentation/label_file",
            "segmentation/model_folder",
            "segmentation/model_set",
            "segmentation/set_file",
            "segmentation/store",
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
        datatables=sorted(
            str(path)
            for path in Path(
                workflow.basedir, "workflow", "resources", "datatables"
            ).iterdir()
        ),
    output:
        f"{STUDY}/report/index.html",
        expand(f"{STUDY}/report/structures/{{name}}.html", name=[*NAMES, *COMBINED]),
        expand(
            f"{STUDY}/report/assets/{{name}}",
            name=["dataTables.min.js", "page.js", "style.css"],
        ),
        expand(
            f"{STUDY}/report/{{name}}.{{kind}}",
            name=["methods", "results"],
            kind=["md", "docx"],
        ),
        f"{STUDY}/report/references.bib",
        expand(f"{STUDY}/report/{{name}}.csv", name=["strobe", "claim"]),
        manuscript_files("table2_associations", "Table 2"),
        f"{STUDY}/provenance.json",
        figure_files(*FIGURES),
    log:
        f"{STUDY}/logs/report.log",
    benchmark:
        f"{STUDY}/benchmarks/report.tsv"
    conda:
        "../../envs/stats.yaml"
    threads: 2
    resources:
        mem_mb=12000,
        runtime=60,
    params:
        config=as_argument(config),
        study=study_folder,
    message:
        "report: figures and pages"
    shell:
        "OPENBLAS_NUM_THREADS=1 python -m ctpop report --jobs {threads}"
        " --tables {params.study:q}/tables --figures {params.study:q}/figures"
        " --report {params.study:q}/report --structures {input.structures:q} --config {params.config:q} &> {log:q}"


# Only on request: snakemake ... share
rule share:
    input:
        cohort=f"{STUDY}/tables/cohort.parquet",
        flow=f"{STUDY}/tables/flow.parquet",
        overlap=f"{STUDY}/tables/overlap.parquet",
        structure_flow=f"{STUDY}/tables/structure_flow.parquet",
        associations=f"{STUDY}/tables/associations.parquet",
        code=code("documents", "stats/*", "describing/*", "share"),
    output:
        expand(
            f"{STUDY}/shareable/{{name}}.csv",
            name=["table1", "flow", "overlap", "structure_flow", "associations"],
        ),
        expand(f"{STUDY}/shareable/table1.{{kind}}", kind=["html", "docx"]),
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
        banner=banner,
        study=study_folder,
    message:
        "share: tables without small counts, in {params.study}/shareable"
    shell:
        "python -m ctpop share --tables {params.study:q}/tables --settings {params.settings:q}"
        " --aging {params.aging:q} {params.banner} --out {params.study:q}/shareable &> {log:q}"
