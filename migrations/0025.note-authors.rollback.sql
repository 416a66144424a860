-- Loses nothing: who made what stays in the rows.

drop trigger skills_set_authorship on skills;

drop trigger skill_trees_set_authorship on skill_trees;

drop trigger users_set_authorship on users;

create trigger skills_set_updated_at
before update on skills
for each row execute function set_updated_at();

create trigger skill_trees_set_updated_at
before update on skill_trees
for each row execute function set_updated_at();

create trigger users_set_updated_at
before update on users
for each row execute function set_updated_at();

drop function set_authorship();
