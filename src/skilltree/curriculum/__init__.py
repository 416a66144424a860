"""Trees in files: reading and writing the files, and checking a tree before an import."""

from skilltree.curriculum.checks import check_file, check_tree, in_order
from skilltree.curriculum.parse import parse_document, parse_file, parse_tree
from skilltree.curriculum.rows import relative_links, skill_id, skill_rows, slug_of, tree_id

__all__ = [
    "check_file",
    "check_tree",
    "in_order",
    "parse_document",
    "parse_file",
    "parse_tree",
    "relative_links",
    "skill_id",
    "skill_rows",
    "slug_of",
    "tree_id",
]
