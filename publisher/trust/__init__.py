"""Who may sign: the next root, drawn up, signed by the holders of root keys, taken in."""
