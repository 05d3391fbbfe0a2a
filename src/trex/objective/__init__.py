"""What a search minimises: metrics, their aggregate on evaluation sets, and limits on what a corpus may cost."""
