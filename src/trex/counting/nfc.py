"""How much NFC changes of a text, which is counted after it."""

import polars as pl

MUCH_CHANGED = 0.01  # share of a text's bytes in words that NFC changes


def nfc_share(ledger: pl.DataFrame) -> float:
    """Of the bytes in ledgers of evaluation text, the share in words that NFC changed."""
    return ledger["nfc_changed"].sum() / max(ledger["bytes"].sum(), 1)
