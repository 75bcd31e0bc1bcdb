"""Duel: an LSTM beside its plain twin."""
