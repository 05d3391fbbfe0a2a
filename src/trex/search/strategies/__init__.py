"""One search strategy a module; `trex.search.registry` lists them."""
