"""What is wrong with a corpus, or with one record of it."""


class CorpusError(ValueError):
    """A corpus cannot be read; the message says where (file, row, line), what is there, what is right."""


class BadRecord(CorpusError):
    """One record holds no text; the file around it can be read on. The message does not say where it is.

    reason: a key of `trex.left_out.REASONS`.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason
