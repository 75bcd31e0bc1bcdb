"""Single units: what they follow, which others they resemble, and what each is worth."""
