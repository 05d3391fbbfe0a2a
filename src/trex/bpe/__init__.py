"""Byte-level BPE from word counts: `training` is the front, `specification` says in plain Python what it computes."""
