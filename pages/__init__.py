"""One file per page; `ui` holds what pages share."""
