"""Options and helpers that recipes share; none of these files is a recipe."""
