"""The kinds of surface, one module each; `trex.regression` is what uses them."""
