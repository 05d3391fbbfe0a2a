"""What every job and every run does: records of files, locks, planning, logging, provenance."""
