"""The site of the documentation: the pages of docs/, and reference pages made from code, query files and the schema."""
