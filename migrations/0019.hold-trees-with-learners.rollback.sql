-- Loses which trees somebody has begun, as far as nobody is in them any more.

drop function refuse_old_snapshot();

drop table begun_trees;
