WORKFLOW = [
    "Snakefile",
    *sorted(
        path.relative_to(workflow.basedir).as_posix()
        for path in Path(workflow.basedir, "workflow", "rules").glob("*.smk")
    ),
]


# The one file that says when the study ran; it comes last, so that it knows all files and all times.
rule crate:
    input:
        rules.runtime.output,  # which waits for all others
        snakefile=str(Path(workflow.basedir, "Snakefile")),
        rules=[str(Path(workflow.basedir, name)) for name in WORKFLOW[1:]],
        code=code("crating/*", "crate"),
    output:
        f"{STUDY}/ro-crate-metadata.json",
        expand(f"{STUDY}/code/{{name}}", name=WORKFLOW),
    log:
        f"{STUDY}/logs/crate.log",
    conda:
        "../../envs/stats.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        study=study_folder,
        version=snakemake.__version__,
    message:
        "crate: record of the run, in {params.study}/ro-crate-metadata.json"
    shell:
        "python -m ctpop crate --study {params.study:q} --snakefile {input.snakefile:q} --rules {input.rules:q}"
        " --snakemake {params.version} &> {log:q}"
