"""What a run tells its reader: the summary, the pages with the details, and the figures."""
