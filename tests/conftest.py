"""What holds for all tests."""

from hypothesis import settings

# No time limit an example, because machines differ; the same examples in every run, because a
# failure should be one that the change has made.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
