"""From somebody else's search to a study's folder that a report can be written of.

A module a source (`optuna_storage`, `ray_folder`, `table_file`) reads what other tools left into
one value, a `Search`; `factors` says what it varied, `lengths` how far each trial went, `folder`
writes the study. Nothing is ever unpickled, and nothing that was there is changed.
"""
