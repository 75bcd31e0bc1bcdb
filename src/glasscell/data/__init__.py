"""From a file or a frame to regular series and arrays, or a message that says why not."""
