"""glasscell timed beside every other engine that is installed, with answers checked first.

Read in this order: `cases` (what is measured), `engines` (one file per competitor),
`engine_worker` (a process per engine), `measure` (turns, medians, ratios), `limit` (what the
machine could do at best), `run` (all of it, and the result's files); `readable` and `chart` show
the result. The command is `glasscell bench`.
"""
