# The pieces of text that superwords are trained on: the same text, split by another pattern, as a module.
for pieces in PIECES:

    module pieces_of_text:
        snakefile:
            "counting.smk"
        config:
            pieces

    use rule * from pieces_of_text as pieces_*
