# The words of all text as one pattern and normalizer split it: a module, of which recipes.smk makes one for each split.
include: "common.smk"
include: "counting.smk"
