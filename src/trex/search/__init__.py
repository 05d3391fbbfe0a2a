"""Search strategies, from predictions or measurements of the objective to candidate mixtures, and the choice of one.

Which strategy wins where is measured in docs/search.md.
"""
