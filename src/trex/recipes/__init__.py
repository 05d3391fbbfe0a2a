"""Finished recipes side by side: the same evaluation text, differences with intervals, and which one to take."""
