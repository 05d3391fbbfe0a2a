"""What a search minimises: metrics, their aggregate on evaluation sets, and limits on the NSL of single corpora."""
