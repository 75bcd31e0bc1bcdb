"""From a file or a data frame to regular series and arrays; README.md shows the way of a row."""
