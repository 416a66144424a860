-- Takes back the distances in a graph. No data is lost.

drop function distances_from(uuid, uuid[], uuid[]);
