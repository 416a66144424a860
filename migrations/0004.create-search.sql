-- Full-text search: the functions that turn a text into a search document, and a search into a query. The catalogue
-- stores the documents.
--
-- Each tree is written and searched in one language. The search uses PostgreSQL's stemmer for that language, or the
-- words as they are (`simple`) if there is none.
--
-- Words are folded first, both in documents and in searches: case and accents of Latin and Greek letters are removed.
-- Chinese, Japanese, Korean and Thai have no spaces between words, and PostgreSQL's parser ignores emoji. A run of such
-- characters is split into pairs, so that a search finds any part of it. All this needs no extension.

-- PostgreSQL's configuration for a language, given by name or by ISO 639-1 code, even with a region as in 'pt-BR'. It
-- has only configurations that all versions since 15 have, because a stored document must not depend on the version.
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

-- The text with its words folded. In a search, quotes, `-` and `or` keep their meaning.
--
-- is_document  whether the text is a document and not a search: then the last character of a run is also a word
create function fold_words(words text, is_document boolean) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    -- Thai to Myanmar, Khmer, kana, ideographs, Hangul syllables.
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

-- The search document of a name and a description. A word in the name weighs more than one in the description. A word
-- of the name that differs from its stem is also kept unchanged, so that a prefix finds it even if the stem differs.
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

-- The query for a search in a language, in the syntax of web search engines ("exact phrase", or, -without).
--
-- is_begun  whether the last word may be a prefix, unless it is in quotes or excluded
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
    -- After an odd number of quotes, the last word is in quotes.
    if is_begun and parts is not null and (length(parts[1]) - length(replace(parts[1], '"', ''))) % 2 = 0 then
        asked := asked || (
            websearch_to_tsquery(configuration, parts[1]) && to_tsquery('simple', quote_literal(parts[2]) || ':*')
        );
    end if;
    return asked;
end
$$;
