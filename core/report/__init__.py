"""The page that a run leaves behind: what was made, how, and how good it is."""
