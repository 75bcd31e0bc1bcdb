"""From files and arrays to labelled sequences: tables, folders, .npz, .ts, arrays in memory."""
