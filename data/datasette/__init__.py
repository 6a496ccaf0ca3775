"""How the published data looks in Datasette: the tables' schema, the metadata, templates, styles and a plugin.

`publisher.research.site` fills the tables; Datasette reads everything else from this directory by path.
"""

from pathlib import Path

DIRECTORY = Path(__file__).parent
"""Holds `tables.sql`, `indexes.sql`, `metadata.yml`, `templates/`, `static/`, `plugins/`."""
