"""Surfaces, regressions from mixture to compression: a module for each kind; fitting; selecting among them."""
