"""Unit dossier: what each unit follows, resembles and is worth."""
