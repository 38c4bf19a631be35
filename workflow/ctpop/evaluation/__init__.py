"""How well label maps agree with a reference: overlap and surface distances of the structures of one scan."""
