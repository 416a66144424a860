-- Loses only definitions. Everything that used them has already been rolled back.

drop function is_text_list(text[], integer, integer);

drop function is_id_set(uuid[]);

drop function set_authorship();

drop function set_updated_at();

drop function if exists public.uuidv7();

drop type leaderboard;

drop type achievement_rarity;

drop type achievement_category;

drop type completion_method;

drop type skill_progress_status;

drop type tree_progress_status;

drop type skill_type;

drop type difficulty_level;
