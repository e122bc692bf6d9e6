"""Where every operation is recorded: one append-only journal, in a file or a database, and who may write to it."""
