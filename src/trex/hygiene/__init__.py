"""What is in the corpora: facts about their text, and what looks wrong."""
