-- Loses what has been counted, and voids the links that are under way.

drop table user_tokens;

drop table login_attempts;
