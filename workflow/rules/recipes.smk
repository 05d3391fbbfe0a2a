# Several recipes in one run. Each is the rules of recipe.smk as a module, with a config and a results folder of its own
# and rules named after it, such as plain__train_tokenizer. Those that split text into the same words share the rules of
# counting.smk and their files.
SPLITS = {
    counted["place"]["split"]: counted
    for recipe in RECIPES.values()
    for counted in [*pieces_of(recipe), recipe]
}

for split, of_recipe in SPLITS.items():
    module_name, prefix = f"split_{split}", f"{split}__".replace("-", "_")

    module:
        name: module_name
        snakefile:
            "counting.smk"
        config:
            {**of_recipe, "place": {"split": split}}

    use rule * from module_name as prefix*


# What existing tokenizers make of the text after each normalizer.
for normalizer, of_recipe in of_normalizers(RECIPES.values()).items():
    module_name, prefix = f"existing_{normalizer}", f"{normalizer}__"

    module:
        name: module_name
        snakefile:
            "existing.smk"
        config:
            {**of_recipe, "place": {**of_recipe["place"], "recipe": None}}

    use rule * from module_name as prefix*


for recipe, of_recipe in RECIPES.items():
    module_name, prefix = f"recipe_{recipe}", f"{recipe}__"

    module:
        name: module_name
        snakefile:
            "recipe.smk"
        config:
            of_recipe

    use rule * from module_name as prefix*


# A check of language models that names recipes compares them, so it is the run's.
include: "language_model.smk"


OF_RECIPES = [Layout.of(of_recipe) for of_recipe in RECIPES.values()]
# of a recipe's config, what the comparison reads, so that another setting is no reason to make it again
READ_OF_RECIPES = (
    "results",
    "place",
    "corpora",
    "seed",
    "reference",
    "tokenizer",
    "objective",
    "training",
    "language_model",
    "validation",
)
RECIPE_FIGURES = ["recipes_differences", "recipes_tradeoffs", "recipes_by_corpus"]


# Recipes side by side: the page to begin with.
rule compare_recipes:
    input:
        choices=[files.choice for files in OF_RECIPES],
        candidates=[files.candidates for files in OF_RECIPES],
        vocab_sizes=[files.vocab_size for files in OF_RECIPES],
        gates=[files.gates for files in OF_RECIPES],
        doubts=[files.doubts for files in OF_RECIPES],
        tokenizers=[
            files.tokenizer_quality(CHOSEN, table)
            for files in OF_RECIPES
            for table in ("corpora", "documents")
        ],
        existing=[
            FILES.existing_quality(name, table)
            for name in EXISTING
            for table in ("corpora", "documents", "scripts")
        ],
        existing_gates=[FILES.inspected("existing", name, "gates") for name in EXISTING],
        hygiene=FILES.hygiene,
        bits_per_byte=FILES.bits_per_byte if ROWS else [],
    output:
        **{
            name: report(
                FILES.figure(name),
                caption=f"../report/{name}.rst",
                category="Figures",
                labels={"figure": name.replace("_", " ")},
            )
            for name in RECIPE_FIGURES
        },
        page=report(
            FILES.page("recipes"),
            caption="../report/recipes.rst",
            category="Summary",
            labels={"figure": "recipes side by side"},
        ),
        table=FILES.recipes_table,
        corpora=FILES.recipes_csv,
        html=report(
            FILES.recipes_page,
            caption="../report/recipes_page.rst",
            category="Summary",
            labels={"figure": "recipes as a page to look at and to try"},
        ),
    log:
        LOGS / "compare_recipes.log",
    benchmark:
        BENCHMARKS / "compare_recipes.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1300, 20.0),
        runtime=minutes(10),
    params:
        code=code_of("compare_recipes"),
        recipes=verbatim(
            {
                recipe: {key: of_recipe[key] for key in READ_OF_RECIPES}
                for recipe, of_recipe in RECIPES.items()
            }
        ),
    message:
        "Comparing the recipes"
    script:
        "../scripts/compare_recipes.py"


# the partial target of one recipe is plain__export
rule export:
    input:
        [globals()[f"recipe_{recipe}"].exports for recipe in RECIPES],
    localrule: True


# bits per byte of small language models, and the pages that tell of them: of a check of the whole run, or of those of all
# recipes
CHECKS_OF_RECIPES = [
    file for recipe in RECIPES for file in globals()[f"recipe_{recipe}"].LANGUAGE_MODELS
]


rule language_models:
    input:
        (
            [*LANGUAGE_MODELS, *CHECKS_OF_RECIPES, *rules.compare_recipes.output]
            if LANGUAGE_MODELS or CHECKS_OF_RECIPES
            else needs_seeds
        ),
    localrule: True


COMPLETE = [
    *rules.compare_recipes.output,
    *LANGUAGE_MODELS,
    *(file for recipe in RECIPES for file in globals()[f"recipe_{recipe}"].COMPLETE),
]
