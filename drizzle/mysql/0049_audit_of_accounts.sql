ALTER TABLE `audit_entries` ADD `person_id` int;--> statement-breakpoint
CREATE INDEX `audit_person_ix` ON `audit_entries` (`person_id`,`at`,`id`);--> statement-breakpoint
UPDATE `audit_entries` SET `person_id` = `user_id` WHERE `user_id` > 0 AND ((`event` LIKE 'auth.%' AND `event` <> 'auth.reset_link_made') OR `event` IN ('user.updated', 'user.disabled'));--> statement-breakpoint
UPDATE `audit_entries` SET `person_id` = CAST(`subject` AS signed) WHERE `event` = 'auth.reset_link_made' AND `subject` REGEXP '^[0-9]+$';