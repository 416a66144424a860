-- Loses only definitions.

drop function local_clock(timestamptz, text, integer);

drop function canonical_timezone(text);

drop function timezone_names(text);

drop function unseen_in(text, boolean);

drop function fold_name(text);
