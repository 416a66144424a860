-- Make room for another import in the same transaction, or for one where somebody has left a table of that name.
--
-- @role app_service
-- @after progress/begin_import
-- @step how import_rows begins and ends
drop table if exists pg_temp.imported_progress;
