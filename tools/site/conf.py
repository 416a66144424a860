"""Sphinx's settings of the site. Nothing is loaded from elsewhere: no font, no script, no style."""

from importlib import metadata

project = "SkillTree"
author = "the SkillTree authors"
release = metadata.version("skilltree")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "SkillTree"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
# By class, because sqlspec announces a style that it does not have, at which a search by name fails.
pygments_style = "a11y_pygments.a11y_high_contrast_light.style.Theme"
pygments_dark_style = "a11y_pygments.a11y_high_contrast_dark.style.Theme"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True}
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure", "ref.python"]  # two classes have a field of the same name
