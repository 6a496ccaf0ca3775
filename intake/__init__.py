"""HTTP to votes log: takes votes, shows provisional scores, passes on what was published."""
