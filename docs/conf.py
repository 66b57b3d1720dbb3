"""How the documentation is built: without a network, and with every warning an error."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

import django
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

# What autodoc imports of Django's needs settings.
settings.configure(INSTALLED_APPS=["licensechain_hooks.contrib.django"])
django.setup()

project = "licensechain-hooks"
author = "the licensechain-hooks authors"
version = release = version_of("licensechain-hooks")

extensions = [
    "from_code",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # docstrings name things between single backquotes
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True

copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"

html_theme = "furo"
html_title = "licensechain-hooks"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def setup(app):
    """Say of a default what it is called: a function has no source to be read off."""

    def spell(_app, _what, _name, _thing, _options, signature, returned):
        return (signature or "").replace("<built-in function time>", "time.time") or signature, returned

    app.connect("autodoc-process-signature", spell)
