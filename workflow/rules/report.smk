ROWS = configuration.label_rows(config["structures"])
NAMES = [row["structure"] for row in ROWS]
COMBINED = [*checked(configuration.groups_of, NAMES)]
SIDED = configuration.contralateral_of(
    (row["structure"], row.get("side")) for row in ROWS
)
FIGURES = catalog.names_of_report(
    catalog.Contents(
        structures=NAMES,
        groups=COMBINED,
        panels=config["report"]["figure6"],
        pairs=bool(SIDED),
        centiles=bool(CENTILES),
        truth=bool(TRUTH),
        change_points=config["aging"]["change_points"],
    )
)


rule report:
    input:
        cohort=rules.cohort.output,
        described=rules.describe.output,
        contrast=rules.contrast.output,
        segments=[] if START_FROM == "measures" else f"{STUDY}/tables/segments.parquet",
        measures=f"{STUDY}/tables/measures.parquet",
        screen=rules.screen.output,
        aging=rules.aging.output,
        adjusted=rules.adjust.output,
        effects=rules.effects.output,
        missing=rules.missing.output,
        centiles=CENTILES,  # empty if centiles are not computed
        change_points=CHANGE_POINTS,  # empty if no structure is selected
        repeats=rules.repeats.output,
        published=rules.published.output,
        structures=STRUCTURES,
        groups=[GROUPS, GROUP_NAMES],
        truth=TRUTH,
        code=code("report"),
        checklists=sorted(str(path) for path in resource("checklists").iterdir()),
        templates=sorted(str(path) for path in resource("report").iterdir()),
        datatables=sorted(str(path) for path in resource("datatables").iterdir()),
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
        rules_of_study.log_file(STUDY, "report"),
    benchmark:
        f"{STUDY}/benchmarks/report.tsv"
    conda:
        "../../envs/stats.yaml"
    threads: 2
    resources:
        **rules_of_study.resources("report"),
    params:
        program=program,
        config=settings_file,
        settings=settings_digest(*sorted(config)),
        study=study_folder,
    message:
        "report: figures, pages, and manuscript text"
    shell:
        "OPENBLAS_NUM_THREADS=1 {params.program} report --jobs {threads}"
        " --tables {params.study:q}/tables --figures {params.study:q}/figures"
        " --report {params.study:q}/report --structures {input.structures:q} --config {params.config:q} &> {log:q}"


# The record of the run contains all files and all times. It is the only result with the date of the run and is written
# last.
rule crate:
    input:
        runtime=f"{STUDY}/benchmarks/runtime.csv",  # depends on all other rules
        code=code("crate"),
    output:
        f"{STUDY}/ro-crate-metadata.json",
        expand(f"{STUDY}/code/{{name}}", name=WORKFLOW),
    log:
        rules_of_study.log_file(STUDY, "crate"),
    conda:
        "../../envs/stats.yaml"
    resources:
        **rules_of_study.resources("crate"),
    params:
        program=program,
        study=study_folder,
        version=snakemake.__version__,
        sources=digest_of_files(SOURCES.values()),
        workflow_files=named_sources,
    message:
        "crate: record of the run in {params.study}/ro-crate-metadata.json"
    shell:
        "{params.program} crate --study {params.study:q} --workflow {params.workflow_files:q} --snakemake {params.version} &> {log:q}"
