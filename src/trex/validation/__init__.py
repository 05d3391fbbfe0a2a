"""Finished tokenizers, ours and existing ones: measured, compared, with intervals."""
