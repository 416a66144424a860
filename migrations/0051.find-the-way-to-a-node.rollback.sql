-- Takes back the way to a node. No data is lost.

drop function way_to(uuid, uuid[], uuid[], uuid[]);
