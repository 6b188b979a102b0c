ALTER TABLE `number_check_jobs` ADD `failing_since` bigint;--> statement-breakpoint
ALTER TABLE `number_checks` ADD `unanswered` int DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `inbound_media_again_ix` ON `inbound_media` (`user_id`,`media_id`);--> statement-breakpoint
CREATE INDEX `number_check_jobs_running_ix` ON `number_check_jobs` (`user_id`,`due_at`);--> statement-breakpoint
CREATE INDEX `number_check_jobs_account_ix` ON `number_check_jobs` (`account_id`,`due_at`);