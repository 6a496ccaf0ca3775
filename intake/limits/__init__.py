"""How often one voter, address or network may ask for what costs something."""
