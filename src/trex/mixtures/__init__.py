"""Mixtures of corpora: baselines, random draws around a prior, and the bounds of shares."""
