"""What the page on how the book was built shows of the default book."""

from rin.report import origins
from rin.study import open_runs


def test_work_versions_images_and_settings_are_those_of_reference_run_and_profile(tmp_path):
    runs = open_runs("demo", results=tmp_path)
    work = origins.work_table(runs).to_html()
    assert "Reference run “open”" in work
    assert "This profile" not in work  # it has trained nothing
    assert "Python" in origins.versions_table(runs).to_html()
    assert all(task in origins.images_table(runs).to_html() for task in runs.tasks)
    assert origins.in_words(runs).startswith("This book shows the profile demo.")
    settings = origins.settings(runs).data
    assert "<summary>Settings of the profile demo</summary>" in settings
    assert "name: demo" in settings
