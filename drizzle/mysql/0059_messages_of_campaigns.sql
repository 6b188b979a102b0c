-- MySQL has no partial indexes: the index of campaigns stays as it is. On SQLite it leaves out what belongs to none.
SELECT 1;
