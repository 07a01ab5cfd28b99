"""Images of cards that are made to hurt whoever reads them."""
