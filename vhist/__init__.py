"""How vision networks became what they are: an executable book."""
