"""What pages share: frame, selection, job progress, safe text, pickers, viewer."""
