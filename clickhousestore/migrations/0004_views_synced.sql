-- Views can be made anew, but nobody would know that they have to be: a fold is not
-- done again once it is written down. So what it made is on the disk before that,
-- whatever happens to the machine's power.
ALTER TABLE claims MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE repeats MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE tallies MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE records MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE records_by_id MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE past MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE folds MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
