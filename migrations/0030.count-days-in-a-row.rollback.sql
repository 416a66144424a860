drop function latest_streak(date[]);

drop function longest_streak(date[]);
