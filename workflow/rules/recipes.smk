# Finished recipes side by side: results/recipes.md and its figures. RECIPES has the checked config of each by name.
RECIPE_LAYOUTS = {name: Layout.of(recipe) for name, recipe in RECIPES.items()}
FIRST_RECIPE = next(iter(RECIPE_LAYOUTS.values()))
# of a recipe's config, what the comparison reads, so that another setting is no reason to write it again
READ_OF_RECIPES = (
    "results",
    "recipe",
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


rule compare_recipes:
    input:
        choices=[files.choice for files in RECIPE_LAYOUTS.values()],
        candidates=[files.candidates for files in RECIPE_LAYOUTS.values()],
        vocab_sizes=[files.vocab_size for files in RECIPE_LAYOUTS.values()],
        gates=[files.gates for files in RECIPE_LAYOUTS.values()],
        tokenizers=[
            files.tokenizer_quality(CHOSEN, table)
            for files in RECIPE_LAYOUTS.values()
            for table in ("corpora", "documents")
        ],
        existing=[
            FIRST_RECIPE.existing_quality(name, table)
            for name in EXISTING
            for table in ("corpora", "documents", "scripts")
        ],
        existing_gates=[
            FIRST_RECIPE.inspected("existing", name, "gates") for name in EXISTING
        ],
        hygiene=FIRST_RECIPE.hygiene,
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
    log:
        LOGS / "compare_recipes.log",
    benchmark:
        BENCHMARKS / "compare_recipes.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1300, 20.0),
        runtime=minutes(10),
    params:
        code=code_of("compare_recipes"),
        recipes=verbatim(
            {
                name: {key: recipe[key] for key in READ_OF_RECIPES if key in recipe}
                for name, recipe in RECIPES.items()
            }
        ),
    message:
        "Comparing the recipes"
    script:
        "../scripts/compare_recipes.py"
