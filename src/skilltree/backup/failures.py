"""What goes wrong with backups and restores."""

from skilltree.errors import SkillTreeError


class BackupError(SkillTreeError):
    """The backup or restore was not done."""


class ProgramFailed(BackupError):
    """A program of PostgreSQL is missing or failed. The message has what it printed."""


class FolderBusy(BackupError):
    """Another process works in the folder of the backups. Nothing was done."""


class ServerUnsuitable(BackupError):
    """The server is not set up for this kind of backup, or is not the one whose backups are in the folder."""


class NoSuchBackup(BackupError):
    """There is no backup of this name, or none that can be used for what was requested."""


class BackupDamaged(BackupError):
    """A file of a backup is missing, or differs from what was backed up."""


class WalMissing(BackupError):
    """The write-ahead log in the folder has a gap, or a damaged segment."""


class TargetUnreachable(BackupError):
    """The moment is before the first backup, or after the end of the write-ahead log."""


class NotEmpty(BackupError):
    """The folder or database to restore into is not empty. Nothing was written."""


class RolesMissing(BackupError):
    """The server lacks roles that a dump refers to. Nothing was written."""


class RestoreDiffers(BackupError):
    """Restored tables differ from what was backed up."""
