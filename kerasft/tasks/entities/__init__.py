"""Named entities: what the tasks that find them share, from the files to the report."""
