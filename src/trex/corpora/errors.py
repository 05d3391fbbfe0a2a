"""The error of everything that reads corpora."""


class CorpusError(ValueError):
    """A corpus cannot be read; the message says where (file, row, line), what is there, what is right."""
