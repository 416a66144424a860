"""Backups by PostgreSQL's own programs, restores, and the drill that proves that they can be restored.

``folder`` has the layout of the folder, ``take`` and ``wal`` write to it, ``restore`` and ``dumps`` read from it, and
``drill`` restores a backup on a throw-away server and compares it with its source.
"""
