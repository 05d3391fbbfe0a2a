# A recipe as a module.
include: "common.smk"
include: "recipe.smk"
