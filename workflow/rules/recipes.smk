# Several recipes in one run. Each is the rules of recipe.smk as a module, with a config and a results folder of its own
# and rules named after it; those that split text into the same words share the rules and files of split.smk.
SPLITS = {recipe["place"]["split"]: recipe for recipe in RECIPES.values()}

for split, of_recipe in SPLITS.items():
    module_name, prefix = f"split_{split}", f"{split}_".replace("-", "_")

    module:
        name: module_name
        snakefile:
            "split.smk"
        config:
            {**of_recipe, "place": {"split": split}}

    use rule * from module_name as prefix*


for recipe, of_recipe in RECIPES.items():
    module_name, prefix = f"recipe_{recipe}", f"{recipe}_"

    module:
        name: module_name
        snakefile:
            "module.smk"
        config:
            of_recipe

    use rule * from module_name as prefix*


COMPLETE = [
    file for recipe in RECIPES for file in globals()[f"recipe_{recipe}"].COMPLETE
]
