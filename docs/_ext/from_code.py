"""``{from-code} NAME``: what the function NAME of ``tables`` writes in Markdown, out of the code itself."""

from __future__ import annotations

from typing import Any, ClassVar

import tables
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class FromCode(SphinxDirective):
    """See the module."""

    required_arguments = 1
    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        """The nodes of what the function writes."""
        return self.parse_text_to_nodes(getattr(tables, self.arguments[0])(), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the directive."""
    app.add_directive("from-code", FromCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
