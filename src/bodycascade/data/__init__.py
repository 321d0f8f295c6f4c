"""Data sets on disk: the layout, its check, the selection set, and rendered people where there are no photographs."""
