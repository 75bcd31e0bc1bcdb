"""One trainer, its progress and its run folder, for every task and experiment."""
