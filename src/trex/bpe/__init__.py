"""Byte-level BPE from word counts: `training` is the front, `reference` the specification in plain Python."""
