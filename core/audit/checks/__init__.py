"""The checks of an audit: each takes a study and its facts and gives findings."""
