"""The async code of the shop. The sync code is generated from it: ``skilltree unasync``."""
