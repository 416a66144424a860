-- Loses only definitions.

drop function search_query(text, text, boolean);

drop function search_document_of(text, text, text);

drop function fold_words(text, boolean);

drop function search_configuration(text);
