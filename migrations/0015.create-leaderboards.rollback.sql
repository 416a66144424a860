-- Loses who did not want to be on leaderboards. The scores can be made again from the ledger.

drop function add_counts(integer[], integer[]);

drop function leaderboard_moves(integer, integer);

drop table leaderboard_counts;

drop table user_scores;

alter table user_profiles drop column is_on_leaderboard;

drop type leaderboard;
