-- Loses the scores. `skilltree doctor --repair` computes them again from the ledger.

drop function add_counts(integer[], integer[]);

drop function leaderboard_moves(bigint, bigint);

drop table leaderboard_counts;

drop table user_scores;
