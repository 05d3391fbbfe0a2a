"""Where TREX may be installed: Snakemake starts jobs through a shell and does not quote the path of Python."""

import re

# Letters of any script, digits, and the signs that mean nothing to a shell or to Snakemake.
_HARMLESS = r"[\w./+@%,:=~-]+"


def check_install_path(executable: str) -> None:
    """ValueError if jobs cannot be started with the Python at this path, for example because of a space in it."""
    if not re.fullmatch(_HARMLESS, executable):
        raise ValueError(
            f"TREX cannot run from {executable}: Snakemake does not quote the path of Python. Move the clone to a "
            "folder whose path has no space, quote or bracket, run ./install.sh there, and start .venv/bin/snakemake "
            "of that clone; folders of data and results may have any name"
        )
