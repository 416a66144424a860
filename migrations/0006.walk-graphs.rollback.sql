-- Loses only definitions.

drop function way_to(uuid, uuid[], uuid[], uuid[]);

drop function distances_from(uuid, uuid[], uuid[]);

drop function find_cycle(uuid[], uuid[]);

drop function topological_levels(uuid[], uuid[]);
