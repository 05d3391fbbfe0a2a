"""Proxy tokenizers: training one for each mixture, their tables, and the training set of the regression."""
