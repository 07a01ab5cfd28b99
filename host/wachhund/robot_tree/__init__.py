"""A robot's files wherever they lie (a folder, an archive, a card's image), read without trusting them."""
