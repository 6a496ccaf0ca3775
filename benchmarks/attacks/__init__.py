"""The attack laboratory: a simulated crowd, attacks on it, other rules beside ours, and what each of them yields."""
