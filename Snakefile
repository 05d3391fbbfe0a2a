# TREX: the best training-data mixture for a multilingual tokenizer. See README.md and docs/contracts.md.
from snakemake.utils import min_version

min_version("9.27")


# A --configfile replaces the embedded default; it is never mixed with it.
if "corpora" not in config:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


if RECIPES:

    include: "workflow/rules/recipes.smk"

else:

    include: "workflow/rules/counting.smk"
    include: "workflow/rules/pieces.smk"
    include: "workflow/rules/existing.smk"
    include: "workflow/rules/recipe.smk"


include: "workflow/rules/hygiene.smk"
include: "workflow/rules/run.smk"


rule all:
    default_target: True
    input:
        COMPLETE,
        rules.write_hygiene.output,
    localrule: True
