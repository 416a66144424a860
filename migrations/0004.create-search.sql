-- What full-text search means: the functions that make a text searchable, and a search comparable with it. The
-- catalogue stores what they return.
--
-- A tree is written in a language, and is searched in it: with PostgreSQL's stemmer for that language, or with the
-- words as they stand (`simple`) where it has none.
--
-- Words are folded first, in documents and in searches alike: no case, no accents on Latin and Greek letters. Chinese,
-- Japanese, Korean and Thai put no spaces between words, and PostgreSQL's parser takes emoji for no words. A run of
-- such characters is split into its pairs, so that any part of it is found. All this needs no extension.

-- PostgreSQL's configuration for a language, by its name or its ISO 639-1 code, which may go on as in 'pt-BR'. Only
-- those that every version since 15 has: a stored document must not depend on the version.
create function search_configuration(language text) returns regconfig
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return case lower(split_part(language, '-', 1))
        when 'en' then 'english' when 'english' then 'english'
        when 'ar' then 'arabic' when 'arabic' then 'arabic'
        when 'hy' then 'armenian' when 'armenian' then 'armenian'
        when 'eu' then 'basque' when 'basque' then 'basque'
        when 'ca' then 'catalan' when 'catalan' then 'catalan'
        when 'da' then 'danish' when 'danish' then 'danish'
        when 'nl' then 'dutch' when 'dutch' then 'dutch'
        when 'fi' then 'finnish' when 'finnish' then 'finnish'
        when 'fr' then 'french' when 'french' then 'french'
        when 'de' then 'german' when 'german' then 'german'
        when 'el' then 'greek' when 'greek' then 'greek'
        when 'hi' then 'hindi' when 'hindi' then 'hindi'
        when 'hu' then 'hungarian' when 'hungarian' then 'hungarian'
        when 'id' then 'indonesian' when 'indonesian' then 'indonesian'
        when 'ga' then 'irish' when 'irish' then 'irish'
        when 'it' then 'italian' when 'italian' then 'italian'
        when 'lt' then 'lithuanian' when 'lithuanian' then 'lithuanian'
        when 'ne' then 'nepali' when 'nepali' then 'nepali'
        when 'no' then 'norwegian' when 'nb' then 'norwegian' when 'nn' then 'norwegian'
        when 'norwegian' then 'norwegian'
        when 'pt' then 'portuguese' when 'portuguese' then 'portuguese'
        when 'ro' then 'romanian' when 'romanian' then 'romanian'
        when 'ru' then 'russian' when 'russian' then 'russian'
        when 'sr' then 'serbian' when 'serbian' then 'serbian'
        when 'es' then 'spanish' when 'spanish' then 'spanish'
        when 'sv' then 'swedish' when 'swedish' then 'swedish'
        when 'ta' then 'tamil' when 'tamil' then 'tamil'
        when 'tr' then 'turkish' when 'turkish' then 'turkish'
        when 'yi' then 'yiddish' when 'yiddish' then 'yiddish'
        else 'simple'
    end::regconfig;
end
$$;

-- The text with its words folded. What a search means by quotes, `-` and `or` stays.
--
-- is_document  whether the text is to be found: then the last character of a run stands by itself, too
create function fold_words(words text, is_document boolean) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    -- From Thai to Myanmar, Khmer, kana, ideographs, syllables of Hangul.
    unspaced constant text
    := '[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]';
    -- Symbols, dingbats, pictographs.
    symbol constant text := '[\u2600-\u27bf\U0001f000-\U0001faff]';
    folded text := words;
begin
    if octet_length(folded) = char_length(folded) then
        return lower(folded);
    end if;
    folded := regexp_replace(normalize(folded, nfkd), '([A-Za-zΑ-Ωα-ω])[\u0300-\u036f]+', '\1', 'g');
    folded := lower(normalize(folded, nfkc));
    folded := translate(replace(replace(replace(folded, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'øłđħı', 'oldhi');
    if folded !~ unspaced and folded !~ symbol then
        return folded;
    end if;
    return (
        select
            string_agg(
                case
                    when character.item ~ symbol then format(' symbol%s ', to_hex(ascii(character.item)))
                    when not character.is_unspaced then character.item
                    when character.next ~ unspaced then format(' %s%s ', character.item, character.next)
                    when is_document or character.previous !~ unspaced then format(' %s ', character.item)
                    else ' '
                end,
                '' order by character.place
            )
        from (
            select
                split.item,
                split.place,
                split.item ~ unspaced as is_unspaced,
                lag(split.item, 1, '') over (order by split.place) as previous,
                lead(split.item, 1, '') over (order by split.place) as next
            from regexp_split_to_table(folded, '') with ordinality as split (item, place)
        ) as character
    );
end
$$;

-- What is searched. A word in the name weighs more than one in the description. Where a word of the name is not its own
-- stem, it is kept as it stands, too: so the beginning of a word is found even where the stem has lost it.
create function search_document_of(language text, name text, description text) returns tsvector
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    configuration constant regconfig := search_configuration(language);
    folded_name constant text := fold_words(name, true);
    stems constant tsvector := to_tsvector(configuration, folded_name);
begin
    return setweight(stems, 'A')
        || setweight(ts_delete(to_tsvector('simple', folded_name), tsvector_to_array(stems)), 'A')
        || setweight(to_tsvector(configuration, fold_words(coalesce(description, ''), true)), 'B');
end
$$;

-- What is searched for, in the form of a web search ("exact phrase", or, -without), in a language.
--
-- is_begun  whether the last word may be unfinished, unless it stands in quotes or is excluded
create function search_query(language text, words text, is_begun boolean) returns tsquery
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    configuration constant regconfig := search_configuration(language);
    folded constant text := fold_words(words, false);
    parts constant text[] := regexp_match(folded, '^(|.*\s)([^\s"'':&|!()*<>\\-]{2,}|[^\x01-\x7f])\s*$');
    asked tsquery := websearch_to_tsquery(configuration, folded);
begin
    -- An odd number of quotes before it: the last word is within one.
    if is_begun and parts is not null and (length(parts[1]) - length(replace(parts[1], '"', ''))) % 2 = 0 then
        asked := asked || (
            websearch_to_tsquery(configuration, parts[1]) && to_tsquery('simple', quote_literal(parts[2]) || ':*')
        );
    end if;
    return asked;
end
$$;
