"""Every error that a user can cause, as one tree; catch `PosableError` to catch them all.

    PosableError
    ├── InputError              something that was given cannot be used
    │   ├── ImageError          ... a picture
    │   │   ├── NotAnImageError     ... because it is none that can be read
    │   │   └── ImageTooLargeError  ... because it has too many pixels
    │   ├── PoseError           ... a pose, or a file that should hold one
    │   ├── SizeError           ... a height or a width
    │   └── ConfigError         ... a setting of a model, a recipe or a data set
    ├── CheckpointError         a model folder that is broken, foreign or unsafe
    ├── DetectionError          a picture in which no pose could be found
    │   └── NoPersonError       ... because it shows nobody
    ├── TrainingError           a run that cannot go on: its losses have diverged, its disk is full
    │   └── TrainingStoppedError  ... or that was asked to stop; its state is saved
    ├── DownloadError           a file that had to be fetched and could not be
    └── MissingExtraError       an optional package that is not installed

Each message is one sentence: what was given, what is right, what to do.
"""


class PosableError(Exception):
    """The root of all errors that posable raises on purpose."""


class InputError(PosableError):
    """Something that was given cannot be used."""


class ImageError(InputError):
    """A picture cannot be read, used or written."""


class NotAnImageError(ImageError):
    """A file is no picture of a known format."""


class ImageTooLargeError(ImageError):
    """A picture has more pixels than are read."""


class PoseError(InputError):
    """A pose, or a file that should hold one, cannot be used."""


class SizeError(InputError):
    """A height or a width is malformed, or does not fit the rest."""


class ConfigError(InputError):
    """A setting contradicts another one or is out of its range."""


class CheckpointError(PosableError):
    """A model folder is broken, of another family, or unsafe to load."""


class DetectionError(PosableError):
    """No usable pose could be found in a picture."""


class NoPersonError(DetectionError):
    """The picture shows nobody."""


class TrainingError(PosableError):
    """A training run cannot go on; its last good state is kept."""


class TrainingStoppedError(TrainingError):
    """A training run has stopped because it was asked to; its state is saved."""


class DownloadError(PosableError):
    """A file that has to be fetched once could not be fetched, or is not the file that was expected."""


class MissingExtraError(PosableError):
    """An optional package is needed for this and is not installed."""
