"""From the disk to chunks: which files count, what is in them, and where their definitions are.

Runs in the file-watcher worker; the database worker uses `reader` and `chunker` for unsaved text
and snippets. Nothing here imports tree-sitter before the first file is parsed.
"""
