-- Drop the temporary table of an import, so that the same transaction can import again. Also drop any other temporary
-- table of that name.
--
-- @role app_service
-- @after progress/begin_import
-- @step the first and the last step of import_rows
drop table if exists pg_temp.imported_progress;
