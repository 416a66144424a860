"""What the gate assumes about PostgreSQL's operators and functions, as documented for each of them.

That a function is strict only means that it returns null for null. These return null for nothing else.
"""

OPERATORS = frozenset("+ - * / % ^ = <> != < > <= >= || && @> <@ @@ ~ ~* !~ !~* ~~ ~~* !~~ !~~* & | # << >>".split())
"""Not null if no operand is null. ``->`` and similar operators are not included, because a key can be missing."""

FUNCTIONS = frozenset(
    """
    abs bit_count btrim cardinality ceil ceiling char_length clock_timestamp concat date_trunc decode div encode exp
    floor gen_random_uuid get_byte greatest hashtext hashtextextended initcap int4range json_array_length
    json_build_array json_build_object jsonb_array_length jsonb_build_array jsonb_build_object jsonb_pretty least
    left length ln log lower lpad ltrim make_date make_interval md5 mod now octet_length overlay pi position power
    random regexp_replace repeat replace reverse right round row_to_json rpad rtrim sign split_part sqrt starts_with
    statement_timestamp strpos substr timezone to_json to_jsonb to_timestamp to_tsvector transaction_timestamp
    translate trim trunc ts_headline ts_rank ts_rank_cd upper uuid_send uuidv7 version websearch_to_tsquery
    width_bucket
    """.split()
)
"""Not null if no argument is null."""

NULL_SAFE = frozenset("concat json_build_array json_build_object jsonb_build_array jsonb_build_object".split())
"""Never null, whatever the arguments."""

STRICT = frozenset("age date_part extract substring to_char".split())
"""Null for a null argument, and for some other arguments, too."""

OF_FIRST = frozenset({"concat_ws", "format"})
"""Null exactly where the first argument is."""

OF_ARRAYS = {"array_append": (0,), "array_cat": (0, 1), "array_prepend": (1,), "array_remove": (0,)}
"""The positions of the array arguments. The result is not null if one of them is not."""

AGGREGATES = frozenset(
    """
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or count every json_agg json_object_agg jsonb_agg
    jsonb_object_agg max min mode percentile_cont percentile_disc string_agg sum
    """.split()
)
COLLECTING = frozenset({"array_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"})
"""Aggregates that keep nulls. They are null only over no rows."""

RANKING = frozenset("row_number rank dense_rank percent_rank cume_dist ntile".split())
JSON_OF_ROW = frozenset({"to_json", "to_jsonb", "row_to_json"})
JSON_OBJECT = frozenset({"json_build_object", "jsonb_build_object"})

IMMUTABLE = frozenset(
    """
    abs array_append array_cat array_length array_position array_prepend array_remove array_replace bit_length btrim
    cardinality ceil ceiling char_length decode div encode exp floor hashtext hashtextextended initcap int4range
    jsonb_array_length jsonb_strip_nulls jsonb_typeof left ln log lower lpad ltrim make_date make_interval md5 mod
    num_nonnulls num_nulls octet_length overlay position power range_merge regexp_match regexp_replace repeat replace
    reverse right round rpad rtrim sha256 sign split_part sqrt starts_with strpos substr substring translate trunc
    upper width_bucket
    """.split()
)
"""Every form of these is immutable."""

VOLATILE = frozenset(
    """
    clock_timestamp gen_random_uuid lastval nextval pg_notify pg_sleep random set_config setval timeofday uuidv7
    """.split()
)
"""May return something else at each call, or change something."""

TYPES = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "time": "time without time zone",
}
"""The parser's names of types, and the usual ones."""
